"""The last resort of the launcher: ends its children's groups when it died without stopping them.

Started as `python -I -S guard.py`, with the launcher's pipe as standard input: one line a group, "+pgid" or "-pgid".
The pipe's end means that the launcher is gone, in whatever way. Imports nothing of ours, so that it starts in no time.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE = 8.0  # seconds from SIGTERM to SIGKILL


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(groups: set[int]) -> None:
    # On Linux the kernel has sent them SIGTERM when the launcher died; a second one would hurry Celery too much.
    steps = (0, signal.SIGKILL) if sys.platform == "linux" else (signal.SIGTERM, signal.SIGKILL)
    for number in steps:
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(map(is_alive, groups)):
            time.sleep(0.05)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with the pipe, never before
    groups: set[int] = set()
    for line in sys.stdin:
        sign, group = line[0], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(group)
    end(groups)


if __name__ == "__main__":
    main()
