"""The scheduler: Celery's beat, running the sweeps in its own process.

A sweep must work when the broker was emptied and when every slot of every worker is taken, so it is not sent as a
message like other periodic jobs. Sweeps are short; they hand anything long to a worker.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from django.db import close_old_connections

logger = logging.getLogger(__name__)


class SweepScheduler(Scheduler):
    """Calls each due job here. Keeps no file: when one is late by a restart, it just runs."""

    producer = None  # beat would connect to the broker before each job, and wait for one that is away

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = datetime.fromtimestamp(0, UTC)  # a start is a reason to sweep at once

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> None:
        entry = self.reserve(entry) if advance else entry
        job = self.app.tasks[entry.task]
        close_old_connections()
        try:
            job(*(entry.args or ()), **(entry.kwargs or {}))
        except Exception:  # whatever failed is tried again in seconds; the scheduler itself must go on
            logger.exception("a sweep failed", extra={"job": entry.task})
        finally:
            close_old_connections()
