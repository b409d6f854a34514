"""Subtitles of files, of the input's own and of what is said, as W3C's parser and the trade's rules want them."""

import shutil
from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.speech import word_errors
from workers.documents import write_document
from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.probe import AudioStream, Probe, SubtitleStream
from workers.kinds.subtitles import KIND, SubtitlesOptions, plan
from workers.plans import Need, Source
from workers.providers.base import Model, Segment, Transcript, Word
from workers.run import check, run, source_from_path
from workers.tests.cue_rules import check_rules
from workers.tests.media import ffmpeg
from workers.tests.webvtt import parse_webvtt
from workers.tracks.captions import read_track
from workers.tracks.making import speech_track
from workers.transcripts import NOT_TOLD_APART, TOLD_APART, transcript_document

SRT = "1\n00:00:00,500 --> 00:00:01,500\n<i>Größe</i> & <so>\n\n2\n00:00:02,000 --> 00:00:03,000\nsecond\nline\n"
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Arial,20,&H00FFFFFF,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,hidden
Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,{\\i1}Größe{\\i0} & <so>
Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,second\\Nline
"""
VTT = """WEBVTT

STYLE
::cue { color: red }

NOTE of no matter

first
00:00.500 --> 00:01.500 align:start region:x
<i>Größe</i> &amp; &lt;so&gt;

00:02.000 --> 00:03.000
second
line
"""
AS_VTT = """WEBVTT

1
00:00:00.500 --> 00:00:01.500
<i>Größe</i> &amp; &lt;so&gt;

