"""Placeholders and dominant colours of real pictures and videos, and what has none."""

import base64
import io
import os
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from workers.engine import host
from workers.engine.errors import Stopped
from workers.engine.probe import Probe, VideoStream, probe
from workers.kinds import get_kind
from workers.kinds.base import Preview, Source
from workers.preview import poster_steps, preview
from workers.run import run
from workers.tests.media import BLUE, CORNERS, GREEN, RED, WHITE, corner_colors, ffmpeg, near
from workers.tests.test_corpus import FOLDER, ROWS

TINY = 1024  # bytes; placeholders are in every list


def look(path: Path, workdir: Path) -> Preview:
    found = preview(path, probe(path), workdir)
    assert found is not None
    assert list(workdir.iterdir()) == []
    return found


def picture(found: Preview) -> Image.Image:
    """The placeholder as a browser decodes it."""
    head, _, data = found.placeholder.partition(",")
    assert head == "data:image/webp;base64"
    assert len(found.placeholder) < TINY
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    assert max(image.size) <= 32
    return image


def color(found: Preview) -> tuple[int, int, int]:
    text = found.background
    assert text is not None
    assert text == text.lower()
    assert (len(text), text[0]) == (7, "#")
    red, green, blue = (int(text[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue


def painted(path: Path, *parts: tuple[tuple[int, ...], tuple[int, int, int, int]], size=(200, 100), **settings) -> Path:
    """A picture of rectangles, each over those before; with alpha when their colours have it."""
    image = Image.new("RGBA" if len(parts[0][0]) == 4 else "RGB", size)
    for paint, box in parts:
        image.paste(paint, box)
    image.save(path, **settings)
    return path


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_largest_colour_wins_and_not_the_mean(tmp_path, workdir):
    path = painted(tmp_path / "a.png", (RED, (0, 0, 120, 100)), (BLUE, (120, 0, 200, 100)))
    found = look(path, workdir)
    assert near(color(found), RED, 8)
    shown = picture(found).convert("RGB")
    assert shown.size == (32, 16)
    assert near(shown.getpixel((3, 8)), RED, 40)
    assert near(shown.getpixel((29, 8)), BLUE, 40)
    middle = shown.getpixel((19, 8))  # blurred: what is between them is neither
    assert not near(middle, RED, 40)
    assert not near(middle, BLUE, 40)


def test_shades_of_one_colour_count_together(tmp_path, workdir):
    """A sky of many blues, each less than the one red roof."""
    sky = [((20 + 2 * step, 60 + 2 * step, 200), (step * 7, 0, step * 7 + 7, 100)) for step in range(20)]
    path = painted(tmp_path / "a.png", *sky, (RED, (140, 0, 200, 100)))
    red, _, blue = color(look(path, workdir))
    assert blue > 180 > red


def test_equal_pictures_give_equal_answers(make_image, workdir):
    path = make_image(".png", size=(300, 200))
    assert look(path, workdir) == look(path, workdir)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_upright(make_image, workdir, orientation):
    shown = picture(look(make_image(".jpg", size=(640, 320), orientation=orientation, quality=95), workdir))
    assert shown.size == (32, 16)
    assert all(near(seen, CORNERS[name], 45) for name, seen in corner_colors(shown).items())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".avif", ".heic", ".tiff", ".bmp"])
@pytest.mark.parametrize("size", [(900, 600), (40, 30), (1, 1), (2000, 3)])
def test_every_format_and_size_has_one(tmp_path, workdir, suffix, size):
    path = painted(tmp_path / f"a{suffix}", (GREEN, (0, 0, *size)), size=size)
    found = look(path, workdir)
    assert near(color(found), GREEN, 12)
    assert near(picture(found).convert("RGB").getpixel((0, 0)), GREEN, 24)
    assert max(picture(found).size) == min(32, max(size))


@pytest.mark.parametrize(
    ("mode", "suffix", "paint", "expected"),
    [
        ("L", ".png", 90, (90, 90, 90)),
        ("LA", ".png", (90, 255), (90, 90, 90)),
        ("1", ".png", 1, (255, 255, 255)),
        ("I;16", ".png", 0x8000, (128, 128, 128)),
        ("CMYK", ".jpg", (255, 0, 0, 0), (0, 255, 255)),
    ],
)
def test_every_mode_has_one(tmp_path, workdir, mode, suffix, paint, expected):
    Image.new(mode, (120, 80), paint).save(tmp_path / f"a{suffix}")
    assert near(color(look(tmp_path / f"a{suffix}", workdir)), expected, 12)


def test_what_is_transparent_has_no_colour_and_stays_so(tmp_path, workdir):
    hidden, seen = (0, 255, 0, 0), (*RED, 255)
    path = painted(tmp_path / "a.png", (hidden, (0, 0, 200, 100)), (seen, (0, 0, 60, 100)))
    found = look(path, workdir)
    assert near(color(found), RED, 8)
    shown = picture(found)
    assert shown.mode == "RGBA"
    assert shown.getpixel((28, 8))[3] < 10
    assert shown.getpixel((3, 8))[3] > 245
    edge = next(pixel for pixel in (shown.getpixel((x, 8)) for x in range(32)) if pixel[3] < 160)
    assert edge[1] < 80, "the green of what cannot be seen ran into the red"


def test_a_palette_with_a_transparent_colour(make_image, tmp_path, workdir):
    image = Image.new("P", (100, 100), 0)
    image.putpalette([*GREEN, *BLUE])
    image.paste(1, (0, 0, 40, 100))
    image.save(tmp_path / "a.gif", transparency=0)
    assert near(color(look(tmp_path / "a.gif", workdir)), BLUE, 12)


def test_where_nothing_can_be_seen_there_is_no_colour(tmp_path, workdir):
    found = look(painted(tmp_path / "a.png", ((9, 9, 9, 0), (0, 0, 200, 100))), workdir)
    assert found.background is None
    assert picture(found).convert("RGBA").getchannel("A").getextrema() == (0, 0)


def test_colours_are_those_of_the_profile(tmp_path, workdir):
    from PIL import ImageCms

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    path = painted(tmp_path / "a.png", (BLUE, (0, 0, 200, 100)), icc_profile=lab.tobytes())
    assert near(color(look(path, workdir)), BLUE, 3)


def test_an_animation_shows_its_first_frame(make_image, workdir):
    assert corner_colors(picture(look(make_image(".gif", size=(320, 240), frames=3), workdir))) != {}
    shown = picture(look(make_image(".gif", size=(320, 240), frames=3), workdir))
    assert all(near(seen, CORNERS[name], 45) for name, seen in corner_colors(shown).items())


def logged(caplog):
    """What previews have said; another thread may say something of its own meanwhile."""
    return [record for record in caplog.records if record.name == "workers.preview"]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_damaged_picture_has_none_and_says_why_in_the_log(make_image, workdir, caplog, suffix):
    path = make_image(suffix, size=(600, 400), keep=0.5)
    assert preview(path, probe(path), workdir) is None
    [record] = logged(caplog)
    assert record.getMessage() == "no preview could be made"
    assert "damaged" in record.reason


def test_a_bomb_is_not_decoded(tmp_path, workdir, caplog):
    path = tmp_path / "bomb.png"
    Image.new("1", (16_384, 16_384)).save(path)
    facts = probe(path)
    assert preview(path, facts, workdir) is None
    assert logged(caplog)[-1].reason == (
        "The picture is 16384 × 16384 pixels; at most 8192 on the longest edge are accepted."
    )


def test_sound_has_none(make_audio, workdir):
    path = make_audio(".wav")
    assert preview(path, probe(path), workdir) is None


def test_a_look_that_is_told_to_stop_stops(make_image, make_video, workdir, report):
    for path in (make_image(), make_video()):
        facts = probe(path)
        report.stop = True
        with pytest.raises(Stopped):
            preview(path, facts, workdir, report=report)
        report.stop = False
        assert list(workdir.iterdir()) == []


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def moving(**facts) -> Source:
    video = VideoStream(0, "h264", 1920, 1080, 1920, 1080, frame_rate=25.0)
    whole = Probe("video", "video/mp4", "mp4", 1, demuxer="mov,mp4", duration=20.0, videos=(replace(video, **facts),))
    return Source(whole, lambda target, reads: None)


def test_one_key_frame_is_decoded_a_tenth_into_the_video():
    before, after, start = (" ".join(step.args) for step in poster_steps(moving()))
    assert "-noaccurate_seek" in before
    assert "-skip_frame nokey" in before
    assert "-ss 2 -i source" in before
    assert "-frames:v 1" in before
    assert "scale=128:72" in before
    assert "-protocol_whitelist file,pipe" in before
    assert "-noaccurate_seek" not in after
    assert "-skip_frame nokey" in after
    assert "-ss 2 -i source" in after
    assert "-ss" not in start
    assert "-skip_frame" not in start


@pytest.mark.parametrize(("duration", "moment"), [(7200.0, "-ss 60 "), (None, "-i "), (0.5, "-ss 0.05 ")])
def test_the_moment_is_never_far_into_the_file(duration, moment):
    source = moving()
    steps = poster_steps(Source(replace(source.probe, duration=duration), source.fetch))
    assert moment in " ".join(steps[0].args)
    assert ("-ss" in steps[0].args) == bool(duration)


@pytest.mark.ffmpeg
def test_a_video_looks_as_it_does_after_a_tenth(tmp_path, workdir):
    path = tmp_path / "a.mp4"
    colors = "[0][1]concat=n=2:v=1"
    red, blue = (f"color=c=0x{bytes(paint).hex()}:s=320x180:r=25:d={d}" for paint, d in ((RED, 0.4), (BLUE, 7.6)))
    ffmpeg("-f", "lavfi", "-i", red, "-f", "lavfi", "-i", blue, "-filter_complex", colors,
           "-g", "5", "-pix_fmt", "yuv420p", path)  # fmt: skip
    found = look(path, workdir)
    assert near(color(found), BLUE, 16)
    assert picture(found).size == (32, 18)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("light", "expected"), [(BLUE, BLUE), ((0, 0, 0), (0, 0, 0))])
