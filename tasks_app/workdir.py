"""Work directories: one for each attempt, gone when it ends, however it ends."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

LOCK = ".lock"


@contextmanager
def work_directory(name: str) -> Iterator[Path]:
    """An empty private directory of that name, removed at the end.

    A lock is held meanwhile. The kernel drops it when the process dies, so `remove_abandoned` can tell what a killed
    worker left behind.
    """
    root = Path(settings.WORK_DIR)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = root / name
    with _locked(root / f"{name}{LOCK}") as locked:
        assert locked, "names hold the attempt, so two workers never share one"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a lock file, and remove it after; False when another process holds it."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


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
