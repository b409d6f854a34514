"""How many pictures stand for a film, when each is shown, and where it lies in which sheet. Pure."""

import math
from dataclasses import dataclass
from itertools import count as counting

from workers.engine.errors import SourceUnsupported

MOST = 1000  # cells of one film
MOST_PIXELS = 64_000_000  # of all cells together
EDGE = 4096  # pixels of a sheet's longest edge: what decoders of older phones hold
# Pixels of one sheet, by format: at the default quality some 1 MB. A PNG can have no more than three bytes a pixel.
SHEET_PIXELS = {"jpeg": 4_194_304, "webp": 4_194_304, "png": 690_000}
SHEET_BYTES = 2_000_000  # of one sheet; coarser quality makes what is larger fit
CLEAR = 3 / 4  # of those pixels, where each has a fourth byte
LONGEST_EDGE = 160  # pixels of a cell when nothing is said of its size, as players show it
COLUMNS = 10
# Seconds between two cells that people can think in.
STEPS = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
USUAL, EVERY, MANY = 100, 18, 400  # cells at least, one more every so many seconds, and so many at most
REST = 0.1  # of an interval: what is left at the end and shorter has no cell of its own


@dataclass(frozen=True)
class Rhythm:
    """`count` cells, each of `interval` seconds, but for the last, which ends with the film."""

    count: int
    interval: float
    duration: float

    def span(self, cell: int) -> tuple[float, float]:
        """When a cell is shown: seconds from, and to."""
        end = self.duration if cell == self.count - 1 else (cell + 1) * self.interval
        return cell * self.interval, end


def rhythm(duration: float, *, count: int | None = None, interval: float | None = None) -> Rhythm:
    """The cells of a film: so many, or one every so many seconds, or as many as one of its length wants. Raises
    SourceUnsupported, which names `interval`, for more than there may be."""
    if count is not None:
        return Rhythm(count, duration / count, duration)
    if interval is None:
        interval = _usual(duration)
    cells = max(1, math.ceil(min(duration / interval - REST, 1e12)))
    if cells > MOST:
        raise SourceUnsupported(
            f"interval would make {cells} pictures; at most {MOST}: make it longer.", param="interval"
        )
    return Rhythm(cells, interval, duration)


def _usual(duration: float) -> float:
    most = min(MANY, USUAL + duration / EVERY)
    return float(next((step for step in STEPS if duration / step <= most), STEPS[-1]))


@dataclass(frozen=True)
class Sheet:
    """One sheet: its file, how many cells it has and in how many columns and rows."""

    name: str
    cells: int
    columns: int
    rows: int


@dataclass(frozen=True)
class Grid:
    """`count` cells of one size (width, height), row by row in sheets of up to `columns` × `rows`."""

    count: int
    cell: tuple[int, int]
    columns: int
    rows: int

    def sheets(self, extension: str) -> tuple[Sheet, ...]:
        """All of them, full but for the last."""
        found, left = [], self.count
        for number in counting(1):
            cells = min(left, self.columns * self.rows)
            found.append(
                Sheet(f"sprite-{number}.{extension}", cells, min(cells, self.columns), -(-cells // self.columns))
            )
            left -= cells
            if not left:
                return tuple(found)
        raise AssertionError  # counting has no end

    def place(self, cell: int) -> tuple[int, int, int]:
        """Of a cell: the number of its sheet from 0 on, and its left and upper edge there, pixels."""
        sheet, within = divmod(cell, self.columns * self.rows)
        row, column = divmod(within, self.columns)
        return sheet, column * self.cell[0], row * self.cell[1]


def grid(count: int, cell: tuple[int, int], *, format: str, clear: bool = False, columns: int | None = None) -> Grid:
    """Where so many cells of a size lie. Raises SourceUnsupported, which names the option at fault, where a sheet or
    all of them would be too large."""
    width, height = cell
    told = f"{width} × {height} pixels"
    if max(cell) > EDGE:
        raise SourceUnsupported(f"A cell of {told} does not fit into a sheet of {EDGE} pixels.", param="width")
    if count * width * height > MOST_PIXELS:
        most = MOST_PIXELS // (width * height)
        raise SourceUnsupported(
            f"{count} pictures of {told} are too many; at most {most} of this size: make them smaller or fewer.",
            param="width",
        )
    if columns is not None and min(count, columns) * width > EDGE:
        raise SourceUnsupported(
            f"{min(count, columns)} columns of {width} pixels are more than a sheet of {EDGE} pixels holds: at most "
            f"{EDGE // width}.",
            param="columns",
        )
    pixels = int(SHEET_PIXELS[format] * (CLEAR if clear else 1))
    across = min(count, columns or min(COLUMNS, EDGE // width, max(1, pixels // (width * height))))
    down = max(1, min(EDGE // height, pixels // (width * height * across), -(-count // across)))
    return Grid(count, cell, across, down)
