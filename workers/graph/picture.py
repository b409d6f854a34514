"""The picture on its way from how it is stored to how it is shown. Pure: ffmpeg-python nodes in, nodes out."""

from typing import Any

from workers.engine.probe import VideoStream
from workers.framing import Framing
from workers.graph.source import ALPHA_DECODERS

SHARP = "lanczos+accurate_rnd+full_chroma_int"  # how what is looked at is scaled
# Light that becomes SDR's white, cd/m²: HDR's reference white, of paper and captions (ITU-R BT.2408).
_WHITE = 203
# The brightest light to leave room for where the source does not say, and the most that it is believed.
_USUAL_PEAK, _MOST_PEAK = 1000, 4000
# Below this share of white, light stays as it is: faces and shadows; above it, highlights are bent together.
_KNEE = 0.3
# The primaries that go with a matrix, and the other way round.
_FAMILY = {
    "bt470bg": "bt470bg",
    "smpte170m": "smpte170m",
    "bt2020": "bt2020",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}

# Samplings of colour, and what has less of it.
_COARSER = {"rgb": ("422", "420"), "444": ("422", "420"), "440": ("422", "420"), "422": ("420",)}


def colors(video: VideoStream, *, keep_hdr: bool = False) -> tuple[str, str, str]:
    """(primaries, transfer, matrix) of the picture after `picture`; guessed by size where the source is silent."""
    if video.hdr and not keep_hdr:
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
    keep_hdr: bool = False,
    late: float = 0.0,
    brief: bool = False,
) -> Any:
    """The displayed picture in its frame: progressive, BT.709 if it was HDR, square pixels, colours tagged.

    ffmpeg itself turns a rotated source upright ahead of this and clears the flag. With `keep_hdr` light and colours
    stay the source's. `late` is how many seconds after the beginning the first picture comes: it is shown from there.
    `brief` is what lasts less than one frame at `fps`, and is one nevertheless.
    """
    mapped = bool(video.hdr) and not keep_hdr
    primaries, transfer, matrix = colors(video, keep_hdr=keep_hdr)
    clear = pix_fmt.startswith(("yuva", "rgba", "gbrap"))
    rgb = pix_fmt.startswith(("rgb", "gbr"))
    if not video.hdr and (video.color_matrix is None or video.color_primaries is None):
        # Unknown is taken for BT.601 by the scaler whatever the size; say what it is before anything converts.
        known = {} if video.chroma == "rgb" else {"colorspace": matrix}
        stream = stream.filter("setparams", color_primaries=primaries, color_trc=transfer, **known)
    stream = _steady(_progressive(stream, video), fps, late, brief)
    conversion = {} if rgb else {"out_range": "tv", "out_color_matrix": _matrix(matrix)}
    stream = stream.filter("scale", framing.scaled[0], framing.scaled[1], flags=flags, **({} if mapped else conversion))
    if framing.crops:
        stream = stream.filter("crop", framing.size[0], framing.size[1], framing.crop[0], framing.crop[1])
    if mapped:
        stream = _tone_mapped(stream, video, "yuv444p10le" if rgb else "yuv420p10le")
        if not rgb:
            stream = stream.filter("scale", out_range="tv", out_color_matrix="bt709")
    elif video.alpha and not clear:
        stream = _over(stream, background)
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


def _matrix(matrix: str) -> str:
    """The scaler's name for a matrix."""
    return "bt2020" if matrix.startswith("bt2020") else matrix


def _progressive(stream: Any, video: VideoStream) -> Any:
    """One frame for each that there was: a field's rate would double the frames of every film and every phone."""
    if not video.interlaced:
        return stream
    # As seen, all of them; as flagged, the frames that are.
    seen = video.first_field is not None or video.field_order is not None
    return stream.filter(
        "bwdif", mode="send_frame", parity=video.first_field or "auto", deint="all" if seen else "interlaced"
    )


