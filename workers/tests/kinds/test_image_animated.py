"""Animated pictures stay animated: every frame framed, each for its time, as often as before."""

from itertools import pairwise

import pytest
from PIL import Image

from workers.engine import animated, headers
from workers.engine.errors import LimitExceeded, MediaError, OutputMismatch, SourceUnsupported
from workers.engine.probe import Image as ImageFacts
from workers.engine.probe import Probe, probe
from workers.kinds.base import Film, Source
from workers.kinds.image import KIND, ImageOptions, plan
from workers.run import run
from workers.tests.media import CORNERS, GREEN, RED, corner_colors, near

MOVING = ("gif", "webp", "avif", "png")
DURATIONS = [100, 300, 200]


def frames(path):
    """Every frame as a player shows it."""
    with Image.open(path) as image:
        found = []
        for number in range(image.n_frames):
            image.seek(number)
            found.append(image.convert("RGBA"))
        return found


def delays(path):
    with path.open("rb") as file:
        return headers.timing(file, probe(path).image.format)


def film(width=400, height=300, name="gif", frames=10, duration=1.0, **facts):
    image = ImageFacts(name, "RGB", width, height, frames=frames, animated=True, **facts)
    whole = Probe("image", f"image/{name}", name, 1000, duration=duration, width=width, height=height, image=image)
    return Source(whole, lambda *_: None)


def planned(source, **options):
    return plan(ImageOptions.model_validate(options), source)


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", MOVING)
def test_what_moves_is_made_into_what_moves(name):
    found = planned(film(), format=name, width=100)
    assert found.steps[0].film == Film()
    assert (found.expected[0].width, found.expected[0].height, found.expected[0].duration) == (100, 75, 1.0)


@pytest.mark.parametrize("name", ["jpeg", "heic"])
def test_where_the_format_cannot_move_the_first_frame_is_used_and_that_is_said(name):
    found = planned(film(), format=name)
    assert found.steps[0].film is None
    assert found.notes == ("Only the first of 10 frames was used.",)


def test_a_moment_of_an_animation_is_a_still():
    found = planned(film(), start=0.55)
    assert (found.steps[0].film, found.steps[0].moment) == (None, 0.55)
    assert found.notes == ("Only the frame shown at 0.55 s of 10 frames was used.",)
    with pytest.raises(SourceUnsupported, match="start is 1 s, but the input is only 1 s long") as caught:
        planned(film(), start=1)
    assert caught.value.param == "start"


def test_start_means_nothing_to_a_still():
    source = film(name="jpeg", frames=1, duration=None)
    found = planned(Source(source.probe.__class__(**{**vars(source.probe), "image": ImageFacts("jpeg", "RGB", 4, 3)}),
                           lambda *_: None), start=2)  # fmt: skip
    assert found.notes == ("start has no meaning for a picture that does not move.",)


@pytest.mark.parametrize(
    ("source", "options", "words", "param"),
    [
        (film(8000, 8000, frames=100), {"width": 10}, "has 100 frames of 8000 × 8000 pixels", None),
        (film(frames=1000), {"width": 4000}, "would have 1000 frames of 4000 × 3000 .* smaller or shorter", "width"),
        (film(1000, 500, frames=301), {"format": "avif"}, "at most 150 megapixels", "width"),
    ],
)
def test_too_many_pixels_are_refused_before_any_is_decoded(source, options, words, param):
    with pytest.raises(LimitExceeded, match=words) as caught:
        planned(source, **options)
    assert caught.value.param == param


def test_an_end_that_avif_cannot_keep_is_told():
    assert planned(film(plays=3), format="avif").notes == (
        "The animation plays for ever, not 3 times: AVIF files are written so.",
    )
    assert planned(film(plays=0), format="avif").notes == ()


@pytest.mark.parametrize(
    ("start", "end", "fps", "expected"),
    [
        (0.0, None, None, [(0, 100), (1, 300), (2, 200)]),
        (0.05, 0.5, None, [(0, 50), (1, 300), (2, 100)]),
        (0.1, 0.4, None, [(1, 300)]),
        (0.0, None, 10, [(0, 100), (1, 300), (2, 200)]),
        (0.0, None, 4, [(0, 250), (1, 250), (2, 100)]),
        (0.0, None, 1, [(0, 600)]),
        (0.2, 99.0, 30, [(1, 200), (2, 200)]),
    ],
)
def test_frames_are_chosen_by_time(start, end, fps, expected):
    assert animated.chosen(DURATIONS, start, end, fps) == expected


