"""Where a source really ends: what a header says and what can be decoded may differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.engine.runner import Stops

FROM = 5.0  # seconds before the moment looked for, to meet a key frame
PACKETS = 20_000  # looked at


def decoded_end(path: Path, near: float, *, report: "Stops | None" = None) -> float:
    """The end of the last picture or sound decoded, seconds from the start; looked for from a little before `near`
    on, and no further than `near`.

    Read outside this process. Raises SourceUnreadable; Stopped when the report says so.
    """
    from workers.engine import host

    return float(host.call("end", {"path": str(Path(path).absolute()), "near": near}, report=report))


def read_end(path: Path, near: float) -> float:
    """What decoded_end tells. Runs only in the resident helper."""
    import av
    from av.error import FFmpegError

    from workers.engine.errors import SourceUnreadable
    from workers.formats import CONTAINERS

    end = 0.0
    try:
        with av.open(
            str(path),
            container_options={"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINERS)},
            metadata_errors="replace",
        ) as container:
            streams = [stream for stream in container.streams if stream.type in ("video", "audio")]
            first = (container.start_time or 0) / 1e6
            try:
                container.seek(int((first + max(0.0, near - FROM)) * 1e6))
            except (FFmpegError, OSError):
                pass  # not every container can
            for count, packet in enumerate(container.demux(streams)):
                end = max(end, _decoded(packet) - first)
                if end >= near or count > PACKETS:
                    break
    except (FFmpegError, OSError, ValueError) as exc:
        if not end:
            raise SourceUnreadable("The file is damaged or cut short.", log=repr(exc)) from exc
    return end


def _decoded(packet: Any) -> float:
    from av.error import FFmpegError

    try:
        frames = [frame for frame in packet.decode() if frame.time is not None]
    except (FFmpegError, ValueError):
        return 0.0
    length = float((packet.duration or 0) * (packet.time_base or 0))
    return max((frame.time + length for frame in frames), default=0.0)
