"""What keeps a lease alive beside the work, and tells the work to stop."""

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connections

from ittyhost.leases import HEARTBEAT_SECONDS, LEASE
from ittyhost.stopping import worker_stop

logger = logging.getLogger(__name__)

Reason = Literal["lost", "shutdown"]
# A lease that could not be renewed for so long may be another worker's at any moment.
GIVE_UP_SECONDS = LEASE.total_seconds() - HEARTBEAT_SECONDS
DATABASE_PATIENCE = 60.0  # seconds; the heartbeat gives up before, where the lease runs out

Made = TypeVar("Made")


class Heartbeat:
    """Renews a lease in a thread of its own while the `with` block works; `should_stop()` is True once it must end.

    `renew` writes the lease and `check` only reads whether it stands (cancelled work is seen by it); both answer False
    when this attempt has lost its row. Neither is called before `watch` seconds, so that short work costs nothing, nor
    after the block.
    """

    def __init__(
        self,
        renew: Callable[[], bool],
        check: Callable[[], bool] | None = None,
        *,
        every: float = HEARTBEAT_SECONDS,
        watch: float = 0.5,
    ) -> None:
        self._renew = renew
        self._check = check or (lambda: True)
        self._every = every
        self._watch = min(watch, every)
        self._on_stop: Callable[[], None] | None = None
        self._reason: Reason | None = None
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    @property
    def reason(self) -> Reason | None:
        """Why the work must stop: its lease is "lost" (run out, or the row cancelled), or the worker's "shutdown"."""
        if self._reason is None and worker_stop.is_up():
            self._reason = "shutdown"
        if self._reason is None and time.monotonic() - self._renewed > GIVE_UP_SECONDS:
            self._reason = "lost"  # the thread itself hangs in the database
        return self._reason

    def should_stop(self) -> bool:
        return self.reason is not None

    def on_stop(self, call: Callable[[], None]) -> None:
        """Have `call` called once the work must end, in the heartbeat's thread: for work that waits and cannot ask."""
        self._on_stop = call
        if self.should_stop():
            call()

    def __enter__(self) -> Self:
        self._renewed = time.monotonic()
        self._woken, self._wake = os.pipe()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._wake)  # ends the thread's wait at once
        self._thread.join()
        os.close(self._woken)

    def _run(self) -> None:
        stop = worker_stop.fileno()
        try:
            while True:
                waited_for = [self._woken] if stop is None else [self._woken, stop]
                ready = select.select(waited_for, [], [], self._watch)[0]
                if self._woken in ready:
                    return
                if ready:
                    return self._stop("shutdown")
                asked = time.monotonic()
                try:
                    if asked - self._renewed < self._every:
                        holds = self._check()
                    elif holds := self._renew():
                        self._renewed = asked  # the lease began at some time after this
                except (DatabaseError, InterfaceError):
                    # A database that is away for a moment takes no lease from anybody: its clock decides.
                    logger.warning("a lease could not be renewed", exc_info=True)
                    connections.close_all()
                    holds = time.monotonic() - self._renewed < GIVE_UP_SECONDS  # asking may have taken long
                if not holds:
                    return self._stop("lost")
        finally:
            connections.close_all()  # this thread's own

    def _stop(self, reason: Reason) -> None:
        self._reason = reason
        if self._on_stop:
            try:
                self._on_stop()
            except Exception:
                logger.exception("work could not be told to stop")


def patiently(call: Callable[[], Made], heartbeat: Heartbeat) -> Made:
    """What `call` gives, tried again while the database is away: hours of work may hang on it.

    For calls that a second time do no harm, because a fence or a fixed name stops them.
    """
    until = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return call()
        except (OperationalError, InterfaceError):
            if time.monotonic() >= until or heartbeat.should_stop():
                raise
            logger.warning("the database is away", exc_info=True)
        close_old_connections()
        time.sleep(1.0)
