"""HDR stills on their way to SDR, by the same filters as HDR video. Pure."""

from typing import Any

import ffmpeg

from workers.engine.limits import threads
from workers.engine.probe import Image, VideoStream
from workers.framing import Framing
from workers.graph.output import output_args, thread_settings
from workers.graph.picture import SHARP, picture
from workers.plans import FfmpegStep, HelperStep

_TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}
# EXIF orientation → filters that turn the stored picture upright.
_UPRIGHT: dict[int, tuple[tuple[str, Any], ...]] = {
    2: (("hflip", None),),
    3: (("hflip", None), ("vflip", None)),
    4: (("vflip", None),),
    5: (("transpose", "cclock_flip"),),
    6: (("transpose", "clock"),),
    7: (("transpose", "clock_flip"),),
    8: (("transpose", "cclock"),),
}


RAW, SDR = "deep.raw", "frame.ppm"  # bare pixels of an HDR picture, RGB in 16 bits, as stored; and what becomes of them


def sdr_steps(
    path: str, image: Image, shown: tuple[int, int], whole: Framing, *, weight: float = 1.0
) -> tuple[HelperStep, FfmpegStep]:
    """The helper decodes all bits of an HDR still to RAW, ffmpeg tone-maps them to SDR as it does a video's."""
    args = _sdr_args(image, shown, whole)
    decode = HelperStep("raw", {"source": path, "target": RAW}, weight=weight)
    return decode, FfmpegStep(args, needs=("zscale", "tonemap"), weight=weight)


def _sdr_args(image: Image, shown: tuple[int, int], framing: Framing) -> tuple[str, ...]:
    options: dict[str, Any] = {
        "format": "rawvideo",
        "format_whitelist": "rawvideo",
        "protocol_whitelist": "file",
        "pixel_format": "rgb48le",
        "video_size": (image.coded_width, image.coded_height),
    }
    if threads():
        options["threads"] = threads()
    stream = ffmpeg.input(RAW, **options).video
    for name, argument in _UPRIGHT.get(image.orientation, ()):
        stream = stream.filter(name, *(() if argument is None else (argument,)))
    # From here on it is what a video's frame is, so that both come out alike.
    stream = stream.filter("scale", out_color_matrix="bt2020", out_range="tv").filter("format", "yuv444p12le")
    primaries = image.color_primaries or "bt2020"
    transfer = _TRANSFERS[str(image.hdr)]
    stream = stream.filter(
        "setparams", color_primaries=primaries, color_trc=transfer, colorspace="bt2020nc", range="tv"
    )
    video = VideoStream(
        0,
        "rawvideo",
        *shown,
        *shown,
        pix_fmt="yuv444p12le",
        bit_depth=12,
        chroma="444",
        color_primaries=primaries,
        color_transfer=transfer,
        color_matrix="bt2020nc",
        color_range="tv",
        hdr=image.hdr,
    )
    stream = picture(stream, video, framing, pix_fmt="rgb24", flags=SHARP)
    still: dict[str, Any] = {"format": "image2", "c:v": "ppm", "update": 1, "frames:v": 1}
    return output_args([stream], SDR, still | thread_settings())
