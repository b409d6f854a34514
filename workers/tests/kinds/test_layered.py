"""Layers over stills and videos, looked at pixel by pixel."""

import array
import math

import ffmpeg
import pytest
from PIL import Image, ImageChops

from workers import graph
from workers.engine import host, pillow, runner
from workers.engine.errors import LimitExceeded, SourceUnreadable, SourceUnsupported
from workers.engine.limits import SourceLimits, task_limits
from workers.engine.pillow import read_layer
from workers.kinds import get_kind
from workers.layers import place
from workers.run import run
from workers.tests.media import RED, cornered, frames_of, near
from workers.tests.media import ffmpeg as ffmpeg_by_hand

IMAGE, VIDEO = get_kind("image"), get_kind("video")
BLACK, YELLOW = (0, 0, 0), (255, 255, 0)
pytestmark = pytest.mark.ffmpeg


@pytest.fixture
def black(tmp_path):
    """A black still of 120 × 80."""
    path = tmp_path / "black.png"
    Image.new("RGB", (120, 80)).save(path)
    return path


@pytest.fixture
def logo(tmp_path):
    """A yellow picture of 20 × 10."""
    path = tmp_path / "logo.png"
    Image.new("RGB", (20, 10), YELLOW).save(path)
    return path


def made(source, workdir, *layers, kind=IMAGE, **options):
    folder = workdir / f"run-{len(list(workdir.iterdir()))}"
    folder.mkdir()
    return run(kind, {"layers": list(layers), **options}, source, folder)


def still(source, workdir, *layers, **options):
    with Image.open(made(source, workdir, *layers, format="png", **options).outputs[0].path) as image:
        image.load()
        return image


def seen(image):
    """Where anything is: the box of what is not black."""
    return image.convert("RGB").getbbox()


def picture(path, **more):
    return {"kind": "image", "url": str(path), **more}


def box(**more):
    """A text in a box that hides it: its edges are those of the layer."""
    return {"kind": "text", "text": "Hi", "font_size": 20, "color": "#ffff00", "background": "#ffff00", **more}


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({}, (50, 35, 70, 45)),
        ({"position": "top-left"}, (0, 0, 20, 10)),
        ({"position": "bottom-right"}, (100, 70, 120, 80)),
        ({"position": "top-right", "margin": 5}, (95, 5, 115, 15)),
        ({"position": "bottom", "margin": "10%"}, (50, 62, 70, 72)),
        ({"position": "left", "margin": 5, "padding": 3}, (8, 35, 28, 45)),
        ({"x": 7, "y": 9}, (7, 9, 27, 19)),
        ({"x": "50%", "position": "bottom"}, (60, 70, 80, 80)),
        ({"x": -5, "y": 75}, (0, 75, 15, 80)),
        ({"width": 40}, (40, 30, 80, 50)),
        ({"height": "50%"}, (20, 20, 100, 60)),
        ({"width": 11, "height": 31, "x": 1, "y": 1}, (1, 1, 12, 32)),
        ({"width": 400, "height": 10, "y": 0}, (0, 0, 120, 10)),
        ({"rotation": 90}, (55, 30, 65, 50)),
        ({"rotation": 180, "position": "top-left"}, (0, 0, 20, 10)),
        ({"rotation": -90, "position": "bottom-right"}, (110, 60, 120, 80)),
    ],
)
def test_a_picture_lies_where_it_was_asked_for(black, logo, workdir, more, where):
    image = still(black, workdir, picture(logo, **more))
    assert seen(image) == where
    assert set(image.crop(where).get_flattened_data()) == {YELLOW}


def test_places_are_those_of_the_output_and_not_of_the_source(black, logo, workdir):
    framed = {"width": 60, "height": 60, "fit": "contain"}
    assert seen(still(black, workdir, picture(logo, position="bottom-right", width="50%"), **framed)) == (
        30,
        45,
        60,
        60,
    )


