"""A rendition read as a player would: an operation of the resident helper, as it decodes."""

import io
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from workers.engine.errors import OutputMismatch
from workers.packaging.hls import INIT


def check_rendition(cwd: Path, operations: dict[str, Any]) -> dict[str, Any]:
    """Decode one segment to its end: {"frames", "begin", "end", "width", "height", "codec"}, seconds by the package's
    clock (a transport stream's own). Raises OutputMismatch when it does not decode without fault.
    """
    folder = cwd / operations["folder"]
    parts = [folder / INIT] if operations["fmp4"] else []
    data = b"".join(part.read_bytes() for part in (*parts, folder / operations["segment"]))
    name = f"{operations['folder']}/{operations['segment']}"
    frames, begin, end = 0, None, 0.0
    try:
        opened: Any = av.open(io.BytesIO(data), format="mp4" if operations["fmp4"] else "mpegts")
        with opened as container:
            stream = container.streams[0]
            stream.codec_context.thread_type = "AUTO"
            for frame in container.decode(stream):
                moment = float(frame.time or 0.0)
                begin = moment if begin is None else min(begin, moment)
                length = frame.samples / frame.sample_rate if stream.type == "audio" else 0.0
                end, frames = max(end, moment + length), frames + 1
            context = stream.codec_context
            told = {"width": getattr(context, "width", None), "height": getattr(context, "height", None)}
            if stream.type == "video":
                end += 1.0 / float(stream.average_rate or stream.guessed_rate or 25)
    except (FFmpegError, OSError, ValueError, IndexError) as exc:
        raise OutputMismatch(f"{name} cannot be decoded.", log=repr(exc)) from exc
    if not frames:
        raise OutputMismatch(f"{name} cannot be decoded: there is nothing in it.")
    return {"frames": frames, "begin": begin, "end": end, **told}
