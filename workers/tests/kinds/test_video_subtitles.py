"""Subtitles: kept beside the picture, drawn into it, or left out; and files that are none."""

import struct

import pytest
from pydantic import ValidationError

from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.probe import SubtitleStream, probe
from workers.kinds.video import KIND, VideoOptions, plan
from workers.run import run
from workers.tests.kinds.test_video import source
from workers.tests.media import ffmpeg, frames_of

SRT = "1\n00:00:00,500 --> 00:00:02,500\nHarbour\n\n2\n00:00:03,000 --> 00:00:03,800\n<i>Light</i>\n"
TRACKS = (
    SubtitleStream(2, "subrip", language="eng"),
    SubtitleStream(3, "hdmv_pgs_subtitle", text=False, language="fre", default=True),
)


@pytest.fixture
def subtitled(tmp_path):
    """A video of four seconds with two tracks of text, the second being its default."""

    def made(suffix=".mkv", color="black"):
        text, path = tmp_path / "made.srt", tmp_path / f"subtitled{suffix}"
        text.write_text(SRT)
        codec = "mov_text" if suffix == ".mp4" else "srt"
        ffmpeg(
            *("-f", "lavfi", "-i", f"color={color}:s=160x96:r=10:d=4", "-i", text, "-i", text),
            *("-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:s", codec),
            *("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=fre", "-disposition:s:0", "0"),
            *("-disposition:s:1", "default+forced", path),
        )
        return path

    return made


def cues(path, track=0):
    """The cues of a track as SRT."""
    target = path.with_suffix(".out.srt")
    ffmpeg("-i", path, "-map", f"0:s:{track}", target)
    return target.read_text()


def brightness(path, second=None):
    """Of the brightest point of each frame, or of the one shown at a second (10 frames a second)."""
    found = [max(image.convert("L").getextrema()) for image in frames_of(path)]
    return found if second is None else found[int(second * 10)]


# ── kept ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("format", "codec"), [("mp4", "mov_text"), ("mov", "mov_text"), ("webm", "webvtt"), ("mkv", "subrip")]
)
def test_text_is_kept_in_every_format_with_its_language_and_flags(subtitled, workdir, format, codec):
    done = run(KIND, {"format": format, "width": 64}, subtitled(), workdir)
    facts = done.outputs[0].probe
    assert [(track.codec, track.language, track.default) for track in facts.subtitles] == [
        (codec, "eng", False),
        (codec, "fra" if format == "mov" else "fre", True),
    ]
    assert cues(done.outputs[0].path, 1) == SRT + "\n"
    assert done.plan["expected"][0]["subtitles"] == 2
    assert not any("Not used" in note for note in done.warnings)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("format", ["mp4", "webm", "mkv"])
def test_a_span_keeps_what_began_before_it_and_ends_with_it(subtitled, workdir, format):
    done = run(KIND, {"format": format, "start": 1.0, "end": 3.4}, subtitled(), workdir)
    assert cues(done.outputs[0].path) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHarbour\n\n2\n00:00:02,000 --> 00:00:02,400\n<i>Light</i>\n\n"
    )
    assert done.outputs[0].probe.duration == pytest.approx(2.4, abs=0.05)


@pytest.mark.ffmpeg
def test_a_span_leaves_out_what_ended_before_it(subtitled, workdir):
    done = run(KIND, {"format": "mp4", "start": 2.8}, subtitled(), workdir)
    assert cues(done.outputs[0].path) == "1\n00:00:00,200 --> 00:00:01,000\n<i>Light</i>\n\n"


@pytest.mark.ffmpeg
def test_tracks_can_be_left_out_and_that_is_told(subtitled, workdir):
    done = run(KIND, {"format": "mp4", "subtitles": False}, subtitled(), workdir)
    assert done.outputs[0].probe.subtitles == ()
    assert done.warnings[-1] == ("Not used: subtitle stream 1 (subrip, eng); subtitle stream 2 (subrip, fre).")


def test_pictures_of_text_stay_in_matroska_only_and_only_whole():
    def kept(**options):
        found = plan(VideoOptions.model_validate(options), source(subtitles=TRACKS))
        return found.expected[0].subtitles, [note for note in found.notes if "subtitle" in note]

    assert kept(format="mkv") == (2, [])
    left = ["Not used: subtitle stream 3 (hdmv_pgs_subtitle, fre)."]
    assert kept(format="mp4") == (1, left)
    assert kept(format="webm") == (1, left)
    assert kept(format="mkv", start=1) == (1, left)


