"""How long sound is whose file does not say. Runs only in the resident helper."""

import os
from typing import Any

from av.error import FFmpegError

# Streams of packets without a header over all: ffmpeg guesses by the bitrate of the first ones.
_BARE = ("aac", "ac3", "eac3", "dts", "mp3")
_MOST = 256 * 1024**2  # bytes read to count, hours of sound; a longer one is left with the guess
_HEAD = 8192


def counted_length(container: Any, stream: Any, handle: int, size: int) -> float | None:
    """Seconds, by the lengths of all packets; None where the file says it itself, or cannot be counted."""
    if container.format.name not in _BARE or size > _MOST or not stream.time_base:
        return None
    if container.format.name == "mp3" and _says_itself(handle):
        return None
    total = 0
    try:
        container.seek(0)
        for packet in container.demux(stream):
            total += packet.duration or 0
    except (FFmpegError, OSError, ValueError):
        pass  # damage at the end: what came before it counts
    return float(total * stream.time_base) or None


def _says_itself(handle: int) -> bool:
    """Whether an MP3's first frame holds the number of frames, behind its ID3 tag if it has one."""
    head = os.pread(handle, 10, 0)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        a, b, c, d = head[6:10]
        start = 10 + (a << 21 | b << 14 | c << 7 | d)
    first = os.pread(handle, _HEAD, start)
    return any(sign in first for sign in (b"Xing", b"Info", b"VBRI"))