def test_a_video_that_begins_in_the_dark_is_shown_where_it_is_light(tmp_path, workdir, light, expected):
    """The key frame before a tenth of it is its first; the next one comes when it is light, where it ever is."""
    path = tmp_path / "a.mp4"
    opening, rest = (f"color=c=0x{bytes(paint).hex()}:s=320x180:r=25:d=4" for paint in ((0, 0, 0), light))
    ffmpeg("-f", "lavfi", "-i", opening, "-f", "lavfi", "-i", rest, "-filter_complex", "[0][1]concat=n=2:v=1",
           "-g", "100", "-sc_threshold", "0", "-pix_fmt", "yuv420p", path)  # fmt: skip
    found = look(path, workdir)
    assert near(color(found), expected, 16)
    assert near(picture(found).convert("RGB").getpixel((16, 9)), expected, 16)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("rotate", [0, 90])
def test_a_video_is_upright_and_its_pixels_square(make_video, workdir, rotate):
    path = make_video(rotate=rotate, size=(64, 48), sample_aspect=(3, 2), corners=True)
    shown = picture(look(path, workdir))
    assert shown.size == ((16, 32) if rotate else (32, 16))
    turned = {0: [RED, GREEN, BLUE, WHITE], 90: [GREEN, WHITE, RED, BLUE]}[rotate]
    assert all(near(a, b, 60) for a, b in zip(corner_colors(shown).values(), turned, strict=True))


