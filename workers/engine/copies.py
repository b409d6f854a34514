"""Whether what was copied without being decoded is sound. Runs only in the resident helper."""

from pathlib import Path
from typing import Any

from workers.engine.ending import read_packets
from workers.engine.errors import SourceUnreadable

_NOTE = "The input is damaged in places, so it was encoded again after all."


def check_copy(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Remove `target` where a packet of it is damaged, out of order, or cannot be decoded at its end; then `note` says
    so, and a step after this one makes it anew."""
    target = cwd / operations["target"]
    try:
        streams = read_packets(target)
    except SourceUnreadable:
        streams = []
    sound = [one["packets"] and one["decoded"] and not _at_fault(one) for one in streams]
    if sound and all(sound):
        return {"note": ""}
    target.unlink(missing_ok=True)
    return {"note": _NOTE}


def _at_fault(stream: dict[str, Any]) -> bool:
    return bool(stream["damaged"] or stream["broken"] or stream["backwards"])
