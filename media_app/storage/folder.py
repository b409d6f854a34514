"""A bucket in a folder of this machine, or of a network file system that all machines mount."""

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from typing import Any

from media_app.storage.base import (
    CHUNK,
    Chunks,
    ObjectMissing,
    Reader,
    ShouldStop,
    Stat,
    StorageUnavailable,
    Stored,
    check_stop,
    checked_key,
    checked_prefix,
    file_sha256,
)

DRAFTS = ".drafts"  # what is being written: no key begins with a dot
MARKER = ".bucket"  # in every bucket's root: a folder without it is the place where a disk is not mounted
MARKER_TEXT = "The bytes of ittyhost's files are in this folder. Without this file it is not used: leave it here.\n"
MODE = 0o440  # objects never change, and the links that workers get are the objects themselves
MIN_FREE_BYTES = 64 * 1024 * 1024
NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
NAMING_TRIES = 50


class FolderBucket:
    """One file per object. An object is written beside, made durable, then given its name in one step.

    The root holds a marker. Without it nothing is written, and nothing is said to be missing: the disk is away. A root
    gets its marker at the first use of a bucket that is new: `known_keys` knows of no object that must be in it. One
    from before there were markers is known by any of those objects. In doubt (None), it gets none.
    """

    copies = False  # a link does

    def __init__(self, root: Path, *, known_keys: Callable[[], Sequence[str] | None] = list) -> None:
        self.root = root.absolute()  # links to objects must lead there from every folder
        self._marker = self.root / MARKER
        self._known_keys = known_keys
        self._was_there = False

    def put(
        self, key: str, source: Reader, *, length: int | None = None, type: str = "", should_stop: ShouldStop = None
    ) -> Stored:
        target = self.path(key)
        digest, size = hashlib.sha256(), 0
        with self._draft() as draft:
            with host_faults():
                out = draft.open("xb", buffering=0)
            with out:
                while chunk := source.read(CHUNK):
                    check_stop(should_stop)
                    digest.update(chunk)
                    size += len(chunk)
                    with host_faults():
                        _write(out, chunk)
                check_stop(should_stop)
                with host_faults():
                    os.fchmod(out.fileno(), MODE)
                    os.fsync(out.fileno())
            with host_faults():
                self.give_name(draft, target)
        return self._stored(key, size, digest.hexdigest())

    def put_file(self, key: str, path: Path, *, type: str = "", should_stop: ShouldStop = None) -> Stored:
        target = self.path(key)
        with host_faults():
            sha256, size = file_sha256(path, should_stop), path.stat().st_size
            with self._draft() as draft:
                if not _linked(path, draft):
                    _copy(path, draft, should_stop)
                draft.chmod(MODE)
                make_durable(draft)
                self.give_name(draft, target)
        return self._stored(key, size, sha256)

    def open(self, key: str, start: int = 0, length: int | None = None) -> Chunks:
        path = self.path(key)
        with host_faults():
            try:
                opened = path.open("rb", buffering=0)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise self._missing(key) from None

        def read() -> Generator[bytes, None, None]:
            left = length
            with opened, host_faults():
                opened.seek(start)
                while left is None or left > 0:
                    chunk = opened.read(CHUNK if left is None else min(CHUNK, left))
                    if not chunk:
                        return
                    left = None if left is None else left - len(chunk)
                    yield chunk

        return Chunks(read(), opened)

    def fetch_to(self, key: str, path: Path, *, sha256: str = "", should_stop: ShouldStop = None) -> None:
        stored = self.path(key)
        check_stop(should_stop)
        with host_faults():
            if not stored.is_file():
                raise self._missing(key)
            path.symlink_to(stored)  # no second name: tools may write to what lies in their folder

    def local_path(self, key: str) -> Path | None:
        path = self.path(key)
        with host_faults():
            if path.is_file():
                return path
            self.need()
        return None

    def stat(self, key: str) -> Stat:
        with host_faults():
            try:
                found = self.path(key).stat()
            except (FileNotFoundError, NotADirectoryError):
                raise self._missing(key) from None
        return Stat(key, found.st_size, "")

    def delete(self, key: str) -> None:
        path = self.path(key)
        with host_faults():
            self.need()
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            self._prune(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        folder = self.root / checked_prefix(prefix)
        with host_faults():
            self.need()
            count = sum(1 for _ in self._files(folder))
            shutil.rmtree(folder, onerror=_unless_gone)
            self._prune(folder.parent)
        return count

    def list_prefix(self, prefix: str) -> Iterator[tuple[str, int]]:
        folder = self.root / checked_prefix(prefix)
        with host_faults():
            self.need()
            found = sorted(path.relative_to(self.root).as_posix() for path in self._files(folder))
        for key in found:
            with suppress(FileNotFoundError):  # deleted meanwhile
                yield key, (self.root / key).stat().st_size

    def drop_drafts(self, *, older_than: float, kept: Collection[str] = ()) -> int:
        count = 0
        with host_faults():
            self.need()
            for draft in (self.root / DRAFTS).glob("*"):
                with suppress(FileNotFoundError):
                    if draft.name not in kept and draft.stat().st_mtime < time.time() - older_than:
                        draft.unlink()
                        count += 1
        return count

    def presigned_get(self, key: str, *, seconds: int, type: str, disposition: str) -> str | None:
        return None

    def warm(self) -> None:
        """There is nothing to wait for."""

    def check(self) -> str | None:
        try:
            self.need()
            free = shutil.disk_usage(self.root).free
        except _NotTheBucket as exc:
            return exc.problem
        except OSError as exc:
            return f"the folder cannot be used: {exc.strerror}"
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            return "the folder cannot be written to"
        return None if free >= MIN_FREE_BYTES else "the disk is full"

    # --- is it there? ---

    def need(self) -> None:
        """Raise StorageUnavailable where the root is not the bucket, having made it one if it is new."""
        was_there = self._was_there  # before looking: another thread may make it a bucket between the two
        try:
            self._marker.stat()
        except FileNotFoundError:
            if was_there or not self._is_new_or_known():
                raise _NotTheBucket(self._marker) from None
            self.root.mkdir(parents=True, exist_ok=True)
            self._marker.write_text(MARKER_TEXT)
            make_durable(self._marker)
            make_durable(self.root)
        self._was_there = True

    def _is_new_or_known(self) -> bool:
        keys = self._known_keys()
        if keys is None:
            return False
        return not keys or any(self.path(key).is_file() for key in keys)

    def _missing(self, key: str) -> ObjectMissing:
        """What to raise for an object that is not found. Raises StorageUnavailable when nothing would be."""
        self.need()
        return ObjectMissing(key)

    # --- names ---

    def path(self, key: str) -> Path:
        return self.root / checked_key(key)

    @staticmethod
    def _stored(key: str, size: int, sha256: str) -> Stored:
        return Stored(key, size, sha256, etag=sha256[:32])

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """A new name in the bucket's own file system; what is left under it is removed."""
        draft = self.root / DRAFTS / secrets.token_hex(16)
        with host_faults():
            self.need()
            draft.parent.mkdir(exist_ok=True)
        try:
            yield draft
        finally:
            with suppress(OSError):  # of a disk that is away; what stays is dropped later
                draft.unlink()

    def give_name(self, draft: Path, target: Path) -> None:
        """Give a draft its name and make that durable. Folders that a clean-up removes meanwhile are made again."""
        above = [folder for folder in target.parents if folder == self.root or self.root in folder.parents]
        for attempt in range(NAMING_TRIES):
            self.need()
            try:
                for folder in reversed(above[:-1]):  # never the root: it may be away
                    with suppress(FileExistsError):
                        folder.mkdir()
                os.replace(draft, target)
            except FileNotFoundError:
                if not draft.exists():
                    raise
                time.sleep(0.001 * attempt)
                continue
            for folder in above:
                make_durable(folder)
            self.need()  # or it went away while this was written, and the name is on the disk below
            return
        raise StorageUnavailable(f"the folder of {target} vanishes again and again")

    def _prune(self, folder: Path) -> None:
        """Remove empty folders from here upwards."""
        while folder != self.root and self.root in folder.parents:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return
            folder = folder.parent

    @staticmethod
    def _files(folder: Path) -> Iterator[Path]:
        for place, _, names in os.walk(folder, onerror=_raise_unless_gone):
            for name in names:
                yield Path(place, name)


class _NotTheBucket(StorageUnavailable):
    def __init__(self, marker: Path) -> None:
        super().__init__(f"{marker} is missing: the folder is not the bucket")
        self.problem = (
            f"the folder is not the bucket, for it lacks the file {marker.name}: mount its disk, "
            "or create that file if this is to be the bucket from now on"
        )


def _linked(existing: Path, new: Path) -> bool:
    """Whether `new` could be made another name of the same file."""
    try:
        os.link(existing, new)
    except OSError as exc:
        if exc.errno in NO_LINK:
            return False
        raise
    return True


def _copy(existing: Path, new: Path, should_stop: ShouldStop) -> None:
    with existing.open("rb", buffering=0) as source, new.open("xb", buffering=0) as out:
        while chunk := source.read(CHUNK * 4):
            check_stop(should_stop)
            _write(out, chunk)


def _write(out: RawIOBase, chunk: bytes) -> None:
    """All of it: a raw file may take a part."""
    left = memoryview(chunk)
    while left:
        left = left[out.write(left) or 0 :]


def make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _raise_unless_gone(exc: OSError) -> None:
    """`os.walk` is silent about folders that it cannot read: those are not empty."""
    if not isinstance(exc, FileNotFoundError):
        raise exc


def _unless_gone(_call: Any, _path: str, failure: Any) -> None:
    _raise_unless_gone(failure[1])


@contextmanager
def host_faults() -> Iterator[None]:
    """A full disk or a lost mount is the host's fault."""
    try:
        yield
    except OSError as exc:
        raise StorageUnavailable(f"the bucket's folder failed: {exc}") from exc
