"""Stills: planned without a process, made by the real Pillow and ffmpeg, looked at pixel by pixel."""

import pytest
from PIL import Image, ImageCms

from workers.engine.errors import LimitExceeded, MediaError, SourceUnreadable, SourceUnsupported
from workers.engine.probe import Image as ImageFacts
from workers.engine.probe import Probe, VideoStream, probe
from workers.kinds.base import PictureStep, Source
from workers.kinds.image import KIND, ImageOptions, output_format, plan
from workers.run import run
from workers.tests.media import BLUE, CORNERS, GREEN, RED, WHITE, corner_colors, near, upright


def still(width=400, height=300, name="jpeg", **facts):
    image = ImageFacts(name, "RGB", width, height, **facts)
    return Source(Probe("image", f"image/{name}", name, 1000, width=width, height=height, image=image), lambda *_: None)


def moving(width=640, height=360, duration=10.0, **facts):
    video = VideoStream(0, "h264", width, height, width, height, frame_rate=25.0, **facts)
    whole = Probe(
        "video",
        "video/mp4",
        "mp4",
        1000,
        demuxer="mov,mp4",
        duration=duration,
        width=width,
        height=height,
        videos=(video,),
    )
    return Source(whole, lambda *_: None)


def planned(source, **options):
    return plan(ImageOptions.model_validate(options), source)


def made(kind_options, source, workdir):
    done = run(KIND, kind_options, source, workdir)
    with Image.open(done.outputs[0].path) as image:
        image.load()
        return done, image.copy()


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_picture_is_one_step_of_pillows():
    found = planned(still(), width=100)
    (step,) = found.steps
    assert isinstance(step, PictureStep)
    assert step.variants[0].framing.canvas == (100, 75)
    assert (found.expected[0].name, found.expected[0].type) == ("image.jpg", "image/jpeg")
    assert found.reads == "whole"
    assert found.commands()[0].startswith("python -m workers picture '{")


def test_a_moment_of_a_video_is_read_by_seeking():
    found = planned(moving(), width=320, start=4.5)
    assert found.reads == "seek"
    first, last, picture = found.steps
    assert first.args[first.args.index("-ss") + 1] == "4.4608"  # the frame of 1/25 s shown at 4.5
    assert first.args.index("-ss") < first.args.index("-i")
    assert last.unless == "frame.ppm"
    assert picture.source == "frame.ppm"
    assert found.expected[0].width == 320


def test_every_input_is_opened_by_its_own_demuxer_only():
    args = planned(moving()).steps[0].args
    assert args[: args.index("-i")] == (
        "-f", "mov", "-format_whitelist", "mov,mp4", "-protocol_whitelist", "file,pipe",
    )  # fmt: skip
    assert args[args.index("-i") + 1] == "source"


@pytest.mark.parametrize(
    ("options", "source", "expected"),
    [
        ({}, still(), "jpeg"),
        ({}, still(name="webp"), "webp"),
        ({}, still(name="tiff"), "jpeg"),
        ({}, moving(), "jpeg"),
        ({"filename": "poster.png"}, still(), "png"),
        ({"filename": "poster.avif"}, moving(), "avif"),
        ({"filename": "poster.first"}, moving(), "jpeg"),
        ({"filename": "poster"}, still(name="png"), "png"),
        ({"filename": "poster.png", "format": "webp"}, still(), "webp"),
    ],
)
def test_the_format_is_asked_for_or_named_or_kept(options, source, expected):
    assert output_format(ImageOptions.model_validate(options), source.probe).name == expected


