"""The order in which the lines of a page are read: row by row, but each column of running text to its end first."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

LINES = 3  # a column has as many at least
LONG = 7.0  # times as long as it is high: lines of running text, and not cells of a table
FULL = 0.6  # of the column's width, which most of its lines fill
ACROSS = 0.6  # of the whole width: a line that stands over columns, and parts what is above from what is below


def in_columns(lines: Sequence[Mapping[str, Any]], shape: float) -> list[Mapping[str, Any]]:
    """The lines, boxes in shares of a picture that is `shape` times as wide as high, as they come row by row."""
    columns = _columns(lines, shape)
    if len(columns) > 1:
        return [line for column in columns for line in in_columns(column, shape)]
    blocks: list[list[Mapping[str, Any]]] = [[]]
    left, right = _extent(lines)
    for line in lines:
        if line["width"] >= ACROSS * (right - left):
            blocks += [[line], []]
        else:
            blocks[-1].append(line)
    if len(blocks) == 1:
        return list(lines)
    return [line for block in blocks for column in _columns(block, shape) for line in column]


def _columns(lines: Sequence[Mapping[str, Any]], shape: float) -> list[list[Mapping[str, Any]]]:
    """The lines of each column, from left to right; all in one where they are none."""
    found: list[list[Mapping[str, Any]]] = []
    end = -1.0
    for line in sorted(lines, key=lambda line: float(line["x"])):
        if line["x"] > end:
            found.append([])
        found[-1].append(line)
        end = max(end, line["x"] + line["width"])
    running = [column for column in found if _runs(column, shape)]
    others = [column for column in found if not any(column is one for one in running)]
    if len(running) > 1 and all(len(column) < LINES for column in others):  # as a page's number at its side
        places = {id(line): place for place, line in enumerate(lines)}
        return [sorted(column, key=lambda line: places[id(line)]) for column in found]
    return [list(lines)]


def _runs(column: Sequence[Mapping[str, Any]], shape: float) -> bool:
    """Whether that is a column of running text."""
    if len(column) < LINES:
        return False
    left, right = _extent(column)
    long = median(line["width"] * shape / max(line["height"], 1e-9) for line in column)
    return long >= LONG and median(line["width"] for line in column) >= FULL * (right - left)


def _extent(lines: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    ends = [line["x"] + line["width"] for line in lines]
    return min((line["x"] for line in lines), default=0.0), max(ends, default=0.0)
