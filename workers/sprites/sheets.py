"""Sprite sheets put together of small frames, with the cues that name each part: an operation of the resident helper.

One sheet is in memory at a time, and one frame beside it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageFilter, ImageStat

from workers.documents import read_document, write_document
from workers.encoders.image import ENCODERS, still_settings
from workers.engine.errors import SourceUnreadable
from workers.engine.printed import read_printed
from workers.formats import FORMATS
from workers.sprites.layout import SHEET_BYTES, Grid, Rhythm, Sheet, grid
from workers.tracks.captions import Cue, write_cues

# What a frame must not be, of 255: so dark in all but its brightest part that it shows nothing, or of one colour.
DARK, BRIGHTEST, FLAT = 40, 0.02, 4.0
BLURRED = 0.5  # of the sharpest of a cell's frames
_LAPLACE = ImageFilter.Kernel((3, 3), (0, -1, 0, -1, 4, -1, 0, -1, 0), scale=1, offset=128)
COARSER, COARSEST = 15, 20  # of 100: by how much quality is lowered where a sheet is too large, and how far
FAR = 1.0  # seconds from its cell that a frame may be without a word on it
MOST_LINES = 100_000  # that are read of what was printed: two of each frame


@dataclass(frozen=True)
class Frame:
    """A picture that could stand for a span, and when it begins in the source, seconds."""

    path: Path
    time: float


def make_sheets(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Choose a frame for each cell, write the sheets and the cues; a `note` where frames are from elsewhere.

    `frames` is where they lie, with a `*` for their numbers in order, `times` the file that says when each is, and
    `rhythm` the film's, or the name of the file that it was written to. What came of it is written to `layout`.
    Raises SourceUnreadable when there is no frame at all; SourceUnsupported for too many cells.
    """
    frames = frames_of(cwd, operations["frames"], operations["times"])
    if not frames:
        raise SourceUnreadable("No frame of the video could be decoded.")
    told = operations["rhythm"]
    beats = Rhythm(**(read_document(cwd / told) if isinstance(told, str) else told))
    width, height = operations["framing"]["canvas"]
    format, clear = operations["format"], operations["clear"]
    cells = grid(beats.count, (width, height), format=format, clear=clear, columns=operations["columns"])
    sheets = cells.sheets(FORMATS[format].extension)
    picked = picks(frames, beats)
    left = iter(picked)
    for sheet in sheets:
        _write(cwd, sheet, cells, [next(left) for _ in range(sheet.cells)], operations)
    names = [sheet.name for sheet in sheets]
    (cwd / operations["target"]).write_text(cues(beats, cells, names, operations["prefix"]), encoding="utf-8")
    layout = {"rhythm": asdict(beats), "grid": asdict(cells), "sheets": len(sheets)}
    write_document(cwd / operations["layout"], layout)
    return {"note": _note(picked, beats)}


def frames_of(cwd: Path, pattern: str, times: str) -> list[Frame]:
    """The frames that were written and of which it is told when they are shown."""
    moments, _ = read_printed(cwd / times, "cell", 1.0, lines=MOST_LINES)
    # What an attempt left that failed is longer than its successor's list.
    return [Frame(path, time) for path, time in zip(sorted(cwd.glob(pattern)), moments, strict=False)]


# --- Which frame ---


def picks(frames: Sequence[Frame], beats: Rhythm) -> list[Frame]:
    """The frame for each cell: of its own the one nearest to its middle that is neither dark, of one colour, nor much
    less sharp than the others; else the nearest of all."""
    found = []
    for cell in range(beats.count):
        begin, end = beats.span(cell)
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


def _note(picked: Sequence[Frame], beats: Rhythm) -> str:
    """Where pictures are not of their time."""
    spans = [beats.span(cell) for cell in range(beats.count)]
    away = [max(begin - frame.time, frame.time - end, 0.0) for (begin, end), frame in zip(spans, picked, strict=True)]
    far = [cell for cell, distance in enumerate(away) if distance > FAR]
    if not far:
        return ""
    last = picked[-1]
    ended = [cell for cell in far if picked[cell] == last and spans[cell][0] > last.time]
    if ended == far:
        since = spans[ended[0]][0]
        return (
            f"{len(far)} of {beats.count} pictures, those from {since:.0f} s on, repeat the last that could be had, "
            f"of {last.time:.0f} s."
        )
    return (
        f"{len(far)} of {beats.count} pictures are from up to {max(away):.0f} s away from their time: key frames are "
        "far apart, and decoding everything would take too long."
    )


# --- Sheets ---


def _write(cwd: Path, sheet: Sheet, cells: Grid, frames: Sequence[Frame], operations: dict[str, Any]) -> None:
    background = tuple(operations["background"]) if operations["background"] else (0, 0, 0, 255)
    clear: bool = operations["clear"]
    size = (sheet.columns * cells.cell[0], sheet.rows * cells.cell[1])
    whole = Pillow.new("RGBA" if clear else "RGB", size, (0, 0, 0, 0) if clear else background[:3])
    for number, frame in enumerate(frames):
        row, column = divmod(number, sheet.columns)
        corner = (column * cells.cell[0], row * cells.cell[1])
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
    with Pillow.open(path) as opened:
        image = opened.copy()
    scaled, size, (left, top) = tuple(framing["scaled"]), tuple(framing["size"]), framing["crop"]
    if image.size != scaled:
        image = image.resize(scaled, Pillow.Resampling.LANCZOS)
    if size != scaled:
        image = image.crop((left, top, left + size[0], top + size[1]))
    return image, tuple(framing["place"])


# --- Cues ---


def cues(beats: Rhythm, cells: Grid, names: Sequence[str], prefix: str) -> str:
    """The WebVTT: a numbered cue for each cell, one after the other without a gap, whose text is where its picture is,
    as a spatial media fragment.

    Sources: WebVTT (metadata cues), Media Fragments URI 1.0, 4.2.2.
    """
    width, height = cells.cell
    places = [cells.place(number) for number in range(beats.count)]
    found = [f"{prefix}{names[sheet]}#xywh={left},{top},{width},{height}" for sheet, left, top in places]
    return write_cues([Cue(*beats.span(number), text) for number, text in enumerate(found)], numbered=True)