@pytest.mark.parametrize(
    ("source", "options", "error", "words"),
    [
        (moving(), {"start": 10}, SourceUnsupported, "start is 10 s, but the input is only 10 s long."),
        (still(), {"interval": 1}, SourceUnsupported, "interval needs a video"),
        (moving(duration=None), {"interval": 1}, SourceUnsupported, "length is known"),
        (moving(), {"interval": 0.001}, SourceUnsupported, "at most 1000: make it longer."),
        (moving(duration=1e9), {"interval": 0.001}, SourceUnsupported, "1000000000000 pictures; at most 1000"),
        (moving(64, 64), {"interval": 0.1, "width": 8192}, SourceUnsupported, "at most 37: .* than 8192 × 8192 pixels"),
        (moving(8192, 8192), {"interval": 0.1}, SourceUnsupported, "100 pictures; at most 37"),
        (still(16384, 100), {}, LimitExceeded, "8192"),
        (moving(9000, 100), {}, LimitExceeded, "8192"),
        (still(), {"width": "9000%"}, LimitExceeded, "8192"),
    ],
)
def test_what_cannot_be_made_is_told_before_anything_runs(source, options, error, words):
    with pytest.raises(error, match=words) as caught:
        planned(source, **options)
    assert caught.value.param == next(iter(options), None)


@pytest.mark.parametrize("fit", ["fill", "cover", "contain"])
def test_ffmpeg_never_enlarges(fit):
    for source in (moving(64, 48), moving(64, 48, rotation=90), moving(8192, 1)):
        for options in ({"interval": 1.0}, {"start": 1.0}):
            found = planned(source, width=512, height=1024, fit=fit, **options)
            scale = next(part for part in " ".join(found.steps[0].args).split("]") if part.startswith("scale="))
            width, height = scale.removeprefix("scale=").split(":")[:2]
            assert int(width) <= source.probe.width
            assert int(height) <= source.probe.height


def test_the_limit_can_be_set(monkeypatch):
    monkeypatch.setenv("MEDIA_MAX_EDGE", "200")
    with pytest.raises(LimitExceeded, match="200"):
        planned(still())


def test_a_plan_is_json_and_says_what_is_left_out():
    found = planned(still(frames=30, animated=True)).to_json()
    assert found["notes"] == ["Only the first of 30 frames was used."]
    assert set(found) == {"steps", "commands", "expected", "reads", "notes"}


# ── pictures from pictures ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".heic", ".tiff"])
def test_every_orientation_comes_out_upright(make_image, workdir, orientation, suffix):
    source = make_image(suffix, size=(160, 120), orientation=orientation)
    done, image = made({"width": 80, "format": "png"}, source, workdir)
    assert image.size == (80, 60)
    assert upright(image)
    assert done.outputs[0].probe.image.orientation == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("position", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_cover_keeps_the_corner_asked_for(make_image, workdir, orientation, position):
    source = make_image(size=(160, 120), orientation=orientation, quality=95)
    options = {"width": 20, "height": 60, "fit": "cover", "position": position, "format": "png"}
    _, image = made(options, source, workdir)
    assert image.size == (20, 60)
    side = position.split("-")[1]
    assert near(image.getpixel((9, 10)), CORNERS[f"top-{side}"])
    assert near(image.getpixel((9, 50)), CORNERS[f"bottom-{side}"])


@pytest.mark.parametrize(
    ("position", "inside", "outside"),
    [("top", (50, 10), (50, 90)), ("bottom", (50, 90), (50, 10)), ("center", (50, 50), (50, 5))],
)
def test_contain_pads_with_the_background(make_image, workdir, position, inside, outside):
    options = {
        "width": 100, "height": 100, "fit": "contain", "position": position, "background": "#00ffff", "format": "png",
    }  # fmt: skip
    _, image = made(options, make_image(size=(160, 80)), workdir)
    assert image.size == (100, 100)
    assert image.mode == "RGB"
    assert near(image.getpixel(outside), (0, 255, 255), 3)
    assert not near(image.getpixel(inside), (0, 255, 255))


def test_contain_is_transparent_where_the_format_can_and_black_where_not(make_image, workdir, tmp_path):
    options = {"width": 100, "height": 100, "fit": "contain"}
    source = make_image(size=(160, 80))
    _, clear = made(options | {"format": "webp"}, source, workdir)
    assert clear.mode == "RGBA"
    assert clear.getpixel((50, 5))[3] == 0
    assert clear.getpixel((50, 50))[3] == 255
    (tmp_path / "two").mkdir()
    _, black = made(options, source, tmp_path / "two")
    assert near(black.getpixel((50, 5)), (0, 0, 0), 3)


def test_fill_distorts_and_one_size_does_not(make_image, workdir, tmp_path):
    source = make_image(size=(160, 80))
    assert made({"width": 30, "height": 90}, source, workdir)[1].size == (30, 90)
    (tmp_path / "two").mkdir()
    assert made({"height": 40, "fit": "cover"}, source, tmp_path / "two")[1].size == (80, 40)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "gif", "heic"])
