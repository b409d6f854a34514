"""What pictures say of themselves and Pillow does not tell: how long frames are shown, which colours are meant.

Small parsers that read headers only, of files that Pillow opened before. Runs only in the resident helper.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# Every browser shows a frame of 10 ms or less for this long.
HURRIED, UNHURRIED = 10, 100  # milliseconds
LONGEST = 2**24 - 1  # milliseconds, hours: what a WebP can say of one frame
_ENDLESS = 65_535  # times; what is said to be longer was meant to be for ever
FRAMES = 100_000  # more than these are not counted
MOST = 4 * 1024 * 1024  # bytes of one header that are read


@dataclass(frozen=True)
class Timing:
    """Of an animation: milliseconds that each frame is shown as stored, and how often all is played, 0 for ever."""

    delays: tuple[int, ...]
    plays: int = 0


# JPEG's markers that begin a frame; DHT, JPG and DAC lie between them. 0xF7 is JPEG-LS.
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7})


@dataclass(frozen=True)
class Cicp:
    """Colours by the numbers of ITU-T H.273."""

    primaries: int
    transfer: int


def timing(file: BinaryIO, name: str) -> Timing | None:
    """Of a GIF, WebP, PNG or AVIF; None where it tells nothing. Raises ValueError, struct.error for damage."""
    read = {"gif": _gif_timing, "webp": _webp_timing, "png": _png_timing, "avif": _avif_timing}.get(name)
    if read is None:
        return None
    file.seek(0)
    found = read(file)
    return found if found is not None and found.delays else None


def shown(delays: tuple[int, ...], frames: int, plays: int) -> Timing:
    """The timing of so many frames as browsers show them, none for longer than a WebP can say."""
    known = (*delays, *(0,) * min(frames - len(delays), FRAMES))
    whole = [UNHURRIED if delay <= HURRIED else min(delay, LONGEST) for delay in known]
    return Timing(tuple(whole[:frames]), plays)


def jpeg_coding(file: BinaryIO) -> str | None:
    """What makes a JPEG uncommon, in words, by its frame header; None of usual ones. Source: ITU-T T.81, table B.1."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        marker, size = head[1], int.from_bytes(head[2:], "big")
        if marker in _FRAMES:
            precision = file.read(1)
            if marker not in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA):
                return "lossless" if marker in (0xC3, 0xCB, 0xF7) else "hierarchical"
            return f"of {precision[0]} bits" if precision and precision[0] != 8 else None
        file.seek(size - 2, 1)
    return None


def cicp(file: BinaryIO, name: str) -> Cicp | None:
    """Of a PNG, AVIF or HEIC; None where it has none. Raises ValueError, struct.error for damage."""
    file.seek(0)
    if name == "png":
        for kind, body in _png_chunks(file, frozenset({b"cICP"}), until=b"IDAT"):
            if kind == b"cICP" and len(body) >= 4:
                return Cicp(body[0], body[1])
        return None
    return _heif_cicp(file) if name in ("avif", "heic") else None


# ── GIF89a ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _gif_timing(file: BinaryIO) -> Timing:
    head = file.read(13).ljust(13, b"\0")
    if head[10] & 0x80:
        file.seek(3 << ((head[10] & 7) + 1), 1)
    delays: list[int] = []
    delay, plays = 0, 1
    while (mark := file.read(1)) in (b"!", b",") and len(delays) < FRAMES:
        if mark == b",":
            flags = file.read(9).ljust(9, b"\0")[8]
            if flags & 0x80:
                file.seek(3 << ((flags & 7) + 1), 1)
            file.seek(1, 1)  # of the code size
            delays.append(delay * 10)
            delay = 0
            _gif_blocks(file)
            continue
        label = file.read(1)
        blocks = _gif_blocks(file)
        if label == b"\xf9" and blocks and len(blocks[0]) >= 3:
            delay = int.from_bytes(blocks[0][1:3], "little")
        elif label == b"\xff" and len(blocks) > 1 and blocks[0] in (b"NETSCAPE2.0", b"ANIMEXTS1.0"):
            times = int.from_bytes(blocks[1][1:3], "little")
            plays = times + 1 if times else 0  # it counts repetitions
    return Timing(tuple(delays), plays)


def _gif_blocks(file: BinaryIO) -> list[bytes]:
    """The first two sub-blocks; all are passed."""
    found: list[bytes] = []
    while (size := file.read(1)) not in (b"", b"\0"):
        if len(found) < 2:
            found.append(file.read(size[0]))
        else:
            file.seek(size[0], 1)
    return found


# ── WebP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _webp_timing(file: BinaryIO) -> Timing:
    file.seek(12)
    delays: list[int] = []
    plays = 0
    while len(head := file.read(8)) == 8 and len(delays) < FRAMES:
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        after = file.tell() + size + size % 2
        if kind == b"ANIM":
            plays = int.from_bytes(file.read(6)[4:6], "little")
        elif kind == b"ANMF":
            delays.append(int.from_bytes(file.read(16)[12:15], "little"))
        file.seek(after)
    return Timing(tuple(delays), plays)


