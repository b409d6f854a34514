"""What only decoded pictures tell: how they are turned, lit and scanned. Runs only in the resident helper."""

import itertools
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Any

import av.filter
from av.error import FFmpegError

LOOKED_AT = 48  # frames; two seconds
LEAST = 8  # frames with movement, to tell anything by
_MASTERING = struct.Struct("=20i2i")  # primaries (r, g, b), white point, least and greatest light; two flags
_STATIC, _SOME, _MOST = 0.1, 0.6, 0.8  # shares of combed frames: none is meant below the first, all above the last
# Sizes and rates that interlaced television has; some of its files carry no flag.
_SIZES = {(720, 480), (704, 480), (720, 486), (720, 512), (720, 576), (704, 576), (1440, 1080), (1920, 1080)}
_RATES = (25.0, 29.97)
_BROADCAST = {"mpegts", "mpeg", "mpegvideo", "mxf", "dv"}
_FILES = {"avi", "mov", "matroska", "asf"}  # of editors and captures; H.264 in them comes from cameras that flag it
_TELEVISION = {"mpeg2video", "mpeg1video", "dvvideo", "prores", "dnxhd", "mjpeg", "vc1", "ffv1", "huffyuv"}


@dataclass(frozen=True)
class Light:
    """How bright an HDR picture is, as its maker tells."""

    mastering: tuple[int, ...] | None = None  # as VideoStream.mastering
    max_cll: int | None = None
    max_fall: int | None = None
    dolby_vision: int | None = None


@dataclass(frozen=True)
class Scan:
    """What was seen of fields: whether there are any, which comes first, and whether only some frames have them."""

    interlaced: bool
    first: str | None = None  # "tff" or "bff"
    telecined: bool = False


def side_data(frame: Any) -> dict[str, bytes]:
    """The frame's side data by PyAV's names."""
    if frame is None:
        return {}
    try:
        return {item.type.name: bytes(item) for item in frame.side_data}
    except ValueError:  # PyAV knows no name for one of them
        return {}


def turned(frame: Any) -> tuple[int, bool]:
    """(degrees counter-clockwise in steps of 90, mirrored) from the picture's display matrix."""
    if frame is None:
        return 0, False
    rotation = round(frame.rotation / 90) * 90 % 360
    matrix = side_data(frame).get("DISPLAYMATRIX", b"")
    if len(matrix) < 36:
        return rotation, False
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    return rotation, a * d - b * c < 0


def light(frame: Any) -> Light:
    """What the first picture tells of its light. Source: SMPTE ST 2086, CTA-861.3, as ffmpeg's structures hold them."""
    data = side_data(frame)
    level = data.get("CONTENT_LIGHT_LEVEL", b"")
    most, mean = struct.unpack("=2I", level[:8]) if len(level) >= 8 else (0, 0)
    return Light(
        _mastering(data.get("MASTERING_DISPLAY_METADATA", b"")),
        most if 0 < most <= 10_000 else None,
        mean if 0 < mean <= 10_000 else None,
        dolby_profile(data.get("DOVI_METADATA", b"")),
    )


def _mastering(data: bytes) -> tuple[int, ...] | None:
    """Green, blue, red and white as x and y in 1/50,000, then greatest and least light in 1/10,000 cd/m²."""
    if len(data) < _MASTERING.size:
        return None
    *numbers, primaries, luminance = _MASTERING.unpack(data[: _MASTERING.size])
    ratios = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not (primaries and luminance) or any(number < 0 or unit <= 0 for number, unit in ratios):
        return None
    red, green, blue, white = ([_scaled(pair, 50_000) for pair in ratios[at : at + 2]] for at in (0, 2, 4, 6))
    least, most = (_scaled(pair, 10_000) for pair in ratios[8:10])
    if any(number > 50_000 for number in (*red, *green, *blue, *white)) or not least < most <= 100_000_000:
        return None
    return (*green, *blue, *red, *white, most, least)


def _scaled(ratio: tuple[int, ...], unit: int) -> int:
    return round(ratio[0] * unit / ratio[1])


def dolby_profile(data: bytes) -> int | None:
    """5 when a picture's Dolby Vision metadata say that its base layer is no picture of its own, 8 for others; None
    without any. Source: the RPU header's profile 0 with a full-range base layer is profile 5."""
    if len(data) < 24:
        return None
    (place,) = struct.unpack("=Q", data[:8])
    header = data[place : place + 11]
    return (5 if header[4] == 0 and header[10] else 8) if len(header) == 11 else None


def may_be_interlaced(demuxer: str, codec: str, size: tuple[int, int], rate: float | None) -> bool:
    """Whether a stream that no flag calls interlaced looks like television: worth a look at its pictures."""
    steady = any(abs((rate or 0.0) - known) < 0.05 for known in _RATES)
    name = demuxer.split(",")[0]
    known = (name in _BROADCAST and codec in _TELEVISION | {"h264"}) or (name in _FILES and codec in _TELEVISION)
    return known and size in _SIZES and steady


def scan(frames: Any, *, flagged: bool) -> Scan:
    """What ffmpeg's `idet` sees in the frames; what the flags say where nothing moves."""
    try:
        seen = _seen(itertools.islice(frames, LOOKED_AT))
    except (FFmpegError, OSError, ValueError):
        return Scan(flagged)
    combed, told = seen["tff"] + seen["bff"], seen["tff"] + seen["bff"] + seen["progressive"]
    if told < LEAST:
        return Scan(flagged)
    share = combed / told
    telecined = _STATIC < share < _SOME and told >= 3 * LEAST
    interlaced = share > _STATIC if flagged else share >= _MOST
    # Fields follow each other one way: a close count means that something else was seen.
    first = max(("tff", "bff"), key=lambda order: seen[order]) if combed else None
    clear = first is not None and seen[first] >= 4 * (combed - seen[first])
    return Scan(interlaced, first if clear and interlaced else None, telecined)


def _seen(frames: Any) -> Counter[str]:
    """How many frames were called what."""
    graph, seen = None, Counter[str]()
    shape: tuple[Any, ...] = ()
    for frame in frames:
        if graph is None:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            )
            graph.link_nodes(source, graph.add("idet"), graph.add("buffersink")).configure()
            shape = (frame.width, frame.height, frame.format.name)
        if (frame.width, frame.height, frame.format.name) != shape:
            break  # a broadcast that changes its format: what was seen so far counts
        graph.push(frame)
        _pull(graph, seen)
    return seen


def _pull(graph: Any, seen: Counter[str]) -> None:
    while True:
        try:
            told = graph.pull().metadata.get("lavfi.idet.multiple.current_frame")
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        seen[str(told)] += 1
