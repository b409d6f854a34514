"""How running work learns that its worker is stopping: a pipe that closes when the worker's main process does.

Celery's warm shutdown waits for running jobs; ours give their work back instead. The main process holds the only
writing end, so the reading ends in its pool children see an end of file at SIGTERM, and at `kill -9` just as well.
"""

import os
import select


class StopSign:
    """One per worker: `open` in its main process before the pool forks, `inherit` in children, `raise_` to stop all."""

    def __init__(self) -> None:
        self._read: int | None = None
        self._write: int | None = None
        self._opener = 0

    def open(self) -> None:
        if self._read is None:
            self._read, self._write = os.pipe()
            self._opener = os.getpid()

    def inherit(self) -> None:
        """In a child: drop the writing end, so that only the main process holds it."""
        # A pool without processes ("solo") tells its only process that it is a child.
        if self._write is not None and os.getpid() != self._opener:
            os.close(self._write)
            self._write = None

    def raise_(self) -> None:
        """Tell all children to stop. Safe to call more than once."""
        if self._write is not None:
            os.close(self._write)
            self._write = None

    def fileno(self) -> int | None:
        """What becomes readable when all must stop; None without a worker."""
        return self._read

    def is_up(self, timeout: float = 0.0) -> bool:
        """Whether to stop; waits up to `timeout` seconds for it. Never without a worker (tests, a shell)."""
        if self._read is None:
            return False
        return bool(select.select([self._read], [], [], timeout)[0])


worker_stop = StopSign()
