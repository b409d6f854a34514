"""What /proc tells of processes: who works where, and who belongs to whom. Linux only."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is below `folder`, be it deleted by now."""
    found, inside = [], f"{folder.resolve()}/"
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(entry / "cwd").startswith(inside):
                found.append(int(entry.name))
    return found


def command(pid: int) -> list[str]:
    """Its command line; [] when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    return []


def parent(pid: int) -> int:
    """Its parent's number; 0 when it is gone."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return 0


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    return False


def until(is_so: Callable[[], object], *, seconds: float, what: str, every: float = 0.05) -> float:
    """Wait until something holds; how long that took. Raises AssertionError naming `what` after `seconds`."""
    begun = time.monotonic()
    while not is_so():
        waited = time.monotonic() - begun
        assert waited < seconds, f"not within {seconds:g} s: {what}"
        time.sleep(every)
    return time.monotonic() - begun
