"""Where scenes begin: in films made of known shots, found by the real ffmpeg; and what is made of odd measurements."""

from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from workers.engine.probe import probe
from workers.engine.runner import Silent
from workers.execution import execute_steps
from workers.plans import Plan, Source
from workers.sections.scenes import (
    DIFFERENCES,
    HEIGHT,
    MOMENTS,
    PICTURE,
    PICTURES,
    SCENES,
    WIDTH,
    Scene,
    find_scenes,
    is_sparse,
    read_differences,
    read_scenes,
    scene_steps,
)
from workers.sections.tiny_pictures import TinyPictures
from workers.tests.edits import Shot, cuts_of, make_edit
from workers.tests.media import ffmpeg

NEAR = 0.5
FLASHES = ",".join(f"drawbox=c=white:t=fill:enable='between(t\\,{at}\\,{at + 0.1})'" for at in (0.9, 5.1, 9.5))


def scenes_of(film: Path, work: Path) -> tuple[Scene, ...]:
    work.mkdir(exist_ok=True)
    source = Source(probe(film), lambda target, reads: target.symlink_to(film))
    source.fetch(work / source.path, "whole")
    execute_steps(Plan(scene_steps(source), ()), source, work, Silent())
    return read_scenes(work / SCENES)


def found(scenes: tuple[Scene, ...], cuts: list[float]) -> list[bool]:
    return [any(abs(scene.time - cut) <= NEAR for scene in scenes) for cut in cuts]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("comes", "kinds"), [("cut", {"cut"}), ("fade", {"dissolve", "cut"}), ("fadeblack", {"fade"})])
def test_every_scene_is_told_where_it_begins_and_no_other(tmp_path, comes, kinds):
    shows = ("card", "bars", "warm", "grey", "cold", "lush")
    shots = [Shot(name, 3.4, comes if number else "cut") for number, name in enumerate(shows)]
    scenes = scenes_of(make_edit(tmp_path / "film.mkv", shots, filters=FLASHES), tmp_path / "work")
    assert found(scenes, cuts_of(shots)) == [True] * 5
    assert len(scenes) == 5
    assert {scene.kind for scene in scenes} <= kinds
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == [SCENES, "source"]  # pictures take room


@pytest.mark.ffmpeg
@pytest.mark.parametrize("shows", ["hand", "pan", "snow"])
def test_one_shot_is_one_scene(tmp_path, shows):
    film = make_edit(tmp_path / "film.mkv", [Shot(shows, 8.0)], filters=FLASHES if shows == "pan" else "")
    assert scenes_of(film, tmp_path / "work") == ()


@pytest.mark.ffmpeg
def test_a_view_that_moves_in_jerks_is_one_scene(tmp_path):
    film = make_edit(tmp_path / "film.mkv", [Shot("bars", 0.8), Shot("pan", 3.0)], size=(96, 160), rate=60)
    assert [scene.time for scene in scenes_of(film, tmp_path / "work")] == [0.8]


@pytest.mark.ffmpeg
def test_times_are_those_of_the_medium_where_rates_vary_and_pictures_begin_late(tmp_path):
    shots = [Shot("card", 2.0), Shot("bars", 2.0), Shot("cold", 2.0)]
    film = make_edit(tmp_path / "film.mkv", shots)
    late = tmp_path / "late.mkv"
    uneven = "select='lt(mod(n,5),2)+lt(n,50)'"
    ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=9", "-itsoffset", "1.5", "-i", film, "-map", "0:a", "-map", "1:v"),
        *("-vf", uneven, "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", late),
    )
    scenes = scenes_of(late, tmp_path / "work")
    assert [scene.time for scene in scenes] == pytest.approx([3.5, 5.5], abs=0.13)


@pytest.mark.ffmpeg
def test_pictures_that_no_other_needs_are_decoded_where_there_are_hardly_others(tmp_path):
    shots = [Shot("card", 2.6), Shot("bars", 2.8), Shot("cold", 3.0)]
    # Key frames four seconds apart, and of the others none that is referred to.
    codec = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-x264-params",
        "keyint=100:scenecut=0:bframes=16:b-pyramid=none",
    )
    film = make_edit(tmp_path / "film.mkv", shots, codec=(*codec, "-bf", "16", "-b_strategy", "0"))
    assert found(scenes_of(film, tmp_path / "work"), cuts_of(shots)) == [True, True]


@pytest.mark.ffmpeg
def test_a_single_picture_is_one_scene(tmp_path):
    assert scenes_of(make_edit(tmp_path / "film.mkv", [Shot("card", 0.04)]), tmp_path / "work") == ()


def test_what_ffmpeg_prints_is_read_back(tmp_path):
    printed = tmp_path / DIFFERENCES
    printed.write_text(
        "frame:0    pts:0       pts_time:0\nlavfi.scd.mafd=0.000\nlavfi.scd.score=0.000\n"
        "frame:1    pts:512     pts_time:0.04\nlavfi.scd.mafd=12.5\nlavfi.scd.score=12.5\n"
        "frame:2    pts:NOPTS   pts_time:nan\nlavfi.scd.mafd=inf\n"
    )
    assert read_differences(printed) == ([0.0, 0.04, 0.04], [0.0, 12.5, 0.0])
    assert read_scenes(tmp_path / SCENES) == ()


