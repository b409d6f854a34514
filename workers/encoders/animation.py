"""How moving pictures without sound are encoded: GIF, WebP and AVIF out of ffmpeg. Pure."""

import math
from fractions import Fraction
from typing import Any

from workers.encoders.image import encoder_quality, gif_colors
from workers.encoders.video import own_threads
from workers.engine.limits import threads
from workers.options import on_curve

ENCODERS = {"gif": "gif", "webp": "libwebp_anim", "avif": "libsvtav1"}
MUXERS = {"gif": "gif", "webp": "webp", "avif": "avif"}
SMALLEST = {"avif": 16}  # pixels an edge; below that the encoder, or its second stream's, refuses
FASTEST = {"gif": 50, "webp": 60, "avif": 60}  # frames per second; browsers slow down GIFs that are faster
USUAL = 15  # frames per second: half of a usual video's, which the eye still takes for motion
# Constant quality of AV1 on the curve of options.on_curve.
_CRF = (60, 50, 42, 34, 28, 24, 18)
_WEBP_METHOD = 4  # frames are small; 2 makes files 10 % larger


def film_settings(name: str, quality: int) -> dict[str, Any]:
    """The encoder's options for a quality of 0 to 100; played for ever."""
    settings: dict[str, Any] = {"format": MUXERS[name], "c:v": ENCODERS[name], "an": None, "sn": None, "dn": None}
    # The filters made the rate steady; nothing may be repeated after them to fill an end.
    settings |= {"loop": 0, "fps_mode": "passthrough"}
    if name == "webp":
        settings |= {"quality": encoder_quality(name, quality), "compression_level": _WEBP_METHOD}
    if name == "avif":
        settings |= {"crf:v:0": round(on_curve(_CRF, quality)), "preset:v:0": 9}
        settings |= own_threads("av1", {}, threads())
    return settings


def palette_settings(quality: int, *, clear: bool) -> dict[str, Any]:
    """Options of palettegen. One palette for all frames; colours of what moves count for more, as the eye is there."""
    return {"max_colors": gif_colors(quality), "stats_mode": "diff", "reserve_transparent": int(clear)}


# Of paletteuse. An ordered pattern stays where it is from frame to frame; spread errors would crawl over still parts,
# and cost 8 % more bytes. At a scale of 3 the pattern is seen, at 5 skies have bands. Only what changes is written.
DITHER: dict[str, Any] = {"dither": "bayer", "bayer_scale": 4, "diff_mode": "rectangle"}


def steady_rate(name: str, wanted: float) -> Fraction:
    """The nearest rate that the format can keep: a GIF's frames last whole hundredths of a second, two at least."""
    if name != "gif":
        return Fraction(wanted).limit_denominator(1001)
    return Fraction(100, max(2, round(100 / wanted)))


def usual_rate(own: float | None) -> float:
    """Frames per second where none are asked for: every frame of a video, every second or third, up to USUAL; what
    skips now one frame and now two would judder."""
    return own / max(1, math.ceil(own / USUAL - 0.01)) if own else USUAL