def _steady(stream: Any, fps: float | None, late: float, brief: bool) -> Any:
    """Frames at a rate, or at their own times; the first from the beginning on, where players show nothing else."""
    if fps:
        options: dict[str, Any] = {"start_time": 0} if late > 0 else {}
        return stream.filter("fps", f"{fps:g}", **options, **({"eof_action": "pass"} if brief else {}))
    return stream.filter("setpts", "if(N,PTS,0)") if late > 0 else stream


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
    stream = stream.filter("zscale", t="linear", npl=_WHITE, **options).filter("format", "gbrpf32le")
    # Mobius leaves all below its knee alone, where hable darkens everything to make room.
    curve = {"param": _KNEE, "desat": 0, "peak": f"{peak(video) / _WHITE:.3f}"}
    stream = stream.filter("zscale", p="bt709").filter("tonemap", "mobius", **curve)
    stream = stream.filter("zscale", t="bt709", m="bt709", r="tv").filter("format", pix_fmt)
    # What was said of HDR's light is not true of this picture.
    for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
        stream = stream.filter("sidedata", "delete", type=kind)
    return stream


def peak(video: VideoStream) -> int:
    """The brightest light of an HDR picture, cd/m²: as measured, as the display it was made on could, or as usual."""
    told = video.max_cll or (video.mastering[-2] // 10_000 if video.mastering else 0) or _USUAL_PEAK
    return max(_WHITE + 1, min(told, _MOST_PEAK))


def _over(stream: Any, background: tuple[int, int, int, int] | None) -> Any:
    """Over a colour: transparent parts hold any colour at all, which must not show."""
    layers = stream.filter("format", "gbrap").filter_multi_output("split")
    # A frame of the colour for each of the picture's, at the same time.
    below = layers[0].filter("format", "gbrp")
    below = below.filter("drawbox", x=0, y=0, w="iw", h="ih", t="fill", color=_pad_color(background, False))
    return below.overlay(layers[1], format="gbrp", eof_action="endall")


def _pad_color(background: tuple[int, int, int, int] | None, clear: bool) -> str:
    red, green, blue, alpha = background or (0, 0, 0, 0 if clear else 255)
    return f"0x{red:02x}{green:02x}{blue:02x}{alpha if clear else 255:02x}"


def picture_needs(video: VideoStream) -> tuple[str, ...]:
    """Filters and decoders beyond the ordinary that this picture needs."""
    needs = ("zscale", "tonemap") if video.hdr else ()
    return (*needs, ALPHA_DECODERS[video.codec]) if video.alpha and video.codec in ALPHA_DECODERS else needs


def picture_notes(
    video: VideoStream,
    *,
    keep_hdr: bool,
    bits: int,
    clear: bool,
    background: tuple[int, int, int, int] | None,
    chroma: str = "420",
) -> tuple[str, ...]:
    """What `picture` changes, in words; `bits` and `chroma` are the output's depth and sampling, `clear` whether it has
    alpha."""
    notes = []
    if video.interlaced:
        notes.append("Interlaced fields were made whole pictures (deinterlaced), one for each frame.")
    if video.telecined:
        notes.append("Some pictures are combed: film spread over television's fields is not put back together.")
    if video.hdr and not keep_hdr:
        notes.append(f"HDR ({video.hdr.upper()}) was tone-mapped to BT.709.")
    elif video.bit_depth > bits:
        notes.append(f"{video.bit_depth} bits a sample became {bits}.")
    if video.dolby_vision and not keep_hdr:
        notes.append("Dolby Vision's own enhancements were left out; its base layer was used.")
    elif video.dolby_vision:
        notes.append("Dolby Vision's own enhancements were left out; HDR is kept.")
    if video.chroma in _COARSER and chroma in _COARSER[video.chroma]:
        notes.append(f"{_sampling(video.chroma)} colour became {_sampling(chroma)}.")
    if video.alpha and not clear:
        color = "#{:02x}{:02x}{:02x}".format(*(background or (0, 0, 0, 255))[:3])
        notes.append(f"Transparency cannot be kept in this format: it was put over {color}.")
    return tuple(notes)


def _sampling(chroma: str) -> str:
    return "RGB" if chroma == "rgb" else ":".join(chroma)