def test_layers_lie_over_each_other_in_order(black, logo, workdir, tmp_path):
    Image.new("RGB", (10, 10), RED).save(tmp_path / "red.png")
    red = picture(tmp_path / "red.png")
    image = still(black, workdir, picture(logo), red)
    assert image.getpixel((60, 40)) == RED
    assert image.getpixel((52, 40)) == YELLOW


@pytest.mark.parametrize(("angle", "size"), [(45, 22), (30, 23)])
def test_a_turned_layer_lies_within_its_margins(black, logo, workdir, angle, size):
    image = still(black, workdir, picture(logo, rotation=angle, position="top-left", margin=10))
    left, top, right, _ = seen(image)
    wide = math.ceil(20 * math.cos(math.radians(angle)) + 10 * math.sin(math.radians(angle)))
    assert wide == size
    assert abs(left - 10) <= 1
    assert abs(top - 10) <= 1
    assert abs(right - 10 - wide) <= 1
    grey = image.convert("L").get_flattened_data()
    assert sum(grey) / 226 == pytest.approx(20 * 10, rel=0.03)  # as much light as unturned: edges are smooth
    assert len({value for value in grey if 0 < value < 226}) > 3


def test_clockwise_is_clockwise(black, workdir, tmp_path):
    cornered((20, 20)).save(tmp_path / "corners.png")
    image = still(black, workdir, picture(tmp_path / "corners.png", rotation=90, x=0, y=0))
    assert near(image.getpixel((15, 4)), RED)  # top left has become top right


def test_opacity_mixes(black, logo, workdir):
    assert still(black, workdir, picture(logo, opacity=0.5)).getpixel((60, 40)) == (128, 128, 0)
    assert seen(still(black, workdir, picture(logo, opacity=0))) is None
    half = still(black, workdir, box(background="#ffff0080", color="#ffff0000"))
    assert half.getpixel((60, 40)) == (128, 128, 0)


def test_a_transparent_picture_stays_so_around_its_layers(tmp_path, workdir, logo):
    source = tmp_path / "clear.png"
    Image.new("RGBA", (40, 40)).save(source)
    image = still(source, workdir, picture(logo, opacity=0.5))
    assert image.mode == "RGBA"
    assert image.getpixel((20, 20)) == (255, 255, 0, 128)
    assert image.getpixel((2, 2))[3] == 0


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "gif"])
def test_every_format_shows_them(tmp_path, workdir, logo, name):
    grey = tmp_path / "grey.png"
    Image.new("L", (40, 40), 50).save(grey)
    done = made(grey, workdir, picture(logo), format=name, quality=100)
    with Image.open(done.outputs[0].path) as image:
        pixels = image.convert("RGB")
    assert near(pixels.getpixel((20, 20)), YELLOW)
    assert near(pixels.getpixel((3, 3)), (50, 50, 50))


def test_a_picture_over_a_picture_is_upright_and_in_srgb(black, make_image, workdir):
    image = still(black, workdir, picture(make_image(orientation=6, size=(30, 20)), x=0, y=0))
    assert near(image.getpixel((5, 5)), RED)
    assert seen(image) == (0, 0, 30, 20)


def test_the_first_frame_of_an_animation_is_shown(black, make_image, workdir):
    image = still(black, workdir, picture(make_image(".gif", size=(30, 20), frames=3), x=0, y=0))
    assert near(image.getpixel((5, 5)), RED)


# --- text ---


def test_text_is_white_sharp_and_in_the_middle(black, workdir):
    image = still(black, workdir, {"kind": "text", "text": "HH", "font_size": 40}).convert("L")
    left, top, right, bottom = seen(image)
    assert abs(left + right - 120) <= 2
    assert abs(top + bottom - 80) <= 3
    assert bottom - top == pytest.approx(0.727 * 40, abs=1.1)  # Inter's capitals
    values = image.get_flattened_data()
    assert values.count(255) > 5 * sum(50 < value < 205 for value in values) / 2


