"""What a probe found, as the columns of a file and its media."""

import math
from typing import Any

from media_app.models import File, Media
from workers.engine.probe import Probe


def file_facts(probe: Probe) -> dict[str, Any]:
    """Values for File's columns."""
    return {
        "kind": probe.media_type,
        "type": probe.mime[:100],
        "format": (probe.image.format if probe.image else probe.container)[:20],
        "container": "" if probe.image else probe.container[:40],
        "codec": (probe.codec or "")[:40],
        "width": probe.width,
        "height": probe.height,
        "duration": _rounded(probe.duration),
        "fps": _rounded(probe.fps),
        "frames": probe.frames,
        "bitrate": probe.bitrate,
        "orientation": probe.orientation or "",
        "rotation": probe.rotation,
        "transparency": probe.transparency,
        "animated": probe.animated,
        "probe": probe.to_json(),
    }


def media_facts(file: File) -> dict[str, Any]:
    """Values for Media's columns, of its original."""
    return {"kind": file.kind, "width": file.width, "height": file.height, "duration": file.duration}


def media_describe(*, media: Media, original: File) -> None:
    """Show on a media what its original was found to be."""
    Media.objects.filter(pk=media.pk).update(**media_facts(original), updated=original.updated)


def _rounded(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else round(number, 3)
