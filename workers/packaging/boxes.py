"""Boxes of fragmented MP4: what segments are cut by and described from. ISO/IEC 14496-12, and 14496-15 for codecs.

The files are ours, but their coded bytes come from strangers: sizes are checked, and nothing is read that a box of a
believable size does not hold.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from workers.engine.codecs import Configuration, codec_name
from workers.engine.errors import OutputMismatch

MOST_HEADER = 16 * 1024**2  # bytes of a moov or a moof that are believed
_NOT_SYNC = 0x10000  # sample_is_non_sync_sample
_ENTRIES = {b"avc1": "h264", b"avc3": "h264", b"hvc1": "h265", b"hev1": "h265", b"av01": "av1", b"mp4a": "aac"}
_VIDEO_ENTRY, _AUDIO_ENTRY = 78, 28  # bytes of a sample entry before the boxes in it
_H273 = (2, 2, 2)


@dataclass(frozen=True)
class Box:
    """A box's four characters, where it begins in its file, and its bytes, header included."""

    kind: bytes
    start: int
    size: int
    header: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True)
class Track:
    """What a moov says of its one track: ticks a second, the codec's RFC 6381 name, coded size; `offset` is where its
    edit list begins in the media, ticks."""

    timescale: int
    codec: str
    codecs: str
    width: int | None
    height: int | None
    offset: int
    default_duration: int
    default_size: int
    default_flags: int


@dataclass(frozen=True)
class Sample:
    """One picture or frame of sound: ticks, bytes, ISO flags, and ticks from its decoding to its showing."""

    duration: int
    size: int
    flags: int
    shift: int

    @property
    def key(self) -> bool:
        return not self.flags & _NOT_SYNC


@dataclass(frozen=True)
class Fragment:
    """One moof and its mdat: when it begins (ticks), where the moof and the media lie in its file, bytes."""

    begin: int
    start: int
    end: int
    data: int  # where the first sample begins
    header: bytes  # the tfhd's content
    samples: tuple[Sample, ...]

    @property
    def duration(self) -> int:
        return sum(sample.duration for sample in self.samples)

    @property
    def first(self) -> int:
        """The earliest moment that one of its samples is shown, ticks."""
        moment, found = self.begin, []
        for sample in self.samples:
            found.append(moment + sample.shift)
            moment += sample.duration
        return min(found)


