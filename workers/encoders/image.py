"""How pictures are encoded: what each format's encoder is told, and why. Pure."""

from typing import Any

from workers.options import on_curve

# What Pillow calls the encoders.
ENCODERS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "gif": "GIF", "heic": "HEIF"}
# The encoders' own numbers at the qualities of options.CURVE, so that a quality looks alike in every format: measured
# as equal SSIM of luma at the size of the output. docs/transforms.md has what was reached.
_QUALITY = {
    "jpeg": (1, 40, 60, 80, 90, 95, 100),
    "webp": (1, 37, 57, 80, 90, 95, 100),
    "avif": (1, 45, 52, 66, 81, 90, 98),
    "heic": (1, 31, 35, 43, 53, 62, 88),
}
FULL_COLOR = 90  # above it the eye is meant to see no loss: colour is kept at full resolution
WEBP_METHOD = 2  # twice as fast as 4 for 3 % more bytes
AVIF_SPEED = 8
_COLORS = (16, 64, 128, 256, 256, 256, 256)  # of a GIF, one of which is kept for what is transparent


def still_settings(name: str, quality: int) -> dict[str, Any]:
    """What Pillow's encoder of a still is told for a quality of 0 to 100."""
    if name == "jpeg":
        # Progressive, with tables of its own: 6 % smaller, and shown as a whole while it loads.
        chroma = 0 if quality > FULL_COLOR else 2
        return {"quality": encoder_quality(name, quality), "subsampling": chroma, "progressive": True, "optimize": True}
    if name == "webp":
        return {"quality": encoder_quality(name, quality), "method": WEBP_METHOD, "exact": False}
    if name == "avif":
        chroma_name = "4:4:4" if quality > FULL_COLOR else "4:2:0"
        return {"quality": encoder_quality(name, quality), "speed": AVIF_SPEED, "subsampling": chroma_name}
    if name == "heic":  # 4:2:0 always: players in hardware know nothing else
        return {"quality": encoder_quality(name, quality)}
    return {}


def encoder_quality(name: str, quality: int) -> int:
    """The encoder's own number for a quality of 0 to 100."""
    return round(on_curve(_QUALITY[name], quality))


def gif_colors(quality: int) -> int:
    """How many colours a GIF may have for a quality of 0 to 100, one of them transparent."""
    return round(on_curve(_COLORS, quality))
