"""Every write of tasks: creating, claiming, finishing, giving back, cancelling.

Each change of state is one conditional update whose row count is read; `attempt` fences whatever a worker writes.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from events_app.services import event_record
from ittyhost import queue
from ittyhost.errors import Conflict, Invalid, NotFound
from ittyhost.leases import backoff, claim_next, expired, held, lease_end
from media_app.models import File, Media
from media_app.services import StoredObject, file_from_url, media_lock, output_publish, outputs_discard
from orgs_app.models import Project
from orgs_app.services import storage_check
from tasks_app.models import Attempt, Task
from tasks_app.selectors import slots, tasks_due
from workers.engine.errors import MediaError
from workers.engine.probe import Probe
from workers.kinds import all_kinds, get_kind
from workers.kinds.base import Kind, Options
from workers.run import Done, check

logger = logging.getLogger(__name__)

Status = Task.Status
Outcome = Attempt.Outcome
UNSETTLED = (File.Status.WAITING, File.Status.PROCESSING)


class LeaseLost(Exception):
    """This attempt no longer holds its task: the lease ran out, or the task was cancelled or deleted."""


def wake(lane: str) -> None:
    """Tell the workers of a lane, once this transaction commits, that a task may be due."""
    queue.send("tasks_app.work", lane, lane=lane)


# --- Creating ---


@transaction.atomic
def task_create(
    *,
    project: Project,
    kind: Kind,
    options: Options,
    definition: dict[str, Any],
    source: File | str,
    input: str,
    webhook_url: str = "",
    created_by: str = "",
    parent: Task | None = None,
) -> Task:
    """Record a task; queued once this transaction commits, or waiting while its source is fetched or probed.

    `source` is a file, or the URL of one to be fetched: its media and file are made here. `definition` is what was
    asked for as it was given. Raises Invalid when the source failed, or when it is known and the kind can make nothing
    of it; LimitReached when the project's storage is full already.
    """
    storage_check(project=project)
    if isinstance(source, str):
        source = file_from_url(project=project, url=source, created_by=created_by)
    if source.status in UNSETTLED:
        # The file may settle at this moment: with its row locked, either this sees it or its event finds this task.
        # Its media comes first, in the one order of locks (media_app.services.locks).
        media_lock(source.media_id)
        found = File.objects.select_for_update().filter(pk=source.pk).first()
        if found is None:
            raise NotFound("The input was deleted meanwhile.", param="input")
        source = found
    if source.status == File.Status.FAILED:
        raise Invalid(f"The input cannot be used: {source.error or 'it could not be read.'}", param="input")
    if source.status == File.Status.READY:
        _check_source(kind, options, source)
    task = Task.objects.create(
        project=project,
        kind=kind.name,
        lane=kind.lane,
        status=Status.QUEUED if source.status == File.Status.READY else Status.WAITING,
        input=input,
        source=source,
        media=source.media,
        definition=definition,
        options=options.model_dump(mode="json", exclude_unset=True),
        webhook_url=webhook_url,
        created_by=created_by,
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        parent=parent,
    )
    event_record(project=project, type="task.created", subject=task)
    if task.status == Status.QUEUED:
        wake(kind.lane)
    return task


def _check_source(kind: Kind, options: Options, source: File) -> None:
    """Make the whole plan, as the worker will: whatever it refuses is refused before anything is queued."""
    if source.probe is None:
        raise Invalid(f"{kind.name} cannot be made of this input: it is no picture, video or sound.", param="input")
    try:
        check(kind, options, Probe.from_json(source.probe))
    except MediaError as exc:
        raise Invalid(exc.message, param=exc.param or "input") from None


# --- The life of an attempt, called by the job that runs it ---


def task_claim(*, lane: str, worker: str = "") -> Task | None:
    """Take the next due task of a lane for one attempt; None when there is none."""
    with transaction.atomic():
        task = claim_next(
            Task.objects.filter(lane=lane, status=Status.QUEUED).order_by("due_at", "id"),
            related=("project", "source", "media"),
            status=Status.PROCESSING,
            progress=0,
            updated=Now(),
        )
        if task is None:
            return None
        Attempt.objects.create(
            task=task, number=task.attempt, worker=worker, queued_at=task.due_at, started_at=task.updated
        )
    return task


def task_heartbeat(*, task: Task) -> bool:
    """Renew this attempt's lease; False when it was lost or the task cancelled, and the work must stop."""
    return bool(_mine(task).update(lease_until=lease_end()))


def task_is_held(*, task: Task) -> bool:
    """Whether this attempt still holds its task."""
    return _mine(task).exists()


