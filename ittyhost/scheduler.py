"""The scheduler: Celery's beat, running the sweeps in its own process.

A sweep must work when the broker was emptied and when every slot of every worker is taken, so it is not sent as a
message like other periodic jobs. Each has a thread of its own: one that hangs, on a bucket that does not answer, holds
up no other.
"""

import logging
import threading
from datetime import UTC, datetime
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from django.db import connections

logger = logging.getLogger(__name__)


class SweepScheduler(Scheduler):
    """Calls each due job here. Keeps no file: when one is late by a restart, it just runs."""

    producer = None  # beat would connect to the broker before each job, and wait for one that is away

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._running: dict[str, threading.Thread] = {}
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = datetime.fromtimestamp(0, UTC)  # a start is a reason to sweep at once

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> None:
        entry = self.reserve(entry) if advance else entry
        running = self._running.get(entry.name)
        if running is not None and running.is_alive():
            logger.warning("a sweep still runs when the next is due", extra={"job": entry.task})
            return
        self._running[entry.name] = threading.Thread(target=self._run, args=(entry.task,), name=entry.name, daemon=True)
        self._running[entry.name].start()

    def _run(self, name: str) -> None:
        try:
            self.app.tasks[name]()
        except Exception:  # whatever failed is tried again in seconds
            logger.exception("a sweep failed", extra={"job": name})
        finally:
            connections.close_all()  # this thread's own
