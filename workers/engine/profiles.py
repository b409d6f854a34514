"""Colour profiles: those that pictures bring, and those made from what a picture says of its colours in numbers. Runs
only in the resident helper."""

import struct
from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import ImageCms

from workers.engine.headers import Cicp

SRGB = ImageCms.createProfile("sRGB")
SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}  # of a mode's pixels
Pair = tuple[float, float]
Matrix = tuple[tuple[float, ...], ...]
_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
# (red, green, blue, white) by H.273's numbers, table 2.
_PRIMARIES: dict[int, tuple[Pair, Pair, Pair, Pair]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
# Plain powers by H.273's numbers; other SDR curves are shown as sRGB's, as every browser does.
_POWERS = {4: 2.2, 5: 2.8, 8: 1.0}
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


@lru_cache(maxsize=32)
def to_srgb(profile: bytes, mode: str, target: str = "RGB") -> Any:
    """A transform of pixels in `mode` to sRGB; None when the profile is sRGB already, or does not fit the pixels."""
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(opened).lower():
            return None
        if space_of(opened) != SPACES.get(mode):
            return None
        return ImageCms.buildTransform(
            opened,
            SRGB,
            mode,
            target,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def space_of(profile: ImageCms.ImageCmsProfile) -> str:
    """What the profile's pixels are: GRAY, RGB, CMYK, …"""
    return str(profile.profile.xcolor_space).strip()


@lru_cache(maxsize=1)
def from_lab() -> Any:
    """A transform of CIE L*a*b* pixels to sRGB."""
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), SRGB, "LAB", "RGB")


def of_numbers(numbers: Cicp) -> bytes | None:
    """A profile for colours told by H.273; None when they are sRGB's, or not known."""
    primaries, power = _PRIMARIES.get(numbers.primaries), _POWERS.get(numbers.transfer)
    if primaries is None or (numbers.primaries == 1 and power is None):
        return None
    return matrix_profile(primaries, power)


def of_png(gamma: float | None, chromaticity: tuple[float, ...] | None) -> bytes | None:
    """A profile for a PNG's gAMA (the power of encoding, about 1/2.2) and cHRM (white, red, green, blue, each x and y).

    None when both say what sRGB is, or nothing that makes sense.
    """
    usual = _PRIMARIES[1]
    primaries = usual
    if chromaticity is not None and len(chromaticity) == 8 and all(0 < value < 1 for value in chromaticity):
        white, *rest = zip(chromaticity[::2], chromaticity[1::2], strict=True)
        primaries = (rest[0], rest[1], rest[2], white)
    same = all(abs(a - b) < 0.002 for first, second in zip(primaries, usual, strict=True)
               for a, b in zip(first, second, strict=True))  # fmt: skip
    power = 1 / gamma if gamma and 0.1 <= gamma <= 10 else None
    if power is not None and abs(power - 2.2) < 0.05:
        power = None  # what stands for sRGB's own curve
    return None if same and power is None else matrix_profile(primaries, power)


@lru_cache(maxsize=16)
def matrix_profile(primaries: tuple[Pair, Pair, Pair, Pair], power: float | None) -> bytes | None:
    """An ICC profile (version 2.1) of RGB with these primaries and white, its curve a power or, with None, sRGB's.

    None for primaries that span no space. Source: ICC.1:2001-04; adaptation to D50 by Bradford's matrix.
    """
    try:
        white = _xyz(primaries[3])
        columns = _transposed(tuple(_xyz(pair) for pair in primaries[:3]))
        scale = _times(_inverse(columns), white)
        adapted = _adaptation(white)
        colorants = [_times(adapted, [part * scale[number] for part in _xyz(primaries[number])]) for number in range(3)]
        tags = {b"wtpt": _xyz_type(_D50), b"desc": _text("as told by the picture"), b"cprt": b"text\0\0\0\0none\0"}
        tags |= {name: _xyz_type(color) for name, color in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(power))
        return _packed(tags)
    except (ZeroDivisionError, struct.error, OverflowError):
        return None


@lru_cache(maxsize=8)
def to_bt709(primaries: int) -> Matrix | None:
    """Rows that take linear RGB of H.273's primaries to BT.709's; None for primaries that are not known."""
    known = _PRIMARIES.get(primaries)
    if known is None:
        return None
    back = _inverse(_to_xyz(_PRIMARIES[1]))
    columns = _transposed(_to_xyz(known))
    return _transposed(tuple(tuple(_times(back, column)) for column in columns))


def _to_xyz(primaries: tuple[Pair, Pair, Pair, Pair]) -> Matrix:
    columns = _transposed(tuple(_xyz(pair) for pair in primaries[:3]))
    scale = _times(_inverse(columns), _xyz(primaries[3]))
    return tuple(tuple(part * factor for part, factor in zip(row, scale, strict=True)) for row in columns)


def _packed(tags: dict[bytes, bytes]) -> bytes:
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + _fixed(_D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _curve(power: float | None) -> bytes:
    if power is not None:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(power * 256))
    steps = [step / 1023 for step in range(1024)]
    linear = [step / 12.92 if step <= 0.04045 else ((step + 0.055) / 1.055) ** 2.4 for step in steps]
    return b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *(round(65535 * value) for value in linear))


def _text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(data)) + data + b"\0" * 78  # no Unicode, no Macintosh script


def _fixed(values: Any) -> bytes:
    return struct.pack(">3i", *(round(value * 65536) for value in values))


def _xyz_type(values: Any) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _xyz(pair: Pair) -> tuple[float, float, float]:
    x, y = pair
    return x / y, 1.0, (1 - x - y) / y


def _adaptation(white: tuple[float, ...]) -> Matrix:
    """From this white to D50."""
    ratio = [to / have for to, have in zip(_times(_BRADFORD, _D50), _times(_BRADFORD, white), strict=True)]
    scaled = tuple(tuple(part * ratio[row] for part in line) for row, line in enumerate(_BRADFORD))
    columns = _transposed(scaled)
    back = _inverse(_BRADFORD)
    return _transposed(tuple(tuple(_times(back, column)) for column in columns))


def _times(matrix: Matrix, vector: Any) -> list[float]:
    return [sum(a * b for a, b in zip(line, vector, strict=True)) for line in matrix]


def _transposed(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def _inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    rows = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return tuple(tuple(value / whole for value in row) for row in rows)