def test_size_is_a_share_of_the_height(black, workdir):
    def high(size):
        _, top, _, bottom = seen(still(black, workdir, {"kind": "text", "text": "H", "font_size": size}))
        return bottom - top

    assert high("50%") == high(40)
    assert high("25%") == pytest.approx(0.727 * 20, abs=1.1)


def test_a_box_has_the_size_of_its_text_and_padding(black, workdir):
    left, top, right, bottom = seen(still(black, workdir, box(position="top-left", margin=4)))
    assert (left, top) == (4, 4)
    wide, high = right - left, bottom - top
    assert seen(still(black, workdir, box(position="top-left", padding=10))) == (0, 0, wide + 20, high + 20)
    assert seen(still(black, workdir, box(position="bottom-right", width=77)))[::2] == (43, 120)
    two = seen(still(black, workdir, box(text="Hi\nHi", position="top-left")))
    assert two == (0, 0, wide, 2 * high)


def test_long_lines_are_broken_at_words(black, workdir):
    def lines(text, **more):
        box_seen = seen(still(black, workdir, box(text=text, position="top-left", font_size=10, **more)))
        return round(box_seen[3] / 12.1)

    assert lines("one two three", width=120) == 1
    assert lines("one two three", width=45) == 2
    assert lines("one two three", width=30) == 3
    assert lines("onetwothree", width=40) == 2
    assert lines("こんにちは世界", width=40) == 2
    assert lines("word " * 12) == 3  # without a width, the picture's


def test_lines_are_aligned(black, workdir):
    def ends(align):
        text = {"kind": "text", "text": "HHHH\nH", "font_size": 20, "align": align, "x": 0, "y": 0, "width": "100%"}
        image = still(black, workdir, text)
        return seen(image.crop((0, 24, 120, 48)))

    left, middle, right = ends("left"), ends("center"), ends("right")
    assert left[0] <= 3
    assert abs(middle[0] + middle[2] - 120) <= 2
    assert right[2] >= 117


def test_text_from_right_to_left_is_shown_so(black, workdir):
    def columns(text):
        image = still(black, workdir, {"kind": "text", "text": text, "font_size": 20, "x": 0, "y": 0}).convert("L")
        return image.resize((120, 1), Image.Resampling.BOX)

    alef, both = seen(columns("\u05d0")), seen(columns("\u05d0 abc"))
    assert alef[2] < 20
    shown = columns("\u05d0 abc")
    tail = shown.crop((both[2] - alef[2], 0, both[2], 1))
    assert (
        ImageChops.difference(tail, columns("\u05d0").crop((0, 0, alef[2], 1))).getextrema()[1] < 60
    )  # first at the right


def test_faces_and_outlines_differ(black, workdir):
    def light(**more):
        image = still(black, workdir, {"kind": "text", "text": "minimum", "font_size": 20, **more})
        return sum(image.convert("L").get_flattened_data())

    plain = light()
    assert light(bold=True) > 1.2 * plain
    assert light(weight=700) == light(bold=True)
    assert light(italic=True) != plain
    assert light(font="JetBrains Mono") != plain
    assert light(stroke_width=2, stroke_color="#ffffff") > 1.5 * plain
    assert light(stroke_width=2) == pytest.approx(plain, rel=0.02)  # black on black


def test_a_character_without_a_glyph_is_told_and_left_out(black, workdir):
    done = made(black, workdir, {"kind": "text", "text": "𐎀"})
    assert done.warnings == ("layers.0: no font has 𐎀, so that is left out.",)
    with Image.open(done.outputs[0].path) as image:
        assert seen(image) is None


def test_a_layer_larger_than_the_picture_is_cut_to_it(black, workdir):
    image = still(black, workdir, {"kind": "text", "text": "W" * 2000, "font_size": 8192, "rotation": 30})
    assert image.size == (120, 80)


