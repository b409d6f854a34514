"""Work that many processes may take and only one may finish: claims, leases and fences on a row.

A claim is a lease of one attempt. `attempt` only rises and fences every later write: whoever lost the lease changes no
row. All times are the database's, because the clocks of workers differ.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from ittyhost.records import Record

LEASE = timedelta(seconds=30)
HEARTBEAT_SECONDS = 5.0
BACKOFF_SECONDS = (1, 10, 60, 300)


class LeasedWork(Record):
    """A row of work. `status` is the owner's own field; the services of the owner move it."""

    attempt = models.PositiveIntegerField(default=0, help_text="How often it was started; fences every write.")
    failures = models.PositiveIntegerField(default=0, help_text="Starts that ended by a fault of a host.")
    # What is due is taken in this order, so that a row which waits for others keeps its place by it.
    due_at = models.DateTimeField(db_default=Now(), help_text="Not to be started before.")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="When the running attempt is given up.")

    due_since: datetime  # of a row that was just claimed: since when it could have been, whatever its place

    class Meta:
        abstract = True


class _InSeconds(models.Func):
    """The database's present plus a span, in its own arithmetic."""

    output_field = models.DateTimeField()

    def __init__(self, span: timedelta) -> None:
        self.span = span
        super().__init__()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> tuple[str, Any]:
        if connection.vendor == "sqlite":
            # Django compares SQLite's times as text: the same form to the microsecond is needed.
            return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', %s) || '000'", [
                f"{self.span.total_seconds():+.3f} seconds"
            ]
        return "(STATEMENT_TIMESTAMP() + %s)", [self.span]


def in_seconds(seconds: float) -> models.Func:
    """The database's clock, so many seconds from now (negative: ago)."""
    return _InSeconds(timedelta(seconds=seconds))


def lease_end() -> models.Func:
    """When a lease taken or renewed now runs out, by the database's clock."""
    return _InSeconds(LEASE)


def backoff(failures: int) -> models.Func:
    """The due time after so many failures: 1 s, 10 s, a minute, then five."""
    return in_seconds(BACKOFF_SECONDS[min(max(failures, 1), len(BACKOFF_SECONDS)) - 1])


Work = TypeVar("Work", bound=LeasedWork)


def claim_next(due: models.QuerySet[Work], *, related: tuple[str, ...] = (), **changes: Any) -> Work | None:
    """Take the first row of `due` (already filtered and ordered) for one attempt; None when there is nothing to take.

    The row comes with the records that `related` names, read together with it.

    PostgreSQL passes over rows that another worker is taking; SQLite has one writer at a time anyway.
    """
    with transaction.atomic():
        work = due.filter(due_at__lte=Now()).select_for_update(skip_locked=True, of=("self",)).first()
        if work is None:
            return None
        taken = due.model._base_manager.filter(pk=work.pk, attempt=work.attempt).update(
            attempt=F("attempt") + 1, lease_until=lease_end(), **changes
        )
        if not taken:
            return None
        rows = due.model._base_manager.all()
        claimed = (rows.select_related(*related) if related else rows).get(pk=work.pk)
        claimed.due_since = max(work.due_at, work.updated)
        return claimed


def held(work: Work) -> models.QuerySet[Work]:
    """The row while this attempt still holds it: update through it, and read the row count."""
    return type(work)._base_manager.filter(pk=work.pk, attempt=work.attempt, lease_until__isnull=False)


def expired() -> Q:
    """Rows whose lease ran out."""
    return Q(lease_until__lt=Now())