@pytest.mark.ffmpeg
def test_hdr_is_as_bright_as_in_any_picture_of_it(tmp_path, workdir):
    path = tmp_path / "hdr.mp4"
    grey = "color=c=0x808080:s=128x96:r=25:d=0.4,scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le"
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    ffmpeg("-f", "lavfi", "-i", f"{grey},{tags}", "-c:v", "libx265", "-x265-params", "log-level=error", path)
    assert probe(path).video.hdr == "pq"
    seen = color(look(path, workdir))
    done = run(get_kind("image"), {"format": "png"}, path, workdir)
    with Image.open(done.outputs[0].path) as image:
        mapped = image.convert("RGB").getpixel((64, 48))
    assert near(seen, mapped, 4)
    assert not near(seen, (0x80, 0x80, 0x80), 20), "taken for SDR"


@pytest.mark.ffmpeg
@pytest.mark.parametrize("transfer", [16, 18])
def test_an_hdr_still_is_as_bright_as_the_picture_made_of_it(tmp_path, workdir, transfer):
    chunk = b"cICP" + bytes((9, transfer, 0, 1))
    path = tmp_path / "a.png"
    Image.new("RGB", (64, 48), (140, 110, 90)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:])
    seen = color(look(path, workdir))
    done = run(get_kind("image"), {"format": "png"}, path, workdir)
    with Image.open(done.outputs[0].path) as image:
        mapped = image.convert("RGB").getpixel((32, 24))
    assert near(seen, mapped, 6)
    assert not near(seen, (140, 110, 90), 20), "taken for SDR"


