"""Which renditions a package has: sizes, rates and bounds, chosen from the source and never above it. Pure."""

import math
from dataclasses import dataclass
from fractions import Fraction

from workers.engine.errors import LimitExceeded
from workers.framing import Size, nearest
from workers.options import on_curve

# Peak bits a second of H.264 at up to 30 frames a second, by the short edge of a 16:9 picture: about the upper half of
# what HLS Authoring Specification for Apple Devices lists for each size. Neighbours differ by 1.75 to 2 times, which is
# what a player's choice by measured throughput needs to tell them apart without visible jumps.
_PEAKS = {
    2160: 16_000_000,
    1440: 9_000_000,
    1080: 5_000_000,
    720: 2_800_000,
    480: 1_400_000,
    360: 800_000,
    240: 400_000,
}
_FASTER = 1.5  # times the bits above 30 frames a second: neighbouring frames are more alike, so not twice
# Bits that look like one bit of H.264: what a codec's source is worth, and what an output needs.
_WORTH = {"h264": 1.0, "h265": 1.6, "vp9": 1.5, "av1": 1.9, "vp8": 0.9, "mpeg2video": 0.5, "mpeg4": 0.7}
_HEADROOM = 2.0  # a source's peaks over its mean: VBV bounds peaks, headers tell means
_LEAST_PEAK = 120_000  # below that a rung is no use: the sound beside it is larger
_NEAR = 0.8  # of the size above: a rung that is nearer saves nothing
# Peaks by quality, on the curve of options.on_curve, in percent of the table.
_BY_QUALITY = (35, 50, 75, 100, 130, 160, 200)
BUFFER = 1.5  # seconds of the peak rate: a segment of six seconds is at most a quarter over the peak

FASTEST = Fraction(60)
_SLOW_ABOVE = 31  # frames a second; small pictures faster than that get every second frame
_SMOOTH = 720  # from this short edge on every frame is kept
_USUAL_RATES = tuple(
    Fraction(*pair)
    for pair in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1))
)
UNKNOWN_RATE = Fraction(30)

GOP = 2.0  # seconds between key frames: where a player can begin, and what an I-frame playlist shows
SEGMENT = 6.0  # seconds, as the HLS authoring specification asks for
MOST_SEGMENTS = 1500  # of one rendition: 2.5 hours at 6 s; longer ones get longer segments
LONGEST_SEGMENT = 60.0

# Stereo AAC beside a picture, and of packages without one, bits a second.
BESIDE = 128_000
_SOUNDS = (256_000, 128_000, 64_000)
_TOP_SOUND = (64_000, 96_000, 128_000, 256_000, 256_000, 320_000, 320_000)  # on the curve
_MONO = 0.6
_LEAST_SOUND = 32_000


@dataclass(frozen=True)
class Rung:
    """One rendition of the picture. `peak` bits a second, `gop` frames between key frames, `halved` when it has every
    second frame of the rungs above."""

    name: str
    width: int
    height: int
    rate: Fraction
    peak: int
    gop: int
    halved: bool = False


@dataclass(frozen=True)
class Timing:
    """When key frames and segments come: a segment is `gops` groups of pictures, `segment` seconds exactly."""

    gop: Fraction  # seconds
    gops: int

    @property
    def segment(self) -> Fraction:
        return self.gop * self.gops


def steady_rate(rate: float | None, base_rate: float | None, *, variable: bool) -> tuple[Fraction, bool]:
    """The frame rate of a package, and whether frames had to be repeated or dropped for it.

    Key frames of all renditions must fall on the same moments, so the rate is steady: the source's own, or the finest
    that its uneven frames fit; at most 60, by whole divisors.
    """
    if not variable and rate:
        exact = _snapped(rate)
        divisor = math.ceil(exact / FASTEST)
        return exact / divisor, divisor > 1
    if base_rate and rate and base_rate <= FASTEST and base_rate <= 4 * rate:
        return _snapped(base_rate), True
    if rate:
        return next((usual for usual in _USUAL_RATES if usual >= _snapped(rate)), FASTEST), True
    return UNKNOWN_RATE, True


def _snapped(rate: float) -> Fraction:
    """The usual rate within half a per mille, which a header's decimals stand for; else the rate itself."""
    for usual in _USUAL_RATES:
        if abs(rate / float(usual) - 1) < 0.0005:
            return usual
    return max(Fraction(1), Fraction(rate).limit_denominator(1001))


