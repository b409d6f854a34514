"""Objects that come in pieces, in any order and from many processes: what a piece may be, and what becomes of it.

The rules are those of S3, whatever the bucket: an object of a multipart upload has at most 10,000 parts, and each but
the last has at least 5 MiB. So a piece is at least one unit long, and the unit that it starts in numbers it: numbers
rise with the place in the object, and no two pieces share one, in whatever order they come. Each unit has several
numbers, for a piece that broke off is sent under others: not every store bears a part that is written over.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from media_app.storage.base import Reader, ShouldStop, Stored

SMALLEST_PART = 5 * 1024 * 1024
MAX_PARTS = 10_000
LEAST_TRIES = 4  # numbers of one unit
# Objects up to this size are joined of pieces of any size: so much passes through a process in a second or two.
JOINED = 64 * 1024 * 1024
MAX_JOINED = 1_000  # pieces of such an object

Part = tuple[int, int, str]  # number, bytes, and how the bucket knows it


@dataclass(frozen=True)
class Written:
    """A piece that is in the bucket for good: its SHA-256, and the parts that it was cut into, in order."""

    sha256: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A piece as it was written: bytes `start` to `end - 1` of the object."""

    start: int
    end: int
    written: Written


class PiecesLost(Exception):
    """The bucket no longer holds what it was given: the pieces that start at `starts`, or all when that is None."""

    def __init__(self, reason: str, starts: frozenset[int] | None = None) -> None:
        super().__init__(reason)
        self.starts = starts


class Pieces(Protocol):
    """Objects in the making. Every method may raise StorageUnavailable; a process may die in the middle of each.

    Whoever calls sees to it that no two write the same bytes of an object at a time, and that none writes when it is
    finished or dropped.
    """

    def begin(self, key: str, *, total: int, scratch: str) -> str:
        """Make ready for an object of `total` bytes; `scratch` is a prefix for objects that it may need meanwhile.

        What it gives is wanted by the other methods.
        """
        ...

    def write(
        self,
        key: str,
        handle: str,
        *,
        total: int,
        start: int,
        length: int,
        source: Reader,
        should_stop: ShouldStop = None,
    ) -> Written:
        """Keep a piece, in constant memory; what was at its place is written over.

        What `source` raises is raised on; it gives `length` bytes or raises. Raises PiecesLost, TransferStopped.
        """
        ...

    def finish(
        self, key: str, handle: str, *, total: int, pieces: Sequence[Piece], should_stop: ShouldStop = None
    ) -> Stored:
        """Make one object of all pieces, in order; may be called again, and then finds it made.

        `sha256` is "" where the bytes were not seen in order. Raises PiecesLost, TransferStopped.
        """
        ...

    def drop(self, key: str, handle: str) -> None:
        """Forget all pieces. What is forgotten already, or was made an object, is no error."""
        ...


def unit_of(total: int) -> int:
    """How long each piece but the last must be, for an object that is not joined."""
    return max(SMALLEST_PART, -(-total * LEAST_TRIES // MAX_PARTS))


def smallest_piece(total: int) -> int:
    """The least number of bytes of a piece that is not the object's last."""
    return 1 if total <= JOINED else unit_of(total)


def tag_of(pieces: Sequence[Piece]) -> str:
    """A tag that only the same bytes in the same pieces have, for stores that give none."""
    said = ",".join(f"{piece.start}:{piece.written.sha256}" for piece in pieces)
    return hashlib.sha256(said.encode()).hexdigest()[:32]