# --- files that are none ---


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", SourceUnsupported, "the file is an SVG drawing; a layer needs"),
        (b"%PDF-1.7\n", SourceUnsupported, "the file is a PDF document; a layer needs a JPEG, PNG"),
        (b"\x00" * 100, SourceUnsupported, "the file is no picture that can be read; a layer needs"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, SourceUnreadable, "the picture is damaged"),
        (b"", SourceUnsupported, "the file is no picture that can be read"),
    ],
)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_file_that_is_no_picture_is_named_by_its_option(
    black, make_video, tmp_path, workdir, data, error, words, kind
):
    (tmp_path / "bad").write_bytes(data)
    source = black if kind == "image" else make_video(seconds=0.2)
    with pytest.raises(error) as caught:
        made(source, workdir, box(), picture(tmp_path / "bad"), kind=get_kind(kind))
    assert caught.value.message.startswith(f"layers.1.url: {words}")
    assert caught.value.param == "layers.1.url"


def test_a_picture_beyond_the_budget_is_refused_by_its_header(black, tmp_path, workdir, monkeypatch):
    Image.new("1", (9000, 2)).save(tmp_path / "wide.png")
    with pytest.raises(LimitExceeded) as caught:
        made(black, workdir, picture(tmp_path / "wide.png", width=10))
    assert caught.value.message == (
        "layers.0.url: the picture is 9000 × 2 pixels; at most 8192 on the longest edge are accepted."
    )


def test_a_damaged_picture_is_refused(black, make_image, workdir):
    with pytest.raises(SourceUnreadable) as caught:
        made(black, workdir, picture(make_image(".png", size=(200, 200), keep=0.6)))
    assert caught.value.param == "layers.0.url"


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_picture_is_held_to_the_tasks_own_budget(black, make_video, make_image, workdir, kind):
    limits = task_limits(kind, project={"source": {"edge": 300}})
    source = black if kind == "image" else make_video(seconds=0.2)
    with pytest.raises(LimitExceeded) as caught:
        run(get_kind(kind), {"layers": [picture(make_image(".png", size=(301, 8)))]}, source, workdir, limits=limits)
    assert caught.value.param == "layers.0.url"
    assert "301 × 8 pixels; at most 300" in caught.value.message


# --- videos ---


def test_a_layer_is_seen_in_its_time(make_video, logo, workdir):
    source = make_video(corners=True, seconds=1.0, fps=10)
    done = made(source, workdir, picture(logo, x=0, y=0, start=0.3, end=0.6), kind=VIDEO, quality=100)
    frames = frames_of(done.outputs[0].path)
    assert [near(frame.getpixel((8, 5)), YELLOW, 30) for frame in frames] == [3 <= number < 6 for number in range(10)]


def test_times_are_those_of_the_output(make_video, logo, workdir):
    source = make_video(corners=True, seconds=1.0, fps=10)
    done = made(source, workdir, picture(logo, x=0, y=0, end=0.2), kind=VIDEO, quality=100, start=0.5)
    frames = frames_of(done.outputs[0].path)
    assert [near(frame.getpixel((8, 5)), YELLOW, 30) for frame in frames] == [True, True, False, False, False]


def test_frames_keep_their_times_under_a_layer(make_video, logo, workdir, tmp_path):
    source = make_video(seconds=1.0, fps=29.97, size=(64, 48))
    (tmp_path / "plain").mkdir()
    bare = run(VIDEO, {}, source, tmp_path / "plain").outputs[0].probe
    over = made(source, workdir, picture(logo), box(), kind=VIDEO).outputs[0].probe
    assert (over.duration, over.frames, over.fps) == (bare.duration, bare.frames, bare.fps)
    assert over.video.time_base == bare.video.time_base


LAYERS = (
    {"position": "top-left", "margin": 3},
    {"position": "bottom-right", "margin": 5},
    {"position": "center"},
    {"x": 31, "y": 17},
    {"x": -7, "position": "bottom"},
    {"position": "right", "rotation": 20},
)


