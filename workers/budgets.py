"""Holds a source's facts against what a source may be, before anything of it is decoded. Pure."""

from workers.engine.errors import LimitExceeded
from workers.engine.limits import SourceLimits
from workers.engine.probe import Probe


def check_source(facts: Probe, limits: SourceLimits) -> None:
    """Raise LimitExceeded, naming the limit and the value, when the source is more than it may be.

    Not its size in pixels: only work that looks at the picture asks for that (SourceLimits.too_large).
    """
    if facts.size > limits.bytes:
        raise LimitExceeded(f"The file has {facts.size:,} bytes; at most {limits.bytes:,} are accepted.")
    streams = sum(map(len, (facts.videos, facts.audios, facts.subtitles, facts.covers))) + facts.others
    if streams > limits.streams:
        raise LimitExceeded(f"The file has {streams:,} streams; at most {limits.streams:,} are accepted.")
    if facts.image is not None and facts.image.frames > limits.frames:
        raise LimitExceeded(f"The picture has {facts.image.frames:,} frames; at most {limits.frames:,} are accepted.")
    length = facts.duration or 0.0
    if length > limits.duration:
        raise LimitExceeded(f"The file is {length:,.0f} seconds long; at most {limits.duration:,.0f} are accepted.")
    frames = _frames(facts, length)
    if frames > limits.video_frames:
        raise LimitExceeded(f"The video has {frames:,} frames; at most {limits.video_frames:,} are accepted.")


def _frames(facts: Probe, length: float) -> int:
    """Pictures of the video to use: as its header counts them, or as many as its length and rate make, if more."""
    video = facts.video
    if video is None:
        return 0
    return max(video.frames or 0, int((video.duration or length) * (video.frame_rate or 0.0)))
