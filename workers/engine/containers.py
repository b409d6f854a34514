"""What the bytes of a container say, read without a demuxer."""

import os
import struct


def index_first(handle: int, size: int) -> bool | None:
    """Whether an MP4's or MOV's index (`moov`) comes before its media; None when neither is found."""
    place = 0
    for _ in range(100):
        head = os.pread(handle, 16, place)
        if len(head) < 8:
            return None
        length, kind = struct.unpack(">I4s", head[:8])
        if kind == b"moov":
            return True
        if kind == b"mdat":
            return False
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if length < 8 or place + length > size:
            return None
        place += length
    return None


def promised(head: bytes) -> tuple[str, ...]:
    """The containers that the first bytes promise, whether or not the rest keeps it."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide"):
        return ("mov",)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return ("matroska",)
    if head[:4] == b"RIFF":
        return ("avi", "wav")
    if head.startswith((b"OggS", b"fLaC", b"ID3", b"FLV")):
        return ("ogg",)
    return ()
