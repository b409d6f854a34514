"""How pictures are encoded: encoder, rate control and speed for each codec. Pure."""

from typing import Any

from workers.engine.limits import threads
from workers.options import DEFAULT_QUALITY, on_curve

ENCODERS = {
    "h264": "libx264",
    "h265": "libx265",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "prores": "prores_ks",
}
# What else people call them.
NICKNAMES = {"avc": "h264", "x264": "h264", "h.264": "h264", "hevc": "h265", "x265": "h265", "h.265": "h265"}
SMALLEST = {"h265": 16, "av1": 8}  # pixels an edge; below that the encoders refuse
# Codecs whose 10-bit profile players of HDR have: H.264's is played by hardly any.
TEN_BIT = ("h265", "av1", "vp9")
# Constant quality on the curve of options.on_curve, chosen to look alike across codecs at the speeds below: at 80, SSIM
# of 480p film is 0.984 in each.
_QUALITY = {
    "h264": (45, 35, 29, 23, 20, 18, 15),
    "h265": (45, 35, 30, 24, 21, 19, 16),
    "vp9": (60, 47, 39, 31, 27, 23, 18),
    "av1": (60, 50, 42, 34, 28, 24, 18),
}

SETTINGS: dict[str, dict[str, Any]] = {
    # Film at 480p and equal SSIM: faster takes a tenth fewer bits than veryfast for 1.3 times its processor time, and
    # medium another seventh for 1.5 times that. High: every browser and phone has it.
    "h264": {"preset": "faster", "profile:v": "high"},
    # fast: medium's size at equal SSIM for a tenth less time. info=0: no name and version of the encoder in the stream.
    # open-gop=0: every segment stands alone.
    "h265": {"preset": "fast", "x265-params": "log-level=error:info=0:open-gop=0"},
    # good is for files, realtime for calls. row-mt: threads within a tile, which change nothing about the bits.
    "vp9": {"deadline": "good", "cpu-used": 4, "row-mt": 1},
    # 8 takes a twentieth fewer bits than 9 for 1.25 times its processor time.
    "av1": {"preset": 8},
    # Named as Apple's own, which some editors insist on.
    "prores": {"vendor": "apl0"},
}

GOP = 5.0  # seconds between key frames at most: a seek decodes half of that on average
_MOST_BITS = 0.25  # a pixel: 13 Mbit/s for 1080p at 25 frames, more than any streaming service sends
_LEAST_BOUND = 2_000_000  # bits a second; small pictures may have more bits a pixel
_USUAL_RATE = 30.0


def bound(size: tuple[int, int], rate: float | None) -> int:
    """Bits per second that a picture of this size and rate should not need: noise and grain would fill any connection.

    What is above it is encoded anew, and what is encoded stays below it but at the highest qualities.
    """
    return max(_LEAST_BOUND, round(size[0] * size[1] * min(rate or _USUAL_RATE, 120.0) * _MOST_BITS))


def rate_control(codec: str, quality: int, bitrate: int | None) -> dict[str, Any]:
    """The encoder's options for constant quality (0 to 100), or for a mean of `bitrate` bits a second."""
    if bitrate:
        if codec == "av1":  # SVT-AV1 takes no peak rate together with a mean
            return {"b:v": bitrate}
        return {"b:v": bitrate, "maxrate": bitrate * 3 // 2, "bufsize": bitrate * 3}
    constant = {"crf": round(on_curve(_QUALITY[codec], quality))}
    return constant | ({"b:v": 0} if codec == "vp9" else {})


def video_settings(
    codec: str,
    *,
    size: tuple[int, int],
    rate: float | None,
    quality: int = DEFAULT_QUALITY,
    bitrate: int | None = None,
    hdr: str | None = None,
    alpha: bool = False,
    uneven: bool = False,
) -> dict[str, Any]:
    """All of the encoder's options for a picture of `size` at `rate` frames a second on average, `uneven` where frames
    stand for unequal times, `hdr` ("pq" or "hlg") where that is kept."""
    settings: dict[str, Any] = {"c:v": ENCODERS[codec]}
    if codec == "prores":
        return settings | SETTINGS[codec] | _prores(quality, alpha)
    settings |= rate_control(codec, quality, bitrate) | SETTINGS[codec]
    if not bitrate:
        settings |= _bounded(codec, bound(size, rate) * (2 if quality > 90 else 1))
    # bitexact: the same bytes from the same command, and no version in the file; cgop: every segment stands alone.
    settings |= {"g": max(1, round(GOP * min(rate or _USUAL_RATE, 120.0))), "flags:v": "+bitexact+cgop"}
    if uneven and codec != "av1":  # a count of frames says nothing about time then; SVT-AV1 takes no such order
        settings["force_key_frames"] = f"expr:gte(t,n_forced*{GOP:g})"
        settings["g"] = max(settings["g"], 250)
    if hdr and codec == "h265":
        # HDR's signals with every key frame, as televisions that join late need them; HDR10's own are for PQ alone.
        settings["x265-params"] += ":repeat-headers=1" + (":hdr10=1:hdr10-opt=1" if hdr == "pq" else "")
    if codec == "vp9":
        settings |= _vp9(size[0], alpha)
    return settings | own_threads(codec, settings, threads())


def _bounded(codec: str, most: int) -> dict[str, Any]:
    """A ceiling above constant quality, over two seconds."""
    if codec == "vp9":  # libvpx's constrained quality: the mean rate is the ceiling
        return {"b:v": most}
    return {"maxrate": most, "bufsize": most * 2}


def _vp9(width: int, alpha: bool) -> dict[str, Any]:
    # Tiles are decoded side by side, at least 256 pixels wide each.
    settings: dict[str, Any] = {"tile-columns": max(0, min(4, (width // 256).bit_length() - 1))}
    # Frames from the future make VP9 a tenth smaller; libvpx cannot have them beside alpha.
    return settings | ({"auto-alt-ref": 0} if alpha else {"auto-alt-ref": 1, "lag-in-frames": 25})


def _prores(quality: int, alpha: bool) -> dict[str, Any]:
    # 4444 carries alpha, at 16 bits as editors write it; 422 and 422 HQ are what they take in.
    if alpha:
        return {"profile:v": 4, "alpha_bits": 16, "flags:v": "+bitexact"}
    return {"profile:v": 3 if quality >= 90 else 2, "flags:v": "+bitexact"}


def own_threads(codec: str, settings: dict[str, Any], share: int) -> dict[str, Any]:
    """`share` threads (0: no bound) in the encoder's own words, where ffmpeg's -threads does not reach it."""
    if not share:
        return {}
    if codec == "h265":  # frame-threads changes the bits: fixed, the command makes the same file on every machine
        return {"x265-params": f"{settings['x265-params']}:pools={share}:frame-threads={min(share, 4)}"}
    if codec == "av1":
        given = f"{settings['svtav1-params']}:" if "svtav1-params" in settings else ""
        return {"svtav1-params": f"{given}lp={share}"}
    return {}
