"""Pieces of ffmpeg graphs that kinds put together. Pure: ffmpeg-python nodes in, nodes and arguments out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ffmpeg
from ffmpeg.nodes import FilterableStream

from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.limits import source_limits, threads
from workers.engine.probe import AudioStream, Probe, VideoStream
from workers.framing import Framing

LOOK_BACK = 3.0  # seconds before the moment asked for in which the picture shown then may have begun
EPSILON = 0.001  # seconds; spans shorter than this are no spans
_USUAL_RATE, _FINEST = 30.0, 1000.0  # frames per second
_NEVER = 10**12  # microseconds
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
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own decoders drop the alpha layer
# Speech sits in the centre: it keeps its loudness. Surrounds −3 dB, low frequencies left out (ITU-R BS.775, annex 4).
# Without a bound the mix would be turned down by the sum of all channels, which are hardly ever loud together; the
# limiter after it catches the moments when they are.
_DOWNMIX = {
    "out_chlayout": "stereo",
    "center_mix_level": 0.7071,
    "surround_mix_level": 0.7071,
    "lfe_mix_level": 0,
    "rematrix_maxval": 1000,
}


@dataclass(frozen=True)
class Span:
    """The part of a source to use, seconds. `duration` is its length, None when the source's is unknown."""

    start: float
    duration: float | None
    limited: bool  # whether it ends before the source does

    @property
    def partial(self) -> bool:
        return self.limited or self.start > 0


def span(
    probe: Probe, *, start: float | None, end: float | None, duration: float | None
) -> tuple[Span, tuple[str, ...]]:
    """The span asked for, cut to what there is, and notes on that. `end` wins over `duration`.

    Raises SourceUnsupported when it starts after the end.
    """
    begin, whole = start or 0.0, probe.duration
    if whole is not None and begin and begin >= whole - EPSILON:
        raise SourceUnsupported(f"start is {begin:g} s, but the input is only {whole:g} s long.", param="start")
    if end is not None:
        length: float | None = end - begin
        if end <= begin:
            raise SourceUnsupported(f"end ({end:g} s) must be after start ({begin:g} s).", param="end")
    else:
        length = duration
    if whole is None:
        return Span(begin, length, length is not None), ()
    rest = whole - begin
    if length is None or length >= rest - EPSILON:
        over = length is not None and length > rest + 0.5
        notes = (f"The input ends after {whole:g} s, so the output is {rest:g} s long.",) if over else ()
        return Span(begin, rest, False), notes
    return Span(begin, length, True), ()


def uneven(video: VideoStream) -> bool:
    """Whether frames may stand for much longer than others, so that a span may begin or end between two of them."""
    rate, base = video.frame_rate, video.base_rate
    return video.variable or bool(rate and base and rate < base * 0.999 and not video.interlaced)


class _Generated(ffmpeg.nodes.FilterNode):
    """A filter without an input, which ffmpeg-python has no word for."""

    def __init__(self, name: str, **options: Any) -> None:
        ffmpeg.nodes.Node.__init__(self, None, name, {FilterableStream}, FilterableStream, 0, 0, [], options)


@dataclass(frozen=True)
class Cut:
    """A span of an uneven source: read from `seek` on, of which `offset` to `offset` + `duration` is used, seconds.

    ffmpeg begins a span with the first frame that starts inside it; a viewer sees the one that began before. So frames
    from the key frame before `seek` on are kept, and two ticks make the picture shown at either end a frame there.
    """

    seek: float
    offset: float
    duration: float | None
    last: float  # the distance of the last tick from the end, seconds
    steady: bool  # whether ffmpeg knows a rate to repeat the last frame at

    def picture(self, stream: Any) -> Any:
        """The span's frames at their own times; one at 0 and one near the end, whatever began there."""
        if self.duration is not None and self.steady:
            # Where the source's last frame ends before the span does, it stays; `trim` ends what has no end.
            stream = stream.filter("tpad", stop=-1, stop_mode="clone")
        begin = round(self.offset * 1e6)
        step = round(max(0.0, (self.duration or 0.0) - self.last) * 1e6) or _NEVER
        # A source that makes frames of any format: the picture's own must not be converted to suit it. Its third tick
        # never comes: the shorter input ends both.
        ticks = _Generated("nullsrc", size="16x16", rate=1, duration=3).stream()
        ticks = ticks.filter("settb", "AVTB").filter("setpts", f"{begin}+N*({step}+(N-1)*{_NEVER})")
        # It passes the first input on whenever either has a new frame.
        stream = ffmpeg.filter([stream, ticks], "streamselect", inputs=2, map=0)
        return stream.filter("trim", **self._bounds()).filter("setpts", "PTS-STARTPTS")

    def sound(self, stream: Any) -> Any:
        """The span's sound, cut to the sample; as it is when ffmpeg's own seeking does that."""
        if not self.offset:
            return stream
        stream = stream.filter("atrim", **self._bounds())
        return stream.filter("asetpts", f"PTS-round({seconds(self.offset)}/TB)")

    def settings(self) -> dict[str, str]:
        """Options of the output: the last frame ends with the span, however long it was shown in the source."""
        if self.duration is None:
            return {}
        return {"bsf:v": f"setts=duration=min(DURATION\\,max(1\\,{seconds(self.duration)}/TB-PTS))"}

    def _bounds(self) -> dict[str, str]:
        end = {} if self.duration is None else {"end": seconds(self.offset + self.duration)}
        return {"start": seconds(self.offset), **end}