# ── added ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.srt", SRT.encode("utf-8-sig").replace(b"\n", b"\r\n")),
        (
            "a.vtt",
            b"WEBVTT\n\nNOTE hello\n\n00:00.500 --> 00:02.500 line:0\nHarbour\n\n"
            b"00:03.000 --> 00:03.800\n<i>Light</i>\n",
        ),
        ("a.srt", SRT.encode("utf-16")),
    ],
)
def test_a_file_becomes_a_track(make_video, workdir, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    done = run(KIND, {"subtitle_url": str(path)}, make_video(seconds=4.0, fps=5), workdir)
    assert [(track.codec, track.default) for track in done.outputs[0].probe.subtitles] == [("mov_text", True)]
    assert cues(done.outputs[0].path).replace("{\\an8}", "") == SRT + "\n"
    assert done.plan["files"] == [{"ref": str(path), "name": "subtitles.in", "param": "subtitle_url"}]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", SourceUnsupported, "neither SRT nor WebVTT nor ASS"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", SourceUnsupported, "neither SRT nor WebVTT nor ASS"),
        (b"", SourceUnsupported, "neither SRT nor WebVTT nor ASS"),
        (b"\x00\x01\x02\x03" * 10, SourceUnsupported, "no text"),
        (b"x" * (4 * 1024**2 + 1), LimitExceeded, "larger than 4 MiB"),
    ],
)
def test_what_is_no_subtitles_is_refused_naming_the_option(make_video, workdir, tmp_path, content, error, words):
    path = tmp_path / "given.srt"
    path.write_bytes(content)
    with pytest.raises(error, match=words) as caught:
        run(KIND, {"subtitle_url": str(path)}, make_video(), workdir)
    assert caught.value.param == "subtitle_url"


# ── burned in ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_track_is_drawn_at_its_times_and_no_longer_kept(subtitled, workdir, suffix, start):
    options = {"subtitle_style": "burn_in", "start": start, "format": "mp4"}
    done = run(KIND, options, subtitled(suffix), workdir)
    seen = brightness(done.outputs[0].path)
    inside = [number for number, value in enumerate(seen) if value > 80]
    assert inside == [n for n in range(40 - round(start * 10)) if 5 <= n + start * 10 < 25 or 30 <= n + start * 10 < 38]
    # The one drawn was the default; the other is still there, and in MP4 the first is always on.
    assert [(track.language, track.default) for track in done.outputs[0].probe.subtitles] == [("eng", True)]


@pytest.mark.ffmpeg
def test_a_file_is_drawn_over_what_is_clear_as_well(workdir, tmp_path):
    path, text = tmp_path / "clear.mov", tmp_path / "a.srt"
    ffmpeg("-f", "lavfi", "-i", "color=black@0:s=160x96:r=10:d=1,format=rgba", "-c:v", "qtrle", path)
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nHarbour\n")
    options = {"subtitle_url": str(text), "subtitle_style": "burn_in", "format": "mov"}
    done = run(KIND, options, path, workdir)
    assert done.result.transparency is True
    still = tmp_path / "still.png"
    ffmpeg("-i", done.outputs[0].path, "-frames:v", "1", "-pix_fmt", "rgba", still)
    from PIL import Image

    with Image.open(still) as image:
        assert image.getchannel("A").getextrema() == (0, 255)


@pytest.mark.ffmpeg
def test_scripts_use_our_fonts_and_bring_none(make_video, workdir, tmp_path):
    path = tmp_path / "a.ass"
    path.write_text(
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Evil,20\n"
        "\n[Fonts]\nfontname: evil.ttf\nAAAA\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, "
        "MarginV, Effect, Text\nDialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{\\fnEvil\\b1}Harbour {\\i1}港\n"
    )
    run(KIND, {"subtitle_url": str(path), "subtitle_style": "burn_in"}, make_video(audio=None), workdir)
    styled = (workdir / "styled.ass").read_text()
    assert "vil" not in styled
    assert "{\\b1}Harbour {\\i1}{\\fnNoto Sans CJK SC}港" in styled
    assert {"Inter-Regular.otf", "NotoSansCJKsc-Regular.otf"} <= {item.name for item in (workdir / "fonts").iterdir()}