def test_the_frame_of_a_moment():
    assert [animated.shown_at(DURATIONS, moment) for moment in (0, 0.0999, 0.1, 0.39, 0.4, 9)] == [0, 0, 1, 1, 2, 2]


def test_frames_in_a_hurry_are_shown_as_browsers_show_them():
    assert headers.shown((0, 10, 20, 50), 5, 0) == headers.Timing((100, 100, 20, 50, 100), 0)


# ── made ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".avif", ".png"])
def test_every_frame_is_there_for_its_time(make_image, workdir, suffix, name):
    source = make_image(suffix, frames=3, duration=DURATIONS, loop=0)
    assert probe(source).duration == 0.6
    done = run(KIND, {"width": 32, "format": name, "quality": 95}, source, workdir)
    assert (done.result.animated, done.result.frames, done.result.duration) == (True, 3, 0.6)
    assert (done.result.width, done.result.height, done.result.transparency) == (32, 24, False)
    assert delays(done.outputs[0].path) == headers.Timing(tuple(DURATIONS), 0)
    colors = list(CORNERS.values())
    for shift, frame in enumerate(frames(done.outputs[0].path)):
        found = list(corner_colors(frame).values())
        assert all(near(found[place], colors[(place + shift) % 4], 30) for place in range(4))


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_transparency_moves_along(make_image, workdir, suffix, name):
    # Not quite transparent: Pillow's own WebP would say that nothing is.
    clear = {"alpha": 0, "disposal": 2} if suffix == ".gif" else {"alpha": 3}
    source = make_image(suffix, frames=3, duration=100, **clear)
    done = run(KIND, {"width": 32, "format": name}, source, workdir)
    assert (done.result.frames, done.result.transparency) == (3, True)
    for frame in frames(done.outputs[0].path):
        assert frame.getpixel((24, 6))[3] < 8
        assert frame.getpixel((8, 6))[3] > 250


def test_a_webp_that_is_transparent_only_where_nothing_is_drawn_says_so(make_image, workdir):
    source = make_image(".png", frames=3, duration=100, alpha=0)
    done = run(KIND, {"format": "webp"}, source, workdir)
    assert done.result.transparency is True
    assert [frame.getpixel((48, 12))[3] for frame in frames(done.outputs[0].path)] == [0, 0, 0]


def test_a_background_goes_under_every_frame(make_image, workdir):
    source = make_image(".png", frames=3, duration=100, alpha=0)
    done = run(KIND, {"format": "gif", "background": "#fff"}, source, workdir)
    assert done.warnings == ("Transparent parts were put on #ffffff.",)
    assert all(near(frame.getpixel((50, 12)), (255, 255, 255, 255), 4) for frame in frames(done.outputs[0].path))


@pytest.mark.parametrize("plays", [1, 3])
@pytest.mark.parametrize("name", ["gif", "webp", "png"])
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_it_plays_as_often_as_before(make_image, workdir, suffix, name, plays):
    # A GIF says how often it repeats: once played it says nothing.
    loop = {"loop": plays} if suffix != ".gif" else {"loop": plays - 1} if plays > 1 else {}
    source = make_image(suffix, frames=2, duration=100, **loop)
    assert probe(source).image.plays == plays
    done = run(KIND, {"format": name}, source, workdir)
    assert done.outputs[0].probe.image.plays == plays


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_turns_every_frame(make_image, workdir, orientation):
    source = make_image(".webp", frames=2, duration=100, orientation=orientation, quality=95)
    done = run(KIND, {"format": "png", "width": 32}, source, workdir)
    assert (done.result.width, done.result.height) == (32, 24)
    first, second = (corner_colors(frame) for frame in frames(done.outputs[0].path))
    assert near(first["top-left"], RED, 40)
    assert near(second["top-left"], GREEN, 40)