# ── PNG ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _png_timing(file: BinaryIO) -> Timing:
    delays: list[int] = []
    plays = 0
    for kind, body in _png_chunks(file, frozenset({b"acTL", b"fcTL"})):
        if kind == b"acTL":
            plays = int.from_bytes(body[4:8], "big")
        elif kind == b"fcTL":
            part, whole = struct.unpack(">HH", body[20:24])
            delays.append(round(1000 * part / (whole or 100)))
            if len(delays) >= FRAMES:
                break
    return Timing(tuple(delays), plays)


def _png_chunks(file: BinaryIO, wanted: frozenset[bytes], until: bytes = b"IEND") -> Iterator[tuple[bytes, bytes]]:
    file.seek(8)
    while len(head := file.read(8)) == 8:
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == until:
            return
        after = file.tell() + size + 4
        if kind in wanted:
            yield kind, file.read(min(size, MOST))
        file.seek(after)


# ── AVIF and HEIC: ISO base media ────────────────────────────────────────────────────────────────────────────────────
def _boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
    while start + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", data[start + 8 : start + 16])
            head = 16
        size = size or len(data) - start
        if size < head:
            return
        yield kind, data[start + head : start + size]
        start += size


def _inside(data: bytes, *path: bytes) -> bytes | None:
    for name in path:
        found = next((body for kind, body in _boxes(data) if kind == name), None)
        if found is None:
            return None
        data = found
    return data


def _top_box(file: BinaryIO, wanted: bytes) -> bytes | None:
    file.seek(0)
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        length = size - 8
        if size == 1:
            length = int.from_bytes(file.read(8), "big") - 16
        if kind == wanted:
            return file.read(MOST if size == 0 else min(max(length, 0), MOST))
        if size == 0 or length < 0:
            return None
        file.seek(length, 1)
    return None


def _avif_timing(file: BinaryIO) -> Timing | None:
    moov = _top_box(file, b"moov")
    for kind, track in _boxes(moov or b""):
        handler = _inside(track, b"mdia", b"hdlr") if kind == b"trak" else None
        if handler is None or handler[8:12] != b"pict":
            continue
        header, table = _inside(track, b"mdia", b"mdhd"), _inside(track, b"mdia", b"minf", b"stbl", b"stts")
        if header is None or table is None:
            return None
        scale = int.from_bytes(header[20:24] if header[0] else header[12:16], "big") or 1000
        delays: list[int] = []
        for count, ticks in struct.iter_unpack(">II", table[8 : 8 + 8 * int.from_bytes(table[4:8], "big")]):
            delays += [round(1000 * ticks / scale)] * min(count, FRAMES - len(delays))
        return Timing(tuple(delays), _avif_plays(track))
    return None


def _avif_plays(track: bytes) -> int:
    """An edit list that repeats, over a track that lasts so many times as long; one without an end is for ever."""
    edits, head = _inside(track, b"edts", b"elst"), _inside(track, b"tkhd")
    if edits is None or head is None or not edits[3] & 1:
        return 1 if edits is not None else 0
    whole = int.from_bytes(head[28:36] if head[0] else head[20:24], "big")
    once = int.from_bytes(edits[8:16] if edits[0] else edits[8:12], "big")
    times = whole // once if once else 0
    return 0 if times > _ENDLESS else max(1, times)


def _heif_cicp(file: BinaryIO) -> Cicp | None:
    """The primary item's: others (gain maps, other renderings) have their own."""
    meta = (_top_box(file, b"meta") or b"")[4:]
    pitm, properties, links = _inside(meta, b"pitm"), _inside(meta, b"iprp", b"ipco"), _inside(meta, b"iprp", b"ipma")
    if not pitm or properties is None or links is None:
        return None
    primary = int.from_bytes(pitm[4:8] if pitm[0] else pitm[4:6], "big")
    listed = list(_boxes(properties))
    for number in _linked(links, primary):
        kind, body = listed[number - 1] if 0 < number <= len(listed) else (b"", b"")
        if kind == b"colr" and body[:4] == b"nclx":
            return Cicp(*struct.unpack(">HH", body[4:8]))
    return None


def _linked(links: bytes, item: int) -> list[int]:
    """Numbers of the properties that an item has, from 1 on."""
    wide_id, wide_number = links[0] >= 1, links[3] & 1
    (count,) = struct.unpack(">I", links[4:8])
    place = 8
    for _ in range(min(count, 65_536)):
        size = 4 if wide_id else 2
        found = int.from_bytes(links[place : place + size], "big")
        amount = links[place + size]
        place += size + 1
        step, mask = (2, 0x7FFF) if wide_number else (1, 0x7F)
        if found == item:
            spots = range(place, place + step * amount, step)
            return [int.from_bytes(links[spot : spot + step], "big") & mask for spot in spots]
        place += step * amount
    return []
