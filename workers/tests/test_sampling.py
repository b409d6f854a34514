"""Frames that stand for pictures and videos: which, how many, upright and in the right colours."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from workers.engine.errors import SourceUnreadable, SourceUnsupported
from workers.execution import execute_steps
from workers.kinds import get_kind
from workers.plans import FfmpegStep, Plan
from workers.run import run, source_from_path
from workers.seen import sampling
from workers.seen.blank import is_blank, small
from workers.seen.frame_choice import Candidate, choose_frames, chosen
from workers.seen.sampling import FRAMES, sampled, sampling_notes
from workers.tests.media import BLUE, GREEN, RED, WHITE, ffmpeg, near, upright

pytestmark = pytest.mark.ffmpeg


@pytest.fixture
def sample(workdir, report):
    """sample(path, most=…, size=…): the list of frames, and the pictures by their order."""

    def sampled_of(path: Path, *, most: int = 16, size: int = 64, **more) -> tuple[dict, list[Image.Image]]:
        source = source_from_path(path)
        source.fetch(workdir / "source", "whole")
        execute_steps(Plan(sampled(source, most=most, size=size, **more), ()), source, workdir, report)
        listed = json.loads((workdir / FRAMES).read_text())
        assert sorted(item.name for item in workdir.iterdir()) == sorted(
            [FRAMES, "source", *(frame["file"] for frame in listed["frames"])]
        )  # nothing else is left behind
        return listed, [Image.open(workdir / frame["file"]).convert("RGB") for frame in listed["frames"]]

    return sampled_of


@pytest.fixture
def scenes(tmp_path):
    """scenes((color, seconds), …): a video of plain scenes, with pictures that move a little in each."""

    def made(*parts: tuple[tuple[int, int, int], float], gop: int = 250, suffix: str = ".mp4") -> Path:
        inputs, labels = [], ""
        for number, (color, seconds) in enumerate(parts):
            told = "0x{:02x}{:02x}{:02x}".format(*color)
            inputs += ["-f", "lavfi", "-i", f"color={told}:s=96x64:r=20:d={seconds}"]
            labels += f"[{number}:v]"
        path = tmp_path / f"scenes{len(list(tmp_path.iterdir()))}{suffix}"
        ffmpeg(*inputs, "-filter_complex", f"{labels}concat=n={len(parts)},noise=alls=4:allf=t,format=yuv420p", "-c:v",
               "libx264", "-preset", "ultrafast", "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0",
               path)  # fmt: skip
        return path

    return made


SCENES = ((RED, 1.3), (GREEN, 0.7), (BLUE, 2.0), (WHITE, 0.5), (RED, 1.5))


def test_every_scene_has_a_frame_from_its_beginning_on(sample, scenes):
    listed, pictures = sample(scenes(*SCENES), every=60)
    assert [frame["time"] for frame in listed["frames"]] == pytest.approx([0.0, 1.3, 2.0, 4.0, 4.5], abs=0.051)
    assert [frame["file"] for frame in listed["frames"]] == [f"frame-0000{number}.jpg" for number in range(1, 6)]
    assert listed["duration"] == pytest.approx(6.0, abs=0.05)
    for picture, (color, _) in zip(pictures, SCENES, strict=True):
        assert near(picture.getpixel((30, 20)), color)
        assert picture.size == (64, 43)


def test_a_shot_that_goes_on_has_a_frame_every_so_often(sample, make_video):
    listed, _ = sample(make_video(seconds=5.0, size=(64, 48), audio=None), every=1.0)
    times = [frame["time"] for frame in listed["frames"]]
    assert times[0] == 0.0
    assert max(after - before for before, after in itertools.pairwise([*times, 5.0])) <= 1.05


def test_a_picture_that_stays_the_same_is_taken_once(sample, make_video):
    listed, pictures = sample(make_video(seconds=5.0, size=(64, 48), audio=None, corners=True), every=1.0)
    assert [frame["time"] for frame in listed["frames"]] == [0.0]
    assert upright(pictures[0])


def test_there_are_no_more_frames_than_asked_for_and_they_cover_the_whole(sample, make_video):
    listed, _ = sample(make_video(seconds=6.0, size=(64, 48), audio=None), most=3, every=0.1)
    times = [frame["time"] for frame in listed["frames"]]
    assert len(times) == 3
    assert [int(time / 2.0) for time in times] == [0, 1, 2]


def test_of_a_long_video_key_frames_are_decoded_and_nothing_else(sample, make_video, monkeypatch, report):
    monkeypatch.setattr(sampling, "MOST_DECODED", 1000)
    listed, _ = sample(make_video(seconds=4.0, size=(64, 48), audio=None, extra=("-g", "10")), every=1.0)
    assert len(listed["frames"]) >= 4
    told = [step for step, _ in report.runs if step.startswith("ffmpeg")]
    assert ["-skip_frame nokey" in command for command in told] == [True]


def test_a_long_video_with_hardly_any_key_frames_is_decoded_after_all(sample, scenes, monkeypatch, report):
    monkeypatch.setattr(sampling, "MOST_DECODED", 1000)
    listed, pictures = sample(scenes(*SCENES), every=1.0)
    assert len(listed["frames"]) >= 5
    assert near(pictures[1].getpixel((30, 20)), GREEN) or near(pictures[2].getpixel((30, 20)), GREEN)
    told = [step for step, _ in report.runs if step.startswith("ffmpeg")]
    assert ["-skip_frame nokey" in command for command in told] == [True, False]


def test_where_the_length_is_not_known_all_of_it_is_looked_at_all_the_same(workdir, report, scenes):
    """Raw H.264 does not tell how long it is."""
    path = scenes(*SCENES, gop=20, suffix=".h264")
    source = source_from_path(path)
    source = replace(source, probe=replace(source.probe, duration=None))
    source.fetch(workdir / "source", "whole")
    execute_steps(Plan(sampled(source, most=8, size=64, every=1.0), ()), source, workdir, report)
    listed = json.loads((workdir / FRAMES).read_text())
    assert listed["duration"] is None
    assert 5 <= len(listed["frames"]) <= 8
    assert listed["frames"][-1]["time"] >= 4.4


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_still_comes_upright(sample, make_image, orientation):
    listed, (picture,) = sample(make_image(size=(80, 60), orientation=orientation))
    frame = {"file": "frame-00001.jpg", "time": 0.0, "new": 0.0}
    assert listed == {"frames": [frame], "begin": 0.0, "duration": None}
    assert picture.size == (64, 48)
    assert upright(picture)


def test_a_small_picture_is_not_enlarged(sample, make_image):
    _, (picture,) = sample(make_image(".png", size=(40, 30)), size=640)
    assert picture.size == (40, 30)


def test_a_turned_video_with_stretched_pixels_comes_as_it_is_shown(sample, make_video):
    path = make_video(seconds=0.4, size=(64, 48), rotate=90, sample_aspect=(2, 1), audio=None, corners=True)
    probe = source_from_path(path).probe
    _, (picture,) = sample(path, size=200)
    assert picture.size == (probe.width, probe.height) == (48, 128)


@pytest.mark.parametrize("suffix", [".png", ".avif"])
def test_an_hdr_picture_is_tone_mapped_as_any_other_output_is(sample, make_image, tmp_path, suffix):
    path = make_image(suffix, size=(64, 48), hdr="pq")
    (tmp_path / "image").mkdir()
    done = run(get_kind("image"), {"format": "png"}, path, tmp_path / "image")
    _, (picture,) = sample(path)
    with Image.open(done.outputs[0].path) as image:
        assert picture.size == image.size
        for place in ((16, 12), (48, 12), (16, 36), (48, 36)):
            assert near(picture.getpixel(place), image.convert("RGB").getpixel(place), 6)


def test_what_is_transparent_lies_on_white(sample, make_image):
    _, (picture,) = sample(make_image(".png", size=(64, 48), alpha=0))
    assert near(picture.getpixel((60, 40)), (255, 255, 255))
    assert near(picture.getpixel((10, 10)), RED)


def test_an_animation_gives_the_frames_that_differ(sample, tmp_path):
    frames = [Image.new("RGB", (40, 30), color) for color in (RED, RED, GREEN, GREEN, BLUE)]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[300, 300, 400, 400, 600], loop=0)
    listed, pictures = sample(path, every=0.2)
    assert [round(frame["time"], 1) for frame in listed["frames"]] == [0.0, 0.6, 1.4]
    assert listed["duration"] == pytest.approx(2.0)
    for picture, color in zip(pictures, (RED, GREEN, BLUE), strict=True):
        assert near(picture.getpixel((20, 15)), color)


def test_a_line_of_text_that_comes_up_is_a_new_picture(sample, tmp_path):
    """It changes few pixels, and no scene."""
    for number in range(2):
        image = Image.new("RGB", (640, 360), (40, 60, 80))
        if number:
            ImageDraw.Draw(image).text((250, 320), "and now the news", fill="white", font_size=18)
        image.save(tmp_path / f"{number}.png")
    path = tmp_path / "captioned.mp4"
    stills = ("-loop", "1", "-framerate", "10", "-t", "2", "-i")
    joined = ("-filter_complex", "concat=n=2,format=yuv420p")
    ffmpeg(*stills, tmp_path / "0.png", *stills, tmp_path / "1.png", *joined, path)
    listed, _ = sample(path, size=640, every=1.0)
    assert len(listed["frames"]) == 2
    assert 2.0 <= listed["frames"][1]["time"] <= 3.0


def test_what_is_fine_keeps_its_contrast_in_a_smaller_frame(sample, tmp_path):
    """Lines of two pixels, six apart, at half the size: letters of small print are no wider."""
    image = Image.new("RGB", (192, 128), (128, 128, 128))
    for x in range(0, 192, 6):
        ImageDraw.Draw(image).rectangle((x, 0, x + 1, 127), fill=(190, 190, 190))
    image.save(tmp_path / "lines.png")
    ffmpeg("-loop", "1", "-i", tmp_path / "lines.png", "-t", "0.4", "-vf", "format=yuv420p", "-c:v", "libx264", "-qp",
           "0", tmp_path / "lines.mp4")  # fmt: skip
    _, (picture,) = sample(tmp_path / "lines.mp4", size=96)
    best = image.resize((96, 64), Image.Resampling.LANCZOS)
    (dark, pale), (least, most) = (part.convert("L").crop((9, 30, 87, 31)).getextrema() for part in (picture, best))
    assert pale - dark >= 0.9 * (most - least)


def test_what_has_no_picture_is_refused(make_audio):
    with pytest.raises(SourceUnsupported, match="no picture"):
        sampled(source_from_path(make_audio()), most=4, size=64)


def test_a_video_of_which_nothing_can_be_decoded_says_so(workdir, report, make_video):
    path = make_video(seconds=1.0, size=(64, 48), audio=None)
    source = source_from_path(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 20_000] = bytes(min(20_000, len(data) - start))
    path.write_bytes(data)
    source.fetch(workdir / "source", "whole")
    with pytest.raises(SourceUnreadable):
        execute_steps(Plan(sampled(source, most=4, size=64), ()), source, workdir, report)


def test_streams_that_are_not_looked_at_are_told(make_video, make_image):
    facts = source_from_path(make_video(seconds=0.2)).probe
    two = replace(facts, videos=(*facts.videos, replace(facts.videos[0], index=7, default=False)))
    assert sampling_notes(facts) == ()
    assert sampling_notes(two) == ("1 more video stream was not looked at.",)
    assert sampling_notes(source_from_path(make_image()).probe) == ()


def test_a_frame_whose_time_is_not_told_is_passed_over_and_moves_no_other(tmp_path):
    for number, shade in enumerate((20, 120, 220), start=1):
        Image.new("RGB", (32, 18), (shade, 0, 0)).save(tmp_path / f"candidate-{number:05}.jpg")
    (tmp_path / "scores.txt").write_text(
        "frame:0    pts:0       pts_time:0\nlavfi.scene_score=0.000\n"
        "frame:1    pts:NOPTS   pts_time:NOPTS\nlavfi.scene_score=nan\n"
        "frame:2    pts:1024    pts_time:2.5\nlavfi.scene_score=1.2.3\n"
    )
    due = {"every": 2.0, "cut": 0.1, "more": 4}
    choose_frames(tmp_path, {"scores": "scores.txt", "most": 3, "duration": 4.0, "target": FRAMES, **due})
    listed = json.loads((tmp_path / FRAMES).read_text())["frames"]
    assert [(one["file"], one["time"]) for one in listed] == [("frame-00001.jpg", 0.0), ("frame-00002.jpg", 2.5)]
    with Image.open(tmp_path / "frame-00002.jpg") as last:
        assert near(last.getpixel((5, 5)), (220, 0, 0))


def faded(path: Path, seconds: float, *fades: str) -> Path:
    """A scene of red and grey halves that is shown and hidden by these fades from and to black, so smoothly that no cut
    is seen in them."""
    drawn = f"color=gray:s=96x64:r=50:d={seconds},drawbox=0:0:48:64:color=red:t=fill"
    chain = ",".join((drawn, *(f"fade={fade}" for fade in fades), "format=yuv420p"))
    ffmpeg("-f", "lavfi", "-i", chain, "-c:v", "libx264", "-preset", "ultrafast", path)
    return path


def test_what_begins_black_is_looked_at_where_something_is_to_be_seen(sample, tmp_path):
    listed, (picture,) = sample(faded(tmp_path / "in.mp4", 3.0, "in:st=0.5:d=0.4"))
    assert [frame["time"] for frame in listed["frames"]] == [1.0]
    assert listed["begin"] == 1.0
    assert near(picture.getpixel((10, 20)), (255, 0, 0), 16)


def test_a_clip_shorter_than_the_steps_is_not_judged_by_its_black_beginning(sample, tmp_path):
    listed, (picture,) = sample(faded(tmp_path / "clip.mp4", 1.0, "in:st=0.3:d=0.2"))
    assert [frame["time"] for frame in listed["frames"]] == [0.52]
    assert near(picture.getpixel((10, 20)), (255, 0, 0), 16)


def test_a_short_scene_between_two_steps_at_which_all_is_black_is_seen(sample, tmp_path):
    """Frames are due at 4 and 6 s."""
    shown = faded(tmp_path / "scene.mp4", 8.0, "in:st=4.45:d=0.4", "out:st=5.1:d=0.4")
    listed, pictures = sample(shown)
    assert [frame["time"] for frame in listed["frames"]] == [0.0, 5.0, 6.0]
    assert [near(picture.getpixel((10, 20)), (255, 0, 0), 16) for picture in pictures] == [False, True, False]


def test_spare_frames_put_no_cut_off(sample, scenes):
    """Cuts soon after a spare one (0.5 s apart) are seen as they were without any."""
    parts = ((RED, 0.6), (GREEN, 0.45), (BLUE, 0.55), (WHITE, 0.9), (RED, 1.0))
    listed, _ = sample(scenes(*parts), most=8)
    assert [frame["time"] for frame in listed["frames"]] == pytest.approx([0.0, 0.6, 1.05, 1.6, 2.5], abs=0.051)


def test_nothing_but_black_is_looked_at_once(sample, scenes):
    listed, _ = sample(scenes(((0, 0, 0), 3.0)))
    assert [frame["time"] for frame in listed["frames"]] == [0.0]


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_small_title_on_nothing_is_no_blank_frame_and_grain_is(tmp_path, shade):
    """A line of 18 pixels in a frame of 1280."""
    image = Image.effect_noise((1280, 720), 10).point(lambda level: level - 128 + shade).convert("RGB")
    image.save(tmp_path / "grain.jpg")
    assert is_blank(small(tmp_path / "grain.jpg"))
    ImageDraw.Draw(image).text((600, 350), "The end", fill="white" if shade < 255 else "black", font_size=18)
    image.save(tmp_path / "title.jpg")
    assert not is_blank(small(tmp_path / "title.jpg"))


def test_where_frames_are_few_blank_ones_go_first():
    found = [Candidate(f"{time}", float(time), 0.9 if time % 5 == 0 else 0.1, time % 5 == 0) for time in range(20)]
    assert [item.time for item in chosen(found, 4, 20.0)] == [1.0, 6.0, 11.0, 16.0]
    assert len(chosen(found, 18, 20.0)) == 18  # and come last where there are no others


def test_of_many_candidates_each_part_of_the_time_keeps_its_newest():
    found = [Candidate(f"{time}", float(time), 0.01 * (time % 10)) for time in range(100)]
    kept = chosen(found, 5, 100.0)
    assert [int(item.time) for item in kept] == [9, 29, 49, 69, 89]
    early = [Candidate(f"{time}", time / 10, 0.5 if time == 3 else 0.1) for time in range(20)]
    assert len(chosen(early, 5, 100.0)) == 5  # parts without any leave theirs to the others
    assert early[3] in chosen(early, 5, 100.0)


def test_the_threads_of_a_worker_are_kept_to(make_video, monkeypatch):
    monkeypatch.setenv("FFMPEG_THREADS", "3")
    source = source_from_path(make_video(seconds=0.2, interlaced=True))
    (step, _) = sampled(source, most=4, size=64)
    assert isinstance(step, FfmpegStep)
    assert step.args.count("-threads") == 2
    assert "-filter_complex_threads" in step.args
