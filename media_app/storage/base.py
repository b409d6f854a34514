"""What a bucket is: objects under keys, written once, read whole or in ranges."""

import hashlib
import re
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ittyhost.errors import Unavailable

CHUNK = 256 * 1024
KEY = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,254}/)*[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")
MAX_KEY_BYTES = 600

ShouldStop = Callable[[], bool] | None  # asked at least twice a second while bytes move


class StorageUnavailable(Unavailable):
    """The bucket does not answer, is full or lost bytes on the way: the host's fault, worth another try."""

    default_code = "storage_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__("The storage does not answer at the moment. Try again in a few seconds.")
        self.reason = reason  # for the log: may name hosts and paths

    def __str__(self) -> str:
        return self.reason


class ObjectMissing(Exception):
    """No object has this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The bucket holds no object {key}.")
        self.key = key


class TransferStopped(Exception):
    """`should_stop` said so. Nothing of a write stays, and nothing of a fetched copy."""


class Reader(Protocol):
    """Where the bytes of an object come from: at most `size` bytes a call, none at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Stored:
    """An object as it was written: what was read, and the bucket's own tag for it."""

    key: str
    size: int
    sha256: str
    etag: str


@dataclass(frozen=True)
class Stat:
    """An object as the bucket holds it now. `etag` is the bucket's tag without quotes, empty where it keeps none."""

    key: str
    size: int
    etag: str


class Closeable(Protocol):
    def close(self) -> object: ...


class Chunks(Iterator[bytes]):
    """The bytes of an object that is open. `close` lets go of it however much was read; it may be called again."""

    def __init__(self, chunks: Generator[bytes, None, None], source: Closeable) -> None:
        self._chunks = chunks
        self._source = source

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        try:
            self._chunks.close()
        finally:
            # A generator that was never begun closes nothing of what its body would.
            self._source.close()


class Bucket(Protocol):
    """Objects under keys. Nothing is ever written over; every method may raise StorageUnavailable.

    What takes `should_stop` raises TransferStopped soon after it is true. It is called in the caller's thread only.
    """

    copies: bool  # whether what is fetched to a path takes room there

    def put(
        self,
        key: str,
        source: Reader,
        *,
        length: int | None = None,
        type: str = "",
        should_stop: ShouldStop = None,
    ) -> Stored:
        """Write all that `source` gives, in constant memory; the object appears whole or not at all.

        `length`, where known, only helps to choose how it is sent. What `source` raises is raised on (an OSError of its
        own would pass for the bucket's), and nothing stays. A `source` that waits must end its waits itself.
        """
        ...

    def put_file(self, key: str, path: Path, *, type: str = "", should_stop: ShouldStop = None) -> Stored:
        """Write a finished file, which must not change any more; without copying where the bucket can take it over."""
        ...

    def open(self, key: str, start: int = 0, length: int | None = None) -> Chunks:
        """The bytes from `start`, `length` of them or all. Raises ObjectMissing, before the first byte is given.

        Whoever does not read to the end must close them.
        """
        ...

    def fetch_to(self, key: str, path: Path, *, sha256: str = "", should_stop: ShouldStop = None) -> None:
        """Make the object readable at `path`, which must not exist: a link where possible, else a verified copy.

        The caller must not write to it. Raises ObjectMissing.
        """
        ...

    def local_path(self, key: str) -> Path | None:
        """The object's file on this machine, or None when it lives elsewhere or is missing."""
        ...

    def stat(self, key: str) -> Stat:
        """Raises ObjectMissing."""
        ...

    def delete(self, key: str) -> None:
        """Remove one object; one that is already gone is no error."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Remove all objects under a prefix that ends in a slash. How many there were."""
        ...

    def list_prefix(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Key and size of every object under a prefix that ends in a slash, in the order of keys."""
        ...

    def drop_drafts(self, *, older_than: float, kept: Collection[str] = ()) -> int:
        """Remove what writes left behind that were cut off more than so many seconds ago. How many there were.

        `kept` are handles of objects that still come in pieces.
        """
        ...

    def presigned_get(self, key: str, *, seconds: int, type: str, disposition: str) -> str | None:
        """A URL that gives this object to anybody for a while, under this type; None where there are no such URLs."""
        ...

    def warm(self) -> None:
        """Make ready, without asking the store anything, what the first transfer of a process would wait for."""
        ...

    def check(self) -> str | None:
        """None when objects can be written and read, else what is wrong in a few words. Takes at most seconds."""
        ...


def checked_key(key: str) -> str:
    """The key itself. Keys are made by us alone: one that is not of the known form is a bug."""
    if len(key) > MAX_KEY_BYTES or not KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not an object's key")
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix itself; one that would match a whole bucket, or half of a name, is a bug."""
    if not prefix.endswith("/"):
        raise ValueError(f"{prefix!r} is not a prefix of keys")
    checked_key(prefix[:-1])
    return prefix


def file_sha256(path: Path, should_stop: ShouldStop = None) -> str:
    """SHA-256 of a file's bytes, in hex. Raises TransferStopped."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(CHUNK))
    with path.open("rb", buffering=0) as opened:
        while count := opened.readinto(buffer):
            check_stop(should_stop)
            digest.update(buffer[:count])
    return digest.hexdigest()


def check_stop(should_stop: ShouldStop) -> None:
    """Raise TransferStopped when it is time to."""
    if should_stop is not None and should_stop():
        raise TransferStopped
