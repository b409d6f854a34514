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
SMALLEST = {"h265": 16, "av1": 8}  # pixels an edge; below that the encoders refuse
# Codecs whose 10-bit profile every player of HDR has: H.264's is played by hardly any.
TEN_BIT = ("h265", "av1", "vp9")
# Constant quality on the curve of options.on_curve, chosen to look alike across codecs.
_QUALITY = {
    "h264": (44, 34, 28, 22, 19, 17, 14),
    "h265": (46, 36, 31, 25, 22, 20, 17),
    "vp9": (60, 48, 41, 33, 28, 24, 18),
    "av1": (60, 50, 42, 34, 28, 24, 18),
}

SETTINGS: dict[str, dict[str, Any]] = {
    # faster: 10 % fewer bits than veryfast at equal SSIM for a third more time; slower presets give little more.
    # High: every browser and phone since 2012 has it.
    "h264": {"preset": "faster", "profile:v": "high"},
    # fast: half of medium's time for 3 % more bits. info=0: no name and version of the encoder in the stream.
    "h265": {"preset": "fast", "x265-params": "log-level=error:info=0:open-gop=0"},
    # good at 4: what is made for keeping, at a speed that keeps up with h265's; row-mt: threads within a tile, without
    # a change to the bits.
    "vp9": {"deadline": "good", "cpu-used": 4, "row-mt": 1},
    # 8: as fast as x264's medium for half of the bits; below it time doubles with every step.
    "av1": {"preset": 8},
    # Named as Apple's own, which some editors insist on.
    "prores": {"vendor": "apl0"},
}

GOP = 5.0  # seconds between key frames at most: a seek decodes half of that on average; longer saves under 2 %
_MOST_BITS = 0.25  # a pixel: twice what hard pictures need in H.264 at our default quality
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
    ten_bit: bool = False,
    alpha: bool = False,
    uneven: bool = False,
) -> dict[str, Any]:
    """All of the encoder's options for a picture of `size` at `rate` frames a second on average, `uneven` where frames
    stand for unequal times."""
    settings: dict[str, Any] = {"c:v": ENCODERS[codec]}
    if codec == "prores":
        return settings | SETTINGS[codec] | _prores(quality, alpha)
    settings |= rate_control(codec, quality, bitrate) | SETTINGS[codec]
    if not bitrate:
        settings |= _bounded(codec, bound(size, rate) * (2 if quality > 90 else 1))
    # bitexact: the same bytes from the same command, and no version in the file; cgop: every segment stands alone.
    settings |= {"g": max(1, round(GOP * (rate or _USUAL_RATE))), "flags:v": "+bitexact+cgop"}
    if uneven and codec != "av1":  # a count of frames says nothing about time then; SVT-AV1 takes no such order
        settings["force_key_frames"] = f"expr:gte(t,n_forced*{GOP:g})"
        settings["g"] = max(settings["g"], 250)
    if ten_bit and codec == "h265":
        # HDR10's signals with every key frame, as televisions that join late need them.
        settings["x265-params"] += ":hdr10=1:hdr10-opt=1:repeat-headers=1"
    if codec == "vp9":
        settings |= _vp9(size[0], alpha)
    return settings | _threads(codec, settings)


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


def _threads(codec: str, settings: dict[str, Any]) -> dict[str, Any]:
    """This worker's share, in the encoder's own words where ffmpeg's -threads does not bound it."""
    share = threads()
    if not share:
        return {}
    if codec == "h265":  # frame-threads changes the bits: fixed, the command makes the same file on every machine
        return {"x265-params": f"{settings['x265-params']}:pools={share}:frame-threads={min(share, 4)}"}
    return {"svtav1-params": f"lp={share}"} if codec == "av1" else {}
