"""Budgets: what one child process may use, and what one source may ask for."""

import os
from dataclasses import dataclass

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True)
class Limits:
    """What one run of a tool may use; going over ends it with LimitExceeded."""

    wall: float = 6 * 3600.0  # seconds
    cpu: float = 48 * 3600.0  # seconds, over all threads
    memory: int = 6 * GIB  # bytes resident
    output: int = 64 * GIB  # bytes, all files of one run together
    idle: float = 180.0  # seconds with neither progress nor anything written
    processes: int = 4096  # of this user; root is exempt


@dataclass(frozen=True)
class PictureLimits:
    """What one request to the resident helper may use, and how long one helper may serve."""

    wall: float = 120.0
    memory: int = 4 * GIB  # address space
    output: int = 4 * GIB
    requests: int = 2000  # then a fresh helper takes over
    resident: int = 768 * MIB  # bytes kept between requests; more, and a fresh helper takes over


@dataclass(frozen=True)
class SourceLimits:
    """What a source may be, checked on its header before anything is decoded."""

    edge: int = 8192  # pixels of the longest edge, stills and video
    frames: int = 10_000  # of an animated picture
    streams: int = 100


def _whole(name: str, default: int, least: int = 0) -> int:
    """A whole number ≥ `least` from the environment. Raises ValueError naming the variable."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {text!r}.")
    return int(text)


def limits_from_environment() -> Limits:
    """FFMPEG_TIMEOUT (seconds), FFMPEG_MEMORY and FFMPEG_OUTPUT (bytes) bound one run of ffmpeg."""
    defaults = Limits()
    return Limits(
        wall=float(_whole("FFMPEG_TIMEOUT", int(defaults.wall))),
        memory=_whole("FFMPEG_MEMORY", defaults.memory),
        output=_whole("FFMPEG_OUTPUT", defaults.output),
    )


def source_limits() -> SourceLimits:
    """MEDIA_MAX_EDGE: the longest edge in pixels a source may have."""
    return SourceLimits(edge=_whole("MEDIA_MAX_EDGE", SourceLimits().edge, least=1))


def threads() -> int:
    """FFMPEG_THREADS: this worker's share of the processors for one run; 0 leaves the choice to ffmpeg."""
    return _whole("FFMPEG_THREADS", 0)
