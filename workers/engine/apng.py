"""Writes animated PNGs, one frame after the other. Runs only in the resident helper."""

import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image as Pillow
from PIL import ImageChops

Box = tuple[int, int, int, int]
LONGEST = 655_350  # milliseconds, told in hundredths of a second


def write_film(frames: Iterable[tuple[Pillow.Image, int]], target: Path, *, plays: int, exif: bytes | None) -> None:
    """Frames of one size and mode (RGB or RGBA) with the milliseconds each is shown, played `plays` times, 0 for ever.

    A frame holds the box that changed since the one before; one that changed nothing lengthens it.
    """
    with target.open("w+b") as file:
        writer = _Writer(file, plays, exif)
        last: Pillow.Image | None = None
        waiting: tuple[Pillow.Image, Box] | None = None
        shown = 0
        for picture, milliseconds in frames:
            box = (0, 0, *picture.size) if last is None else _changed(picture, last)
            if box is not None and waiting is not None:
                writer.frame(*waiting, shown)
                shown = 0
            if box is not None:
                waiting = picture, box
            shown += milliseconds
            last = picture
        if waiting is not None:
            writer.frame(*waiting, shown)
        writer.end()


def _changed(picture: Pillow.Image, last: Pillow.Image) -> Box | None:
    return ImageChops.difference(picture, last).getbbox(alpha_only=False)


class _Writer:
    """Chunks of one file. Source: PNG, third edition, 11.3.6."""

    def __init__(self, file: BinaryIO, plays: int, exif: bytes | None) -> None:
        self.file, self.plays, self.exif = file, plays, exif
        self.frames = self.sequence = 0
        self.counted = 0  # where the number of frames stands

    def frame(self, picture: Pillow.Image, box: Box, milliseconds: int) -> None:
        """As several that are equal where it is longer than sixteen bits can say."""
        parts = -(-milliseconds // LONGEST)
        for part in range(parts):
            shown = milliseconds * (part + 1) // parts - milliseconds * part // parts
            self._frame(picture, (0, 0, 1, 1) if part else box, shown)

    def _frame(self, picture: Pillow.Image, box: Box, milliseconds: int) -> None:
        packed = BytesIO()
        picture.crop(box).save(packed, "PNG")
        chunks = list(_chunks(packed.getvalue()))
        if not self.frames:
            self.file.write(b"\x89PNG\r\n\x1a\n")
            self._chunk(b"IHDR", next(body for kind, body in chunks if kind == b"IHDR"))
            if self.exif:
                self._chunk(b"eXIf", self.exif.removeprefix(b"Exif\0\0"))
            self.counted = self.file.tell()
            self._chunk(b"acTL", struct.pack(">II", 0, self.plays))
        left, top, right, bottom = box
        # Numerator and denominator have 16 bits each.
        delay = (milliseconds, 1000) if milliseconds < 65_536 else (min(65_535, round(milliseconds / 10)), 100)
        control = struct.pack(">5I2H2B", self.sequence, right - left, bottom - top, left, top, *delay, 0, 0)
        self._chunk(b"fcTL", control)
        self.sequence += 1
        for kind, body in chunks:
            if kind != b"IDAT":
                continue
            if not self.frames:
                self._chunk(b"IDAT", body)
            else:
                self._chunk(b"fdAT", struct.pack(">I", self.sequence) + body)
                self.sequence += 1
        self.frames += 1

    def end(self) -> None:
        self._chunk(b"IEND", b"")
        self.file.seek(self.counted)
        self._chunk(b"acTL", struct.pack(">II", self.frames, self.plays))

    def _chunk(self, kind: bytes, body: bytes) -> None:
        self.file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))


def _chunks(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    place = 8
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        place += size + 12
