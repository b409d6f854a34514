"""Animations: planned without a process, made by ffmpeg from videos and by Pillow from pictures, looked at by frame."""

from dataclasses import replace

import pytest
from PIL import Image
from pydantic import ValidationError

from workers.encoders.animation import steady_rate, usual_rate
from workers.engine import headers
from workers.engine.errors import LimitExceeded, SourceUnreadable, SourceUnsupported
from workers.engine.probe import AudioStream, Probe, VideoStream, probe
from workers.kinds.animation import KIND, AnimationOptions, plan
from workers.kinds.base import Film, Source
from workers.run import run
from workers.tests.media import BLUE, CORNERS, GREEN, RED, WHITE, corner_colors, near

FORMATS = ("gif", "webp", "avif")


def moving(width=640, height=360, duration=10.0, fps=25.0, **facts):
    video = VideoStream(0, "h264", width, height, width, height, frame_rate=fps, **facts)
    whole = Probe("video", "video/mp4", "mp4", 1000, demuxer="mov,mp4", duration=duration, width=width, height=height,
                  videos=(video,), audios=(AudioStream(1, "aac", 2),))  # fmt: skip
    return Source(whole, lambda *_: None)


def planned(source, **options):
    return plan(AnimationOptions.model_validate(options), source)


def made(options, source, workdir):
    """What was done, its frames as a player shows them, and how long each is shown, ms."""
    done = run(KIND, options, source, workdir)
    path = done.outputs[0].path
    frames = []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(image.convert("RGBA"))
    with path.open("rb") as file:
        timing = headers.timing(file, done.result.format)
    return done, frames, timing


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_gif_is_made_in_two_passes_so_that_no_frames_wait_in_memory():
    found = planned(moving(), width=320, start=1, end=3)
    first, second = (" ".join(step.args) for step in found.steps)
    assert "palettegen=max_colors=256" in first
    assert "split" not in first + second
    assert "paletteuse" in second
    assert all("trim=duration=2[" in args and "fps=25/2:round=up" in args for args in (first, second))
    assert found.notes == ("The sound was left out: an animation has none.",)
    assert found.reads == "seek"


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_expected_is_told(name):
    (expected,) = planned(moving(), format=name, width=160, end=2.1).expected
    assert (expected.name, expected.type, expected.media_type) == (f"animation.{name}", f"image/{name}", "image")
    assert (expected.width, expected.height) == (160, 90)
    assert expected.duration == pytest.approx(2.1, abs=1 / 12.5)  # a last frame is shown as long as others


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, "gif"), ({"filename": "a.webp"}, "webp"), ({"filename": "a.png"}, "gif"), ({"format": "avifs"}, "avif")],
)
def test_the_format_is_asked_for_or_named_or_gif(options, expected):
    assert planned(moving(), **options).expected[0].container == expected


@pytest.mark.parametrize(
    ("name", "wanted", "kept"),
    [("gif", 25, 25), ("gif", 15, 100 / 7), ("gif", 30, 100 / 3), ("gif", 60, 50), ("gif", 1, 1), ("gif", 24, 25),
     ("webp", 15, 15), ("avif", 23.976, 24000 / 1001)],
)  # fmt: skip
def test_frames_of_a_gif_last_whole_hundredths(name, wanted, kept):
    assert float(steady_rate(name, wanted)) == pytest.approx(kept, abs=0.001)


def test_a_rate_that_a_gif_cannot_keep_is_told():
    note = "fps is 33.33 and not 30: frames of a GIF last whole hundredths of a second."
    assert note in planned(moving(), fps=30).notes
    assert planned(moving(), fps=25).notes == planned(moving()).notes


@pytest.mark.parametrize(
    ("own", "kept"), [(24.0, 12.0), (25.0, 12.5), (30.0, 15.0), (60.0, 15.0), (8.0, 8.0), (15.0, 15.0), (None, 15)]
)
def test_motion_stays_even(own, kept):
    assert usual_rate(own) == kept


def test_a_slow_video_is_not_made_faster():
    assert "fps=8/1:" in " ".join(planned(moving(fps=8.0), format="webp").steps[0].args)


@pytest.mark.parametrize(
    ("source", "options", "error", "words", "param"),
    [
        (moving(duration=None), {}, SourceUnsupported, "say how much of it with duration", None),
        (moving(1920, 1080, 600.0), {}, LimitExceeded, "7500 frames of 1920 × 1080 .* smaller or shorter", "width"),
        (moving(32, 32, 5000.0), {}, LimitExceeded, "at most 10000 are made", "fps"),
        (moving(), {"format": "avif", "width": 8}, SourceUnsupported, "avif needs 16 × 16", "width"),
        (moving(9000, 100), {}, LimitExceeded, "8192", None),
        (moving(), {"start": 10}, SourceUnsupported, "only 10 s long", "start"),
    ],
)
def test_what_cannot_be_made_is_told_before_anything_runs(source, options, error, words, param):
    with pytest.raises(error, match=words) as caught:
        planned(source, **options)
    assert caught.value.param == param


