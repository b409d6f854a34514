"""Segments of one rendition: cut where fragments say so, and described. An operation of the resident helper.

What is found is left as JSON in the work directory, `<folder>.json`, for the step that writes the playlists.
"""

import json
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from workers.engine.errors import NOTHING, LimitExceeded, OutputMismatch
from workers.packaging import boxes, transport
from workers.packaging.hls import INIT, PLAYLIST
from workers.packaging.ladder import MOST_SEGMENTS

MOST = 4 * MOST_SEGMENTS  # files of one rendition, however wrong the source's header was about its length
_CHUNK = 1024**2
_LITTLE = Fraction(1, 200)  # of a segment: times of pictures are rounded to ticks
_LEAST_SOUND = Fraction(1, 5)  # seconds
# What a segment begins with: brands of DASH and of CMAF.
_STYP = struct.pack(">I4s4sI4s4s", 24, b"styp", b"msdh", 0, b"msdh", b"cmfs")
_EXTINF = re.compile(r"#EXTINF:([0-9.]+),[^\n]*\n([^#\n]+)")


@dataclass(frozen=True)
class Described:
    """One rendition as it lies in its folder; times in ticks, `timescale` of them a second.

    `segments` are (name, ticks, bytes, key frame first), `key_frames` (name, ticks to the next, first byte, bytes).
    `begin` is when the first of it is shown, `lead` what is cut off before that. `tables` is how many bytes of a
    transport stream's first segment hold its tables.
    """

    folder: str
    fmp4: bool
    timescale: int
    codecs: str
    width: int | None
    height: int | None
    begin: int
    lead: int
    samples: int
    segments: list[tuple[str, int, int, bool]]
    key_frames: list[tuple[str, int, int, int]]
    tables: int | None = None


def described(cwd: Path, folder: str) -> Described:
    """What `make_rendition` found."""
    return Described(**json.loads((cwd / f"{folder}.json").read_text()))


def make_rendition(cwd: Path, operations: dict[str, Any]) -> None:
    """Have a rendition's segments in its folder, and describe them.

    `source`, a fragmented MP4, is cut into segments of `segment` seconds ("6006/1000"); segments of a transport stream
    are there already. Raises OutputMismatch, LimitExceeded.
    """
    folder, picture = operations["folder"], operations["picture"]
    if operations["fmp4"]:
        source = cwd / operations["source"]
        with source.open("rb") as file:
            found = _cut(cwd / folder, file, Fraction(operations["segment"]), picture=picture)
        source.unlink()  # all of it is in the segments: the disk need not hold it twice
    else:
        found = _transport(cwd, folder, picture=picture)
    (cwd / f"{folder}.json").write_text(json.dumps(asdict(found)))


@dataclass
class _Chunk:
    """Samples that get a moof of their own: when they begin, ticks; the tfhd's content; where their bytes lie."""

    begin: int
    header: bytes
    samples: list[boxes.Sample] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)  # first byte and bytes

    @property
    def duration(self) -> int:
        return sum(sample.duration for sample in self.samples)

    @property
    def key(self) -> bool:
        return self.samples[0].key

    def add(self, samples: Iterable[boxes.Sample], start: int) -> None:
        """Have these, whose bytes lie together from `start` on."""
        known = list(samples)
        size = sum(sample.size for sample in known)
        self.samples += known
        if self.pieces and sum(self.pieces[-1]) == start:
            first, before = self.pieces.pop()
            start, size = first, before + size
        self.pieces.append((start, size))


def _cut(folder: Path, file: BinaryIO, segment: Fraction, *, picture: bool) -> Described:
    """Segments of a whole fragmented MP4, each of what is shown in its time."""
    parts = list(boxes.boxes(file))
    moov = next((box for box in parts if box.kind == b"moov"), None)
    if moov is None:
        raise OutputMismatch(NOTHING)
    track = boxes.track(boxes.read(file, moov))
    body = boxes.read(file, moov)
    later = _later(track) if picture else 0
    if later:
        body = boxes.with_offset(body, track, track.offset + later)
    with (folder / INIT).open("wb") as init:
        for box in parts:
            if box.kind == b"ftyp":
                _copy(file, box.start, box.size, init)
        init.write(struct.pack(">I4s", len(body) + 8, b"moov") + body)
    fragments = _fragments(file, parts, track)
    cut = _of_pictures(fragments, track, segment) if picture else _of_sound(fragments, track, segment)
    segments: list[tuple[str, int, int, bool]] = []
    keys: list[tuple[str, int, int, int]] = []
    begin, samples, sequence = None, 0, 0
    for number, chunks in enumerate(cut, start=1):
        if number > MOST:
            raise _too_many()
        name, ticks = f"segment-{number:05}.m4s", 0
        with (folder / name).open("wb") as target:
            target.write(_STYP)
            for place, chunk in enumerate(chunks):
                sequence += 1
                start = target.tell()
                target.write(boxes.chunk_header(sequence, chunk.header, chunk.begin, chunk.samples, later))
                for first, size in chunk.pieces:
                    _copy(file, first, size, target)
                if picture and chunk.key:
                    rest = sum(after.duration for after in chunks[place + 1 : place + 2] if not after.key)
                    keys.append((name, chunk.duration + rest, start, target.tell() - start))
                if begin is None:
                    begin = chunk.begin + chunk.samples[0].shift - track.offset
                ticks += chunk.duration
                samples += len(chunk.samples)
            segments.append((name, ticks, target.tell(), chunks[0].key))
    if begin is None:
        raise OutputMismatch(NOTHING)
    return Described(
        folder=folder.name,
        fmp4=True,
        timescale=track.timescale,
        codecs=track.codecs,
        width=track.width,
        height=track.height,
        begin=begin,
        lead=track.offset + later,
        samples=samples,
        segments=segments,
        key_frames=keys,
    )


