"""How pictures are encoded: encoder, rate control and speed for each codec. Pure."""

from typing import Any

from workers.options import on_curve

ENCODERS = {"h264": "libx264", "h265": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
SMALLEST = {"h265": 16, "av1": 8}  # pixels an edge; below that the encoders refuse
# Constant quality on the curve of options.on_curve, chosen to look alike across codecs.
_QUALITY = {
    "h264": (44, 34, 28, 22, 19, 17, 14),
    "h265": (46, 36, 31, 25, 22, 20, 17),
    "vp9": (60, 48, 41, 33, 28, 24, 18),
    "av1": (60, 50, 42, 34, 28, 24, 18),
}

SETTINGS: dict[str, dict[str, Any]] = {
    "h264": {"preset": "veryfast", "profile:v": "high"},
    "h265": {"preset": "fast", "x265-params": "log-level=error"},
    "vp9": {"deadline": "good", "cpu-used": 4, "row-mt": 1},
    "av1": {"preset": 9},
}


def rate_control(codec: str, quality: int, bitrate: int | None) -> dict[str, Any]:
    """The encoder's options for constant quality (0 to 100), or for a mean of `bitrate` bits a second."""
    if bitrate:
        if codec == "av1":  # SVT-AV1 takes no peak rate together with a mean
            return {"b:v": bitrate}
        return {"b:v": bitrate, "maxrate": bitrate * 3 // 2, "bufsize": bitrate * 3}
    constant = {"crf": round(on_curve(_QUALITY[codec], quality))}
    return constant | ({"b:v": 0} if codec == "vp9" else {})