def task_progress(*, task: Task, percent: int) -> None:
    """Write down how far this attempt is; nothing when it lost its task."""
    _mine(task).update(progress=min(max(percent, 0), 99), updated=Now())


def attempt_planned(*, task: Task, plan: dict[str, Any]) -> None:
    """Keep what this attempt is about to do, before it does it: an operator can see and repeat it whatever happens."""
    Attempt.objects.filter(task=task, number=task.attempt).update(plan=plan)


@transaction.atomic
def task_publish(*, task: Task, done: Done, stored: Sequence[StoredObject]) -> None:
    """Make the output visible: its file, the result, the state and the event, all or nothing.

    Having written nothing, raises LeaseLost when this attempt is no longer the one, and MediaError when the media that
    the output would belong to was deleted meanwhile.
    """
    # Locked before the task, as a deletion does it.
    media = Media.objects.select_for_update().filter(pk=task.media_id).first()
    if media is None:
        raise MediaError("The input was deleted while this was made.")
    size = sum(item.size for item in stored)
    _end(
        task,
        Status.READY,
        Outcome.READY,
        attempt={"plan": done.plan, "warnings": list(done.warnings)},
        progress=100,
        error="",
        output_size=size,
        result=done.result.model_dump(mode="json"),
    )
    options = task.options
    output_publish(
        project=task.project,
        media=media,
        file_id=task.reserved_id,
        object=get_kind(task.kind).object,
        kind=task.kind,
        attempt=task.attempt,
        stored=stored,
        ref=options.get("ref") or "",
        folder=options.get("folder") or "",
        filename=options.get("filename") or "",
        label=options.get("label") or "",
        created_by=task.public_id,
    )
    event_record(project=task.project, type="task.ready", subject=task)


def attempt_discard(*, task: Task) -> None:
    """Have deleted what an attempt stored after it had lost its task; nothing when it was published all the same."""
    if not File.objects.filter(pk=task.reserved_id, attempt=task.attempt).exists():
        _discard(task)


@transaction.atomic
def task_fail(*, task: Task, message: str, log: str = "") -> None:
    """End a task in error: its source or its options are at fault, and trying again cannot help. Raises LeaseLost."""
    _end(task, Status.ERROR, Outcome.ERROR, attempt={"error": message, "log": log}, error=message)
    _discard(task)
    event_record(project=task.project, type="task.error", subject=task)


@transaction.atomic
def task_release(*, task: Task, reason: str = "", log: str = "", is_fault: bool = True) -> None:
    """Give a task back: after a fault of this host with a back-off, or at once when the worker is only stopping.

    A fault counts: after MAX_FAILURES of them the task ends in error. Raises LeaseLost.
    """
    _give_back(task, Outcome.FAULT if is_fault else Outcome.RELEASED, reason=reason, log=log)


def _give_back(task: Task, outcome: Attempt.Outcome, *, reason: str, log: str = "", lost: bool = False) -> None:
    failures = task.failures + (outcome != Outcome.RELEASED)
    seen = {"error": reason, "log": log}
    if failures >= settings.MAX_FAILURES:
        message = f"This could not be made: the service failed {failures} times while it worked on it. Try again later."
        _end(task, Status.ERROR, outcome, attempt=seen, lost=lost, error=message, failures=failures)
        event_record(project=task.project, type="task.error", subject=task)
    else:
        # A first silence is the worker's own end, and the next worker may start at once.
        at_once = outcome == Outcome.RELEASED or (outcome == Outcome.LOST and failures == 1)
        due = Now() if at_once else backoff(failures)
        _end(task, Status.QUEUED, outcome, attempt=seen, lost=lost, failures=failures, progress=0, due_at=due)
        wake(task.lane)
    _discard(task)


def _mine(task: Task) -> Any:
    return held(task).filter(status=Status.PROCESSING)


def _end(
    task: Task,
    status: Task.Status,
    outcome: Attempt.Outcome,
    *,
    attempt: dict[str, Any],
    lost: bool = False,
    **changes: Any,
) -> None:
    """Move a task on from this attempt and close the attempt. Raises LeaseLost when another has it."""
    mine = _mine(task).filter(expired()) if lost else _mine(task)
    if status in {Status.READY, Status.ERROR}:
        changes["finished_at"] = Now()
    if not mine.update(status=status, lease_until=None, updated=Now(), **changes):
        raise LeaseLost
    Attempt.objects.filter(task=task, number=task.attempt).update(outcome=outcome, ended_at=Now(), **attempt)


def _discard(task: Task) -> None:
    """Whatever this attempt stored belongs to nothing now."""
    outputs_discard(project_id=task.project_id, file_id=task.reserved_id, attempt=task.attempt)


# --- From outside an attempt ---