def _later(track: boxes.Track) -> int:
    """How many ticks more there should be between decoding and showing. ffmpeg's player of HLS seeks by decoding times
    in microseconds: where those of key frames are no whole numbers, it rounds them past the frame and drops it."""
    tenth, rest = divmod(track.timescale, 10)
    return 0 if rest else -track.offset % tenth


def _fragments(file: BinaryIO, parts: list[boxes.Box], track: boxes.Track) -> Iterator[boxes.Fragment]:
    for place, box in enumerate(parts):
        if box.kind == b"moof":
            data = parts[place + 1] if place + 1 < len(parts) else None
            if data is None or data.kind != b"mdat":
                raise OutputMismatch("A segment made has a fragment without its media.")
            yield boxes.fragment(boxes.read(file, box), track, box.start, data.end)


def _of_pictures(fragments: Iterable[boxes.Fragment], track: boxes.Track, segment: Fraction) -> Iterator[list[_Chunk]]:
    """The chunks of each segment: whole groups of pictures, which the fragments are. A group's key frame comes alone,
    so that an I-frame playlist can point to all that it needs and to nothing else."""
    chunks: list[_Chunk] = []
    number = 0
    for one in fragments:
        place = int(Fraction(one.first - track.offset, track.timescale) / segment + _LITTLE)
        if chunks and place > number:
            yield chunks
            chunks = []
        number = place
        begin, start = one.begin, one.data
        for samples in (one.samples[:1], one.samples[1:]):
            if samples:
                chunks.append(_Chunk(begin, one.header))
                chunks[-1].add(samples, start)
                begin, start = begin + samples[0].duration, start + samples[0].size
    if chunks:
        yield chunks


def _of_sound(fragments: Iterable[boxes.Fragment], track: boxes.Track, segment: Fraction) -> Iterator[list[_Chunk]]:
    """One chunk for each segment. What is left at the end is no segment of its own when it is next to nothing: decoders
    make nothing of a single frame."""
    held: _Chunk | None = None
    chunk: _Chunk | None = None
    number = 0
    for one in fragments:
        moment, start = one.begin, one.data
        for sample in one.samples:
            place = int(Fraction(moment + sample.shift - track.offset, track.timescale) / segment)
            if chunk is None or place > number:
                if held is not None:
                    yield [held]
                held, chunk = chunk, _Chunk(moment, one.header)
            chunk.add([sample], start)
            number = place
            moment, start = moment + sample.duration, start + sample.size
    if held is not None and chunk is not None and chunk.duration < _LEAST_SOUND * track.timescale:
        held.samples += chunk.samples
        held.pieces += chunk.pieces
        chunk = None
    yield from ([one] for one in (held, chunk) if one is not None)


def _transport(cwd: Path, folder: str, *, picture: bool) -> Described:
    """Segments of a transport stream, as long as ffmpeg says in the playlist it wrote beside them."""
    listed = _EXTINF.findall((cwd / folder / PLAYLIST).read_text())
    told = {name.strip(): Fraction(seconds) for seconds, name in listed}
    segments, keys = [], []
    codecs, begin, tables, samples = None, 0, 0, 0
    for number, path in enumerate(_files(cwd / folder, "ts")):
        data = path.read_bytes()
        found = transport.scan(data, codecs=not number)
        if not number:
            codecs, tables = found.codecs, found.tables_end
            begin = found.starts[0].pts
        samples += len(found.starts)
        segments.append((path.name, round(told[path.name] * transport.CLOCK), len(data), found.starts[0].key))
        ends = [start.place for start in found.starts[1:]] + [len(data)]
        keys += [(path.name, start.pts, start.place, end - start.place)
                 for start, end in zip(found.starts, ends, strict=True) if start.key and picture]  # fmt: skip
    if not segments or codecs is None:
        raise OutputMismatch(NOTHING)
    whole = sum(ticks for _, ticks, _, _ in segments)
    moments = [(pts - begin) % transport.WRAP for _, pts, _, _ in keys] + [whole]
    return Described(
        folder=folder,
        fmp4=False,
        timescale=transport.CLOCK,
        codecs=codecs,
        width=None,
        height=None,
        begin=begin,
        lead=0,
        samples=samples,
        segments=segments,
        key_frames=[
            (name, max(1, after - moment), place, size)
            for (name, _, place, size), moment, after in zip(keys, moments, moments[1:], strict=False)
        ],
        tables=tables,
    )


def _files(folder: Path, extension: str) -> list[Path]:
    found = sorted(folder.glob(f"segment-*.{extension}"), key=lambda path: (len(path.name), path.name))
    if len(found) > MOST:
        raise _too_many()
    return found


def _too_many() -> LimitExceeded:
    return LimitExceeded(f"The package would have more than {MOST} segments of one rendition.")


def _copy(source: BinaryIO, start: int, size: int, target: BinaryIO) -> None:
    source.seek(start)
    while size:
        piece = source.read(min(size, _CHUNK))
        if not piece:
            raise OutputMismatch("A segment made is cut short.")
        target.write(piece)
        size -= len(piece)