@pytest.mark.parametrize("more", LAYERS)
def test_a_still_and_a_video_show_the_same(make_video, workdir, tmp_path, more):
    source = make_video(corners=True, seconds=0.2, size=(120, 80))
    layer = {"kind": "text", "text": "Hg", "font_size": 25, "background": "#000000", **more}
    video = frames_of(made(source, workdir, layer, kind=VIDEO, quality=100).outputs[0].path)[0]
    (tmp_path / "still").mkdir()
    image = still(source, tmp_path / "still", layer)
    assert video.size == image.size
    # By their light: a video halves the resolution of colours.
    apart = ImageChops.difference(video.convert("L"), image.convert("L")).get_flattened_data()
    assert sum(value > 40 for value in apart) < 0.01 * len(apart)
    shifted = ImageChops.offset(image.convert("L"), 1, 0)
    moved = ImageChops.difference(video.convert("L"), shifted).get_flattened_data()
    assert sum(moved) > 3 * sum(apart)


def test_a_clear_video_stays_clear_around_its_layers(make_video, logo, workdir, tmp_path):
    nothing = ("-vf", "format=rgba,colorchannelmixer=aa=0,format=yuva420p", "-auto-alt-ref", "0")
    source = make_video(".webm", seconds=0.2, audio=None, codec="libvpx-vp9", pix_fmt="yuva420p", extra=nothing)
    done = made(source, workdir, picture(logo, opacity=0.5), kind=VIDEO, format="webm")
    assert done.outputs[0].probe.video.alpha
    (tmp_path / "look").mkdir()
    image = still(done.outputs[0].path, tmp_path / "look")
    assert near(image.getpixel((32, 24)), (255, 255, 0, 128), 16)
    assert image.getpixel((4, 4))[3] < 8


SDR, PQ, HLG = (("bt2020" if wide else "bt709", curve, "bt2020nc" if wide else "bt709") for wide, curve in (
    (False, "bt709"), (True, "smpte2084"), (True, "arib-std-b67")))  # fmt: skip


@pytest.mark.parametrize(
    ("pix_fmt", "colors", "white"),
    [
        ("yuv420p", SDR, 235),
        ("yuv422p10le", SDR, 940),
        ("yuva444p10le", SDR, 940),
        ("yuv420p10le", PQ, 573),  # 203 cd/m²: 58.1 % of the range from 64 to 940
        ("yuv420p10le", HLG, 721),  # 75 %
    ],
)
def test_white_is_white_in_every_kind_of_picture(workdir, pix_fmt, colors, white):
    layers = place(VIDEO.options.model_validate({"layers": [box(color="fff", background="fff")]}).layers, (64, 48))
    for step in graph.layer_steps(layers):
        host.call(step.op, {"cwd": str(workdir), "operations": dict(step.operations)})
    stream = ffmpeg.input("color=black:s=64x48:d=0.1", format="lavfi").filter("format", pix_fmt)
    tags = {"color_primaries": colors[0], "color_trc": colors[1], "colorspace": colors[2]}
    stream = graph.overlaid(stream.filter("setparams", range="tv", **tags), layers, pix_fmt=pix_fmt, colors=colors)
    options = {"format": "rawvideo", "c:v": "rawvideo", "frames:v": 1}
    runner.run(graph.output_args([stream], "frame.yuv", options), cwd=workdir, duration=None)
    raw = array.array("H" if "10" in pix_fmt else "B", (workdir / "frame.yuv").read_bytes())
    light = raw[: 64 * 48]
    assert (light[24 * 64 + 32], light[0]) == (white, 64 if "10" in pix_fmt else 16)


