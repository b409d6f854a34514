import io
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest
from pydantic import ValidationError

from workers.engine.capabilities import ffmpeg_path
from workers.engine.errors import MediaError, OutputMismatch, SourceUnsupported
from workers.engine.probe import AudioStream, Probe, SubtitleStream, VideoStream, probe
from workers.kinds.adaptive_video import KIND, AdaptiveVideoOptions, plan
from workers.kinds.base import FfmpegStep, Source, execute_steps
from workers.run import check, run
from workers.tests.media import ffmpeg
from workers.tests.playlists import Media, read_master, read_media

HLS, DASH = "application/vnd.apple.mpegurl", "application/dash+xml"
VIDEO = VideoStream(0, "h264", 1920, 1080, 1920, 1080, frame_rate=25.0, base_rate=25.0, duration=60.0)
ENGLISH = AudioStream(1, "aac", 2, "stereo", 48_000, duration=60.0, language="eng", default=True)
FRENCH = AudioStream(2, "aac", 6, "5.1", 48_000, duration=60.0, language="fra")


def source(video: VideoStream | None = VIDEO, audios=(ENGLISH,), subtitles=(), duration: float = 60.0) -> Source:
    size = {"width": video.width, "height": video.height} if video else {}
    facts = Probe(
        "video" if video else "audio",
        "video/mp4",
        "mp4",
        1,
        demuxer="mov,mp4",
        duration=duration,
        videos=(video,) if video else (),
        audios=tuple(audios),
        subtitles=tuple(subtitles),
        **size,
    )
    return Source(facts, lambda target, reads: None)


def planned(given: Source | None = None, **options):
    return plan(AdaptiveVideoOptions.model_validate(options), given or source())


def command(made) -> list[str]:
    (step,) = [step for step in made.steps if isinstance(step, FfmpegStep)]
    return list(step.args)


def values(args: list[str], name: str) -> list[str]:
    return [after for before, after in pairwise(args) if before == name]


# ---- what is decided


def test_one_run_of_ffmpeg_decodes_once_for_the_whole_ladder():
    args = command(planned())
    assert values(args, "-i") == ["source"]
    assert values(args, "-c:v") == ["libx264"] * 5
    assert values(args, "-maxrate") == ["5000000", "2800000", "1400000", "800000", "400000"]
    assert values(args, "-g") == ["50"] * 5
    assert [name for name in args if name.endswith(".mp4")] == [
        "1080p.mp4",
        "720p.mp4",
        "480p.mp4",
        "360p.mp4",
        "240p.mp4",
        "audio.mp4",
    ]


def test_the_entry_tells_of_the_largest_rendition():
    entry, *others = planned().expected
    assert (entry.name, entry.type, entry.media_type) == ("master.m3u8", HLS, "video")
    assert (entry.width, entry.height, entry.duration, entry.fps) == (1920, 1080, 60.0, 25.0)
    assert not any(other.entry or other.media_type for other in others)
    entry, other = planned(format="mpd").expected[:2]
    assert (entry.name, entry.type, entry.entry) == ("manifest.mpd", DASH, True)
    assert (other.name, other.type, other.entry) == ("master.m3u8", HLS, False)


def test_width_and_height_cap_the_top():
    assert [item.name for item in planned(height=500).expected if item.fps and not item.entry] == [
        "500p/stream.m3u8",
        "360p/stream.m3u8",
        "240p/stream.m3u8",
    ]


def test_all_sound_tracks_are_there_to_choose_from():
    made = planned(source(audios=(FRENCH, ENGLISH)))
    assert [(told["folder"], told["language"], told["default"]) for told in made.steps[-1].operations["sounds"]] == [
        ("audio", "en", True),
        ("audio-2", "fr", False),
    ]
    only = planned(source(audios=(FRENCH, ENGLISH)), audio_track="fr")
    assert [told["language"] for told in only.steps[-1].operations["sounds"]] == ["fr"]
    assert any("audio stream 1" in note for note in only.notes)


