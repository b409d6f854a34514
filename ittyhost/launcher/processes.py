"""Child processes that never outlive this one: parent-death signals, groups of their own, bounded stops."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Loaded before any fork: between fork and exec nothing may allocate much or take a lock.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send the child a signal when the thread that started it dies; Linux only.

    SIGTERM, not SIGKILL: the child then ends its own children as it does in an orderly stop.
    """
    if _libc is None:
        return None
    parent = os.getpid()

    def ask() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew that we care
            os._exit(1)

    return ask


def adopt_orphans() -> None:
    """Have processes whose own parent died become this process's children, so that it can end them; Linux only."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def terminate(process: Popen[bytes], patience: float) -> None:
    """Stop a child that leads its own group: SIGTERM, `patience` seconds, then SIGKILL for all that is left of it."""
    if process.poll() is None:
        process.terminate()
        with suppress(TimeoutExpired):
            process.wait(patience)
    kill_group(process.pid)
    process.wait()


def kill_group(group: int) -> None:
    """SIGKILL to every process of a group; nothing when there is none."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, parents first; [] where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # The name in brackets may hold spaces and brackets itself.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(0), [])
        found += below
        waiting += below
    return found


def reap(known: Iterable[int]) -> None:
    """Collect adopted orphans that have ended; children in `known` are left to whoever waits for them."""
    keep = set(known)
    with suppress(OSError):
        for pid in map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()):
            if pid not in keep:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def kill_descendants(timeout: float = 3.0) -> list[int]:
    """End whatever is still below this process, however it got there; the pids that had to be killed."""
    killed: list[int] = []
    deadline = time.monotonic() + timeout
    while below := descendants(os.getpid()):
        for pid in below:
            if pid not in killed:
                killed.append(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap(())
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return killed