@transaction.atomic
def task_cancel(*, task: Task) -> None:
    """Cancel a task; a running attempt notices within a second. Raises Conflict when it has ended already."""
    before = Task.objects.select_for_update().get(pk=task.pk)
    cancelled = Task.objects.filter(pk=task.pk, status__in=[Status.WAITING, Status.QUEUED, Status.PROCESSING]).update(
        status=Status.CANCELLED, lease_until=None, updated=Now(), finished_at=Now()
    )
    if not cancelled:
        raise Conflict("Only a task that has not ended can be cancelled.", param="status")
    if before.status == Status.PROCESSING:
        Attempt.objects.filter(task=task, number=before.attempt, ended_at=None).update(
            outcome=Outcome.CANCELLED, ended_at=Now()
        )
        _discard(before)
    event_record(project=task.project, type="task.cancelled", subject=task)


@transaction.atomic
def task_retry(*, task: Task) -> None:
    """Queue a task again that ended in error or was cancelled. Raises Conflict when it did not, or has no source."""
    source = task.source
    if source is None or source.status == File.Status.FAILED:
        raise Conflict("This task cannot be tried again: its input is gone or cannot be used.", param="input")
    again = Status.QUEUED if source.status == File.Status.READY else Status.WAITING
    queued = Task.objects.filter(pk=task.pk, status__in=[Status.ERROR, Status.CANCELLED]).update(
        status=again, failures=0, progress=0, error="", due_at=Now(), updated=Now(), finished_at=None
    )
    if not queued:
        raise Conflict("Only a task that ended in error or was cancelled can be tried again.", param="status")
    event_record(project=task.project, type="task.retried", subject=task)
    wake(task.lane)


def source_settled(*, file_id: str) -> int:
    """Move on every task that waits for this file, now that it is ready or failed. How many were moved."""
    return _settle(Q(source_id=file_id))


def _settle(which: Q, batch: int = 500) -> int:
    moved = 0
    waiting = (
        Task.objects.filter(which, status=Status.WAITING)
        .exclude(source__status__in=UNSETTLED)
        .select_related("source", "project")
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
    mine = Task.objects.filter(pk=task.pk, status=Status.WAITING)
    try:
        if task.source is None:
            raise Invalid("The input was deleted before this could start.")
        if task.source.status == File.Status.FAILED:
            raise Invalid(f"The input cannot be used: {task.source.error or 'it could not be read.'}")
        kind = get_kind(task.kind)
        _check_source(kind, kind.options.model_validate(task.options), task.source)
    except Invalid as exc:
        return _fail_waiting(task, exc.message)
    queued = mine.update(status=Status.QUEUED, due_at=Now(), updated=Now())
    if queued:
        wake(task.lane)
    return queued


@transaction.atomic
def _fail_waiting(task: Task, message: str) -> int:
    mine = Task.objects.filter(pk=task.pk, status=Status.WAITING)
    failed = mine.update(status=Status.ERROR, error=message, updated=Now(), finished_at=Now())
    if failed:
        event_record(project=task.project, type="task.error", subject=task)
    return failed


# --- The sweep ---


def tasks_sweep() -> None:
    """Put right what no message will: silent attempts, waits that are over, due tasks that nobody was woken for."""
    lanes = sorted({kind.lane for kind in all_kinds().values()})
    wakes = [partial(lane_wake, lane=lane) for lane in lanes]
    steps: list[Callable[[], object]] = [_take_back_silent, partial(_settle, Q()), *wakes]
    for step in steps:
        try:
            step()
        except DatabaseError:
            raise  # the next step would fare no better
        except Exception:  # the other steps do not hang on this one
            logger.exception("a step of the sweep failed")


def _take_back_silent() -> None:
    silent = Task.objects.filter(expired(), status=Status.PROCESSING).select_related("project")
    for task in silent.order_by("lease_until")[:500]:
        with transaction.atomic():
            try:
                _give_back(task, Outcome.LOST, reason="The worker went silent.", lost=True)
            except LeaseLost:
                continue  # it spoke again, or ended
        logger.warning("a lease ran out", extra={"task": task.public_id, "attempt": task.attempt})


def lane_wake(*, lane: str) -> None:
    """Send a lane the wake-ups it lacks: one for each due task, up to the free slots, less those on their way."""
    # After every task: what rules most cases out, or costs least, is asked first.
    sent, most = queue.waiting(lane) or 0, slots(lane=lane)
    due = tasks_due(lane=lane)[:most].count() if most > sent else 0
    if due <= sent:
        return
    room = most - Task.objects.filter(lane=lane, status=Status.PROCESSING).count()
    for _ in range(min(due, room) - sent):
        wake(lane)