2
00:00:02.000 --> 00:00:03.000
second
line
"""
AS_SRT = (
    "1\r\n00:00:00,500 --> 00:00:01,500\r\n<i>Größe</i> & <so>\r\n\r\n"
    "2\r\n00:00:02,000 --> 00:00:03,000\r\nsecond\r\nline\r\n\r\n"
)
ENGLISH, GERMAN = SubtitleStream(2, "subrip", language="eng"), SubtitleStream(3, "ass", language="ger", default=True)
PICTURES = SubtitleStream(4, "hdmv_pgs_subtitle", text=False, language="fre")
SOUND = AudioStream(1, "aac", 2, sample_rate=48_000)
VIDEO = Probe("video", "video/mp4", "mp4", 1000, demuxer="mov", duration=10.0, audios=(SOUND,))
HEARD = Transcript(
    (
        Segment(0.2, 1.4, "Is this?", 0.9, 0, (Word(0.2, 0.5, "Is", 0.9), Word(0.5, 1.4, "this?", 0.9))),
        Segment(2.0, 3.0, "It is.", 0.9, 1),
    ),
    "en",
    Model("ears", "1"),
    speakers=2,
    speakers_known=True,
)


def written(done) -> str:
    return done.outputs[0].path.read_bytes().decode()


def heard(path, transcript: Transcript) -> Source:
    """The source with what is said in it."""

    def document(target):
        write_document(target, transcript_document(transcript, words=True))

    return replace(source_from_path(path), results={"speech": document})


# --- Which text ---


@pytest.mark.parametrize(
    ("options", "tracks", "origin", "notes"),
    [
        ({}, (ENGLISH, GERMAN), "embedded", ("Subtitle stream 2 (subrip, eng) was not used.",)),
        ({"language": "en"}, (ENGLISH, GERMAN), "embedded", ("Subtitle stream 3 (ass, ger) was not used.",)),
        ({"language": "es"}, (ENGLISH,), "speech", ("Subtitle stream 2 (subrip, eng) was not used.",)),
        ({"language": "es"}, (replace(ENGLISH, language=None),), "embedded", ()),
        ({}, (replace(GERMAN, forced=True), ENGLISH), "embedded", ("Subtitle stream 3 (ass, ger) was not used.",)),
        (
            {},
            (PICTURES,),
            "speech",
            ("Subtitle stream 4 (hdmv_pgs_subtitle, fre) holds pictures of text, and was not used.",),
        ),
        ({"origin": "speech"}, (ENGLISH,), "speech", ("Subtitle stream 2 (subrip, eng) was not used.",)),
        ({"subtitle_url": "https://example.com/a.srt"}, (ENGLISH,), "file", ()),
    ],
)
def test_the_text_comes_from_a_file_else_from_the_input_else_from_speech(options, tracks, origin, notes):
    facts = replace(VIDEO, subtitles=tracks)
    made = check(KIND, options, facts)
    assert (made.origin, made.notes) == (origin, notes)
    assert bool(KIND.needs(SubtitlesOptions(**options), facts)) == (origin == "speech")
    assert made.reads == ("whole" if origin == "embedded" else "nothing")


def test_speech_is_needed_word_by_word_in_the_language_and_the_track():
    options = SubtitlesOptions(language="en-GB", audio_track=1)
    facts = replace(VIDEO, audios=(SOUND, replace(SOUND, index=2)))
    assert KIND.needs(options, facts) == (Need("speech", {"words": True, "language": "en", "audio_track": 1}),)
    assert KIND.needs(SubtitlesOptions(), facts) == (Need("speech", {"words": True}),)


@pytest.mark.parametrize(
    ("options", "facts", "message"),
    [
        ({}, replace(VIDEO, audios=()), "subtitles needs sound, or subtitles as text; the input has neither."),
        (
            {},
            replace(VIDEO, audios=(), subtitles=(PICTURES,)),
            "subtitles needs sound, or subtitles as text; the input has neither. Its subtitles are pictures of text.",
        ),
        ({"origin": "embedded"}, VIDEO, "The input has no subtitles as text."),
        (
            {"origin": "embedded", "language": "de"},
            replace(VIDEO, subtitles=(ENGLISH,)),
            "The input has no subtitles as text in German.",
        ),
        (
            {},
            Probe("image", "image/png", "png", 10),
            "subtitles needs audio or video or a subtitle file; the input is an image file.",
        ),
    ],
)
def test_what_has_no_text_is_refused(options, facts, message):
    with pytest.raises(SourceUnsupported) as refused:
        check(KIND, options, facts)
    assert refused.value.message == message
    assert KIND.needs(SubtitlesOptions(**options), facts) == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "ass"}, "vtt"),
        ({"filename": "a.mp4"}, "must end in .vtt or .srt"),
        ({"filename": "a.srt", "format": "vtt"}, "must suit the filename"),
        ({"language": "klingon"}, "must be a language tag"),
        ({"subtitle_url": "https://example.com/a.srt", "origin": "speech"}, "cannot be given together"),
        ({"shift": 100_000.0}, "86400"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        SubtitlesOptions(**options)


@pytest.mark.parametrize(
    ("options", "format", "language"),
    [
        ({}, "vtt", None),
        ({"filename": "a.SRT", "language": "eng"}, "srt", "en"),
        ({"format": "SubRip", "language": "pt-BR"}, "srt", "pt-BR"),
        ({"filename": "talk", "language": "German"}, "vtt", "de"),
    ],
)
def test_formats_and_languages_are_read_as_people_write_them(options, format, language):
    read = SubtitlesOptions(**options)
    assert (read.written, read.language) == (format, language)


# --- Of files ---


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "data",
    [
        SRT.encode(),
        SRT.replace("\n", "\r\n").encode("utf-16"),
        SRT.encode("cp1252"),
        b"\xef\xbb\xbf" + VTT.encode(),
        ASS.encode(),
    ],
    ids=["srt", "utf-16", "cp1252", "vtt", "ass"],
)
@pytest.mark.parametrize(("format", "wanted"), [("vtt", AS_VTT), ("srt", AS_SRT)], ids=["vtt", "srt"])
def test_a_file_is_converted(data, format, wanted, make_audio, tmp_path, workdir):
    path = tmp_path / "given.txt"
    path.write_bytes(data)
    done = run(KIND, {"subtitle_url": str(path), "format": format, "language": "de"}, make_audio(seconds=4), workdir)
    stands = b"WEBVTT" in data
    placed = wanted.replace("01.500\n", "01.500 align:start\n").replace("01,500\r\n", "01,500\r\n{\\an1}")
    assert written(done) == (placed if stands else wanted)
    told = done.result.model_dump(exclude={"filesize", "notes"})
    assert told == {
        "type": f"text/{format}", "format": format, "language": "de", "label": "German", "duration": 4.0, "cues": 2,
        "origin": "file", "model": None, "model_version": None,
    }  # fmt: skip
    assert done.result.notes == (("Styles, regions, comments and times within cues were left out.",) if stands else ())


@pytest.mark.ffmpeg
@pytest.mark.parametrize("data", [SRT.encode(), VTT.encode("utf-16"), ASS.encode()], ids=["srt", "vtt", "ass"])
def test_a_file_may_be_the_input_itself(data, tmp_path, workdir):
    path = tmp_path / "given"
    path.write_bytes(data)
    done = run(KIND, {"shift": 10.0, "label": "Mine"}, path, workdir)
    (first, second) = read_track(written(done).encode()).cues
    assert (first.start, first.text, second.end) == (10.5, "<i>Größe</i> &amp; &lt;so&gt;", 13.0)
    assert (done.result.label, done.result.duration, done.result.origin) == ("Mine", 13.0, "file")


@pytest.mark.ffmpeg
def test_cues_are_moved_and_cut_to_the_input(make_audio, tmp_path, workdir):
    path = tmp_path / "given.srt"
    path.write_text(SRT + "\n3\n00:00:09,000 --> 00:00:10,000\nlate\n\n4\n00:00:08,000 --> 00:00:07,000\nback\n")
    done = run(KIND, {"subtitle_url": str(path), "shift": -1.0}, make_audio(seconds=1.5), workdir)
    (parsed,) = parse_webvtt(written(done))
    assert parsed.cues == [("1", 0, 0.5, "<i>Größe</i> &amp; &lt;so&gt;"), ("2", 1, 1.5, "second\nline")]
    assert parsed.errors == []
    assert done.result.notes == (
        "Cues left out, as they have no text or their times are none: 1.",
        "Cues left out, as they begin after the input's end at 1.5 s: 1.",
        "Cues cut at the input's beginning or end: 2.",
    )


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), SourceUnsupported, "The subtitles are no text."),
        (b"hello", SourceUnsupported, "neither SRT nor WebVTT nor ASS"),
        (b"00:00:00,0 --> 00:00:01,0\nx\n" * 200_000, LimitExceeded, "larger than 4 MiB"),
        (b"00:00:00,0 --> 00:00:01,0\nx\n" * 60_000, SourceUnsupported, "more than 50000 cues"),
    ],
    ids=["picture", "text", "large", "many"],
)
def test_what_is_no_file_of_subtitles_is_refused(data, error, message, make_audio, tmp_path, workdir):
    path = tmp_path / "given.srt"
    path.write_bytes(data)
    with pytest.raises(error, match=message) as refused:
        run(KIND, {"subtitle_url": str(path)}, make_audio(seconds=1), workdir)
    assert refused.value.param == "subtitle_url"


# --- Of the input's own ---


@pytest.mark.ffmpeg
def test_webvtt_within_webm_keeps_where_its_cues_stand(tmp_path, workdir):
    path, video = tmp_path / "given.vtt", tmp_path / "subtitled.webm"
    path.write_text("WEBVTT\n\n00:00.500 --> 00:01.500 line:0 align:left\n<b>a</b> &lt; b\n")
    ffmpeg(
        *("-f", "lavfi", "-i", "color=black:s=64x48:r=5:d=2", "-i", path, "-map", "0", "-map", "1"),
        *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:s", "copy", video),
    )
    done = run(KIND, {}, video, workdir)
    assert written(done) == "WEBVTT\n\n1\n00:00:00.500 --> 00:00:01.500 line:0 align:left\n<b>a</b> &lt; b\n"


@pytest.fixture
def subtitled(tmp_path):
    """A video of four seconds with subtitles in two languages."""
    german, english, path = tmp_path / "german.srt", tmp_path / "english.ass", tmp_path / "subtitled.mkv"
    german.write_text(SRT)
    english.write_text(ASS.replace("Größe", "Size"))
    ffmpeg(
        *("-f", "lavfi", "-i", "color=black:s=64x48:r=5:d=4", "-i", german, "-i", english, "-map", "0", "-map", "1"),
        *("-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:s", "copy", "-metadata:s:s:0", "language=ger"),
        *("-metadata:s:s:1", "language=eng", "-disposition:s:1", "default", path),
    )
    return path


@pytest.mark.ffmpeg
def test_the_inputs_own_subtitles_are_taken_out(subtitled, workdir, tmp_path):
    done = run(KIND, {"language": "de"}, subtitled, workdir)
    assert written(done) == AS_VTT
    assert (done.result.origin, done.result.language, done.result.label) == ("embedded", "de", "German")
    again = tmp_path / "again"
    again.mkdir()
    usual = run(KIND, {}, subtitled, again)
    assert written(usual) == AS_VTT.replace("Größe", "Size")
    assert (usual.result.language, usual.result.notes) == ("en", ("Subtitle stream 1 (subrip, ger) was not used.",))


# --- Of what is said ---


@pytest.mark.ffmpeg
def test_what_is_said_becomes_cues_that_name_their_model(make_audio, workdir):
    done = run(KIND, {}, heard(make_audio(seconds=4), HEARD), workdir)
    wanted = "WEBVTT\n\n1\n00:00:00.200 --> 00:00:01.916\nIs this?\n\n2\n00:00:02.000 --> 00:00:03.300\nIt is.\n"
    assert written(done) == wanted
    assert done.result.model_dump(exclude={"filesize"}) == {
        "type": "text/vtt", "format": "vtt", "language": "en", "label": "English", "duration": 4.0, "cues": 2,
        "origin": "speech", "model": "ears", "model_version": "1", "notes": (),
    }  # fmt: skip
    assert not (workdir / "source").exists()


def test_what_could_not_be_heard_is_told_of_the_track_as_well(tmp_path):
    ends = "The sound ends after 1.7 of 1132.0 s."
    document = transcript_document(
        replace(HEARD, segments=()), words=True, least=None, notes=(ends, NOT_TOLD_APART, TOLD_APART)
    )
    write_document(tmp_path / "speech.need.json", document)
    asked = {"source": "speech.need.json", "target": "a.vtt", "format": "vtt", "shift": 0.0, "duration": 1132.0}
    told = speech_track(tmp_path, asked | {"language": None})
    assert list(told.values()) == [ends, "Nobody speaks: there are no cues."]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("format", "text"), [("vtt", "WEBVTT\n"), ("srt", "\r\n")])
def test_where_nobody_speaks_the_track_is_empty_and_valid(format, text, make_audio, workdir):
    done = run(
        KIND, {"format": format}, heard(make_audio(seconds=1), replace(HEARD, segments=(), language="")), workdir
    )
    assert written(done) == text
    assert (done.result.cues, done.result.language) == (0, None)
    assert done.result.notes == ("Nobody speaks: there are no cues.",)
    if format == "vtt":
        assert parse_webvtt(text)[0].errors == []


@pytest.mark.ffmpeg
@pytest.mark.xdist_group("speech")
def test_recorded_speech_becomes_subtitles_within_the_rules(real_speech, transcribed, workdir):
    document = transcribed.folder / "speech.json"
    source = source_from_path(real_speech.path)
    done = run(KIND, {}, replace(source, results={"speech": lambda target: shutil.copyfile(document, target)}), workdir)
    text = written(done)
    (parsed,) = parse_webvtt(text)
    assert parsed.errors == []
    found = check_rules(text, language="en", duration=done.result.duration)
    assert (found.outside, dict(found.rules), done.result.notes) == (0, {}, ())
    shown = " ".join(" ".join(cue[3].split("\n")) for cue in parsed.cues)
    assert word_errors(real_speech.text, shown) <= 5  # of 57 words; how well it hears is for other tests
    # A sentence begins with its cue, and no cue goes on into the next sentence.
    for clip in real_speech.clips:
        assert min(abs(start - clip.start) for _, start, _, _ in parsed.cues) < 0.7
    assert done.result.model == "whisper-tiny.en"


def test_plans_are_the_same_each_time():
    options = SubtitlesOptions(language="en")
    source = Source(VIDEO, lambda target, reads: None)
    assert plan(options, source) == plan(options, source)