def test_pictures_far_apart_are_too_few():
    assert is_sparse([0.0])
    assert is_sparse([number * 2.0 for number in range(20)])
    assert not is_sparse([number * 0.08 for number in range(20)])


class Shades:
    """Pictures of one brightness each, percent."""

    def __init__(self, shades):
        self.shades = shades

    def difference(self, first, second):
        return abs(self.shades[first] - self.shades[second])

    def changed(self, first, second, by=5.0):
        return float(self.difference(first, second) > by)

    def blank(self, number):
        return self.shades[number] < 5

    def halfway(self, first, second, between):
        return abs((self.shades[first] + self.shades[second]) / 2 - self.shades[between])

    def mixing(self, before, between, after, *, steady):
        return None

    def paling(self, first, between, last, shares):
        return 0.0

    def likeness(self, first, second):
        return 0.0


def judged(shades: list[float]) -> list[tuple[float, str]]:
    times = [number / 8 for number in range(len(shades))]
    differences = [0.0, *(abs(after - before) for before, after in pairwise(shades))]
    return [(scene.time, scene.kind) for scene in find_scenes(times, differences, times, Shades(shades))]


def test_a_flash_and_a_shadow_begin_no_scene_but_what_stays_does():
    assert judged([30.0] * 16 + [90.0] * 2 + [30.0] * 16) == []
    assert judged([30.0] * 16 + [12.0] * 3 + [31.0] * 16) == []
    assert judged([30.0] * 16 + [90.0] * 16) == [(2.0, "cut")]


def test_after_nothing_a_scene_begins_where_the_picture_comes_back():
    out, back = [40.0, 30.0, 20.0, 10.0], [12.0, 25.0, 40.0, 60.0]
    assert judged([50.0] * 16 + out + [0.0] * 3 + back + [70.0] * 16)[-1] == (2.875, "fade")
    assert judged([30.0] * 16 + [0.0] * 3 + [80.0] * 16) == [(2.375, "cut")]
    assert judged([50.0] * 16 + [0.0] * 24 + [70.0] * 16) == [(2.0, "cut"), (5.0, "cut")]


def test_nothing_and_next_to_nothing_have_no_scenes():
    assert judged([]) == []
    assert judged([50.0]) == []
    assert judged([0.0] * 40) == []


def seen(*views: Image.Image) -> list[tuple[float, str]]:
    """What is judged of these views, two seconds each."""
    pictures = TinyPictures(b"".join(view.tobytes() for view in views for _ in range(16)))
    times = [number / 8 for number in range(len(pictures))]
    differences = [0.0, *(pictures.difference(number, number + 1) for number in range(len(times) - 1))]
    return [(scene.time, scene.kind) for scene in find_scenes(times, differences, times, pictures)]


def drawn(*boxes: tuple[int, int, int, int], ground: int = 90, ink: int = 230) -> Image.Image:
    view = Image.new("RGB", (WIDTH, HEIGHT), (ground,) * 3)
    for box in boxes:
        view.paste((ink,) * 3, box)
    return view


def test_a_key_frame_that_draws_the_view_anew_begins_no_scene_but_a_slide_does():
    slide = drawn((2, 2, 28, 4), (4, 7, 20, 16))
    coarse = slide.point([min(255, value + (15 if value < 128 else -15)) for value in range(256)] * 3)
    assert seen(coarse, slide) == []
    assert seen(slide, drawn((2, 2, 28, 4), (10, 7, 30, 16))) == [(2.0, "cut")]


def test_black_bars_are_no_part_of_the_picture():
    def barred(view):
        return Image.composite(view, Image.new("RGB", view.size), bars)

    bars = Image.new("1", (WIDTH, HEIGHT))
    bars.paste(1, (0, 3, WIDTH, HEIGHT - 3))
    one, other = barred(drawn((4, 5, 20, 8))), barred(drawn((8, 10, 30, 13)))
    pictures = TinyPictures(one.tobytes() + other.tobytes())
    assert pictures.pixels == WIDTH * (HEIGHT - 6)
    assert pictures.likeness(0, 1) < 0
    assert pictures.changed(0, 1) == (16 * 3 + 22 * 3) / pictures.pixels
    assert TinyPictures(bytes(PICTURE)).pixels == WIDTH * HEIGHT


@pytest.mark.ffmpeg
def test_the_plan_only_names_files_of_the_work_directory(make_video):
    film = make_video(seconds=0.2)
    steps = scene_steps(Source(probe(film), lambda target, reads: None))
    told = " ".join(step.command() for step in steps)
    assert all(name in told for name in (DIFFERENCES, MOMENTS, PICTURES, SCENES))
    assert str(film) not in told
