"""Tasks that wait for a file or for another task, and tasks whose file is deleted: how they move on."""

import logging
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from ittyhost.errors import DomainError, Invalid, Unavailable
from media_app.models import File
from media_app.services import UNSETTLED, facts_known, media_lock
from tasks_app.control import INGEST, get_kind
from tasks_app.models import Attempt, Task, TaskNeed
from tasks_app.services.attempts import DELETED_MEANWHILE, attempt_drop
from tasks_app.services.cancelling import makers_cancel
from tasks_app.services.creating import maker_make, source_plan
from tasks_app.services.endings import task_ended
from tasks_app.services.needs import LIVE, needs_meet, needs_of
from tasks_app.services.waking import wake
from workers.kinds.base import SourceResult, facts_result

logger = logging.getLogger(__name__)

Status = Task.Status
DELETED_BEFORE = "The input was deleted before this could start."
INGEST_DELETED = "The file was deleted before it was fetched."


def source_settled(*, file_id: str) -> int:
    """A file is ready, has failed or was deleted: move on every task that waits for it, and end those that are due or
    run and cannot go on without it. How many were moved."""
    moved = tasks_settle(_among(Task.objects.filter(source_id=file_id).values("pk")))
    if not File.objects.filter(pk=file_id).exists():
        held_up = Task.objects.filter(source_id=file_id, status__in=[Status.QUEUED, Status.PROCESSING])
        moved += sum(map(_end_deleted, held_up.order_by("pk").values_list("pk", flat=True)))
    return moved


def need_settled(*, maker_id: str) -> int:
    """A task has ended that others wait for: move those on. How many were moved."""
    return tasks_settle(_among(TaskNeed.objects.filter(maker_id=maker_id).values("task_id")))


def _among(ids: QuerySet[Any, Any]) -> Q:
    """Of these alone: with a plain condition SQLite goes through whatever waits."""
    return Q(pk__in=ids)


def tasks_settle(which: Q, batch: int = 500) -> int:
    """Move on tasks that need wait no longer. How many were moved."""
    moved = 0
    source = File.objects.filter(pk=OuterRef("source_id"))
    under_way = TaskNeed.objects.filter(task_id=OuterRef("pk"), maker__status__in=LIVE)
    waiting = (
        Task.objects.filter(which, ~Exists(source.filter(status__in=UNSETTLED)), status=Status.WAITING)
        .filter(~Exists(under_way) | ~Exists(source), source_id__isnull=False)
        .select_related("project")
        .prefetch_related("source")  # a join beside a filter on its id would leave out what was deleted
        .order_by("due_at")[:batch]
    )
    for task in waiting:
        try:
            with transaction.atomic():
                moved += _settle_one(task)
        except DatabaseError:
            raise
        except Exception:  # a bug that one row brings out must not keep all others waiting
            logger.exception("a task could not be moved on", extra={"task": task.public_id})
            moved += _fail_waiting(task, "This could not be started: the service failed while it looked at it.")
    return moved


def _settle_one(task: Task) -> int:
    source, is_ingest = task.source, task.kind == INGEST.name
    try:
        if source is None:
            raise Invalid(INGEST_DELETED if is_ingest else DELETED_BEFORE)
        if source.status == File.Status.FAILED:
            reason = source.error or "it could not be read."
            raise Invalid(reason if is_ingest else f"The input cannot be used: {reason}")
        if is_ingest:
            return _ingested(task, source)
        kind = get_kind(task.kind)
        options = kind.options.model_validate(task.options)
        plan = source_plan(kind, options, source, task.project)
    except Invalid as exc:
        return _fail_waiting(task, exc.message)
    if needs := needs_of(kind, options, source, plan):
        media_lock(task.media_id or "")  # before the task, as a cancellation does it
        if not _waiting(task).exists():  # else tasks would be made that nobody waits for
            return 0
        try:
            with transaction.atomic():
                if needs_meet(task, needs, maker_make):
                    return 0
        except Unavailable:
            raise
        except DomainError as exc:
            failed = _fail_waiting(task, exc.message)
            makers_cancel(task=task)
            return failed
    # It has kept its `due_at`, and with it its place: whoever asked later comes later.
    queued = _waiting(task).update(status=Status.QUEUED, updated=Now())
    if queued:
        wake(task.lane)
    return queued


def _ingested(task: Task, file: File) -> int:
    """The file that an ingest was to make is there."""
    ready = _waiting(task).update(
        status=Status.READY,
        progress=100,
        error="",
        output_size=file.filesize,
        result=_ingest_result(file).model_dump(mode="json"),
        updated=Now(),
        finished_at=Now(),
    )
    if ready:
        task_ended(task=task, how="ready")
    return ready


def _ingest_result(file: File) -> SourceResult:
    facts = facts_known(file)
    if facts is None:  # a worker of an earlier release looked at it: what has a column is known all the same
        return SourceResult.model_validate({"type": file.type, "format": file.format, "filesize": file.filesize})
    return facts_result(facts, type=file.type)


@transaction.atomic
def _fail_waiting(task: Task, message: str) -> int:
    failed = _waiting(task).update(status=Status.ERROR, error=message, updated=Now(), finished_at=Now())
    if failed:
        task_ended(task=task, how="error")
    return failed


def _waiting(task: Task) -> QuerySet[Task]:
    return Task.objects.filter(pk=task.pk, status=Status.WAITING)


@transaction.atomic
def _end_deleted(task_id: str) -> int:
    """End a task whose input was deleted, whatever state it has come to by now; its attempt notices, and stops."""
    live = Task.objects.filter(pk=task_id, status__in=[Status.QUEUED, Status.PROCESSING])
    task = live.select_for_update(of=("self",)).select_related("project").first()
    if task is None:
        return 0
    is_running = task.status == Status.PROCESSING
    message = DELETED_MEANWHILE if is_running else DELETED_BEFORE
    live.update(status=Status.ERROR, error=message, lease_until=None, updated=Now(), finished_at=Now())
    if is_running:
        mine = Attempt.objects.filter(task=task, number=task.attempt, ended_at=None)
        mine.update(outcome=Attempt.Outcome.ERROR, error=message, ended_at=Now())
        attempt_drop(task=task)
    task_ended(task=task, how="error")
    return 1
