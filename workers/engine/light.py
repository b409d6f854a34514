"""HDR pictures of eight bits seen in SDR: near enough for what is small. Runs only in the resident helper.

The pictures that a task makes are tone-mapped in all their bits by ffmpeg (workers.graph.deep); this is the same curve
for a placeholder, and for a picture put over another.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

from PIL import Image as Pillow
from PIL import ImageFilter

from workers.engine import profiles
from workers.engine.headers import Cicp

_NODES = 33  # along an edge of the cube: between two, PQ and HLG are straight lines to the eye
# As workers.graph.picture has it: SDR's white, and the brightest light that room is left for, cd/m²; and the knee.
_WHITE, _PEAK, _KNEE = 203.0, 1000.0, 0.3
_PQ = 16  # H.273; the other is HLG


def in_sdr(picture: Pillow.Image, numbers: Cicp) -> Pillow.Image:
    """An RGB picture of PQ or HLG, as sRGB's numbers."""
    return picture.filter(_cube(numbers.primaries, numbers.transfer))


@lru_cache(maxsize=8)
def _cube(primaries: int, transfer: int) -> ImageFilter.Color3DLUT:
    return ImageFilter.Color3DLUT(_NODES, [part for color in _colors(primaries, transfer) for part in color])


def _colors(primaries: int, transfer: int) -> Iterator[tuple[float, ...]]:
    """What becomes of evenly spaced colours, red the fastest."""
    steps = [step / (_NODES - 1) for step in range(_NODES)]
    light = [_pq(step) if transfer == _PQ else _hlg(step) for step in steps]
    gamut = profiles.to_bt709(primaries) or profiles.to_bt709(9)
    assert gamut is not None
    for blue in light:
        for green in light:
            for red in light:
                yield _shown([row[0] * red + row[1] * green + row[2] * blue for row in gamut])


def _pq(value: float) -> float:
    """Light of which 1 is SDR's white. Source: SMPTE ST 2084."""
    root = value ** (1 / 78.84375)
    return (
        10_000 / _WHITE * float((max(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125))
    )


def _hlg(value: float) -> float:
    """Light as a display of 1,000 cd/m² shows it, each colour by itself. Source: ITU-R BT.2100, table 5."""
    scene = value * value / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return _PEAK / _WHITE * float(scene**1.2)


def _shown(color: list[float]) -> tuple[float, ...]:
    """Bent by the Möbius curve, its brightest part deciding, and encoded for a display (ITU-R BT.1886)."""
    most, peak, knee = max(color), _PEAK / _WHITE, _KNEE
    ratio = 1.0
    if most > knee:
        a = -knee * knee * (peak - 1) / (knee * knee - 2 * knee + peak)
        b = (knee * knee - 2 * knee * peak + peak) / (peak - 1)
        ratio = (b * b + 2 * b * knee + knee * knee) / (b - a) * (most + a) / (most + b) / most
    return tuple(min(1.0, max(0.0, part * ratio)) ** (1 / 2.4) for part in color)