def pgs(path):
    """A track of pictures (Blu-ray's): a white box of 40 × 20 at (20, 60) of 160 × 96, from 1 s to 2 s."""
    colors = b"\0\0" + bytes((1, 235, 128, 128, 255))
    run_of = b"\x01" * 40 + b"\0\0"  # pixels of colour 1, end of line
    image = run_of * 20

    def composed(shown):
        head = struct.pack(">HHBHBBBB", 160, 96, 0x10, int(not shown), 0x80 if shown else 0, 0, 0, int(shown))
        return head + (struct.pack(">HBBHH", 0, 0, 0, 20, 60) if shown else b"")

    window = struct.pack(">BBHHHH", 1, 0, 20, 60, 40, 20)
    object = struct.pack(">HBB", 0, 0, 0xC0) + (len(image) + 4).to_bytes(3, "big") + struct.pack(">HH", 40, 20) + image
    first = ((0x16, composed(True)), (0x17, window), (0x14, colors), (0x15, object), (0x80, b""))
    last = ((0x16, composed(False)), (0x17, window), (0x80, b""))
    with path.open("wb") as file:
        for time, segments in ((90_000, first), (180_000, last)):
            for kind, data in segments:
                file.write(b"PG" + struct.pack(">IIBH", time, 0, kind, len(data)) + data)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("options", [{}, {"width": 80}, {"width": 96, "height": 96, "fit": "contain"}], ids=str)
def test_pictures_of_text_are_drawn_where_they_belong(workdir, tmp_path, options):
    track, path = tmp_path / "made.sup", tmp_path / "pictured.mkv"
    pgs(track)
    ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            "color=black:s=160x96:r=10:d=3",
            "-itsoffset",
            "1",
            "-i",
            track,
            "-map",
            "0",
            "-map",
            "1",
        ),
        *("-c:v", "libx264", "-c:s", "copy", path),
    )
    assert [(stream.codec, stream.text) for stream in probe(path).subtitles] == [("hdmv_pgs_subtitle", False)]
    done = run(KIND, {"subtitle_style": "burn_in", "format": "mp4", **options}, path, workdir)
    frames = frames_of(done.outputs[0].path)
    seen = [number for number, image in enumerate(frames) if max(image.convert("L").getextrema()) > 150]
    assert seen == list(range(10, 20))
    width, height = frames[15].size
    left, top, right, bottom = frames[15].convert("L").point(lambda value: 255 * (value > 120)).getbbox()
    scale, shift = (width / 160, (height - width * 0.6) / 2)
    expected = (20 * scale, 60 * scale + shift, 60 * scale, 80 * scale + shift)
    assert (left, top, right, bottom) == pytest.approx(expected, abs=2)
    assert done.outputs[0].probe.subtitles == ()


def test_which_track_is_burned_in_can_be_said():
    def burned(**options):
        found = plan(VideoOptions.model_validate({"subtitle_style": "burn_in", **options}), source(subtitles=TRACKS))
        return " ".join(found.commands())

    assert "[1:3]scale" in burned()  # the default, though it is pictures
    assert "-map 0:2" in burned(subtitle_track=0)
    with pytest.raises(SourceUnsupported, match="it has 2 tracks of them") as caught:
        burned(subtitle_track=7)
    assert caught.value.param == "subtitle_track"
    with pytest.raises(SourceUnsupported, match="no such subtitles to burn in") as caught:
        plan(VideoOptions(subtitle_style="burn_in"), source())
    assert caught.value.param == "subtitle_style"
    with pytest.raises(ValidationError, match='needs subtitle_style "burn_in"'):
        VideoOptions(subtitle_track=1)
    with pytest.raises(ValidationError, match="cannot be given together with subtitle_url"):
        VideoOptions(subtitle_track=1, subtitle_style="burn_in", subtitle_url="https://example.com/a.srt")


def test_the_file_is_listed_and_only_text_of_ours_is_opened():
    options = VideoOptions(subtitle_url="file_1", subtitle_style="burn_in")
    assert options.file_refs() == (("subtitle_url", "file_1"),)
    found = plan(options, source())
    assert [step.to_json()["tool"] for step in found.steps] == ["captions", "ffmpeg", "captions_style", "ffmpeg"]
    assert "-format_whitelist srt,webvtt,ass -protocol_whitelist file -i subtitles.txt" in found.commands()[1]
    assert "ass=styled.ass:fontsdir=fonts" in found.commands()[3]
    assert "subtitles" not in found.expected[0].to_json() or found.expected[0].subtitles == 0
