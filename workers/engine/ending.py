"""What is really in a file: what a header says, what its packets say and what can be decoded may differ."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.engine.runner import Stops

FROM = 5.0  # seconds before the moment looked for, to meet a key frame
PACKETS = 20_000  # looked at
TAIL = 1.0  # seconds of sound decoded at the end
# Pictures decoded of the last group, at most: those that others refer to, without deblocking. In a film of minutes that
# is all of it; in a short one a twentieth of the whole, as checking must cost little beside encoding.
TAIL_FRAMES, TAIL_PART = 48, 0.05
SLOWEST = 20e6  # bytes a second that a disk gives at least
MISSING, MISSING_PART = 1.0, 0.02  # seconds, or share of a long one, that streams may end before a file says


@dataclass(frozen=True)
class Scanned:
    """One stream as its packets tell, seconds: `step` is the longest time between the beginnings of two in the order of
    decoding; `backwards` how many come before the one ahead of them; `decoded` and `broken` what the last group of
    pictures (TAIL_FRAMES of it), or the last second of sound, gave when it was decoded."""

    index: int
    type: str
    packets: int = 0
    damaged: int = 0
    backwards: int = 0
    step: float = 0.0
    end: float = 0.0
    decoded: int = 0
    broken: int = 0


def scan(path: Path, size: int, *, report: "Stops | None" = None) -> tuple[Scanned, ...]:
    """Every video and audio stream of a file of `size` bytes: all packets are read, the last ones decoded.

    Read outside this process. Raises SourceUnreadable when it ends before its index says; LimitExceeded; Stopped.
    """
    from workers.engine import host
    from workers.engine.limits import picture_limits

    timeout = picture_limits().wall + size / SLOWEST
    found = host.call("scan", {"path": str(Path(path).absolute())}, timeout=timeout, report=report)
    return tuple(Scanned(**item) for item in found)


def decoded_end(path: Path, near: float, *, report: "Stops | None" = None) -> float:
    """The end of the last picture or sound decoded, seconds from the start; looked for from a little before `near`
    on, and no further than `near`.

    Read outside this process. Raises SourceUnreadable; Stopped when the report says so.
    """
    from workers.engine import host

    return float(host.call("end", {"path": str(Path(path).absolute()), "near": near}, report=report))


def ends_before(path: Path, moment: float, *, report: "Stops | None" = None) -> bool:
    """Whether the file cannot be decoded as far as `moment` seconds. Raises Stopped."""
    from workers.engine.errors import MediaError

    try:
        return decoded_end(path, moment, report=report) < moment
    except MediaError:
        return True


def read_end(path: Path, near: float) -> float:
    """What decoded_end tells. Runs only in the resident helper."""
    from av.error import FFmpegError

    from workers.engine.errors import SourceUnreadable

    end = 0.0
    try:
        with opened(path) as container:
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


def write_readable(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Where `source` has nothing to be read well before the `duration` that it says, write `target`: its `end`, and a
    `note` that tells both. That note, else "". Runs only in the resident helper."""
    from workers.documents import write_document

    said = float(operations["duration"])
    end = readable_end(cwd / operations["source"], said)
    if end is None:
        return {"note": ""}
    note = f"The input is damaged or cut short: only {end:.2f} of {said:.2f} s could be read."
    write_document(cwd / operations["target"], {"end": round(end, 3), "note": note})
    return {"note": note}


def readable_end(path: Path, duration: float) -> float | None:
    """Where the last packet ends, seconds from the start, that can be read of a file; None where that is about
    `duration`, or cannot be told. Of any stream: what a file says of its length may be that of its subtitles. Nothing
    is decoded, and of a whole file only the end is read."""
    enough = duration - max(MISSING, duration * MISSING_PART)
    if _packets_end(path, enough, begin=enough - FROM) >= enough:
        return None
    end = _packets_end(path, enough)  # not every container finds its end, and of one that is cut none does
    return end if 0.0 < end < enough else None