def test_what_stays_the_same_stays_still_in_a_gif(make_image, workdir, tmp_path):
    source = tmp_path / "noise.webp"
    still = Image.effect_noise((96, 64), 60).convert("RGB")
    moved = still.copy()
    moved.paste((255, 0, 0), (8, 8, 24, 24))
    still.save(source, save_all=True, append_images=[moved, still], duration=100, lossless=True)
    done = run(KIND, {"format": "gif"}, source, workdir)
    first, second, third = frames(done.outputs[0].path)
    right = (32, 0, 96, 64)
    assert first.crop(right).tobytes() == second.crop(right).tobytes() == third.crop(right).tobytes()
    assert near(second.getpixel((16, 16)), (255, 0, 0, 255), 8)
    assert done.result.filesize < 2 * 96 * 64


def test_few_colors_come_out_exactly(make_image, workdir):
    source = make_image(".png", frames=3, duration=100)
    done = run(KIND, {"format": "gif"}, source, workdir)
    assert [frame.tobytes() for frame in frames(done.outputs[0].path)] == [frame.tobytes() for frame in frames(source)]


def test_sixty_frames_a_second_keep_their_time_in_a_gif(make_image, workdir):
    source = make_image(".webp", frames=12, duration=[17, 17, 16] * 4)
    done = run(KIND, {"format": "gif"}, source, workdir)
    found = delays(done.outputs[0].path).delays
    assert min(found) >= 20
    assert sum(found) == 200


def test_a_still_behind_an_animated_png_is_not_a_frame(make_image, workdir, tmp_path):
    source = tmp_path / "cover.png"
    parts = [Image.new("RGB", (32, 32), color) for color in ("black", "red", "lime")]
    parts[0].save(source, save_all=True, default_image=True, append_images=parts[1:], duration=[100, 200])
    assert (probe(source).frames, probe(source).duration) == (2, 0.3)
    done = run(KIND, {"format": "gif"}, source, workdir)
    assert [frame.getpixel((3, 3)) for frame in frames(done.outputs[0].path)] == [(255, 0, 0, 255), (0, 255, 0, 255)]


def test_frames_that_never_change_make_a_still(workdir, tmp_path):
    source = tmp_path / "same.gif"
    Image.effect_noise((32, 32), 50).save(source)
    data = source.read_bytes()
    head = 13 + (3 << ((data[10] & 7) + 1))
    source.write_bytes(data[:head] + 2 * data[head:-1] + b";")
    assert probe(source).frames == 2
    for name in MOVING:
        folder = workdir / name
        folder.mkdir()
        assert run(KIND, {"format": name}, source, folder).result.width == 32


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".avif", ".png"])
def test_an_animation_cut_short_is_told(make_image, workdir, suffix):
    source = make_image(suffix, size=(160, 120), frames=4, duration=100, keep=0.7)
    with pytest.raises(MediaError) as caught:
        run(KIND, {}, source, workdir)
    assert not isinstance(caught.value, OutputMismatch)
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("name", MOVING)
def test_hundreds_of_frames_take_no_more_memory_than_a_few(make_image, tmp_path, name):
    from workers.engine import host

    def resident(count):
        source = tmp_path / f"{name}-{count}.webp"
        shades = [Image.new("RGB", (640, 480), (shade % 256, 99, 9)) for shade in range(count)]
        shades[0].save(source, save_all=True, append_images=shades[1:], duration=50, method=0, quality=1)
        folder = tmp_path / f"{name}-{count}"
        folder.mkdir()
        host.end()
        run(KIND, {"format": name, "width": 64}, source, folder)
        (peak,) = [line for line in _status(host.call("ping", {})) if line.startswith("VmHWM")]
        return int(peak.split()[1]) // 1024

    few, many = resident(4), resident(120)  # 120 frames are 140 MB
    assert many - few < 60


def _status(pid):
    from pathlib import Path

    return Path(f"/proc/{pid}/status").read_text().splitlines()


def test_delays_rise_never_backwards(make_image, workdir):
    source = make_image(".gif", frames=4, duration=[30, 40, 50, 60])
    done = run(KIND, {"format": "avif"}, source, workdir)
    found = delays(done.outputs[0].path).delays
    assert all(first < second for first, second in pairwise(found))
