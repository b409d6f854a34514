"""The waveform of a sound, from its peaks: as data, and as a picture. Runs only in the resident helper.

ffmpeg has found the peaks (its `astats` filter over blocks of samples); here they become what people use. Source of the
data's form: the JSON that BBC's audiowaveform writes, version 2.
"""

import array
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from PIL import Image as Pillow
from PIL import ImageDraw

from workers.engine.errors import SourceUnreadable

_MIN, _MAX = "Min_level=", "Max_level="
_FULL = 32768  # of a sample of 16 bits
_WRITTEN = 4096  # points written at once
_SMOOTH = 4  # times finer than its pixels the waveform is drawn, in both directions
_MISSING, _FEW_MISSING = 0.02, 20  # of the points: what lengths in headers may be off, and the ends of lossy sound
_FEW = 2_000_000  # pixels; larger pictures are drawn half as fine


def read_peaks(path: Path, channels: int) -> Iterator[tuple[int, ...]]:
    """Of each block of samples: the lowest and highest of each channel, as 16 bits, in the channels' order."""
    wanted, point = 2 * channels, []
    with path.open(encoding="ascii") as lines:
        for line in lines:
            if line.startswith("lavfi.astats."):
                point.append(_level(line))
                if len(point) == wanted:
                    yield tuple(point)
                    point = []


def _level(line: str) -> int:
    value = float(line.partition("=")[2])  # nan and infinity are no levels
    return max(-_FULL, min(_FULL - 1, int(value))) if abs(value) <= _FULL else 0


def make_waveform(cwd: Path, operations: dict[str, Any]) -> None:
    """Write `target` as `format`: data ("json") or a picture; from the peaks in `source`. Raises SourceUnreadable when
    they are far fewer than `points`."""
    made = _write_data(cwd, operations) if operations["format"] == "json" else _draw(cwd, operations)
    wanted = operations["points"]
    if wanted and made < wanted * (1 - _MISSING) - _FEW_MISSING:
        raise SourceUnreadable(f"The input is damaged or cut short: only {made / wanted:.0%} of its sound can be read.")
    if not made:
        raise SourceUnreadable("The input's sound has no length.")


def _write_data(cwd: Path, operations: dict[str, Any]) -> int:
    """Point by point, as hours of sound have millions of them; how many there are comes after them, and is told."""
    scale = 256 if operations["bits"] == 8 else 1
    head = {
        "version": 2,
        "channels": operations["channels"],
        "sample_rate": operations["sample_rate"],
        "samples_per_pixel": operations["samples_per_pixel"],
        "bits": operations["bits"],
    }
    count, waiting = 0, []
    with (cwd / operations["target"]).open("w", encoding="ascii") as target:
        target.write(json.dumps(head, separators=(",", ":"))[:-1] + ',"data":[')
        for point in read_peaks(cwd / operations["source"], operations["channels"]):
            waiting.append(",".join(str(int(value / scale)) for value in point))  # towards zero
            count += 1
            if len(waiting) == _WRITTEN:
                _flush(target, waiting, first=count == _WRITTEN)
        _flush(target, waiting, first=count <= _WRITTEN)
        target.write(f'],"length":{count}}}')
    return count


def _flush(target: TextIO, waiting: list[str], *, first: bool) -> None:
    if waiting:
        target.write(("" if first else ",") + ",".join(waiting))
        waiting.clear()


def _draw(cwd: Path, operations: dict[str, Any]) -> int:
    """Symmetric about the middle, as the eye compares lengths and not places; edges smoothed. How many points it is
    drawn from."""
    width, height = operations["width"], operations["height"]
    peaks = array.array("H", (max(map(abs, point)) for point in read_peaks(cwd / operations["source"], 1)))
    columns = _columns(peaks, width)
    fine = _SMOOTH if width * height <= _FEW else _SMOOTH // 2
    mask = Pillow.new("L", (width * fine, height * fine))
    draw = ImageDraw.Draw(mask)
    middle, reach = height * fine / 2, height * fine / 2 - fine / 2
    # A line of one pixel where it is silent, so that one sees there is a sound at all.
    extents = [max(fine / 2, peak / _FULL * reach) for peak in columns]
    tops = [(number * fine + fine / 2, middle - extent) for number, extent in enumerate(extents)]
    tops = [(0.0, tops[0][1]), *tops, (width * fine, tops[-1][1])]
    bottoms = [(x, 2 * middle - y - 1) for x, y in reversed(tops)]
    draw.polygon([*tops, *bottoms], fill=255)
    mask = mask.reduce(fine)
    under = tuple(operations["background"])
    over = tuple(operations["color"])
    picture = Pillow.new("RGBA", (width, height), under)
    layer = Pillow.new("RGBA", (width, height), over[:3] + (0,))
    layer.putalpha(mask.point([value * over[3] // 255 for value in range(256)]))
    if under[3]:
        picture.alpha_composite(layer)
    else:
        picture = layer
    _save(picture, cwd / operations["target"], operations["format"])
    return len(peaks)


def _columns(peaks: "array.array[int]", width: int) -> list[int]:
    """The highest peak of each of `width` equal parts."""
    if not peaks:
        return [0] * width
    count = len(peaks)
    bounds = [number * count // width for number in range(width + 1)]
    return [max(peaks[first : max(first + 1, last)]) for first, last in pairwise(bounds)]


def _save(picture: Pillow.Image, target: Path, format: str) -> None:
    if format == "png":
        picture.save(target, "PNG", optimize=True)
    elif format == "webp":
        picture.save(target, "WEBP", lossless=True)
    else:
        picture.convert("RGB").save(target, "JPEG", quality=90, optimize=True)
