"""The picture on its way from how it is stored to how it is shown. Pure: ffmpeg-python nodes in, nodes out."""

from typing import Any

from workers.engine.probe import VideoStream
from workers.framing import Framing
from workers.graph.source import ALPHA_DECODERS

# Peak brightness that HDR is mapped from, in multiples of SDR white (100 cd/m²).
_NOMINAL_PEAK = 100
# The primaries that go with a matrix, and the other way round.
_FAMILY = {
    "bt470bg": "bt470bg",
    "smpte170m": "smpte170m",
    "bt2020": "bt2020",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}


def colors(video: VideoStream) -> tuple[str, str, str]:
    """(primaries, transfer, matrix) of the picture after `picture`; guessed by size where the source is silent."""
    if video.hdr:
        return "bt709", "bt709", "bt709"
    given = None if video.color_matrix == "gbr" else video.color_matrix
    if given or video.color_primaries:
        guess = _FAMILY.get(given or str(video.color_primaries), "bt709")
    elif video.chroma == "rgb" or video.coded_height >= 720 or video.coded_width >= 1280:
        guess = "bt709"
    else:
        guess = "bt470bg" if video.coded_height in (288, 576) else "smpte170m"
    primaries = video.color_primaries or guess
    transfer = video.color_transfer or ("smpte170m" if guess in ("bt470bg", "smpte170m") else "bt709")
    return primaries, transfer, given or ("bt2020nc" if guess == "bt2020" else guess)


def picture(
    stream: Any,
    video: VideoStream,
    framing: Framing,
    *,
    pix_fmt: str,
    fps: float | None = None,
    background: tuple[int, int, int, int] | None = None,
    flags: str = "bicubic",
) -> Any:
    """The displayed picture in its frame: progressive, BT.709 if it was HDR, square pixels, colours tagged.

    ffmpeg itself turns a rotated source upright ahead of this and clears the flag.
    """
    primaries, transfer, matrix = colors(video)
    clear = pix_fmt.startswith(("yuva", "rgba", "gbrap"))
    if not video.hdr and (video.color_matrix is None or video.color_primaries is None):
        # Unknown is taken for BT.601 by the scaler whatever the size; say what it is before anything converts.
        known = {} if video.chroma == "rgb" else {"colorspace": matrix}
        stream = stream.filter("setparams", color_primaries=primaries, color_trc=transfer, **known)
    if video.interlaced:
        stream = stream.filter(
            "bwdif", mode="send_frame", parity="auto", deint="all" if video.field_order else "interlaced"
        )
    if fps:
        stream = stream.filter("fps", f"{fps:g}")
    rgb = pix_fmt.startswith(("rgb", "gbr"))
    conversion = (
        {} if rgb else {"out_range": "tv", "out_color_matrix": "bt2020" if matrix.startswith("bt2020") else matrix}
    )
    if video.hdr:
        conversion = {}
    stream = stream.filter("scale", framing.scaled[0], framing.scaled[1], flags=flags, **conversion)
    if framing.crops:
        stream = stream.filter("crop", framing.size[0], framing.size[1], framing.crop[0], framing.crop[1])
    if video.hdr:
        stream = _tone_mapped(stream, video, "yuv444p10le" if rgb else "yuv420p10le")
        if not rgb:
            stream = stream.filter("scale", out_range="tv", out_color_matrix="bt709")
    if video.alpha and not clear:
        # Over black: transparent parts hold any colour at all, which must not show.
        stream = stream.filter("format", "gbrap").filter("premultiply", inplace=1)
        stream = stream.filter("scale", **conversion) if conversion else stream
    if framing.pads:
        stream = stream.filter(
            "pad",
            framing.canvas[0],
            framing.canvas[1],
            framing.place[0],
            framing.place[1],
            color=_pad_color(background, clear),
        )
    stream = stream.filter("format", pix_fmt).filter("setsar", 1)
    if rgb:
        return stream
    tags = {"color_primaries": primaries, "color_trc": transfer, "colorspace": matrix}
    return stream.filter("setparams", range="tv", **tags)


def _tone_mapped(stream: Any, video: VideoStream, pix_fmt: str) -> Any:
    """PQ or HLG in BT.2020 to BT.709: linear light, gamut, then a curve that keeps highlights."""
    given = {
        "tin": video.color_transfer,
        "pin": video.color_primaries or "bt2020",
        "min": video.color_matrix or "bt2020nc",
    }
    names = {"bt2020": "2020", "bt2020nc": "2020_ncl", "bt2020c": "2020_cl"}
    options = {name: names.get(str(value), value) for name, value in given.items()}
    if video.color_range is None:
        options["rin"] = "tv"
    stream = stream.filter("format", pix_fmt)  # zscale takes no odd sizes of 4:2:0
    stream = stream.filter("zscale", t="linear", npl=_NOMINAL_PEAK, **options).filter("format", "gbrpf32le")
    stream = stream.filter("zscale", p="bt709").filter("tonemap", "hable", desat=0)
    return stream.filter("zscale", t="bt709", m="bt709", r="tv").filter("format", pix_fmt)


def _pad_color(background: tuple[int, int, int, int] | None, clear: bool) -> str:
    red, green, blue, alpha = background or (0, 0, 0, 0 if clear else 255)
    return f"0x{red:02x}{green:02x}{blue:02x}{alpha if clear else 255:02x}"


def picture_needs(video: VideoStream) -> tuple[str, ...]:
    """Filters and decoders beyond the ordinary that this picture needs."""
    needs = ("zscale", "tonemap") if video.hdr else ()
    return (*needs, ALPHA_DECODERS[video.codec]) if video.alpha and video.codec in ALPHA_DECODERS else needs
