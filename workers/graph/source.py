"""The source as ffmpeg's input. Pure."""

from typing import Any

import ffmpeg

from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import Probe, VideoStream
from workers.formats import UNTIMED
from workers.graph.times import Cut, Span, seconds
from workers.plans import Source

ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own decoders drop the alpha layer


def source_input(
    probe: Probe,
    path: str,
    part: Span | Cut | None = None,
    *,
    alpha: VideoStream | None = None,
    key_frames: bool = False,
    hasty: bool = False,
) -> Any:
    """The source as ffmpeg's input: only the demuxer that probing found may open it, and nothing beside it.

    With `key_frames` nothing else is decoded; `hasty` leaves out pictures that no other is made from, and the smoothing
    of blocks, where pictures are only compared. Of bare streams all are decoded: only so do they have their times.
    """
    options = guarded(probe)
    timed = options["format"] not in UNTIMED
    if isinstance(part, Span) and part.start > 0:
        options["ss"] = seconds(part.start)
    if isinstance(part, Cut) and part.seek > 0:
        options |= {"ss": seconds(part.seek), "noaccurate_seek": None}
    if alpha is not None and alpha.alpha and alpha.codec in ALPHA_DECODERS:
        options["c:v"] = ALPHA_DECODERS[alpha.codec]
    if key_frames and timed:
        options["skip_frame"] = "nokey"
    if hasty:
        options |= {"skip_loop_filter": "all"} | ({"skip_frame": "noref"} if timed else {})
    if threads():
        options["threads"] = threads()
    return ffmpeg.input(path, **options)


def guarded(probe: Probe) -> dict[str, Any]:
    """Options of an input: the demuxer that probing found, and no other file or address."""
    demuxer = probe.demuxer or ""
    return {
        "format": demuxer.split(",")[0],
        "format_whitelist": demuxer,
        "protocol_whitelist": "file,pipe",
    }


def usable_video(source: Source, what: str) -> VideoStream:
    """The picture stream to use. Raises SourceUnsupported, LimitExceeded."""
    video = source.probe.video
    if video is None:
        raise SourceUnsupported(f"{what} cannot be made from this input: it has no picture that can be decoded.")
    if video.dolby_vision == 5:
        raise SourceUnsupported(
            "The picture is Dolby Vision of profile 5, whose colours only its own players can show; export it as "
            "HDR10, HLG or Dolby Vision of profile 8."
        )
    for size in ((video.width, video.height), (video.coded_width, video.coded_height)):
        if reason := source.limits.too_large("video", *size):
            raise LimitExceeded(reason)
    return video