def ladder(
    canvas: Size, rate: Fraction, *, codec: str, quality: int, source_codec: str, source_bitrate: int | None
) -> tuple[Rung, ...]:
    """Renditions of a picture of `canvas` pixels, the largest first: it and the usual sizes below it.

    Each is named by the short edge of the 16:9 picture that holds it. `source_bitrate` is the source picture's mean; no
    rung gets more than that is worth.
    """
    own = _equivalent(canvas)
    fast = rate > _SLOW_ABOVE
    top = _peak(own, fast) * on_curve(_BY_QUALITY, quality) / 100
    if source_bitrate:
        top = min(top, max(_LEAST_PEAK, source_bitrate * _WORTH.get(source_codec, 1.0) * _HEADROOM))
    share = top / _peak(own, fast) / _WORTH[codec]
    sizes = [own]
    sizes += [size for size in _PEAKS if size < own]
    gop = max(1, round(GOP * (rate / 2 if fast else rate)))
    rungs: list[Rung] = []
    above = own
    for size in sizes:
        halved = fast and bool(rungs) and size < _SMOOTH
        peak = round(_peak(size, fast and not halved) * share / 1000) * 1000
        if rungs and (peak < _LEAST_PEAK or size > _NEAR * above):
            continue
        ratio = Fraction(size, own)
        width, height = canvas if not rungs else (nearest(side * ratio, 2) for side in canvas)
        rungs.append(
            Rung(
                f"{size}p",
                width,
                height,
                rate / 2 if halved else rate,
                max(peak, _LEAST_PEAK),
                gop if halved or not fast else 2 * gop,
                halved,
            )
        )
        above = size
    return tuple(rungs)


def _equivalent(canvas: Size) -> int:
    """The short edge of the 16:9 picture that holds this one: 1080 for 1920 × 800, and for 1080 × 1920."""
    long, short = max(canvas), min(canvas)
    return max(short, round(long * 9 / 16))


def _peak(size: int, fast: bool) -> float:
    """The table's peak for a size, by straight lines between its sizes, and by pixels below and above them."""
    known = sorted(_PEAKS)
    if size <= known[0] or size >= known[-1]:
        nearest_known = known[0] if size <= known[0] else known[-1]
        found = _PEAKS[nearest_known] * (size / nearest_known) ** 1.5
    else:
        high = next(one for one in known if one >= size)
        low = max(one for one in known if one < size)
        found = _PEAKS[low] + (_PEAKS[high] - _PEAKS[low]) * (size - low) / (high - low)
    return max(found, 1000.0) * (_FASTER if fast else 1.0)


def timing(duration: float | None, wanted: float | None, gop: Fraction = Fraction(GOP)) -> Timing:
    """Segments of about `wanted` seconds, in whole groups of pictures of `gop` seconds; for long media longer ones, as
    each segment is an object in the bucket. Raises LimitExceeded.
    """
    target = wanted or max(SEGMENT, (duration or 0.0) / MOST_SEGMENTS)
    if target > LONGEST_SEGMENT or (duration or 0.0) / target > 2 * MOST_SEGMENTS:
        hint = "; use a longer segment_duration" if wanted else ""
        raise LimitExceeded(
            f"A package of {duration or 0:.0f} s would have too many segments{hint}.",
            param="segment_duration" if wanted else None,
        )
    gops = max(1, round(target / gop)) if wanted else max(1, math.ceil(target / gop - Fraction(1, 2)))
    return Timing(gop, gops)


def sounds(quality: int, channels: int, source_bitrate: int | None) -> tuple[int, ...]:
    """Bits a second of the renditions of a package without a picture, the highest first; the source's own at most."""
    share = _MONO if channels == 1 else 1.0
    top = on_curve(_TOP_SOUND, quality) * share
    if source_bitrate:
        top = min(top, max(source_bitrate, _LEAST_SOUND))
    rates = [round(top / 1000) * 1000]
    rates += [round(rate * share / 1000) * 1000 for rate in _SOUNDS]
    kept = rates[:1]
    for rate in rates[1:]:
        if _LEAST_SOUND <= rate <= 0.7 * kept[-1]:
            kept.append(rate)
    return tuple(kept)
