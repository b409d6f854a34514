"""What people do to a task from outside: cancel it, have it tried again."""

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from events_app.services import event_record
from ittyhost.errors import Conflict
from media_app.models import File
from media_app.services import fetch_stop, file_retry, media_lock
from tasks_app.control import INGEST
from tasks_app.models import Attempt, Task
from tasks_app.services.attempts import attempt_drop
from tasks_app.services.waiting import tasks_settle
from tasks_app.services.waking import wake

Status = Task.Status
LIVE = (Status.WAITING, Status.QUEUED, Status.PROCESSING)


@transaction.atomic
def task_cancel(*, task: Task) -> None:
    """Cancel a task; a running attempt notices within a second, and so does the fetch of its URL, unless another task
    waits for the same file. Raises Conflict when it has ended already."""
    media_lock(task.media_id or "")  # first, because the file may change too (media_app.services.locks)
    before = Task.objects.select_for_update().get(pk=task.pk)
    cancelled = Task.objects.filter(pk=task.pk, status__in=LIVE).update(
        status=Status.CANCELLED, lease_until=None, updated=Now(), finished_at=Now()
    )
    if not cancelled:
        raise Conflict("Only a task that has not ended can be cancelled.", param="status")
    if before.status == Status.PROCESSING:
        Attempt.objects.filter(task=task, number=before.attempt, ended_at=None).update(
            outcome=Attempt.Outcome.CANCELLED, ended_at=Now()
        )
        attempt_drop(task=before)
    elif before.input_is_url and not Task.objects.filter(source_id=before.source_id, status__in=LIVE).exists():
        fetch_stop(file_id=before.source_id or "", message="The fetch was cancelled.")
    event_record(project=task.project, type="task.cancelled", subject=task)


@transaction.atomic
def task_retry(*, task: Task) -> None:
    """Queue a task again that ended in error or was cancelled; a URL that gave no file is fetched again.

    Raises Conflict when it did not end so, or its input is gone or cannot be used.
    """
    media_lock(task.media_id or "")  # a deletion waits for it, and the file may change too
    source = File.objects.filter(pk=task.source_id).defer("probe").first()
    has_failed = source is not None and source.status == File.Status.FAILED
    if source is None or (has_failed and not task.input_is_url):
        raise Conflict("This task cannot be tried again: its input is gone or cannot be used.", param="input")
    is_due = source.status == File.Status.READY and task.kind != INGEST.name
    again = Status.QUEUED if is_due else Status.WAITING
    queued = Task.objects.filter(pk=task.pk, status__in=[Status.ERROR, Status.CANCELLED]).update(
        status=again, failures=0, progress=0, error="", due_at=Now(), updated=Now(), finished_at=None
    )
    if not queued:
        raise Conflict("Only a task that ended in error or was cancelled can be tried again.", param="status")
    event_record(project=task.project, type="task.retried", subject=task)
    if has_failed:
        file_retry(file=source)
    if is_due:
        wake(task.lane)
    else:
        tasks_settle(Q(pk=task.pk))