def cut(video: VideoStream, part: Span, duration: float | None, fps: float | None = None) -> Cut | None:
    """How to cut a span of `duration` seconds out of an uneven source, for an output at `fps` if that is to be steady;
    None when plain seeking is exact."""
    if not part.partial or not uneven(video):
        return None
    seek = max(0.0, part.start - LOOK_BACK)
    # A steady rate repeats frames up to the last it is given.
    rate = _FINEST if fps else min(video.base_rate or _USUAL_RATE, 2 * _USUAL_RATE)
    return Cut(seek, part.start - seek, duration, 1 / rate, bool(video.base_rate))


def source_input(
    probe: Probe,
    path: str,
    part: Span | Cut | None = None,
    *,
    alpha: VideoStream | None = None,
    key_frames: bool = False,
) -> Any:
    """The source as ffmpeg's input: only the demuxer that probing found may open it, and nothing beside it.

    With `key_frames` nothing else is decoded.
    """
    demuxer = probe.demuxer or ""
    options: dict[str, Any] = {
        "format": demuxer.split(",")[0],
        "format_whitelist": demuxer,
        "protocol_whitelist": "file,pipe",
    }
    if isinstance(part, Span) and part.start > 0:
        options["ss"] = seconds(part.start)
    if isinstance(part, Cut) and part.seek > 0:
        options |= {"ss": seconds(part.seek), "noaccurate_seek": None}
    if alpha is not None and alpha.alpha and alpha.codec in _ALPHA_DECODERS:
        options["c:v"] = _ALPHA_DECODERS[alpha.codec]
    if key_frames:
        options["skip_frame"] = "nokey"
    if threads():
        options["threads"] = threads()
    return ffmpeg.input(path, **options)


def seconds(value: float) -> str:
    """A time for a command line: microseconds, no exponent, no idle zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def usable_video(probe: Probe, what: str) -> VideoStream:
    """The picture stream to use. Raises SourceUnsupported, LimitExceeded."""
    video = probe.video
    if video is None:
        raise SourceUnsupported(f"{what} cannot be made from this input: it has no picture that can be decoded.")
    edge = source_limits().edge
    if max(video.width, video.height, video.coded_width, video.coded_height) > edge:
        raise LimitExceeded(f"The video is {video.width} × {video.height} pixels; at most {edge} on the longest edge.")
    return video


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
    return (*needs, _ALPHA_DECODERS[video.codec]) if video.alpha and video.codec in _ALPHA_DECODERS else needs


def stereo(stream: Any, audio: AudioStream) -> Any:
    """At most two channels: more are mixed so that the centre keeps its loudness, and peaks held below clipping."""
    if audio.channels <= 2:
        return stream
    stream = stream.filter("aformat", sample_fmts="fltp").filter("aresample", **_DOWNMIX)
    return stream.filter("alimiter", limit=0.95, level=0, latency=1)


def mix_note(audio: AudioStream | None) -> tuple[str, ...]:
    """What a listener should know about the mix."""
    return (f"{audio.channels} channels were mixed down to stereo.",) if audio and audio.channels > 2 else ()


def output_args(
    streams: Iterable[Any], target: str, options: dict[str, Any], extra: Iterable[str] = ()
) -> tuple[str, ...]:
    """The whole command's arguments, with `extra` options (those that repeat) before the target."""
    args = ffmpeg.output(*streams, target, **options).get_args()
    return (*args[:-1], *extra, args[-1])


def metadata_args(probe: Probe, audio: AudioStream | None = None) -> tuple[str, ...]:
    """Nothing of the source's metadata (places, serial numbers, times) but its titles and the sound's language."""
    args = ["-map_metadata", "-1", "-map_metadata:s:v", "-1", "-map_metadata:s:a", "-1", "-map_chapters", "-1"]
    for name, value in sorted(probe.tags.items()):
        args += ["-metadata", f"{name}={value}"]
    if audio is not None and audio.language:
        args += ["-metadata:s:a:0", f"language={audio.language}"]
    return tuple(args)


def dropped(probe: Probe, *used: int | None, covers: bool = True) -> tuple[str, ...]:
    """One note naming the streams that were not used; none when all were."""
    left = probe.unused(*used, covers=covers)
    return (f"Not used: {'; '.join(left)}.",) if left else ()
