"""Spans of time, and how to cut them out of a source. Pure."""

from dataclasses import dataclass
from typing import Any

import ffmpeg
from ffmpeg.nodes import FilterableStream

from workers.engine.errors import SourceUnsupported
from workers.engine.probe import AudioStream, Probe, VideoStream

LOOK_BACK = 3.0  # seconds before the moment asked for in which the picture shown then may have begun
EPSILON = 0.001  # seconds; spans shorter than this are no spans
# Seeking in these finds a moment and not the key frame before it: what comes until the next would be lost.
_UNINDEXED = {"mpegts", "mpeg", "mpegvideo", "h264", "hevc", "obu", "m4v", "ivf"}
_LONGEST_GOP = 12.0  # seconds: ten are usual at most
_USUAL_RATE, _FINEST = 30.0, 1000.0  # frames per second
_LONG_FRAME = 0.1  # seconds; in slide shows it matters which picture a span begins with
_NEVER = 10**12  # microseconds


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
    """A span that plain seeking would not cut right: read from `seek` on, of which `offset` to `offset` + `duration` is
    used, seconds.

    Of an uneven source, ffmpeg begins a span with the first frame that starts inside it; a viewer sees the one that
    began before. So frames from the key frame before `seek` on are kept, and two ticks make the picture shown at either
    end a frame there. A source without an index is read from early enough to meet a key frame.
    """

    seek: float
    offset: float
    duration: float | None
    last: float  # the distance of the last tick from the end, seconds
    steady: bool  # whether ffmpeg knows a rate to repeat the last frame at
    ticks: bool = True  # whether the source is uneven

    def picture(self, stream: Any) -> Any:
        """The span's frames at their own times; of an uneven source one at 0 and one near the end, whatever began
        there."""
        if not self.ticks:
            stream = stream.filter("trim", **self._bounds())
            return stream.filter("setpts", f"PTS-round({seconds(self.offset)}/TB)")
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
        if self.duration is None or not self.ticks:
            return {}
        return {"bsf:v": f"setts=duration=min(DURATION\\,max(1\\,{seconds(self.duration)}/TB-PTS))"}

    def _bounds(self) -> dict[str, str]:
        end = {} if self.duration is None else {"end": seconds(self.offset + self.duration)}
        return {"start": seconds(self.offset), **end}


def cut(
    video: VideoStream, part: Span, duration: float | None, fps: float | None = None, *, demuxer: str | None = None
) -> Cut | None:
    """How to cut a span of `duration` seconds out of an uneven source or (by its demuxer) one without an index, for an
    output at `fps` if that is to be steady; None when plain seeking is exact."""
    if not part.partial:
        return None
    unindexed = (demuxer or "").split(",")[0] in _UNINDEXED
    seek = max(0.0, part.start - (_LONGEST_GOP if unindexed else LOOK_BACK))
    if not uneven(video) and not _few_frames(video, part):
        if part.start <= 0 or not unindexed:
            return None
        return Cut(seek, part.start - seek, duration, 0.0, True, ticks=False)
    # A steady rate repeats frames up to the last it is given.
    rate = _FINEST if fps else min(video.base_rate or _USUAL_RATE, 2 * _USUAL_RATE)
    return Cut(seek, part.start - seek, duration, 1 / rate, bool(video.base_rate))


def ticking(video: VideoStream, part: Span, *, demuxer: str | None = None) -> Span | Cut:
    """How to read a span so that the first picture is the one shown at its start, which may have begun before."""
    if part.start <= 0:
        return part
    unindexed = (demuxer or "").split(",")[0] in _UNINDEXED
    seek = max(0.0, part.start - (_LONGEST_GOP if unindexed else LOOK_BACK))
    return Cut(seek, part.start - seek, part.duration, 1 / _FINEST, bool(video.base_rate))


def _few_frames(video: VideoStream, part: Span) -> bool:
    """Whether a span is about as short as a frame: then none may begin inside it, and one is shown all the same."""
    frame = 1 / (video.frame_rate or _USUAL_RATE)
    left = [part.duration] if part.duration is not None else []
    left += [end - part.start for end in _ends(video)]
    return frame > _LONG_FRAME or min(left, default=frame * 2) < frame * 2


def seconds(value: float) -> str:
    """A time for a command line: microseconds, no exponent, no idle zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def reads(probe: Probe, part: Span) -> str:
    """By seeking when less than half of the source is used, else the whole of it."""
    if probe.duration and part.duration is not None and part.duration < probe.duration / 2:
        return "seek"
    return "whole"


def output_length(probe: Probe, video: VideoStream, audio: AudioStream | None, part: Span) -> float | None:
    """How long the output will be: the streams used may end before the container says."""
    # Of an uneven picture the last frame of a span stays, however early its header ends.
    if part.duration is None or (part.limited and uneven(video)):
        return part.duration
    known = _ends(video, audio)
    return min(part.duration, max(known) - part.start) if len(known) == (2 if audio else 1) else part.duration


def ended(stream: VideoStream | AudioStream, moment: float) -> bool:
    """Whether a stream is known to end before a moment of the source."""
    return any(moment >= end - EPSILON for end in _ends(stream))


def length_unsure(probe: Probe, *used: VideoStream | AudioStream | None) -> bool:
    """Whether what is made of these streams may end before the span does: only how long the source is on the whole is
    known (Flash video, recordings of browsers), and it has other streams."""
    count = sum(stream is not None for stream in used)
    others = len(probe.videos) + len(probe.audios) > count
    return others and len(_ends(*used)) < count


def _ends(*streams: VideoStream | AudioStream | None) -> list[float]:
    """When those end that tell it."""
    told = [stream for stream in streams if stream is not None]
    return [max(0.0, stream.start or 0.0) + stream.duration for stream in told if stream.duration]