def test_a_picture_that_does_not_move_is_refused(make_image):
    from workers.run import source_from_path

    with pytest.raises(SourceUnsupported, match="does not move: ask for an image instead"):
        planned(source_from_path(make_image()))


@pytest.mark.parametrize(
    "options", [{"format": "png"}, {"format": "mp4"}, {"fps": 0}, {"fps": 61}, {"end": 1, "start": 2}]
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValidationError):
        AnimationOptions.model_validate(options)


def test_hdr_and_transparency_are_seen_to():
    found = planned(moving(hdr="pq", color_transfer="smpte2084", color_primaries="bt2020", color_matrix="bt2020nc"))
    assert "tonemap" in " ".join(found.steps[0].args)
    assert "HDR (PQ) was tone-mapped to SDR." in found.notes
    source = moving()
    clear = replace(source.probe, videos=(replace(source.probe.videos[0], codec="vp9", alpha=True),))
    assert "reserve_transparent=1" in " ".join(planned(replace(source, probe=clear)).steps[0].args)


# ── from videos ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", FORMATS)
def test_a_video_becomes_an_animation(make_video, workdir, name):
    source = make_video(seconds=1.0, size=(128, 96))
    done, frames, timing = made({"format": name, "width": 64, "fps": 10}, source, workdir)
    assert (done.result.type, done.result.width, done.result.height) == (f"image/{name}", 64, 48)
    assert (done.result.animated, done.result.frames, done.result.duration) == (True, 10, 1.0)
    assert timing == headers.Timing((100,) * 10, 0)
    assert len({frame.tobytes() for frame in frames}) == 10
    assert done.outputs[0].preview is not None


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", FORMATS)
def test_colors_survive_and_odd_sizes_come_out(make_video, workdir, name):
    source = make_video(size=(98, 66), corners=True, seconds=0.4, extra=("-crf", "5"))
    done, frames, _ = made({"format": name, "width": 49, "quality": 95}, source, workdir)
    assert (done.result.width, done.result.height) == ((48, 32) if name == "avif" else (49, 33))
    for frame in frames:
        assert all(near(color, CORNERS[place], 14) for place, color in corner_colors(frame).items())


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", FORMATS)
def test_a_transparent_video_stays_transparent(make_video, workdir, name):
    clear = "format=yuva420p,geq=lum=lum(X\\,Y):cb=cb(X\\,Y):cr=cr(X\\,Y):a=255*lt(X\\,32)"
    source = make_video(".webm", codec="libvpx-vp9", pix_fmt="yuva420p", seconds=0.4, audio=None,
                        extra=("-auto-alt-ref", "0", "-vf", clear))  # fmt: skip
    done, frames, _ = made({"format": name, "fps": 5}, source, workdir)
    assert done.result.transparency is True
    for frame in frames:
        assert frame.getpixel((8, 24))[3] > 247
        assert frame.getpixel((56, 24))[3] < 8


@pytest.mark.ffmpeg
@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_rotated_video_is_upright(make_video, workdir, rotate):
    source = make_video(rotate=rotate, size=(64, 48), corners=True, seconds=0.4)
    _, frames, _ = made({"fps": 5}, source, workdir)
    turned = {90: [GREEN, WHITE, RED, BLUE], 180: [WHITE, BLUE, GREEN, RED], 270: [BLUE, RED, WHITE, GREEN]}[rotate]
    assert all(near(a, b, 30) for a, b in zip(corner_colors(frames[0]).values(), turned, strict=True))


@pytest.mark.ffmpeg
def test_anamorphic_video_gets_square_pixels(make_video, workdir):
    source = make_video(size=(64, 48), sample_aspect=(2, 1), corners=True, seconds=0.4)
    done, _, _ = made({"height": 24, "format": "webp"}, source, workdir)
    assert (done.result.width, done.result.height) == (64, 24)


@pytest.mark.ffmpeg
def test_padding_is_transparent_or_of_the_color_asked_for(make_video, workdir, tmp_path):
    source = make_video(size=(64, 32), corners=True, seconds=0.4)
    options = {"width": 64, "height": 64, "fit": "contain", "fps": 5}
    _, frames, _ = made(options, source, workdir)
    assert frames[0].getpixel((32, 4))[3] == 0
    (tmp_path / "two").mkdir()
    _, frames, _ = made(options | {"background": "#00ffff", "format": "webp"}, source, tmp_path / "two")
    assert near(frames[0].getpixel((32, 4)), (0, 255, 255, 255), 8)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", FORMATS)