def test_text_subtitles_are_taken_and_pictures_of_text_are_named():
    text = SubtitleStream(3, "subrip", language="ger", default=True)
    made = planned(source(subtitles=(text, SubtitleStream(4, "hdmv_pgs_subtitle", text=False))))
    assert made.steps[-1].operations["subtitles"] == [
        {"folder": "subtitles-1", "name": "German", "language": "de", "default": False, "forced": False}
    ]
    assert any("subtitle stream 4" in note for note in made.notes)


@pytest.mark.parametrize(
    ("given", "read"),
    [("eng", "en"), ("pt-BR", "pt-BR"), ("German", "de"), ("fil", "fil"), ("zh-Hant-TW", "zh-Hant-TW"), (None, None)],
)
def test_a_language_of_subtitles_is_any_tag_or_an_english_name(given, read):
    told = AdaptiveVideoOptions.model_validate({"subtitles": [{"url": "a.srt", "language": given}]})
    assert told.subtitles[0].language == read


def test_files_of_subtitles_are_fetched():
    options = AdaptiveVideoOptions.model_validate(
        {"subtitles": [{"url": "a.srt"}, {"url": "b.vtt", "language": "eng"}]}
    )
    assert options.file_refs() == (("subtitles.0.url", "a.srt"), ("subtitles.1.url", "b.vtt"))
    made = plan(options, source())
    assert [(use.ref, use.name, use.param) for use in made.files] == [
        ("a.srt", "subtitles-1.txt", "subtitles.0.url"),
        ("b.vtt", "subtitles-2.txt", "subtitles.1.url"),
    ]
    assert [told["name"] for told in made.steps[-1].operations["subtitles"]] == ["Subtitles", "English"]


def test_loudness_is_measured_of_each_track():
    made = planned(source(audios=(ENGLISH, FRENCH)), normalize=True)
    measures = [step.measures for step in made.steps if isinstance(step, FfmpegStep) and step.measures]
    assert [measure.split()[0] for measure in measures] == [
        "loudness",
        "loudness/correction",
        "loudness/again",
        "loudness.1",
        "loudness.1/correction",
        "loudness.1/again",
    ]


def test_what_was_changed_is_said():
    hdr = VideoStream(0, "h265", 1920, 1080, 1920, 1080, frame_rate=120.0, base_rate=120.0, hdr="pq", bit_depth=10)
    notes = planned(source(hdr, audios=())).notes
    assert notes[:2] == (
        "HDR (PQ) was tone-mapped to BT.709.",
        "The picture has a steady 60 frames per second, so that key frames align.",
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "smooth"}, "Input should be 'hls' or 'dash'"),
        ({"format": "dash", "segments": "ts"}, "must be fmp4 for dash"),
        ({"segments": "ts", "codec": "hevc"}, "must be h264 for ts segments"),
        ({"segment_duration": 0.5}, "greater than or equal to 1"),
        ({"subtitles": [{"url": "a"}] * 21}, "at most 20"),
        ({"filename": "talk.mp4"}, "must not end in .mp4: a package is no such file; use .m3u8, .mpd or no extension"),
        ({"subtitles": [{"url": "a", "default": True}, {"url": "b", "default": True}]}, "one default at most"),
        ({"subtitles": [{"url": "a", "language": "englisch!"}]}, "must be a language tag"),
        ({"subtitles": [{"url": "a", "label": 'x\n#EXT-X"'}]}, "must be plain text in one line"),
        ({"subtitles": [{"language": "en"}]}, "Field required"),
    ],
)
def test_wrong_options_are_named(options, sentence):
    with pytest.raises(ValidationError, match=sentence):
        AdaptiveVideoOptions.model_validate(options)


