"""Work directories: one for each attempt, gone when it ends, however it ends."""

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


@contextmanager
def work_directory(name: str) -> Iterator[Path]:
    """An empty private directory of that name, removed at the end.

    A lock is held meanwhile. The kernel drops it when the process dies, so `remove_abandoned` can tell what a killed
    worker left behind.
    """
    root = Path(settings.WORK_DIR)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = root / name
    # Names hold the attempt, so two workers never share one; a tidying process may hold the lock for a moment.
    with _locked(root / f"{name}{LOCK}", patience=PATIENCE) as locked:
        if not locked:
            raise BlockingIOError(errno.EWOULDBLOCK, "a work directory is in use", str(place))
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(path: Path, *, patience: float = 0.0) -> Iterator[bool]:
    """Hold a lock file, and remove it after; False when another process holds it for longer than `patience` seconds."""
    until = time.monotonic() + patience
    while (handle := _lock(path)) is None and time.monotonic() < until:
        time.sleep(0.01)
    if handle is None:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)  # while it is held: whoever opened it meanwhile sees that it is gone
        os.close(handle)


def _lock(path: Path) -> int | None:
    """The locked file of that name; None when another process holds it, or removed it at this moment."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.stat(path)):
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
            if free:
                shutil.rmtree(root / lock.name.removesuffix(LOCK), ignore_errors=True)
                removed += 1
    return removed