def _packets_end(path: Path, enough: float, *, begin: float = 0.0) -> float:
    """Where the last packet ends that comes after `begin`, or one that ends after `enough`; 0 where there is none."""
    from av.error import FFmpegError

    end = 0.0
    try:
        with opened(path) as container:
            first = (container.start_time or 0) / 1e6
            if begin > 0:
                container.seek(int((first + begin) * 1e6))
            for packet in container.demux():
                time = packet.pts if packet.pts is not None else packet.dts
                if packet.size and not packet.is_corrupt and packet.time_base and time is not None:
                    end = max(end, float((time + (packet.duration or 0)) * packet.time_base) - first)
                if end >= enough:
                    break
    except (FFmpegError, OSError, ValueError):
        pass  # what came before it counts
    return end


def read_packets(path: Path) -> list[dict[str, Any]]:
    """What scan tells. Runs only in the resident helper."""
    from av.error import FFmpegError
    from av.stream import Disposition

    from workers.engine.errors import SourceUnreadable

    try:
        with opened(path) as container:
            streams = [
                stream
                for stream in container.streams
                if stream.type in ("video", "audio") and not stream.disposition & Disposition.attached_pic
            ]  # a cover has no end
            seen = {stream.index: _Seen(stream) for stream in streams}
            for packet in container.demux(streams):
                if packet.size:
                    seen[packet.stream_index].packet(packet)
            return [asdict(one.ended(container)) for one in seen.values()]
    except (FFmpegError, OSError, ValueError) as exc:
        raise SourceUnreadable("The file is damaged or cut short.", log=repr(exc)) from exc


class _Seen:
    """One stream while its packets go by."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.unit = float(stream.time_base or 0)
        self.packets = self.damaged = self.backwards = self.step = 0
        self.last: int | None = None  # dts
        self.end = 0
        self.key: int | None = None  # pts of the last key frame

    def packet(self, packet: Any) -> None:
        self.packets += 1
        self.damaged += packet.is_corrupt
        dts, pts = packet.dts, packet.pts
        if dts is not None:
            if self.last is not None:
                self.backwards += dts < self.last
                self.step = max(self.step, dts - self.last)
            self.last = dts
        if pts is not None:
            self.end = max(self.end, pts + (packet.duration or 0))
            if packet.is_keyframe:
                self.key = pts

    def ended(self, container: Any) -> Scanned:
        decoded, broken = self._tail(container)
        return Scanned(
            self.stream.index,
            self.stream.type,
            packets=self.packets,
            damaged=self.damaged,
            backwards=self.backwards,
            step=self.step * self.unit,
            end=self.end * self.unit,
            decoded=decoded,
            broken=broken,
        )

    def _tail(self, container: Any) -> tuple[int, int]:
        """How much of the end was decoded, and how many packets were not."""
        from av.error import FFmpegError

        if self.key is None or not self.unit:
            return 0, 0
        start = self.key if self.stream.type == "video" else min(self.key, self.end - round(TAIL / self.unit))
        if self.stream.type == "video":
            self.stream.codec_context.thread_type = "AUTO"
            self.stream.codec_context.skip_frame = "NONREF"
            self.stream.codec_context.options = {"skip_loop_filter": "all"}
        try:
            container.seek(max(0, start), stream=self.stream)
        except (FFmpegError, OSError):
            return 0, 0
        decoded = broken = 0
        most = max(TAIL_FRAMES, int(self.packets * TAIL_PART))
        for packet in container.demux(self.stream):
            try:
                decoded += len(packet.decode())
            except (FFmpegError, ValueError):
                broken += 1
            if decoded + broken >= most:
                break
        return decoded, broken


def opened(path: Path) -> Any:
    """A media file, by its content and with nothing beside it. Runs only in the resident helper."""
    import av

    from workers.formats import CONTAINERS

    return av.open(
        str(path),
        container_options={"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINERS)},
        metadata_errors="replace",
    )
