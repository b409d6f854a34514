"""What a probe found, as the columns of a file and its media.

What a file says of itself may be any number: one that a column cannot hold counts as unknown.
"""

import math
from typing import Any

from media_app.models import File, Media
from workers.engine.probe import Probe
from workers.preview import Preview

INT4, INT8 = 2**31 - 1, 2**63 - 1  # the largest that PostgreSQL's columns hold


def file_facts(probe: Probe, preview: Preview | None = None) -> dict[str, Any]:
    """Values for File's columns."""
    return {
        "placeholder": preview.placeholder if preview else "",
        "background": (preview.background or "") if preview else "",
        "kind": "subtitles" if probe.media_type == "text" else probe.media_type,  # "text" is another kind
        "type": probe.type[:100],
        "format": (probe.image.format if probe.image else probe.container)[:20],
        "container": "" if probe.image else probe.container[:40],
        "codec": (probe.codec or "")[:40],
        "width": _counted(probe.width, INT4),
        "height": _counted(probe.height, INT4),
        "duration": _rounded(probe.duration),
        "fps": _rounded(probe.fps),
        "frames": _counted(probe.frames, INT8),
        "bitrate": _counted(probe.bitrate, INT8),
        "orientation": probe.orientation or "",
        "rotation": probe.rotation if abs(probe.rotation or 0) <= INT4 else None,
        "transparency": probe.transparency,
        "animated": probe.animated,
        "probe": _finite(probe.to_json()),
    }


def media_facts(file: File) -> dict[str, Any]:
    """Values for Media's columns, of its original."""
    return {"kind": file.kind, "width": file.width, "height": file.height, "duration": file.duration}


def media_describe(*, media: Media, original: File) -> None:
    """Show on a media what its original was found to be."""
    Media.objects.filter(pk=media.pk).update(**media_facts(original), updated=original.updated)


def _counted(number: int | None, most: int) -> int | None:
    return number if number is not None and 0 <= number <= most else None


def _finite(data: Any) -> Any:
    """JSON has no infinity, and PostgreSQL takes none for it."""
    if isinstance(data, dict):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _rounded(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else round(number, 3)
