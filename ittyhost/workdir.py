"""Work directories: one for each attempt, with room set aside for it, gone when it ends, however it ends."""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

LOCK = ".lock"
PATIENCE = 5.0  # seconds
SPARE = 32 * 1024**2  # bytes of the disk that are promised to nobody: logs, the database, a library's own files


class NoRoom(OSError):
    """The disk has no room for the work; `waits` says that it has once the work that runs now is done."""

    def __init__(self, message: str, *, waits: bool) -> None:
        super().__init__(errno.ENOSPC, message)
        self.waits = waits

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def work_directory(name: str, *, reserve: int = 0) -> Iterator[Path]:
    """An empty private directory of that name, removed at the end. Raises NoRoom unless `reserve` bytes are free that
    no running attempt of this machine counts on.

    A lock is held meanwhile, and what is reserved stands in its file. The kernel drops it when the process dies, so
    that neither room nor files stay taken: `remove_abandoned` can tell what a killed worker left behind.
    """
    root = Path(settings.WORK_DIR)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = root / name
    # Names hold the attempt, so two workers never share one; a tidying process may hold the lock for a moment.
    with _locked(root / f"{name}{LOCK}", patience=PATIENCE) as lock:
        if lock is None:
            raise BlockingIOError(errno.EWOULDBLOCK, "a work directory is in use", str(place))
        shutil.rmtree(place, ignore_errors=True)
        if reserve:
            _reserve(root, name, lock, reserve)
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _reserve(root: Path, name: str, lock: int, wanted: int) -> None:
    turn = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)  # for milliseconds: two must not be promised the same bytes
        disk = shutil.disk_usage(root)
        promised = outstanding(root, but=name)
        if wanted > disk.free - promised - SPARE:
            raise NoRoom(
                f"No room for the work: it may need {wanted:,} bytes, and of {disk.free:,} free ones in the work folder"
                f" {promised:,} are promised to running work.",
                waits=wanted <= disk.free - SPARE,
            )
        os.write(lock, str(wanted).encode())
    finally:
        os.close(turn)


def outstanding(root: Path, *, but: str = "") -> int:
    """Bytes that running attempts were promised and have not written yet."""
    total = 0
    for path in root.glob(f"*{LOCK}"):
        attempt = path.name.removesuffix(LOCK)
        try:
            promised = int(path.read_bytes() or b"0")
        except (OSError, ValueError):  # gone meanwhile, or not written whole
            continue
        if promised and attempt != but and _is_held(path):
            total += max(0, promised - _used(root / attempt))
    return total


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _used(folder: Path) -> int:
    """Bytes on the disk that a folder takes; a link takes none of what it leads to."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue
    return total


@contextmanager
def _locked(path: Path, *, patience: float = 0.0) -> Iterator[int | None]:
    """Hold a lock file, its descriptor given, and remove it after; None when another process holds it for longer than
    `patience` seconds."""
    until = time.monotonic() + patience
    while (handle := _lock(path)) is None and time.monotonic() < until:
        time.sleep(0.01)
    if handle is None:
        yield None
        return
    try:
        yield handle
    finally:
        path.unlink(missing_ok=True)  # while it is held: whoever opened it meanwhile sees that it is gone
        os.close(handle)


def _lock(path: Path) -> int | None:
    """The locked file of that name; None when another process holds it, or removed it at this moment."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            os.truncate(handle, 0)  # what a killed process was promised
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def remove_abandoned() -> int:
    """Remove the directories of attempts whose process is gone from this machine. How many."""
    removed = 0
    root = Path(settings.WORK_DIR)
    for lock in root.glob(f"*{LOCK}") if root.exists() else ():
        with _locked(lock) as free:
            if free is not None:
                shutil.rmtree(root / lock.name.removesuffix(LOCK), ignore_errors=True)
                removed += 1
    return removed
