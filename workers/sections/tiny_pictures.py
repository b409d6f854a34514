"""Holds tiny pictures of a video against each other, for scenes.py. Runs only in the resident helper."""

import mmap
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import fmean, median
from typing import Any

from PIL import Image, ImageChops, ImageStat

from workers.documents import write_document
from workers.sections.scenes import (
    BLACK,
    HEIGHT,
    PICTURE,
    TOUCHED,
    WHITE,
    WIDTH,
    Mixing,
    find_scenes,
    is_sparse,
    read_differences,
    to_json,
)

_SHARES = 10  # mixtures that are tried
MIXED = 0.25  # share of either side in pictures whose contrast tells something
LEAST_FALL = 2.0  # of 255, of a mixture's contrast, that can be told from noise


class TinyPictures:
    """The pictures of one file, by number, without bars that are black throughout; they are read as they are needed."""

    def __init__(self, data: "mmap.mmap | bytes") -> None:
        self.data = data
        self.picture = lru_cache(maxsize=256)(self._picture)
        self.contrast = lru_cache(maxsize=256)(lambda number: _contrast(self.picture(number)))
        self.box = self._shown()
        self.pixels = (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def __len__(self) -> int:
        return len(self.data) // PICTURE

    def _picture(self, number: int) -> Image.Image:
        return self._whole(number).crop(self.box)

    def _whole(self, number: int) -> Image.Image:
        place = number * PICTURE
        return Image.frombytes("RGB", (WIDTH, HEIGHT), self.data[place : place + PICTURE])

    def _shown(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of where anything is seen at any time."""
        lightest = Image.new("L", (WIDTH, HEIGHT))
        for number in range(len(self)):
            for channel in self._whole(number).split():
                lightest = ImageChops.lighter(lightest, channel)
        return lightest.point([0] * (BLACK + 1) + [255] * (255 - BLACK)).getbbox() or (0, 0, WIDTH, HEIGHT)

    def difference(self, first: int, second: int) -> float:
        return _difference(self.picture(first), self.picture(second))

    def changed(self, first: int, second: int, by: float = TOUCHED) -> float:
        apart = ImageChops.difference(self.picture(first), self.picture(second))
        red, green, blue = apart.split()
        most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        return sum(most.histogram()[round(by * 2.55) :]) / self.pixels

    def blank(self, number: int) -> bool:
        extrema: Any = self.picture(number).getextrema()  # of each colour
        return max(high for _, high in extrema) <= BLACK or min(low for low, _ in extrema) >= WHITE

    def halfway(self, first: int, second: int, between: int) -> float:
        return _difference(Image.blend(self.picture(first), self.picture(second), 0.5), self.picture(between))

    def mixing(self, before: range, between: range, after: range, *, steady: float) -> Mixing | None:
        ours, theirs = self._average(before), self._average(after)
        across = _difference(ours, theirs)
        sides = ((ours, before), (theirs, after))
        unrest = max(fmean(_difference(side, self.picture(number)) for number in run) for side, run in sides)
        if unrest > steady * across:
            return None
        mixtures = [Image.blend(ours, theirs, part / _SHARES) for part in range(_SHARES + 1)]
        nearest: list[tuple[float, int]] = []
        for number in between:
            nearest.append(_nearest(mixtures, self.picture(number), nearest[-1][1] if nearest else 0))
        return Mixing(
            across=across,
            unrest=unrest,
            residue=median(residue for residue, _ in nearest),
            shares=tuple(part / _SHARES for _, part in nearest),
        )

    def paling(self, first: int, between: range, last: int, shares: Sequence[float]) -> float:
        one, other = self.picture(first), self.picture(last)
        before, after = self.contrast(first), self.contrast(last)
        falls = []
        for number, share in zip(between, shares, strict=True):
            kept = (1 - share) * before + share * after
            fall = kept - _contrast(Image.blend(one, other, share))
            if MIXED <= share <= 1 - MIXED and fall >= LEAST_FALL:
                falls.append((kept - self.contrast(number)) / fall)
        return median(falls) if falls else 0.0

    def _average(self, run: range) -> Image.Image:
        average = self.picture(run[0])
        for count, number in enumerate(run[1:], start=2):
            average = Image.blend(average, self.picture(number), 1 / count)
        return average

    def likeness(self, first: int, second: int) -> float:
        one, other = self.picture(first).convert("L"), self.picture(second).convert("L")
        ours, theirs = ImageStat.Stat(one), ImageStat.Stat(other)
        deviation = ours.stddev[0] * theirs.stddev[0]
        if not deviation:
            return 0.0
        pairs = zip(one.tobytes(), other.tobytes(), strict=True)
        product = sum(a * b for a, b in pairs) / self.pixels
        return float((product - ours.mean[0] * theirs.mean[0]) / deviation)


def _nearest(mixtures: Sequence[Image.Image], picture: Image.Image, place: int) -> tuple[float, int]:
    """(difference, place) of the mixture that a picture is least off, looked for from `place` on: that is convex in the
    share, and pictures one after the other have their shares beside each other."""
    least = _difference(mixtures[place], picture)
    for step in (1, -1):
        moved = False
        while 0 <= place + step < len(mixtures):
            off = _difference(mixtures[place + step], picture)
            if off >= least:
                break
            least, place, moved = off, place + step, True
        if moved:
            break
    return least, place


def _contrast(picture: Image.Image) -> float:
    """The standard deviation of each colour, of 255, and their mean."""
    return fmean(ImageStat.Stat(picture).stddev)


def _difference(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageChops.difference(one, other).tobytes()) / (one.width * one.height * 3 * 2.55)


def look_sparse(cwd: Path, operations: Mapping[str, Any]) -> dict[str, str]:
    """Whether too few pictures were decoded: "yes" or ""."""
    times, _ = read_differences(cwd / operations["differences"])
    return {"sparse": "yes" if is_sparse(times) else ""}


def write_scenes(cwd: Path, operations: Mapping[str, Any]) -> None:
    """Find where scenes begin, and write that down; the pictures are then of no more use, and take much room."""
    times, differences = read_differences(cwd / operations["differences"])
    moments, _ = read_differences(cwd / operations["moments"])
    with (cwd / operations["pictures"]).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        pictures = TinyPictures(data)
        scenes = find_scenes(times, differences, moments[: len(pictures)], pictures)
    write_document(cwd / operations["target"], to_json(scenes, times))
    for name in ("differences", "pictures", "moments"):
        (cwd / operations[name]).unlink()