def boxes(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes one after the other from `start` to `end` or the end of the file. Raises OutputMismatch."""
    if end is None:
        end = file.seek(0, 2)
    while start < end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            raise OutputMismatch("A segment made is cut short.")
        size, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack(">Q", head[8:])[0], 16
        if size < header or start + size > end:
            raise OutputMismatch("A segment made is cut short.")
        yield Box(kind, start, size, header)
        start += size


def read(file: BinaryIO, box: Box) -> bytes:
    """The bytes in a box, without its header."""
    if box.size > MOST_HEADER:
        raise OutputMismatch("A segment made has a header beyond belief.")
    file.seek(box.start + box.header)
    return file.read(box.size - box.header)


def inside(data: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in a box: their four characters and contents."""
    while start + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > len(data):
            raise OutputMismatch("A segment made has a box that is cut short.")
        yield kind, data[start + 8 : start + size]
        start += size


def child(data: bytes, *path: bytes) -> bytes | None:
    """What is in the first box at this path."""
    for name in path:
        found = next((body for kind, body in inside(data) if kind == name), None)
        if found is None:
            return None
        data = found
    return data


def track(moov: bytes) -> Track:
    """The one track of a moov. Raises OutputMismatch."""
    mdhd = child(moov, b"trak", b"mdia", b"mdhd")
    stsd = child(moov, b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    trex = child(moov, b"mvex", b"trex")
    if mdhd is None or stsd is None or trex is None:
        raise OutputMismatch("A segment made does not say what is in it.")
    (timescale,) = struct.unpack_from(">I", mdhd, 20 if mdhd[0] else 12)
    kind, entry = next(inside(stsd, 8), (b"", b""))
    codec = _ENTRIES.get(kind)
    if codec is None or not timescale:
        raise OutputMismatch("A segment made has a codec that was not asked for.", log=repr(kind))
    width, height = struct.unpack_from(">HH", entry, 24) if codec != "aac" else (None, None)
    _, _, duration, size, flags = struct.unpack_from(">5I", trex, 4)
    elst = child(moov, b"trak", b"edts", b"elst")
    return Track(timescale, codec, _codecs(kind, codec, entry), width, height, _offset(elst), duration, size, flags)


def _offset(elst: bytes | None) -> int:
    """Where the media begins to be shown, by the last edit that is not empty; ticks."""
    if elst is None:
        return 0
    (count,) = struct.unpack_from(">I", elst, 4)
    layout = ">QqI" if elst[0] else ">IiI"
    moments = [struct.unpack_from(layout, elst, 8 + place * struct.calcsize(layout))[1] for place in range(count)]
    return next((moment for moment in reversed(moments) if moment >= 0), 0)


def with_offset(moov: bytes, told: Track, offset: int) -> bytes:
    """The moov with its edit list beginning at `offset`; the list has one entry of 32 or 64 bits."""
    elst = child(moov, b"trak", b"edts", b"elst")
    if elst is None or elst[4:8] != b"\0\0\0\1":
        raise OutputMismatch("A segment made does not say where it begins.")
    layout, place = (">q", 16) if elst[0] else (">i", 12)
    changed = elst[:place] + struct.pack(layout, offset) + elst[place + struct.calcsize(layout) :]
    return moov.replace(b"elst" + elst, b"elst" + changed, 1)


def _codecs(kind: bytes, codec: str, entry: bytes) -> str:
    within = dict(inside(entry, _AUDIO_ENTRY if codec == "aac" else _VIDEO_ENTRY))
    record = {
        "h264": lambda: within.get(b"avcC", b""),
        "h265": lambda: within.get(b"hvcC", b""),
        "av1": lambda: within.get(b"av1C", b""),
        "aac": lambda: _specific_config(within.get(b"esds", b"")),
    }[codec]()
    name = codec_name("mp4", Configuration(codec, tag=kind.decode("ascii"), extradata=record, colour=_colour(within)))
    if name is None:
        raise OutputMismatch("A segment made does not say how it is coded.")
    return name


def _colour(within: dict[bytes, bytes]) -> tuple[int, int, int]:
    colr = within.get(b"colr", b"")
    return struct.unpack_from(">HHH", colr, 4) if colr[:4] == b"nclx" and len(colr) >= 10 else _H273


def _specific_config(esds: bytes) -> bytes:
    """AudioSpecificConfig: the decoder-specific descriptor (tag 5) in an esds. ISO/IEC 14496-1."""
    place = 4
    while place < len(esds):
        tag, place, length = esds[place], place + 1, 0
        while place < len(esds):
            byte = esds[place]
            place, length = place + 1, length << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        if tag == 5:
            return esds[place : place + length]
        place += {3: 3, 4: 13}.get(tag, length)  # these two hold others after their own fields
    return b""


def fragment(moof: bytes, told: Track, start: int, end: int) -> Fragment:
    """What a moof at `start`, whose mdat ends at `end`, says of its one track's samples. Raises OutputMismatch."""
    tfhd, tfdt = child(moof, b"traf", b"tfhd"), child(moof, b"traf", b"tfdt")
    if tfhd is None or tfdt is None or tfhd[3] & 1:  # a base of its own: none of ours has one
        raise OutputMismatch("A segment made does not say when it begins.")
    begin = struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)[0]
    defaults = _defaults(tfhd, told)
    samples: list[Sample] = []
    data = place = 0
    for name, trun in inside(child(moof, b"traf") or b""):
        if name != b"trun":
            continue
        offset, run = _run(trun, defaults)
        if samples and offset not in (None, place):
            raise OutputMismatch("A segment made has its media in pieces.")
        if not samples:
            data = place = offset or 0
        samples += run
        place += sum(sample.size for sample in run)
    if not samples or start + place > end:
        raise OutputMismatch("A segment made holds nothing.")
    return Fragment(begin, start, end, start + data, tfhd, tuple(samples))


def chunk_header(sequence: int, header: bytes, begin: int, samples: Sequence[Sample], later: int = 0) -> bytes:
    """A moof for these samples, each shown `later` ticks than it says, and the header of the mdat that holds them."""
    rows = b"".join(struct.pack(">IIIi", one.duration, one.size, one.flags, one.shift + later) for one in samples)

    def moof(offset: int) -> bytes:
        trun = struct.pack(">IIi", 0x01000F01, len(samples), offset) + rows  # version 1: shifts may be negative
        tfdt = struct.pack(">IQ", 0x01000000, begin)
        traf = _box(b"tfhd", header) + _box(b"tfdt", tfdt) + _box(b"trun", trun)
        return _box(b"moof", _box(b"mfhd", struct.pack(">II", 0, sequence)) + _box(b"traf", traf))

    size = sum(one.size for one in samples) + 8
    return moof(len(moof(0)) + 8) + struct.pack(">I4s", size, b"mdat")


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _defaults(tfhd: bytes, told: Track) -> tuple[int, int, int]:
    """(duration, size, flags) of a sample whose run does not say."""
    (flags,) = struct.unpack_from(">I", tfhd)
    place = 8
    values = [told.default_duration, told.default_size, told.default_flags]
    for bit, width, which in ((1, 8, None), (2, 4, None), (8, 4, 0), (16, 4, 1), (32, 4, 2)):
        if flags & bit:
            if which is not None:
                (values[which],) = struct.unpack_from(">I", tfhd, place)
            place += width
    return values[0], values[1], values[2]


def _run(trun: bytes, defaults: tuple[int, int, int]) -> tuple[int | None, list[Sample]]:
    """(offset of the data from the moof, None where it follows the run before, the samples)."""
    head, count = struct.unpack_from(">II", trun)
    version, flags, place = head >> 24, head & 0xFFFFFF, 8
    offset: int | None = None
    first_flags: int | None = None
    if flags & 1:
        (offset,) = struct.unpack_from(">i", trun, place)
        place += 4
    if flags & 4:
        (first_flags,) = struct.unpack_from(">I", trun, place)
        place += 4
    fields = [(bit, name) for bit, name in ((0x100, "I"), (0x200, "I"), (0x400, "I"), (0x800, "i")) if flags & bit]
    layout = struct.Struct(">" + "".join("I" if name == "i" and not version else name for _, name in fields))
    if place + layout.size * count > len(trun):
        raise OutputMismatch("A segment made has a run of samples that is cut short.")
    duration, size, sample_flags = defaults
    usual = {0x100: duration, 0x200: size, 0x400: sample_flags, 0x800: 0}
    samples = []
    for number in range(count):
        told = usual | dict(zip((bit for bit, _ in fields), layout.unpack_from(trun, place), strict=True))
        place += layout.size
        if number == 0 and first_flags is not None:
            told[0x400] = first_flags
        samples.append(Sample(told[0x100], told[0x200], told[0x400], told[0x800]))
    return offset, samples
