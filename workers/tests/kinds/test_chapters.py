"""Chapters and outlines: the file's own, by what is said, by what is seen."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from workers.documents import read_document, write_document
from workers.engine.errors import ModelMissing
from workers.engine.probe import AudioStream, Chapter, Probe
from workers.kinds.chapters import KIND as CHAPTERS
from workers.kinds.outline import KIND as OUTLINE
from workers.language.words import words
from workers.plans import Need, Source
from workers.providers.base import Model, Transcript
from workers.run import run, source_from_path
from workers.tests.edits import Shot, cuts_of, make_edit
from workers.tests.media import ffmpeg, frames_of
from workers.tests.talks import TALKS, make_talk
from workers.tracks.captions import read_cues
from workers.transcripts import transcript_document

SOUND = Probe("audio", "audio/mpeg", "mp3", 1000, duration=100.0, audios=(AudioStream(0, "mp3", 2),))
OWN = (Chapter(0.0, 40.0, "Welcome"), Chapter(40.0, 100.0, "The map"))


def source_of(path: Path, segments=None) -> Source:
    """The file, of which that is said; None where no model is there to tell."""
    source = source_from_path(path)

    def fetch(target: Path) -> None:
        if segments is None:
            raise ModelMissing("There is no model for speech here.")
        told = Transcript(tuple(segments), "en" if segments else "", Model("by-hand", "1"))
        write_document(target, transcript_document(told))

    return replace(source, results={"speech": fetch})


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """(a film of four talks with a cut where each begins, what is said, the cuts)."""
    folder = tmp_path_factory.mktemp("talk")
    said, starts = make_talk(TALKS, between=1.5)
    bounds = [0.0, *(round(start - 0.4, 1) for start in starts), round(said[-1].end + 1)]
    lengths = [round(end - start, 1) for start, end in pairwise(bounds)]
    shots = [Shot(name, length) for name, length in zip(("card", "warm", "bars", "cold"), lengths, strict=True)]
    tone = folder / "tone.wav"
    ffmpeg("-f", "lavfi", "-i", f"sine=f=300:r=8000:d={bounds[-1]}", tone)
    film = make_edit(folder / "talk.mp4", shots, size=(64, 48), rate=5, sound=tone, extra=("-c:a", "aac"))
    return film, said, cuts_of(shots)


@pytest.mark.ffmpeg
def test_chapters_begin_where_the_topic_turns(talk, workdir):
    film, said, cuts = talk
    done = run(CHAPTERS, {}, source_of(film, said), workdir)
    (output,) = done.outputs
    assert (output.name, output.type, output.entry) == ("chapters.vtt", "text/vtt", True)
    cues = read_cues(output.path.read_bytes())
    assert [cue.start for cue in cues] == [0.0, *cuts]
    assert [cue.end for cue in cues] == [*cuts, done.result.duration]
    titles = [cue.text for cue in cues]
    assert len(set(titles)) == 4
    for title, text in zip(titles, TALKS, strict=True):
        assert set(words(title.lower())) <= set(words(text.lower()))
    assert done.result.model_dump() | {"notes": ()} == {
        "format": "vtt", "language": "en", "count": 4, "duration": done.result.duration, "source": "detected",
        "model": "extractive", "model_version": "1", "notes": (),
    }  # fmt: skip


@pytest.mark.ffmpeg
def test_an_outline_tells_the_same_as_data(talk, workdir):
    film, said, cuts = talk
    source = replace(source_of(film, said), stamp={"id": "file_1", "created": "now", "updated": "now"})
    done = run(OUTLINE, {}, source, workdir)
    told = read_document(done.outputs[0].path)
    own = "detected language confidence timeline duration source model model_version"
    assert list(told) == ["id", "object", "kind", *own.split(), "created", "updated"]
    assert (told["object"], told["kind"], told["detected"], told["language"]) == ("intelligence", "outline", True, "en")
    assert [part["start"] for part in told["timeline"]] == [0.0, *cuts]  # as the chapters: each run tells the same
    assert [part["index"] for part in told["timeline"]] == [0, 1, 2, 3]
    assert done.result.count == 4


@pytest.mark.ffmpeg
def test_parts_that_are_less_sure_are_joined_and_still_tile(tmp_path, workdir):
    film = make_edit(tmp_path / "film.mkv", [Shot("card", 1.4), Shot("bars", 1.6)])
    done = run(OUTLINE, {"confidence": 1.0}, source_of(film), workdir)
    (part,) = read_document(done.outputs[0].path)["timeline"]
    assert (part["start"], part["end"]) == (0.0, done.result.duration)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("segments", [None, []])
def test_without_speech_scenes_are_chapters(tmp_path, workdir, segments):
    shots = [Shot("card", 2.0), Shot("bars", 1.6), Shot("cold", 2.4)]
    tone = tmp_path / "tone.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=d=6", tone)
    film = make_edit(tmp_path / "film.mkv", shots, sound=tone)
    done = run(CHAPTERS, {"filename": "parts.json"}, source_of(film, segments), workdir)
    (output,) = done.outputs
    told = json.loads(output.path.read_bytes())
    assert list(told) == [
        "object",
        "kind",
        "language",
        "format",
        "source",
        "duration",
        "model",
        "model_version",
        "chapters",
    ]
    assert (told["object"], told["kind"], told["format"], told["model"]) == ("track", "chapters", "json", None)
    assert [(item["index"], item["start"], item["end"], item["title"]) for item in told["chapters"]] == [
        (0, 0.0, 2.0, "Chapter 1"),
        (1, 2.0, 3.6, "Chapter 2"),
        (2, 3.6, told["duration"], "Chapter 3"),
    ]
    notes = ("There is little or no speech: the parts follow scenes and pauses.",)
    if segments is None:
        notes = ("Made without speech: There is no model for speech here.", *notes)
    assert done.result.notes == notes


@pytest.mark.ffmpeg
@pytest.mark.parametrize("kind", [CHAPTERS, OUTLINE], ids=lambda kind: kind.name)
def test_of_a_film_that_is_cut_short_the_parts_cover_what_can_be_read_and_a_note_says_so(make_video, workdir, kind):
    film = make_video(".mkv", seconds=8.0, fps=10, size=(64, 48), channels=1, keep=0.5, extra=("-g", "10"))
    source = source_of(film, [])
    done = run(kind, {"filename": "parts.json"}, source, workdir)
    told = read_document(done.outputs[0].path)
    (*_, last) = told["chapters" if kind is CHAPTERS else "timeline"]
    assert (last["end"], done.result.duration) == (told["duration"], told["duration"])
    assert told["duration"] == pytest.approx(len(frames_of(film)) / 10, abs=0.5)
    note = f"only {told['duration']:.2f} of {source.probe.duration:.2f} s could be read."
    assert f"The input is damaged or cut short: {note}" in done.result.notes


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".h264"), ("mpeg4", ".m4v")])
def test_streams_without_a_container_tell_times_by_counting_every_picture(tmp_path, workdir, codec, suffix):
    film = make_edit(tmp_path / "film.mkv", [Shot("card", 2.0), Shot("bars", 1.6)], codec=("-c:v", codec, "-bf", "2"))
    bare = tmp_path / f"film{suffix}"
    ffmpeg("-i", film, "-c", "copy", bare)
    told = read_document(run(OUTLINE, {}, source_of(bare), workdir).outputs[0].path)
    bounds = [moment for part in told["timeline"] for moment in (part["start"], part["end"])]
    assert bounds == pytest.approx([0.0, 2.0, 2.0, 3.6], abs=0.05)  # a picture's time


@pytest.mark.ffmpeg
def test_a_sound_without_speech_is_parted_by_its_pauses(tmp_path, workdir):
    sound = tmp_path / "sound.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=r=8000:d=60,volume=0:enable='between(t,20,22)+between(t,42,45)'", sound)
    done = run(OUTLINE, {}, source_of(sound, []), workdir)
    told = read_document(done.outputs[0].path)
    assert [part["start"] for part in told["timeline"]] == pytest.approx([0.0, 22.0, 45.0], abs=0.11)
    assert [part["title"] for part in told["timeline"]] == ["Part 1", "Part 2", "Part 3"]


@pytest.mark.ffmpeg
def test_the_files_own_chapters_come_first(make_audio, workdir):
    own = [(0.0, 1.5, "A <b> & --> B"), (1.5, 3.0, "")]
    sound = make_audio(".mka", seconds=3.0, codec="pcm_s16le", chapters=own)
    done = run(CHAPTERS, {}, source_of(sound), workdir)
    assert done.outputs[0].path.read_text() == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.500\nA &lt;b&gt; &amp; --&gt; B\n\n"
        "2\n00:00:01.500 --> 00:00:03.000\nChapter 2\n"
    )
    assert (done.result.source, done.result.count, done.result.model, done.result.notes) == ("embedded", 2, None, ())
    assert done.plan["reads"] == "nothing"


def test_speech_is_needed_only_where_it_tells_something():
    assert CHAPTERS.needs(CHAPTERS.options(), SOUND) == (Need("speech", {}, required=False),)
    asked = OUTLINE.options(language="English", audio_track=1)
    assert OUTLINE.needs(asked, SOUND) == (Need("speech", {"language": "en", "audio_track": 1}, required=False),)
    assert CHAPTERS.needs(CHAPTERS.options(), replace(SOUND, chapters=OWN)) == ()
    untitled = tuple(replace(chapter, title=None) for chapter in OWN)
    assert CHAPTERS.needs(CHAPTERS.options(), replace(SOUND, chapters=untitled)) != ()
    assert CHAPTERS.needs(CHAPTERS.options(), replace(SOUND, audios=())) == ()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"filename": "chapters.mp4"}, "must end in .vtt or .json"),
        ({"filename": "chapters.vtt", "format": "json"}, "must suit the filename"),
        ({"format": "srt"}, "'vtt' or 'json'"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"language": "klingonese"}, "must be a language"),
    ],
)
def test_options_that_cannot_be_are_refused(options, problem):
    with pytest.raises(ValidationError, match=problem):
        CHAPTERS.options.model_validate(options)


def test_the_filename_says_the_format():
    plain = Source(replace(SOUND, chapters=OWN), lambda target, reads: None)
    plans = [CHAPTERS.plan(CHAPTERS.options(filename=name), plain) for name in (None, "a", "a.b.VTT", "a.JSON")]
    assert [plan.expected[0].name for plan in plans] == ["chapters.vtt"] * 3 + ["chapters.json"]
