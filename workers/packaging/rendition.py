"""Segments of one rendition: cut where fragments say so, and described. An operation of the resident helper.

What is found is left as JSON in the work directory, `<folder>.json`, for the step that writes the playlists.
"""

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from workers.engine.errors import LimitExceeded, OutputMismatch
from workers.packaging import boxes, transport
from workers.packaging.hls import INIT, PLAYLIST
from workers.packaging.ladder import MOST_SEGMENTS

MOST = 4 * MOST_SEGMENTS  # files of one rendition, however wrong the source's header was about its length
_CHUNK = 1024**2
_HALF = Fraction(1, 2)
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

    `source`, a fragmented MP4, is cut into segments of `segment` seconds ("6006/1000"); without it they are there
    already. Raises OutputMismatch, LimitExceeded.
    """
    folder = operations["folder"]
    if not operations["fmp4"]:
        found = _transport(cwd, folder, picture=operations["picture"])
    elif source := operations.get("source"):
        with (cwd / source).open("rb") as file:
            found = _cut(cwd / folder, file, Fraction(operations["segment"]))
        (cwd / source).unlink()  # all of it is in the segments: the disk need not hold it twice
    else:
        found = _fragmented(cwd / folder)
    (cwd / f"{folder}.json").write_text(json.dumps(asdict(found)))


def _cut(folder: Path, file: BinaryIO, segment: Fraction) -> Described:
    """Segments of a whole fragmented MP4: each fragment begins with a key frame, a segment where its time has come."""
    parts = list(boxes.boxes(file))
    moov = next((box for box in parts if box.kind == b"moov"), None)
    if moov is None:
        raise OutputMismatch("Nothing was made: the input has no picture where it was asked for.")
    track = boxes.track(boxes.read(file, moov))
    with (folder / INIT).open("wb") as init:
        for box in parts:
            if box.kind in (b"ftyp", b"moov"):
                _copy(file, box.start, box.size, init)
    fragments = list(_fragments(file, parts, track))
    groups: dict[int, list[boxes.Fragment]] = {}
    for one in fragments:
        shown = Fraction(one.first - track.offset, track.timescale)
        groups.setdefault(int(shown / segment + _HALF / 100), []).append(one)
    if len(groups) > MOST:
        raise _too_many()
    made: list[tuple[str, boxes.Fragment]] = []
    keys: list[tuple[str, int, int, int]] = []
    for number, group in enumerate(groups.values(), start=1):
        name = f"segment-{number:05}.m4s"
        with (folder / name).open("wb") as target:
            target.write(_STYP)
            for one in group:
                place = target.tell()
                size = _write(file, one, 2 * len(made) + 1, target)
                keys.append((name, one.duration, place, size))
                made.append((name, one))
    return _described(folder, track, made, keys)


def _write(file: BinaryIO, one: boxes.Fragment, sequence: int, target: BinaryIO) -> int:
    """Write a fragment as two: the key frame, so that an I-frame playlist can point to all that it needs and to nothing
    else, and the rest. The first one's bytes."""
    first, rest = one.samples[:1], one.samples[1:]
    head = boxes.chunk_header(sequence, one.header, one.begin, first)
    target.write(head)
    _copy(file, one.data, first[0].size, target)
    if rest:
        target.write(boxes.chunk_header(sequence + 1, one.header, one.begin + first[0].duration, rest))
        _copy(file, one.data + first[0].size, sum(sample.size for sample in rest), target)
    return len(head) + first[0].size


def _fragmented(folder: Path) -> Described:
    """Segments that ffmpeg has cut."""
    with (folder / INIT).open("rb") as file:
        moov = next((box for box in boxes.boxes(file) if box.kind == b"moov"), None)
        if moov is None:
            raise OutputMismatch("Nothing was made: the input has no sound where it was asked for.")
        track = boxes.track(boxes.read(file, moov))
    made = []
    for path in _files(folder, "m4s"):
        with path.open("rb") as file:
            made += [(path.name, one) for one in _fragments(file, list(boxes.boxes(file)), track)]
    return _described(folder, track, made, [])


def _fragments(file: BinaryIO, parts: list[boxes.Box], track: boxes.Track) -> Iterator[boxes.Fragment]:
    for place, box in enumerate(parts):
        if box.kind == b"moof":
            data = parts[place + 1] if place + 1 < len(parts) else None
            if data is None or data.kind != b"mdat":
                raise OutputMismatch("A segment made has a fragment without its media.")
            yield boxes.fragment(boxes.read(file, box), track, box.start, data.end)


def _described(
    folder: Path,
    track: boxes.Track,
    made: list[tuple[str, boxes.Fragment]],
    keys: list[tuple[str, int, int, int]],
) -> Described:
    """From every fragment with the name of the file it is in, and the key frames as Described has them."""
    if not made:
        raise OutputMismatch("Nothing was made: the input has no picture or sound where it was asked for.")
    by_name: dict[str, list[boxes.Fragment]] = {}
    for name, one in made:
        by_name.setdefault(name, []).append(one)
    listed = [
        (name, sum(one.duration for one in group), (folder / name).stat().st_size, group[0].samples[0].key)
        for name, group in by_name.items()
    ]
    return Described(
        folder=folder.name,
        fmp4=True,
        timescale=track.timescale,
        codecs=track.codecs,
        width=track.width,
        height=track.height,
        begin=made[0][1].first - track.offset,
        lead=track.offset,
        samples=sum(len(one.samples) for _, one in made),
        segments=listed,
        key_frames=keys,
    )


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
        raise OutputMismatch("Nothing was made: the input has no picture or sound where it was asked for.")
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