@pytest.mark.ffmpeg
def test_a_transparent_video_has_a_transparent_placeholder(tmp_path, workdir):
    path = tmp_path / "a.webm"
    box = "drawbox=x=0:y=0:w=32:h=48:c=blue@1:t=fill:replace=1"
    ffmpeg("-f", "lavfi", "-i", f"color=c=red@0.0:s=64x48:d=0.4,format=yuva420p,{box}",
           "-c:v", "libvpx-vp9", "-auto-alt-ref", "0", "-pix_fmt", "yuva420p", path)  # fmt: skip
    found = look(path, workdir)
    shown = picture(found)
    assert shown.mode == "RGBA"
    assert shown.getpixel((28, 12))[3] < 40
    assert near(color(found), (0, 0, 255), 24)


@pytest.mark.ffmpeg
def test_where_the_moment_is_missing_the_start_serves(make_video, workdir):
    """The index promises 20 s, and of the media only the first frames are there."""
    extra = ("-movflags", "+faststart", "-g", "10")
    path = make_video(seconds=20.0, size=(64, 48), corners=True, audio=None, extra=extra)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 900])
    assert probe(path).duration == pytest.approx(20, abs=1)
    shown = picture(look(path, workdir))
    assert near(corner_colors(shown)["top-left"], RED, 60)


@pytest.mark.ffmpeg
def test_a_video_that_hangs_is_left(make_video, workdir, tmp_path, monkeypatch, caplog):
    tool = tmp_path / "ffmpeg"
    tool.write_text("#!/bin/sh\nexec sleep 120\n")
    tool.chmod(0o755)
    path = make_video()
    facts = probe(path)
    monkeypatch.setenv("FFMPEG", str(tool))
    monkeypatch.setattr("workers.preview.SECONDS", 0.5)
    begun = time.monotonic()
    assert preview(path, facts, workdir) is None
    assert time.monotonic() - begun < 40
    assert "took longer" in logged(caplog)[-1].reason
    assert list(workdir.iterdir()) == []


@pytest.mark.ffmpeg
def test_a_bug_of_ours_costs_no_file(make_video, workdir, monkeypatch, caplog):
    monkeypatch.setattr("workers.preview.poster_steps", lambda source: 1 / 0)
    path = make_video()
    assert preview(path, probe(path), workdir) is None
    assert logged(caplog)[-1].exc_info


# ── what tasks make ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_picture_made_is_looked_at_before_it_is_written(tmp_path, workdir, monkeypatch):
    source = painted(tmp_path / "a.png", (BLUE, (0, 0, 640, 320)), (RED, (0, 0, 240, 320)), size=(640, 320))
    asked: list[str] = []
    call = host.call
    monkeypatch.setattr(host, "call", lambda op, *args, **more: asked.append(op) or call(op, *args, **more))
    [output] = run(get_kind("image"), {"width": 100, "format": "jpeg"}, source, workdir).outputs
    assert asked == ["probe", "picture"]
    assert output.preview is not None
    (tmp_path / "look").mkdir()
    again = look(output.path, tmp_path / "look")  # the same but for what JPEG lost
    assert near(color(output.preview), BLUE, 3)
    assert near(color(again), BLUE, 8)
    assert picture(output.preview).size == picture(again).size == (32, 16)


@pytest.mark.ffmpeg
def test_of_a_series_the_first_is_looked_at(make_video, workdir):
    done = run(get_kind("image"), {"interval": 0.5, "width": 64}, make_video(seconds=1.0), workdir)
    assert [output.preview is not None for output in done.outputs] == [True, False]


@pytest.mark.ffmpeg
def test_a_video_made_has_one_and_sound_has_none(make_video, workdir, tmp_path):
    source = make_video(corners=True)
    found = run(get_kind("video"), {"width": 32}, source, workdir).outputs[0].preview
    assert found is not None
    assert near(corner_colors(picture(found))["top-left"], RED, 60)
    (tmp_path / "sound").mkdir()
    assert run(get_kind("audio"), {}, source, tmp_path / "sound").outputs[0].preview is None


@pytest.mark.ffmpeg
@pytest.mark.skipif(not ROWS, reason="ITTYHOST_CORPUS names no folder with a MEDIA.tsv")
@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
def test_real_files(row, workdir):
    path = FOLDER / row["file"]
    facts = probe(path)
    found = preview(path, facts, workdir)
    if facts.media_type == "audio" or row["file"] in ("bomb-16384.png", "corrupt.jpg"):
        assert found is None
        return
    assert found is not None
    width, height = picture(found).size
    shown = facts.displayed
    assert shown is not None
    assert width / height == pytest.approx(shown[0] / shown[1], rel=0.08)
    assert os.environ["ITTYHOST_CORPUS"] not in found.placeholder