def test_every_format_can_be_made(make_image, workdir, name):
    done, image = made({"width": 32, "format": name}, make_image(), workdir)
    assert upright(image)
    assert done.result.format == name
    assert done.result.type == f"image/{name}"
    assert (done.result.width, done.result.height, done.result.filesize) == (
        32, 24, done.outputs[0].path.stat().st_size,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "heic"])
def test_quality_is_size(make_image, tmp_path, name):
    source = make_image(".png", size=(300, 200))
    with Image.open(source) as image:
        noisy = Image.blend(image.convert("RGB"), Image.effect_noise(image.size, 90).convert("RGB"), 0.5)
        noisy.save(source)
    sizes = []
    for number, quality in enumerate(["very_low", "low", 80, "high", "very_high"]):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        sizes.append(made({"quality": quality, "format": name}, source, folder)[0].result.filesize)
    assert sizes == sorted(sizes)
    assert sizes[-1] > 1.5 * sizes[0]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif", ".avif", ".heic"])
def test_transparency_is_kept_or_put_on_the_background(make_image, workdir, tmp_path, suffix):
    source = make_image(suffix, alpha=0)
    _, image = made({"width": 32, "format": "png"}, source, workdir)
    assert image.convert("RGBA").getpixel((24, 6))[3] == 0
    assert near(image.convert("RGBA").getpixel((8, 6)), (*RED, 255))
    (tmp_path / "two").mkdir()
    _, flat = made({"format": "jpeg", "background": "#fff"}, source, tmp_path / "two")
    assert near(flat.getpixel((48, 12)), (255, 255, 255), 10)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(".png", "P"), (".png", "L"), (".png", "1"), (".png", "LA"), (".jpg", "CMYK"), (".tiff", "I;16")],
)
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif"])
def test_every_mode_becomes_every_format(make_image, workdir, suffix, mode, name):
    if mode == "I;16":
        source = make_image(suffix, mode="L")
        with Image.open(source) as image:
            image.convert("I").point(lambda value: value * 257).convert("I;16").save(source)
    else:
        source = make_image(suffix, mode=mode)
    _, image = made({"format": name}, source, workdir)
    colors = corner_colors(image)
    if mode in ("P", "CMYK"):
        assert upright(image)
    else:
        assert colors["bottom-right"][0] > 230
        assert colors["bottom-left"][0] < 80


def test_a_wide_gamut_profile_is_converted_and_not_dropped(make_image, workdir):
    source = make_image(".png")
    swapped = _profile_with_swapped_primaries()
    with Image.open(source) as image:
        image.load()
    image.save(source, icc_profile=swapped)
    assert probe(source).image.icc is not None
    _, converted = made({"format": "png"}, source, workdir)
    assert "icc_profile" not in converted.info
    # What the file calls red is green by its profile.
    assert converted.getpixel((8, 6))[1] > 150
    assert converted.getpixel((8, 6))[0] < 120


