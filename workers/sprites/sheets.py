"""Sprite sheets put together of small frames, with the cues that name each part: an operation of the resident helper.

One sheet is in memory at a time, and one frame beside it.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageFilter, ImageStat

from workers.encoders.image import ENCODERS, still_settings
from workers.engine.errors import SourceUnreadable
from workers.sprites.layout import SHEET_BYTES, Grid, Rhythm, Sheet

# What a frame must not be, of 255: so dark in all but its brightest part that it shows nothing, or of one colour.
DARK, BRIGHTEST, FLAT = 40, 0.02, 4.0
BLURRED = 0.5  # of the sharpest of a cell's frames
_LAPLACE = ImageFilter.Kernel((3, 3), (0, -1, 0, -1, 4, -1, 0, -1, 0), scale=1, offset=128)
COARSER, COARSEST = 15, 20  # of 100: by how much quality is lowered where a sheet is too large, and how far
FAR = 1.0  # seconds from its cell that a frame may be without a word on it
_TIME = re.compile(r"^frame:\d+ .*pts_time:(-?[0-9.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Frame:
    """A picture that could stand for a span, and when it begins in the source, seconds."""

    path: Path
    time: float


def make_sheets(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Choose a frame for each cell, write the sheets and the cues; a `note` where frames are from elsewhere.

    `frames` is where they lie, with a `*` for their numbers in order, and `times` the file that says when each is.
    Raises SourceUnreadable when there is none at all.
    """
    frames = _frames(cwd, operations["frames"], operations["times"])
    if not frames:
        raise SourceUnreadable("No frame of the video could be decoded.")
    rhythm, grid = Rhythm(**operations["rhythm"]), Grid(**operations["grid"])
    sheets = [Sheet(**each) for each in operations["sheets"]]
    picked = picks(frames, rhythm)
    cells = iter(picked)
    for sheet in sheets:
        _write(cwd, sheet, grid, [next(cells) for _ in range(sheet.cells)], operations)
    names = [sheet.name for sheet in sheets]
    (cwd / operations["target"]).write_text(cues(rhythm, grid, names, operations["prefix"]), encoding="utf-8")
    return {"note": _note(picked, rhythm)}


def _frames(cwd: Path, pattern: str, times: str) -> list[Frame]:
    told = cwd / times
    moments = [float(time) for time in _TIME.findall(told.read_text())] if told.is_file() else []
    # What an attempt left that failed is longer than its successor's list.
    return [Frame(path, time) for path, time in zip(sorted(cwd.glob(pattern)), moments, strict=False)]


# --- Which frame ---


def picks(frames: Sequence[Frame], rhythm: Rhythm) -> list[Frame]:
    """The frame for each cell: of its own the one nearest to its middle that is neither dark, of one colour, nor much
    less sharp than the others; else the nearest of all."""
    found = []
    for cell in range(rhythm.count):
        begin, end = rhythm.span(cell)
        middle = (begin + end) / 2
        own = [frame for frame in frames if begin <= frame.time < end]
        if not own:
            own = [min(frames, key=lambda frame: abs(frame.time - middle))]
        found.append(_best(sorted(own, key=lambda frame: abs(frame.time - middle))))
    return found


def _best(frames: Sequence[Frame]) -> Frame:
    """The first that is good enough."""
    if len(frames) == 1:
        return frames[0]
    looks = [(_look(frame.path), frame) for frame in frames]
    shown = [look for look in looks if look[0][0]] or looks
    sharpest = max(sharpness for (_, sharpness), _ in shown)
    return next(frame for (_, sharpness), frame in shown if sharpness >= BLURRED * sharpest)


def _look(path: Path) -> tuple[bool, float]:
    """Whether a frame shows anything, and how sharp it is: the variance of its Laplacian."""
    with Pillow.open(path) as image:
        luma = image.convert("L")
    counts, bright = luma.histogram(), 0
    for level in range(255, DARK - 1, -1):
        bright += counts[level]
    shows = bright > BRIGHTEST * math.prod(luma.size) and ImageStat.Stat(luma).stddev[0] >= FLAT
    if min(luma.size) < 3:
        return shows, 0.0
    return shows, float(ImageStat.Stat(luma.filter(_LAPLACE)).var[0])


