"""Which state files of models are in: cheaply, to see that one was replaced, and as the version that results tell."""

import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache

State = tuple[tuple[int, int, int], ...]


def state(files: Iterable[str]) -> State:
    """What is another once one of these files was replaced or written to: cheap to look at. Raises OSError."""
    return tuple((found.st_ino, found.st_size, found.st_mtime_ns) for found in map(os.stat, files))


def digest(*files: str) -> str:
    """The first twelve digits of the SHA-256 of these files one after the other, reckoned once for each state of them.
    Raises OSError."""
    return _digest(files, state(files))


@lru_cache(maxsize=16)
def _digest(files: tuple[str, ...], _: State) -> str:
    whole = hashlib.sha256()
    for name in files:
        with open(name, "rb") as file:
            while piece := file.read(1 << 20):
                whole.update(piece)
    return whole.hexdigest()[:12]