def _profile_with_swapped_primaries() -> bytes:
    """sRGB with its red and green colorants exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    tags = {bytes(data[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, green = tags[b"rXYZ"] + 4, tags[b"gXYZ"] + 4
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return (
        bytes(data)
        .replace("sRGB".encode("utf-16-be"), "wild".encode("utf-16-be"))
        .replace(b"sRGB built", b"wild built")
    )


def test_no_metadata_is_left(make_image, workdir):
    done, image = made({"width": 32}, make_image(gps=True, icc="sRGB", orientation=6, comment=b"at home"), workdir)
    assert dict(image.getexif()) == {}
    usual = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    assert set(image.info) <= usual
    assert not done.outputs[0].probe.has_location
    assert b"at home" not in done.outputs[0].path.read_bytes()


def test_the_first_frame_stands_for_an_animation(make_image, workdir):
    done, image = made({"format": "jpeg"}, make_image(".gif", frames=4), workdir)
    assert upright(image)
    assert done.warnings == ("Only the first of 4 frames was used.",)
    assert done.result.animated is False


def test_of_a_jpeg_with_a_gain_map_the_picture_is_used(workdir, tmp_path):
    source = tmp_path / "ultra.jpg"
    picture = Image.new("RGB", (160, 120), RED)
    picture.save(source, "MPO", save_all=True, append_images=[Image.new("L", (80, 60), 200)])
    done, image = made({"width": 80}, source, workdir)
    assert (image.size, done.warnings) == ((80, 60), ())
    assert near(image.getpixel((40, 30)), RED)
    assert done.outputs[0].path.read_bytes().count(b"\xff\xd8\xff") == 1


def test_upscaling_only_when_asked(make_image, workdir, tmp_path):
    source = make_image(size=(64, 48))
    assert made({}, source, workdir)[1].size == (64, 48)
    (tmp_path / "two").mkdir()
    assert made({"width": 128}, source, tmp_path / "two")[1].size == (128, 96)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".avif", ".heic", ".tiff"])
def test_a_picture_cut_short_is_told(make_image, workdir, suffix):
    source = make_image(suffix, size=(300, 200), keep=0.6)
    with pytest.raises(MediaError) as caught:
        run(KIND, {}, source, workdir)
    assert isinstance(caught.value, SourceUnreadable)
    assert str(workdir.parent) not in caught.value.message


def test_large_jpegs_are_decoded_no_larger_than_needed(make_image):
    from workers.engine.decoding import pixels_of

    with Image.open(make_image(size=(6000, 4000))) as image:
        assert pixels_of(image, (700, 467)).size == (750, 500)


# ── pictures from videos ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_rotated_video_gives_an_upright_picture(make_video, workdir, rotate):
    source = make_video(rotate=rotate, size=(64, 48), corners=True)
    _, image = made({"format": "png"}, source, workdir)
    assert image.size == ((48, 64) if rotate in (90, 270) else (64, 48))
    turned = {0: [RED, GREEN, BLUE, WHITE], 90: [GREEN, WHITE, RED, BLUE], 180: [WHITE, BLUE, GREEN, RED],
              270: [BLUE, RED, WHITE, GREEN]}[rotate]  # fmt: skip
    assert all(near(a, b, 30) for a, b in zip(corner_colors(image).values(), turned, strict=True))


@pytest.mark.ffmpeg
def test_anamorphic_video_gives_square_pixels(make_video, workdir):
    _, image = made(
        {"height": 48, "format": "png"}, make_video(size=(64, 48), sample_aspect=(2, 1), corners=True), workdir
    )
    assert image.size == (128, 48)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_colors_of_a_video_survive(make_video, workdir, matrix):
    source = make_video(corners=True, colors=(matrix, matrix, matrix), extra=("-crf", "5"))
    _, image = made({"format": "png"}, source, workdir)
    assert all(near(color, CORNERS[name], 12) for name, color in corner_colors(image).items())


@pytest.mark.ffmpeg
@pytest.mark.parametrize("fps", [25, 30000 / 1001])
def test_the_frame_is_the_one_a_viewer_sees_at_the_moment(make_video, tmp_path, fps):
    source = make_video(seconds=2.0, fps=fps, size=(320, 240), extra=("-g", "10"), audio=None)

    def at(moment):
        folder = tmp_path / f"{moment}"
        folder.mkdir()
        return made({"start": moment, "format": "png"}, source, folder)[1].tobytes()

    frames = [at(number / fps + 1e-6) for number in (0, 1, 13, 14, round(fps * 2) - 1)]
    assert len(set(frames)) == 5
    assert at(0.0) == frames[0]
    assert at(1.5 / fps) == frames[1]
    assert at(13.2 / fps) == at(13.9 / fps) == frames[2]
    assert at(1.99) == frames[4]


@pytest.mark.ffmpeg
def test_transparent_video_gives_a_transparent_picture(make_video, workdir, tmp_path):
    source = make_video(
        ".webm", codec="libvpx-vp9", pix_fmt="yuva420p", extra=("-auto-alt-ref", "0"), seconds=0.4, audio=None
    )
    done, _ = made({"format": "png"}, source, workdir)
    assert done.outputs[0].type == "image/png"
    (tmp_path / "two").mkdir()
    made({"format": "jpeg", "background": "#ffffff"}, source, tmp_path / "two")


@pytest.mark.ffmpeg
def test_interval_makes_a_picture_every_so_often(make_video, workdir):
    source = make_video(seconds=3.0, fps=25)
    done = run(KIND, {"interval": 1, "width": 32, "format": "png"}, source, workdir)
    assert [output.name for output in done.outputs] == ["image-0001.png", "image-0002.png", "image-0003.png"]
    assert [output.entry for output in done.outputs] == [True, False, False]
    assert done.result.count == 3
    for number, output in enumerate(done.outputs):
        single = workdir.parent / f"single-{number}"
        single.mkdir()
        _, expected = made({"start": float(number), "width": 32, "format": "png"}, source, single)
        with Image.open(output.path) as image:
            assert image.convert("RGB").tobytes() == expected.tobytes()
    assert sorted(path.name for path in workdir.iterdir()) == [
        "image-0001.png", "image-0002.png", "image-0003.png", "source",
    ]  # fmt: skip


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("source", "options", "moments"),
    [
        ({"fps": 25}, {"interval": 1, "start": 0.53}, [0.53, 1.53, 2.53]),
        ({"fps": 25}, {"interval": 60, "start": 1.21}, [1.21]),
        ({"fps": 25}, {"interval": 5, "start": 2.99}, [2.99]),
        ({"fps": 25, "suffix": ".ts", "codec": "mpeg2video"}, {"interval": 1, "start": 1.05}, [1.05, 2.05]),
    ],
)
def test_the_first_of_an_interval_is_the_one_shown_at_its_start(
    make_video, tmp_path, workdir, source, options, moments
):
    path = make_video(**{"seconds": 3.0, "audio": None} | source)
    done = run(KIND, {**options, "width": 32, "format": "png"}, path, workdir)
    assert len(done.outputs) == len(moments)
    for number, (output, moment) in enumerate(zip(done.outputs, moments, strict=True)):
        (tmp_path / f"{number}").mkdir()
        _, expected = made({"start": moment, "width": 32, "format": "png"}, path, tmp_path / f"{number}")
        with Image.open(output.path) as image:
            assert image.convert("RGB").tobytes() == expected.tobytes()


@pytest.mark.ffmpeg
def test_the_commands_make_the_same_file_by_hand(make_video, workdir, tmp_path):
    import os
    import subprocess
    import sys

    from workers.engine.capabilities import ffmpeg_path

    source = make_video(seconds=1.0)
    done = run(KIND, {"width": 40, "start": 0.5}, source, workdir)
    by_hand = tmp_path / "hand"
    by_hand.mkdir()
    (by_hand / "source").symlink_to(source)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ffmpeg").symlink_to(ffmpeg_path())
    (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "python").chmod(0o755)
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": os.getcwd()}
    for command in done.plan["commands"]:
        subprocess.run(command, shell=True, cwd=by_hand, env=environment, check=True, capture_output=True)
    assert (by_hand / "image.jpg").read_bytes() == done.outputs[0].path.read_bytes()


@pytest.mark.ffmpeg
def test_frames_are_grabbed_no_larger_than_they_are_and_enlarged_by_pillow(make_video, workdir):
    source = make_video(size=(64, 48), seconds=1.0, corners=True)
    options = {"interval": 0.5, "width": 320, "height": 480, "fit": "cover", "format": "png"}
    done, image = made(options, source, workdir)
    assert "64:48" in " ".join(done.plan["steps"][0]["args"])
    assert (image.size, done.result.count) == ((320, 480), 2)
    assert near(image.getpixel((20, 20)), RED)
    assert near(image.getpixel((300, 460)), WHITE)