def test_a_span_begins_and_ends_where_asked(make_video, workdir, name):
    source = make_video(seconds=2.0, fps=25, size=(160, 120))
    done, _, timing = made({"format": name, "start": 0.5, "end": 1.3, "fps": 10}, source, workdir)
    assert (done.result.frames, sum(timing.delays)) == (8, 800)


@pytest.mark.ffmpeg
def test_the_first_frame_of_a_span_is_the_one_shown_then(make_video, workdir, tmp_path):
    from workers.kinds import get_kind

    source = make_video(seconds=2.0, fps=25, size=(160, 120), extra=("-crf", "5"))
    _, frames, _ = made({"format": "webp", "start": 1.0, "end": 1.4, "fps": 5, "quality": 100}, source, workdir)
    (tmp_path / "still").mkdir()
    still = run(get_kind("image"), {"start": 1.0, "format": "png"}, source, tmp_path / "still")
    with Image.open(still.outputs[0].path) as image:
        expected = image.convert("RGB")
    near_enough = [near(first[:3], second, 40) for first, second in zip(
        frames[0].resize((16, 12)).get_flattened_data(), expected.resize((16, 12)).get_flattened_data(), strict=True
    )]  # fmt: skip
    assert all(near_enough)


@pytest.mark.ffmpeg
def test_uneven_frames_are_shown_for_their_time(make_video, workdir):
    # Nothing new between 0.2 and 1.2 s.
    source = make_video(".mkv", seconds=2.0, fps=25, size=(64, 48), audio=None,
                        extra=("-vf", "select='lt(t,0.2)+gt(t,1.2)',format=yuv420p", "-fps_mode", "vfr"))  # fmt: skip
    done, _, timing = made({"start": 0.5, "end": 1.5, "fps": 10, "format": "gif"}, source, workdir)
    assert sum(timing.delays) == 1000
    assert done.result.duration == 1.0


@pytest.mark.ffmpeg
def test_a_still_video_becomes_a_webp_all_the_same(make_video, workdir):
    source = make_video(corners=True, seconds=0.6, codec="ffv1", audio=None, suffix=".mkv")
    done = run(KIND, {"format": "webp"}, source, workdir)
    assert done.result.width == 64


@pytest.mark.ffmpeg
def test_quality_is_size(make_video, tmp_path):
    source = make_video(seconds=0.6, size=(160, 120))
    for name in FORMATS:
        sizes = []
        for quality in ("very_low", "medium", "very_high"):
            folder = tmp_path / f"{name}-{quality}"
            folder.mkdir()
            sizes.append(run(KIND, {"format": name, "quality": quality, "fps": 5}, source, folder).result.filesize)
        assert sizes[0] < sizes[1] <= sizes[2]


@pytest.mark.ffmpeg
def test_a_video_cut_short_is_told(make_video, workdir):
    source = make_video(".mkv", seconds=4.0, size=(160, 120), keep=0.4, audio=None)
    assert probe(source).duration == pytest.approx(4.0, abs=0.1)
    with pytest.raises(Exception, match="damaged or cut short") as caught:
        run(KIND, {"width": 32}, source, workdir)
    assert caught.value.message.endswith(".")


# ── from pictures ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", FORMATS)
def test_an_animated_picture_becomes_another(make_image, workdir, name):
    source = make_image(".gif", frames=3, duration=[100, 300, 200])
    done, frames, timing = made({"format": name, "width": 32, "start": 0.05, "end": 0.5}, source, workdir)
    assert timing == headers.Timing((50, 300, 100), 0)  # the GIF said once; an animation is for ever
    assert (done.result.width, done.result.height, len(frames)) == (32, 24, 3)
    assert done.plan["steps"][0]["operations"]["film"] == {"start": 0.05, "end": 0.5, "fps": None, "endless": True}


def test_a_rate_chooses_frames(make_image, workdir):
    source = make_image(".webp", frames=6, duration=50)
    _, frames, timing = made({"format": "gif", "fps": 10}, source, workdir)
    assert (len(frames), timing.delays) == (3, (100, 100, 100))


def test_the_plan_of_a_picture_is_pure_data():
    from workers.engine.probe import Image as ImageFacts

    image = ImageFacts("webp", "RGB", 40, 30, frames=3, animated=True, plays=2)
    whole = Probe("image", "image/webp", "webp", 1000, duration=0.6, width=40, height=30, image=image)
    found = planned(Source(whole, lambda *_: None), fps=30)
    assert found.steps[0].film == Film(0.0, 0.6, 100 / 3, endless=True)
    assert found.notes == ("fps is 33.33 and not 30: frames of a GIF last whole hundredths of a second.",)


def test_a_damaged_picture_is_told(make_image, workdir):
    source = make_image(".webp", size=(160, 120), frames=4, duration=100, keep=0.7)
    with pytest.raises(SourceUnreadable):
        run(KIND, {}, source, workdir)
