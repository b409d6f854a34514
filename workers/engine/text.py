"""Text in lines of runs: which face has which character, where lines break, which way they run. Runs only in the
resident helper, as FreeType and HarfBuzz do the measuring."""

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from workers.engine.bidi import base_level, levels, visual_order
from workers.typefaces import Typeface, best_face, clusters, faces_for

Region = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Run:
    """Text in one face and direction."""

    text: str
    face: Typeface
    rightwards: bool
    width: float


@dataclass(frozen=True)
class Line:
    """Runs from left to right. `top` is the line's, `baseline` its letters', pixels from the top of the text."""

    runs: tuple[Run, ...]
    width: float
    top: int
    baseline: int
    bottom: int
    rightwards: bool


@dataclass(frozen=True)
class _Cluster:
    text: str
    face: Typeface
    level: int


@lru_cache(maxsize=48)
def font(face: Typeface, size: int) -> ImageFont.FreeTypeFont:
    """A face at a size in pixels; shaped by HarfBuzz."""
    return ImageFont.truetype(face.path, size, index=face.index, layout_engine=ImageFont.Layout.RAQM)


def set_lines(
    text: str, *, family: str, weight: int, italic: bool, size: int, width: int | None
) -> tuple[tuple[Line, ...], int, int]:
    """The lines of a text, no wider than `width` pixels where that can be; the widest's width and the height of all.

    Characters that no face has are left out.
    """
    faces = faces_for(family, weight=weight, italic=italic)
    lines: list[Line] = []
    top = 0
    for paragraph in text.split("\n"):
        base = base_level(paragraph)
        parts = list(_clustered(paragraph, base, faces))
        for piece in _broken(parts, size, width):
            line = _line(piece, base, size, faces[0], top)
            lines.append(line)
            top = line.bottom
    widest = max((line.width for line in lines), default=0.0)
    return tuple(lines), -int(-widest // 1), top


def _clustered(paragraph: str, base: int, faces: tuple[Typeface, ...]) -> Iterator[_Cluster]:
    place, before = 0, faces[0]
    depths = levels(paragraph, base)
    for cluster in clusters(paragraph):
        level = depths[place]
        place += len(cluster)
        face = before if cluster == " " and before.has(" ") else best_face(cluster, faces)
        if face is not None:
            yield _Cluster(cluster, face, level)
            before = face


def _broken(parts: list[_Cluster], size: int, width: int | None) -> Iterator[list[_Cluster]]:
    """The paragraph's parts in lines: broken after spaces and hyphens, around ideographs, else where it must be."""
    if width is None or not parts:
        yield parts
        return
    places = range(1, len(parts))
    breaks = [end for end in places if _may_break(parts[end - 1].text, parts[end].text)] + [len(parts)]
    start = 0
    while start < len(parts):
        end = _line_end(parts, breaks, start, size, width)
        yield parts[start:end]
        while end < len(parts) and parts[end].text == " ":
            end += 1
        start = end


def _line_end(parts: list[_Cluster], breaks: list[int], start: int, size: int, width: int) -> int:
    """Where the line that begins at `start` ends: what fits, one part at least."""

    def fits(end: int) -> bool:
        return _width(_stripped(parts[start:end]), size) <= width

    most = start + _how_many(len(parts) - start, lambda count: fits(start + count))
    best = bisect_right(breaks, most) - 1
    if best >= 0 and breaks[best] > start:
        return breaks[best]
    return max(most, start + 1)  # one word is wider than the line


def _how_many(most: int, fit: Callable[[int], bool]) -> int:
    """The largest count that fits, where more never fit when fewer do not. Asks about little more than what fits:
    measuring takes as long as the text is."""
    low, step = 0, 1
    while low + step <= most and fit(low + step):
        low, step = low + step, step * 2
    high = min(most, low + step - 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fit(middle) else (low, middle - 1)
    return low


def _may_break(left: str, right: str) -> bool:
    if right == " ":
        return False
    if left in (" ", "-", "\u2010", "\u2013", "\u2014", "\u200b"):
        return True
    # Ideographs and kana stand alone, but for closing marks and small kana, which begin no line.
    wide = [unicodedata.east_asian_width(part[0]) in "WF" and _ideograph(part[0]) for part in (left, right)]
    return any(wide) and unicodedata.category(right[0])[0] not in "PM" and unicodedata.category(left[0]) != "Ps"


def _ideograph(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"


def _stripped(parts: list[_Cluster]) -> list[_Cluster]:
    """Without the spaces at the end: they hang over."""
    end = len(parts)
    while end and parts[end - 1].text == " ":
        end -= 1
    return parts[:end]


def _runs(parts: list[_Cluster], size: int) -> list[tuple[Run, int]]:
    """Runs in the order of reading, with their levels."""
    runs = []
    for (face, level), group in groupby(parts, key=lambda part: (part.face, part.level)):
        text = "".join(part.text for part in group)
        direction = "rtl" if level % 2 else "ltr"
        runs.append((Run(text, face, not level % 2, font(face, size).getlength(text, direction=direction)), level))
    return runs


def _width(parts: list[_Cluster], size: int) -> float:
    return sum(run.width for run, _ in _runs(parts, size))


def _line(parts: list[_Cluster], base: int, size: int, usual: Typeface, top: int) -> Line:
    runs = _runs(_stripped(parts), size)
    order = visual_order([level for _, level in runs])
    shown = tuple(runs[place][0] for place in order)
    metrics = [font(face, size).getmetrics() for face in dict.fromkeys((usual, *(run.face for run in shown)))]
    ascent, descent = max(metric[0] for metric in metrics), max(metric[1] for metric in metrics)
    width = sum(run.width for run in shown)
    return Line(shown, width, top, top + ascent, top + ascent + descent, not base % 2)


def draw_lines(
    lines: tuple[Line, ...], size: int, region: Region, *, width: int, align: str, stroke: float = 0
) -> Pillow.Image:
    """What the text covers of `region` (pixels, from the top left of the text): a mask, 255 where it is solid.

    Lines are aligned in a column of `width` pixels; with `stroke` letters are that much wider on every side.
    """
    left, top, right, bottom = region
    mask = Pillow.new("L", (right - left, bottom - top))
    draw = ImageDraw.Draw(mask)
    draw.fontmode = "L"
    for line in lines:
        reach = size + stroke  # letters may reach beyond their line
        if line.bottom + reach < top or line.top - reach > bottom:
            continue
        # Whole pixels for the line, so that the same text is equally sharp wherever it stands.
        x = float(round({"left": 0.0, "center": 0.5, "right": 1.0}[align] * (width - line.width)))
        for run in line.runs:
            place = (x - left, line.baseline - top)
            direction = "ltr" if run.rightwards else "rtl"
            face = font(run.face, size)
            draw.text(place, run.text, 255, face, "ls", direction=direction, stroke_width=stroke)
            x += run.width
    return mask