def _note(picked: Sequence[Frame], rhythm: Rhythm) -> str:
    """Where pictures are not of their time."""
    spans = [rhythm.span(cell) for cell in range(rhythm.count)]
    away = [max(begin - frame.time, frame.time - end, 0.0) for (begin, end), frame in zip(spans, picked, strict=True)]
    far = [cell for cell, distance in enumerate(away) if distance > FAR]
    if not far:
        return ""
    last = picked[-1]
    ended = [cell for cell in far if picked[cell] == last and spans[cell][0] > last.time]
    if ended == far:
        since = spans[ended[0]][0]
        return (
            f"{len(far)} of {rhythm.count} pictures, those from {since:.0f} s on, repeat the last that could be had, of "
            f"{last.time:.0f} s."
        )
    return (
        f"{len(far)} of {rhythm.count} pictures are from up to {max(away):.0f} s away from their time: key frames are far "
        "apart, and decoding everything would take too long."
    )


# --- Sheets ---


def _write(cwd: Path, sheet: Sheet, grid: Grid, frames: Sequence[Frame], operations: dict[str, Any]) -> None:
    background = tuple(operations["background"]) if operations["background"] else (0, 0, 0, 255)
    clear: bool = operations["clear"]
    size = (sheet.columns * grid.cell[0], sheet.rows * grid.cell[1])
    whole = Pillow.new("RGBA" if clear else "RGB", size, (0, 0, 0, 0) if clear else background[:3])
    for number, frame in enumerate(frames):
        row, column = divmod(number, sheet.columns)
        corner = (column * grid.cell[0], row * grid.cell[1])
        if not clear:
            whole.paste(background[:3], (*corner, corner[0] + grid.cell[0], corner[1] + grid.cell[1]))
        picture, place = _framed(frame.path, operations["framing"])
        whole.paste(picture, (corner[0] + place[0], corner[1] + place[1]))
    for quality in _qualities(operations["quality"]):
        path = cwd / sheet.name
        whole.save(path, ENCODERS[operations["format"]], **still_settings(operations["format"], quality))
        if path.stat().st_size <= SHEET_BYTES:
            return


def _qualities(wanted: int) -> Iterator[int]:
    yield wanted
    yield from range(wanted - COARSER, COARSEST - 1, -COARSER)


def _framed(path: Path, framing: dict[str, Any]) -> tuple[Pillow.Image, tuple[int, int]]:
    """The frame as it goes into a cell, and where."""
    with Pillow.open(path) as image:
        image.load()
    scaled, size, (left, top) = tuple(framing["scaled"]), tuple(framing["size"]), framing["crop"]
    if image.size != scaled:
        image = image.resize(scaled, Pillow.Resampling.LANCZOS)
    if size != scaled:
        image = image.crop((left, top, left + size[0], top + size[1]))
    return image, tuple(framing["place"])


# --- Cues ---


def cues(rhythm: Rhythm, grid: Grid, names: Sequence[str], prefix: str) -> str:
    """The WebVTT: a numbered cue for each cell, one after the other without a gap, whose text is where its picture is,
    as a spatial media fragment.

    Sources: WebVTT (metadata cues), Media Fragments URI 1.0, 4.2.2.
    """
    blocks = ["WEBVTT"]
    for cell in range(rhythm.count):
        begin, end = (_clock(moment) for moment in rhythm.span(cell))
        sheet, left, top = grid.place(cell)
        region = f"#xywh={left},{top},{grid.cell[0]},{grid.cell[1]}"
        blocks.append(f"{cell + 1}\n{begin} --> {end}\n{prefix}{names[sheet]}{region}")
    return "\n\n".join(blocks) + "\n"


def _clock(moment: float) -> str:
    minutes, milliseconds = divmod(round(moment * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