@pytest.mark.parametrize(
    ("given", "options", "param"),
    [
        (source(audios=()), {"audio_track": 1}, "audio_track"),
        (source(), {"codec": "h265", "height": 8}, "height"),
        (source(), {"start": 60}, "start"),
        (source(replace(VIDEO, duration=3.0)), {"start": 4}, "start"),
        (
            source(None, (replace(ENGLISH, duration=None),), duration=9 * 3600.0),
            {"segment_duration": 2},
            "segment_duration",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_when_planned(given, options, param):
    with pytest.raises(MediaError) as refused:
        planned(given, **options)
    assert refused.value.param == param


def test_a_package_is_no_input():
    facts = Probe("video", HLS, "hls", 1, duration=5.0, videos=(VIDEO,), width=1920, height=1080)
    with pytest.raises(SourceUnsupported, match="use the file that it was made from"):
        check(KIND, {}, facts)


# ---- what is made


def rendition(master: Path, uri: str) -> bytes:
    """All of a rendition as one file."""
    found = read_media(master.parent / uri)
    folder = (master.parent / uri).parent
    names = [found.map] if found.map else []
    return b"".join((folder / name).read_bytes() for name in (*names, *(part.uri for part in found.parts)))


def decoded(data: bytes):
    """(stream, frames' times) of one elementary stream."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams[0]
        times = [frame.time for frame in container.decode(stream)]
        return stream, times


def check_package(folder: Path, *, duration: float, codec: str = "h264") -> dict[str, Media]:
    """Hold a whole package against the rules, and against what its own bytes say; playlists by URI."""
    master = read_master(folder / "master.m3u8")
    playlists = {one["URI"]: read_media(folder / one["URI"]) for one in (*master.streams, *master.media)}
    sounds = [one for one in master.media if one["TYPE"] == "AUDIO"]
    assert len({playlists[one["URI"]].target for one in (*master.streams, *sounds)}) == 1
    boundaries = None
    for one in master.streams:
        stream, times = decoded(rendition(folder / "master.m3u8", one["URI"]))
        found = playlists[one["URI"]]
        assert found.duration == pytest.approx(duration, abs=0.1)
        check_bandwidth(folder, one, found, [playlists[sound["URI"]] for sound in sounds], sounds)
        if "RESOLUTION" not in one:
            continue
        assert f"{stream.width}x{stream.height}" == one["RESOLUTION"]
        assert stream.codec_context.name in (codec, {"h265": "hevc", "av1": "libdav1d"}.get(codec))
        rate = float(one["FRAME-RATE"])
        assert len(times) == pytest.approx(duration * rate, abs=1.5)
        assert max(b - a for a, b in pairwise(times)) == pytest.approx(1 / rate, abs=0.002)
        mine = [sum(part.duration for part in found.parts[:place]) for place in range(len(found.parts))]
        boundaries = boundaries or mine
        assert mine == pytest.approx(boundaries, abs=1 / rate)
    for one in master.iframes:
        check_iframes(folder, one["URI"], duration)
    return playlists


def check_bandwidth(folder: Path, one: dict[str, str], found: Media, others: list[Media], sounds) -> None:
    """BANDWIDTH is the worst run of segments between 0.5 and 1.5 of the target, of picture and sound together."""

    def rates(uri: str, playlist: Media) -> tuple[float, float]:
        sizes = [((folder / uri).parent / part.uri).stat().st_size * 8 for part in playlist.parts]
        times = [part.duration for part in playlist.parts]
        runs = [
            sum(sizes[a:b]) / sum(times[a:b])
            for a in range(len(sizes))
            for b in range(a + 1, len(sizes) + 1)
            if 0.5 * playlist.target <= sum(times[a:b]) <= 1.5 * playlist.target
        ]
        whole = sum(sizes) / sum(times)
        return max([*runs, whole]), whole

    peak, mean = rates(one["URI"], found)
    if "AUDIO" in one:
        heard = [rates(sound["URI"], other) for sound, other in zip(sounds, others, strict=True)]
        peak, mean = peak + max(rate[0] for rate in heard), mean + max(rate[1] for rate in heard)
    assert int(one["BANDWIDTH"]) == pytest.approx(peak, abs=4)
    assert int(one["AVERAGE-BANDWIDTH"]) == pytest.approx(mean, abs=4)


def check_iframes(folder: Path, uri: str, duration: float) -> None:
    """Each part is one picture that decodes by itself."""
    found = read_media(folder / uri)
    assert found.iframes
    assert found.duration == pytest.approx(duration, abs=0.1)
    place = (folder / uri).parent
    start, size = found.map_range or (0, None)
    head = (place / found.map).read_bytes()[start:][:size]
    for part in found.parts:
        first, length = part.range
        stream, times = decoded(head + (place / part.uri).read_bytes()[first : first + length])
        assert len(times) == 1
        del stream


@pytest.fixture
def clip(make_video):
    """Four seconds and a half that make two renditions."""
    return make_video(seconds=4.5, size=(640, 360), fps=10, channels=2)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("segments", ["fmp4", "ts"])
def test_a_package_keeps_every_rule(clip, workdir, segments):
    done = run(KIND, {"segments": segments, "segment_duration": 2}, clip, workdir)
    playlists = check_package(workdir, duration=4.5)
    assert {uri: len(found.parts) for uri, found in playlists.items()} == {
        "360p/stream.m3u8": 3,
        "240p/stream.m3u8": 3,
        "audio/stream.m3u8": 3,
    }
    master = read_master(workdir / "master.m3u8")
    assert [one["CODECS"] for one in master.streams] == ["avc1.640016,mp4a.40.2", "avc1.640015,mp4a.40.2"]
    assert [one["RESOLUTION"] for one in master.streams] == ["640x360", "426x240"]
    types = {"fmp4": {"video/mp4", "audio/mp4", HLS, DASH}, "ts": {"video/mp2t", HLS}}[segments]
    assert {output.type for output in done.outputs} == types
    files = {
        str(path.relative_to(workdir)) for place in ("360p", "240p", "audio") for path in (workdir / place).iterdir()
    }
    assert {output.name for output in done.outputs if "/" in output.name} == files
    first, *_ = done.outputs
    assert (first.name, first.entry, [output.entry for output in done.outputs].count(True)) == ("master.m3u8", True, 1)
    facts = first.probe
    assert (facts.media_type, facts.type, facts.displayed, facts.fps, facts.frames) == (
        "video",
        HLS,
        (640, 360),
        10.0,
        45,
    )
    assert facts.duration == pytest.approx(4.5, abs=0.03)
    assert facts.size == sum(output.path.stat().st_size for output in done.outputs)
    assert facts.has_audio
    assert first.preview is not None
    assert [(one.name, one.height, one.segments) for one in done.result.renditions] == [
        ("360p", 360, 3),
        ("240p", 240, 3),
        ("audio", None, 3),
    ]


@pytest.mark.ffmpeg
def test_picture_and_sound_begin_together_in_every_rendition(clip, workdir):
    run(KIND, {"start": 0.3, "segments": "ts"}, clip, workdir)
    beginnings = []
    for uri in ("360p/stream.m3u8", "240p/stream.m3u8", "audio/stream.m3u8"):
        _, times = decoded(rendition(workdir / "master.m3u8", uri))
        beginnings.append(times[0])
    assert beginnings[0] == beginnings[1] == pytest.approx(10.0, abs=0.001)
    assert beginnings[2] == pytest.approx(10.0, abs=0.03)


@pytest.mark.ffmpeg
def test_dash_plays_the_same_segments(clip, workdir):
    done = run(KIND, {"format": "dash", "segment_duration": 2}, clip, workdir)
    assert (done.outputs[0].name, done.outputs[0].probe.container) == ("manifest.mpd", "dash")
    read_master(workdir / "master.m3u8")
    args = ["-v", "error", "-i", "manifest.mpd", "-map", "0", "-f", "framecrc", "-"]
    told = subprocess.run([ffmpeg_path(), *args], cwd=workdir, capture_output=True, text=True, timeout=150, check=True)
    assert told.stderr == ""
    frames = [line.split(",")[0] for line in told.stdout.splitlines() if not line.startswith("#")]
    assert (frames.count("0"), frames.count("1")) == (45, 45)


@pytest.mark.ffmpeg
def test_fast_sources_have_every_second_frame_in_small_renditions(make_video, workdir):
    clip = make_video(seconds=2.5, size=(640, 360), fps=60, audio=None)
    done = run(KIND, {}, clip, workdir)
    check_package(workdir, duration=2.5)
    assert [(one.name, one.fps) for one in done.result.renditions] == [("360p", 60.0), ("240p", 30.0)]


@pytest.mark.ffmpeg
@pytest.mark.parametrize("codec", ["h265", "av1"])
def test_other_codecs_keep_every_rule(make_video, workdir, codec):
    clip = make_video(seconds=2.5, size=(320, 240), fps=10)
    done = run(KIND, {"codec": codec}, clip, workdir)
    check_package(workdir, duration=2.5, codec=codec)
    assert done.result.renditions[0].codecs.startswith({"h265": "hvc1.1.6.L", "av1": "av01.0.00M.08"}[codec])


@pytest.mark.ffmpeg
def test_uneven_and_rotated_sources_come_out_steady_and_upright(make_video, workdir):
    uneven = ("-vf", "select='lt(mod(n\\,10)\\,3)',format=yuv420p", "-fps_mode", "vfr")
    clip = make_video(seconds=3.0, size=(128, 96), fps=30, rotate=90, extra=uneven)
    done = run(KIND, {"start": 0.5}, clip, workdir)
    assert (done.result.width, done.result.height) == (96, 128)
    assert "The picture has a steady 30 frames per second, so that key frames align." in done.warnings
    check_package(workdir, duration=2.5)


@pytest.mark.ffmpeg
def test_a_picture_whose_header_leaves_out_its_gaps_is_no_longer_than_the_sound(workdir, tmp_path):
    # Sparse frames that are stored out of their order: the header counts fewer seconds than there are frames for.
    path = tmp_path / "in.mp4"
    sparse = "testsrc2=s=64x48:r=30:d=3,select='lt(n,20)+not(mod(n,7))'"
    ffmpeg("-f", "lavfi", "-i", sparse, "-f", "lavfi", "-i", "sine=d=3", "-fps_mode", "vfr", "-c:v", "libx264", path)
    facts = probe(path)
    assert facts.video.duration < 2.5 < facts.duration
    done = run(KIND, {}, path, workdir)
    assert done.result.duration == pytest.approx(3.0, abs=0.05)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("segments", ["fmp4", "ts"])
def test_sound_of_a_low_rate_begins_with_a_longer_priming(make_video, workdir, segments):
    done = run(KIND, {"sample_rate": 8000, "segments": segments}, make_video(), workdir)
    assert done.result.duration == pytest.approx(1.0 + (1024 / 8000 if segments == "ts" else 0.0), abs=0.01)
    assert done.outputs[0].probe.audio.sample_rate == 8000


@pytest.mark.ffmpeg
def test_transport_streams_have_no_more_than_six_channels(make_video, make_audio, workdir, tmp_path):
    path = tmp_path / "in.mkv"
    ffmpeg("-i", make_video(audio=None), "-i", make_audio(channels=8, sample_rate=48_000), "-c", "copy", path)
    done = run(KIND, {"channels": 8, "segments": "ts"}, path, workdir)
    assert done.outputs[0].probe.audio.channels == 6
    assert "8 channels were mixed down to 5.1." in done.warnings


@pytest.mark.ffmpeg
def test_sound_alone_has_several_bitrates(make_audio, workdir):
    done = run(KIND, {"segment_duration": 2}, make_audio(seconds=4.5), workdir)
    playlists = check_package(workdir, duration=4.5)
    assert [len(found.parts) for found in playlists.values()] == [3, 3, 3]
    assert done.outputs[0].probe.media_type == "audio"
    assert (done.outputs[0].type, done.result.width, done.result.codec) == (HLS, None, "aac")
    master = read_master(workdir / "master.m3u8")
    assert [(one["URI"], one["CODECS"]) for one in master.streams] == [
        ("256k/stream.m3u8", "mp4a.40.2"),
        ("128k/stream.m3u8", "mp4a.40.2"),
        ("64k/stream.m3u8", "mp4a.40.2"),
    ]


@pytest.mark.ffmpeg
def test_subtitles_are_cut_with_the_span(make_video, workdir, tmp_path):
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,200 --> 00:00:01,000\nOne\n\n2\n00:00:01,500 --> 00:00:09,000\nTwo\n")
    clip = tmp_path / "in.mkv"
    tags = ("-map", "0", "-map", "1", "-c:v", "copy", "-metadata:s:s:0", "language=ger")
    ffmpeg("-i", make_video(seconds=2.0), "-i", words, *tags, clip)
    options = {"start": 0.5, "end": 1.9, "subtitles": [{"url": str(words), "language": "en", "default": True}]}
    run(KIND, options, clip, workdir)
    playlists = check_package(workdir, duration=1.4)
    assert set(playlists) >= {"subtitles-1/stream.m3u8", "subtitles-2/stream.m3u8"}
    wanted = "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nOne\n\n00:00:01.000 --> 00:00:01.400\nTwo\n"
    for number in (1, 2):
        assert (workdir / f"subtitles-{number}" / "subtitles.vtt").read_text() == wanted
    told = [one for one in read_master(workdir / "master.m3u8").media if one["TYPE"] == "SUBTITLES"]
    assert [(one["NAME"], one["LANGUAGE"], one["DEFAULT"]) for one in told] == [
        ("English", "en", "YES"),
        ("German", "de", "NO"),
    ]


@pytest.mark.ffmpeg
def test_subtitles_that_are_none_are_refused(make_video, make_audio, workdir):
    with pytest.raises(SourceUnsupported, match="neither WebVTT nor SubRip") as refused:
        run(KIND, {"subtitles": [{"url": str(make_audio())}]}, make_video(), workdir)
    assert refused.value.param == "subtitles.0.url"


@pytest.mark.ffmpeg
def test_the_same_command_makes_the_same_bytes(make_video, tmp_path):
    clip = make_video(seconds=1.0, size=(128, 96))
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        done = run(KIND, {}, clip, folder)
        made.append({output.name: output.path.read_bytes() for output in done.outputs})
    assert made[0] == made[1]


def _spoiled(how):
    def execute(made, given, workdir, report):
        outputs = execute_steps(made, given, workdir, report)
        how(workdir)
        return outputs

    return execute


def _remove_a_segment(folder: Path) -> None:
    path = folder / "48p" / "stream.m3u8"
    path.write_text(path.read_text().replace("segment-00001", "segment-00009"))


def _cut_a_segment(folder: Path) -> None:
    path = folder / "48p" / "segment-00001.m4s"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _begin_later(folder: Path) -> None:
    path = folder / "audio.json"
    path.write_text(path.read_text().replace('"begin": -1024', '"begin": 40000'))


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (_remove_a_segment, "The playlists name 48p/segment-00009.m4s, which was not made."),
        (_cut_a_segment, r"48p/segment-00001.m4s cannot be decoded|The end of 48p has \d+ frames"),
        (_begin_later, r"audio begins at 0.\d+ s, not at 0."),
    ],
)
def test_what_is_not_as_planned_is_no_output(make_video, workdir, how, sentence):
    kind = replace(KIND, execute=_spoiled(how))
    with pytest.raises(OutputMismatch, match=sentence):
        run(kind, {}, make_video(seconds=1.0), workdir)


@pytest.mark.ffmpeg
def test_a_source_cut_short_is_named(make_video, workdir):
    clip = make_video(seconds=4.0, size=(64, 48), keep=0.5, extra=("-movflags", "+faststart"))
    with pytest.raises(OutputMismatch, match=r"damaged or cut short: only \d\.\d+ of 4\.\d+ s"):
        run(KIND, {}, clip, workdir)
