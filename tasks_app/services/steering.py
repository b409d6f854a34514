"""What people do to a task that has ended: have it tried again."""

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from events_app.services import event_record
from ittyhost.errors import Conflict
from media_app.models import File
from media_app.services import facts_known, file_retry, media_lock
from tasks_app.control import INGEST, get_kind
from tasks_app.models import Task
from tasks_app.services.needs import needs_clear
from tasks_app.services.waiting import tasks_settle
from tasks_app.services.waking import wake

Status = Task.Status


@transaction.atomic
def task_retry(*, task: Task) -> None:
    """Queue a task again that ended in error or was cancelled; a URL that gave no file is fetched again, and what it
    needs of other kinds is looked for, or made, anew.

    Raises Conflict when it did not end so, or its input is gone or cannot be used.
    """
    media_lock(task.media_id or "")  # a deletion waits for it, and the file may change too
    source = File.objects.filter(pk=task.source_id).first()
    has_failed = source is not None and source.status == File.Status.FAILED
    if source is None or (has_failed and not task.input_is_url):
        raise Conflict("This task cannot be tried again: its input is gone or cannot be used.", param="input")
    is_due = source.status == File.Status.READY and task.kind != INGEST.name and not _has_needs(task, source)
    again = Status.QUEUED if is_due else Status.WAITING
    queued = Task.objects.filter(pk=task.pk, status__in=[Status.ERROR, Status.CANCELLED]).update(
        status=again, failures=0, progress=0, error="", due_at=Now(), updated=Now(), finished_at=None
    )
    if not queued:
        raise Conflict("Only a task that ended in error or was cancelled can be tried again.", param="status")
    needs_clear(task=task)
    event_record(project=task.project, type="task.retried", subject=task)
    if has_failed:
        file_retry(file=source)
    if is_due:
        wake(task.lane)
    else:
        tasks_settle(Q(pk=task.pk))


def _has_needs(task: Task, source: File) -> bool:
    kind, facts = get_kind(task.kind), facts_known(source)
    return facts is not None and bool(kind.needs(kind.options.model_validate(task.options), facts))
