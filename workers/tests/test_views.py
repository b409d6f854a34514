"""Which frames of a video stand for all of it, where words about it are wanted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from workers.describing import FRAMES_MOST, describing_views
from workers.engine.runner import Silent
from workers.execution import execute_steps
from workers.plans import Plan
from workers.providers.base import Providers
from workers.run import source_from_path
from workers.seen.sampling import FRAMES
from workers.tests.media import ffmpeg

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("vision")]
SIZE = (160, 120)


def film(folder: Path, photos: dict[str, Path], shots: list[tuple[str, float]]) -> Path:
    """Shots of photos, each with its seconds; "black" is one."""
    stills = {"black": Image.new("RGB", SIZE)}
    for name in {name for name, _ in shots} - {"black"}:
        with Image.open(photos[name]) as image:
            stills[name] = image.convert("RGB").resize(SIZE)
    for name, still in stills.items():
        still.save(folder / f"{name}.bmp")
    inputs: list[str | Path] = []
    for name, length in shots:
        inputs += ["-loop", "1", "-framerate", "10", "-t", str(length), "-i", folder / f"{name}.bmp"]
    path = folder / "film.mp4"
    ffmpeg(*inputs, "-filter_complex", f"concat=n={len(shots)},format=yuv420p", path)
    return path


def views(path: Path, workdir: Path, providers: Providers) -> tuple[list[float], list[Image.Image]]:
    """When the frames that were chosen are, and the frames."""
    source = replace(source_from_path(path), providers=providers)
    source.fetch(workdir / "source", "whole")
    execute_steps(Plan(describing_views(source), ()), source, workdir, Silent())
    listed = json.loads((workdir / FRAMES).read_text())["frames"]
    files = [frame["file"] for frame in listed]
    assert sorted(files) == sorted(file.name for file in workdir.glob("*.jpg"))
    return [frame["time"] for frame in listed], [Image.open(workdir / file).convert("L") for file in files]


def test_views_seen_but_once_are_among_the_frames_of_two_people_talking(vision, real_photos, tmp_path, workdir):
    """Three views go by in a moment; then two alternate, five times each."""
    once = [("coffee.png", 0.4), ("rocket.jpg", 0.4), ("motorcycle_left.png", 0.4)]
    talk = [("chelsea.png", 1.0), ("astronaut.png", 1.0)]
    times, _ = views(film(tmp_path, real_photos, [*once, *talk * 5]), workdir, Providers(vision=vision))
    assert len(times) == FRAMES_MOST
    for beginning, end in ((0.0, 0.35), (0.35, 0.75), (0.75, 1.15)):
        assert [time for time in times if beginning <= time < end], times
    assert {round(time - 1.2) % 2 for time in times[3:]} == {0, 1}  # each of those who talk


def test_black_frames_are_passed_over(vision, real_photos, tmp_path, workdir):
    names = ("chelsea.png", "astronaut.png", "coffee.png")
    shots = [(name, 0.5) for photo in names for name in ("black", photo)] + [("black", 0.5)]
    times, frames = views(film(tmp_path, real_photos, shots), workdir, Providers(vision=vision))
    assert times == pytest.approx([0.5, 1.5, 2.5], abs=0.11)
    assert min(frame.getextrema()[1] for frame in frames) > 100


def test_of_nothing_but_black_there_is_a_frame(vision, make_video, tmp_path, workdir):
    times, _ = views(film(tmp_path, {}, [("black", 1.0)]), workdir, Providers(vision=vision))
    assert times == [0.0]


def test_without_a_model_the_frames_are_spread_over_the_whole(real_photos, tmp_path, workdir):
    names = ["chelsea.png", "astronaut.png", "coffee.png", "rocket.jpg"]
    shots = [(names[number % 4], 0.5) for number in range(12)]
    times, _ = views(film(tmp_path, real_photos, shots), workdir, Providers())
    assert len(times) == FRAMES_MOST
    assert [int(time) for time in times] == [0, 1, 2, 3, 4, 5]
