"""Nodes: how workers and the scheduler say that they are alive, and what /healthz reads from it."""

import logging
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.db.models.functions import Now

from ittyhost.leases import in_seconds
from ittyhost.queue import TRANSFER
from ittyhost.workdir import remove_abandoned
from tasks_app.models import Node
from tasks_app.selectors import nodes_alive
from workers.kinds import all_kinds

logger = logging.getLogger(__name__)

SAY_EVERY = 5.0
FORGET_AFTER = 24 * 3600.0
SCHEDULER = "scheduler"

# SQLite's library has mutexes of its own: a slot forked while another thread holds one would wait for it for ever.
_in_database = threading.RLock()
os.register_at_fork(
    before=_in_database.acquire, after_in_parent=_in_database.release, after_in_child=_in_database.release
)


def node_seen(*, name: str, lanes: Sequence[str] = (), slots: int = 0) -> None:
    """Write down that a node is alive now; LIVENESS_FILE, where one is set, is touched."""
    # First the file: a database that is away is no reason to restart a process that has work in hand.
    if settings.LIVENESS_FILE:
        Path(settings.LIVENESS_FILE).touch()
    if not Node.objects.filter(pk=name).update(lanes=list(lanes), slots=slots, seen_at=Now()):
        Node.objects.update_or_create(
            pk=name, defaults={"lanes": list(lanes), "slots": slots, "seen_at": Now(), "started_at": Now()}
        )


def node_gone(*, name: str) -> None:
    """A node stopped in order."""
    Node.objects.filter(pk=name).delete()


def nodes_forget() -> None:
    """Drop the rows of nodes that went silent a day ago."""
    Node.objects.filter(seen_at__lt=in_seconds(-FORGET_AFTER)).delete()


def scheduler_seen() -> None:
    """Called by the sweep, in the scheduler's process."""
    node_seen(name=f"{SCHEDULER}@{socket.gethostname()}:{os.getpid()}")


class Presence:
    """Says every few seconds that a worker is alive, and tidies its machine; a thread in the worker's main process."""

    def __init__(self, *, name: str, lanes: Sequence[str], slots: int) -> None:
        self._node = {"name": name, "lanes": list(lanes), "slots": slots}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            try:
                with _database_alone():
                    node_seen(**self._node)  # type: ignore[arg-type]
                remove_abandoned()
            except Exception:  # a database that is away, a full disk: it says so when it can again
                logger.warning("a node could not say that it is alive", exc_info=True)
            if self._over.wait(SAY_EVERY):
                break
        with suppress(Error), _database_alone():  # it counts as gone by its silence soon
            node_gone(name=str(self._node["name"]))


@contextmanager
def _database_alone() -> Iterator[None]:
    """The pool forks now and then: not while this thread is in the database, and no connection is inherited."""
    with _in_database:
        try:
            yield
        finally:
            connection.close()


def check_workers() -> str | None:
    """For /healthz: every lane that some kind uses has a worker."""
    served = {lane for node in nodes_alive() for lane in node.lanes}
    missing = sorted(({kind.lane for kind in all_kinds().values()} | {TRANSFER}) - served)
    return f"no worker takes {', '.join(missing)}" if missing else None


def check_scheduler() -> str | None:
    """For /healthz: a scheduler swept lately."""
    return None if nodes_alive().filter(name__startswith=f"{SCHEDULER}@").exists() else "no scheduler runs"