def test_ten_bit_pictures_stay_clear_around_their_layers(workdir):
    layers = place(VIDEO.options.model_validate({"layers": [box(opacity=0.5)]}).layers, (64, 48))
    for step in graph.layer_steps(layers):
        host.call(step.op, {"cwd": str(workdir), "operations": dict(step.operations)})
    stream = ffmpeg.input("color=black@0:s=64x48:d=0.1,format=rgba", format="lavfi").filter("format", "yuva444p10le")
    stream = graph.overlaid(stream, layers, pix_fmt="yuva444p10le", colors=SDR)
    options = {"format": "rawvideo", "c:v": "rawvideo", "frames:v": 1}
    runner.run(graph.output_args([stream], "frame.yuv", options), cwd=workdir, duration=None)
    raw = array.array("H", (workdir / "frame.yuv").read_bytes())
    light, alpha = raw[: 64 * 48], raw[-64 * 48 :]
    middle = 24 * 64 + 32
    assert (light[middle], alpha[middle], alpha[0]) == (
        pytest.approx(64 + 876 * 0.9278, abs=4), pytest.approx(512, abs=4), 0
    )  # fmt: skip


def test_commands_of_a_layered_video_make_it_again(make_video, logo, workdir):
    done = made(make_video(seconds=0.2), workdir, picture(logo), box(), kind=VIDEO)
    assert done.plan["files"] == [{"ref": str(logo), "name": "layer-0", "param": "layers.0.url"}]
    assert [step["tool"] for step in done.plan["steps"]] == ["layer", "layer", "ffmpeg"]
    assert str(workdir) not in str(done.plan["commands"])


@pytest.mark.parametrize("hdr", ["pq", "hlg"])
def test_an_hdr_layer_is_lit_as_the_picture_made_of_it(tmp_path, workdir, hdr):
    source, under = tmp_path / "hdr.avif", tmp_path / "under.png"
    transfer = {"pq": "smpte2084", "hlg": "arib-std-b67"}[hdr]
    yuv = "scale=out_color_matrix=bt2020:out_range=tv,format=yuv444p10le,setparams=color_primaries=bt2020:"
    yuv += f"color_trc={transfer}:colorspace=bt2020nc:range=tv"
    ffmpeg_by_hand("-f", "lavfi", "-i", "color=c=0x8c6e5a:s=32x32", "-vf", yuv, "-frames:v", "1", "-c:v", "libaom-av1",
                   "-crf", "4", "-cpu-used", "8", source)  # fmt: skip
    plain = still(source, workdir).convert("RGB").getpixel((16, 16))
    Image.new("RGB", (32, 32)).save(under)
    over = still(under, workdir, picture(source)).convert("RGB").getpixel((16, 16))
    assert near(over, plain, 8)
    assert not near(over, (0x8C, 0x6E, 0x5A), 20), "taken for SDR"


def test_layers_of_a_series_are_drawn_once(black, logo, monkeypatch, workdir):
    (workdir / "layer-0").symlink_to(logo)
    (workdir / "frame.png").symlink_to(black)
    framed = {"scaled": [120, 80], "crop": [0, 0], "size": [120, 80], "place": [0, 0], "canvas": [120, 80]}
    (spec,) = (placed.spec for placed in place(IMAGE.options(layers=[picture(logo)]).layers, (120, 80)))
    read = []
    monkeypatch.setattr(pillow, "read_layer", lambda *args, **more: read.append(args) or read_layer(*args, **more))
    for number, opacity in ((1, 1.0), (2, 1.0), (3, 0.5)):
        variant = framed | {"target": f"{number}.png", "format": "png", "quality": 80, "background": None}
        variant["layers"] = [spec | {"opacity": opacity}]
        asked = {"source": "frame.png", "type": None, "orient": True, "variants": [variant]}
        pillow.make_pictures(workdir, asked, SourceLimits())
    assert len(read) == 2, "once for the two that are alike"
    colors = [Image.open(workdir / f"{number}.png").convert("RGB").getpixel((60, 40)) for number in (1, 2, 3)]
    assert colors == [YELLOW, YELLOW, (128, 128, 0)]
