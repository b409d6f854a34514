"""The key frames that stand for a film's spans, taken out of a source without decoding any: an operation of the
resident helper.

Where a container has an index of them (MP4, most of Matroska), only those that are wanted are read; else all packets go
by, twice. What is written is a small Matroska file, whose frames have the source's times: seconds after its beginning.
"""

import errno
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.stream import Discard

from workers.documents import write_document
from workers.engine.ending import opened
from workers.engine.errors import SourceUnreadable
from workers.formats import UNTIMED
from workers.sprites.layout import Rhythm, rhythm

INDEXED = ("mov", "matroska", "avi")  # demuxers that read an index; others write down what they have come by
COVERED = 0.9  # of the length that an index must reach to be believed
MOST_LACKING = 0.25  # of the cells that may have no key frame of their own, where all can be decoded instead
DENSE = 0.25  # of the distance between two that are wanted: nearer key frames are passed over
NEAR = 0.001  # seconds
WAIT = 400  # packets after a seek, until its key frame comes
Times = list[float]


def take_key_frames(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Write up to `each` key frames of stream `stream` for each span of `rhythm` to `target`.

    Where the `duration` is null, it is found by the packets, the rhythm made of it as `count` and `interval` say, and
    written to `rhythm`. Answers with `use`, "yes" where `target` is to be used; `full`, "yes" where decoding everything
    is, as a second of it takes `cost` processor seconds and they may be `most_cost`; and `rate`, the frames per second
    to have `even` of each span, `most` in all. Raises SourceUnreadable; SourceUnsupported for too many spans.
    """
    try:
        with closing(_Source(cwd / operations["source"], operations["stream"], operations["duration"])) as source:
            asked = operations["interval"] or 1.0
            if operations["duration"]:
                asked = rhythm(
                    operations["duration"], count=operations["count"], interval=operations["interval"]
                ).interval
            times = source.times(asked / operations["each"] * DENSE)
            if not source.duration:
                raise SourceUnreadable("The file is damaged or cut short: no moment of its picture can be told.")
            beats = rhythm(source.duration, count=operations["count"], interval=operations["interval"])
            write_document(cwd / operations["rhythm"], asdict(beats))
            wanted, lacking = chosen(times, beats, operations["each"])
            full = beats.duration * operations["cost"] <= operations["most_cost"]
            use = bool(wanted) and not (full and lacking > beats.count * MOST_LACKING)
            if use:
                use = _write(source, wanted, cwd / operations["target"]) > 0
            even = operations["even"]
            told = {"rate": f"{even}/{beats.interval:.9g}", "most": str(beats.count * even)}
            return {"use": "yes" if use else "", "full": "yes" if full else "", **told}
    except (FFmpegError, ValueError, IndexError) as exc:
        if getattr(exc, "errno", None) == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "No space left on device") from exc  # this host's doing, and not the file's
        raise SourceUnreadable("The file is damaged or cut short.", log=repr(exc)) from exc


def chosen(times: Sequence[float], beats: Rhythm, each: int) -> tuple[Times, int]:
    """Of key frames at `times` (seconds, in order), those nearest to even places within each span, at most `each`; and
    how many spans have none of their own, for which the nearest before and after are among them."""
    picked: set[float] = set()
    lacking = 0
    for cell in range(beats.count):
        begin, end = beats.span(cell)
        low = bisect_left(times, begin - NEAR) if cell else 0
        high = len(times) if cell == beats.count - 1 else bisect_left(times, end - NEAR)
        if low == high:
            lacking += 1
            picked.update(times[max(0, low - 1) : low + 1])
            continue
        own = times[low:high]
        for part in range(each):
            place = begin + (part + 0.5) / each * (end - begin)
            after = min(bisect_left(own, place), len(own) - 1)
            picked.add(min(own[max(0, after - 1) : after + 1], key=lambda time: abs(time - place)))
    return sorted(picked), lacking


class _Source:
    """The picture stream of a source, whose times count from the source's beginning."""

    def __init__(self, path: Path, index: int, duration: float | None) -> None:
        self.path, self.index, self.duration = path, index, duration
        self._open()
        self.origin = (self.container.start_time or 0) / 1e6
        self.unit = float(self.stream.time_base or 0)
        self.bare = self.container.format.name in UNTIMED
        # Of key frames in an index, by their time: where to seek to, in its own units. It is by the order of decoding,
        # and seeking by that of showing, which is a little later; so it is halfway to the next one.
        self.indexed: dict[float, int] = {}

    def _open(self) -> None:
        self.container = opened(self.path)
        self.stream = self.container.streams[self.index]
        for other in self.container.streams:
            if other.index != self.index:
                other.discard = Discard.all

    def close(self) -> None:
        self.container.close()

    def times(self, gap: float) -> Times:
        """When the key frames are, seconds, `gap` apart at least: there may be millions. Those of an index are told by
        the order of decoding, and a little early."""
        self._rewind()  # Matroska reads its index at the first seek
        entries = self.stream.index_entries
        count = len(entries) if self.container.format.name.startswith(INDEXED) else 0
        if count and self.duration and self._seconds(entries[count - 1].timestamp) >= COVERED * self.duration:
            keys = (entry.timestamp for entry in map(entries.__getitem__, range(count)) if entry.is_keyframe)
            return self._by_index(keys, gap)
        found, last, end = [], -gap, 0.0
        for packet in self._packets(keys=False):
            if (time := _time(packet)) is not None:
                moment = self._seconds(time)
                end = max(end, self._seconds(time + (packet.duration or 0)))
                if packet.is_keyframe and moment - last >= gap:
                    found.append(moment)
                    last = moment
        self.duration = self.duration or end
        return sorted(set(found))

    def _by_index(self, keys: Iterable[int], gap: float) -> Times:
        kept, last = None, -math.inf
        for place in keys:
            if kept is not None:
                self.indexed[self._seconds(kept)] = (kept + place) // 2
                kept = None
            if self._seconds(place) - last >= gap:
                kept, last = place, self._seconds(place)
        if kept is not None:
            self.indexed[self._seconds(kept)] = kept + 2 * round(1 / self.unit)
        return sorted(self.indexed)

    def packets(self, wanted: Times) -> Iterator[Any]:
        """The key frames of these times."""
        if not self.indexed:
            left = set(wanted)
            self._rewind()
            for packet in self._packets():
                time = _time(packet)
                if time is not None and self._seconds(time) in left:
                    left.discard(self._seconds(time))
                    yield packet
            return
        for moment in wanted:
            self.container.seek(self.indexed[moment], stream=self.stream)
            found = next(self._packets(most=WAIT), None)
            if found is not None:
                yield found

    def _rewind(self) -> None:
        if self.bare:  # where seeking loses the beginning, or all
            self.close()
            self._open()
            return
        try:
            self.container.seek(0)
        except (FFmpegError, OSError):
            pass  # not every container can: what was not read yet comes next

    def _packets(self, *, keys: bool = True, most: int | None = None) -> Iterator[Any]:
        """Those that are shown, from here on; only key frames, unless it is said; of `most` packets at the longest."""
        counted = 0  # where nothing else tells when a picture is shown, how many come before it does
        try:
            for number, packet in enumerate(self.container.demux(self.stream)):
                if self.bare and _time(packet) is None:
                    packet.pts = packet.dts = counted
                counted += packet.duration or 0
                if packet.size and not packet.is_discard and (packet.is_keyframe or not keys):
                    yield packet
                if most is not None and number >= most:
                    return
        except (FFmpegError, OSError):
            return  # damaged here: what came before is used

    def _seconds(self, time: int) -> float:
        return round(time * self.unit - self.origin, 6)


def _time(packet: Any) -> int | None:
    """AVI and some others only know the order of decoding."""
    told: int | None = packet.dts if packet.pts is None else packet.pts
    return told


def _write(source: _Source, wanted: Times, target: Path) -> int:
    """How many were written."""
    written, last = 0, -1
    with av.open(str(target), "w", format="matroska") as output:
        stream = output.add_stream_from_template(source.stream, opaque=True)  # as it is: nothing is encoded
        origin = round(source.origin / source.unit)
        for packet in source.packets(wanted):
            time = _time(packet)
            if time is None:
                continue
            time = max(0, time - origin)
            if time <= last:  # the index told one twice
                continue
            packet.pts = packet.dts = last = time
            packet.stream = stream
            output.mux(packet)
            written += 1
    return written
