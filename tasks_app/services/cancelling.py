"""Ending tasks that nobody wants any more."""

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from ittyhost.errors import Conflict
from media_app.services import fetch_stop, media_lock
from tasks_app.models import Attempt, Task, TaskNeed
from tasks_app.services.attempts import attempt_drop
from tasks_app.services.endings import task_ended
from tasks_app.services.needs import LIVE

Status = Task.Status


@transaction.atomic
def task_cancel(*, task: Task) -> None:
    """Cancel a task; a running attempt notices within a second, and so does the fetch of its URL, unless another task
    waits for the same file. What was begun only because this task needed it is cancelled too. Raises Conflict when it
    has ended already."""
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
    task_ended(task=task, how="cancelled")
    makers_cancel(task=task)


def makers_cancel(*, task: Task) -> None:
    """Cancel the tasks that were made for the needs of one that has ended, and that no other waits for. Its media is
    locked, so that no other begins to need them meanwhile."""
    needs = TaskNeed.objects.filter(maker_id=OuterRef("pk"))
    makers = Task.objects.filter(
        Exists(needs.filter(made=True)),
        ~Exists(needs.filter(task__status__in=LIVE)),
        needed_by__task=task,
        status__in=LIVE,
    )
    for maker in makers.select_related("project"):
        try:
            task_cancel(task=maker)
        except Conflict:  # it has just ended by itself
            continue
