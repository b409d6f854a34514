"""The life of an attempt, called by the job that runs it: from its claim to its end.

Each change of state is one conditional update whose row count is read; `attempt` fences whatever a worker writes.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from ittyhost.leases import backoff, claim_next, expired, held, lease_end
from media_app.models import File, Media
from media_app.services import StoredObject, output_publish, outputs_discard
from tasks_app.control import get_kind
from tasks_app.models import Attempt, Task
from tasks_app.services.endings import task_ended
from tasks_app.services.waking import wake
from workers.engine.errors import MediaError
from workers.engine.tool_log import tool_warnings
from workers.run import Done

WAITING = 2  # waiting for others takes as long as the back-off after so many failures

logger = logging.getLogger(__name__)

Status = Task.Status
Outcome = Attempt.Outcome
# What a result says of a file in which a probe finds nothing: a track, or a document of intelligence.
TOLD_OF_A_DOCUMENT = ("format", "duration", "width", "height")
DELETED_MEANWHILE = "The input was deleted while this was made."


class LeaseLost(Exception):
    """This attempt no longer holds its task: the lease ran out, or the task was cancelled or deleted."""


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
        queued_at = min(task.due_since, task.updated)  # where the clock that a row was made by is ahead
        Attempt.objects.create(
            task=task, number=task.attempt, worker=worker, queued_at=queued_at, started_at=task.updated
        )
    return task


def task_heartbeat(*, task: Task) -> bool:
    """Renew this attempt's lease; False when it was lost or the task cancelled, and the work must stop."""
    return bool(_mine(task).update(lease_until=lease_end()))


def task_is_held(*, task: Task) -> bool:
    """Whether this attempt still holds its task, and the task its input: without one of them the work must stop."""
    return _mine(task).filter(Exists(File.objects.filter(pk=OuterRef("source_id")))).exists()


def source_exists(*, task: Task) -> bool:
    """Whether the input of a task was not deleted."""
    return File.objects.filter(pk=task.source_id).exists()


def task_progress(*, task: Task, percent: int) -> None:
    """Write down how far this attempt is; nothing when it lost its task."""
    _mine(task).update(progress=min(max(percent, 0), 99), updated=Now())


def attempt_planned(*, task: Task, plan: dict[str, Any], modelled: float | None = None) -> None:
    """Keep what this attempt is about to do, before it does it: an operator can see and repeat it whatever happens.

    `modelled` is how many seconds the cost model gives it.
    """
    Attempt.objects.filter(task=task, number=task.attempt).update(plan=plan, modelled=modelled)


@transaction.atomic
def task_publish(
    *,
    task: Task,
    done: Done,
    stored: Sequence[StoredObject],
    made_at: datetime | None = None,
    passages: Sequence[Sequence[str]] = (),
) -> None:
    """Make the output visible: its file (where one is made), the result, the state and the event, all or nothing.
    `made_at` is when the file says that it was made, by default now.

    `passages` are the words of the output that its media is found by (media_app.terms).

    Having written nothing, raises LeaseLost when this attempt is no longer the one, and MediaError when the input was
    deleted meanwhile, or with it the media that the output would belong to.
    """
    # Locked before the task, as a deletion does it: after this the input is gone, or stays until this is done.
    media = Media.objects.select_for_update().filter(pk=task.media_id).first()
    if media is None or not source_exists(task=task):
        raise MediaError(DELETED_MEANWHILE)
    size = sum(item.size for item in stored) if stored else None
    _end(
        task,
        Status.READY,
        Outcome.READY,
        attempt={"plan": done.plan, "warnings": list(done.warnings), **_logged(done.log)},
        progress=100,
        error="",
        output_size=size,
        result=done.result.model_dump(mode="json"),
    )
    options, told = task.options, done.result.model_dump(mode="json")
    if task.output_id is not None:
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
            label=options.get("label") or told.get("label") or "",
            language=told.get("language") or "",
            facts={name: told[name] for name in TOLD_OF_A_DOCUMENT if told.get(name) is not None},
            created_by=task.public_id,
            created=made_at,
            passages=passages,
        )
    task_ended(task=task, how="ready")


def attempt_discard(*, task: Task) -> None:
    """Have deleted what an attempt stored after it had lost its task; nothing when it was published all the same."""
    if not File.objects.filter(pk=task.output_id, attempt=task.attempt).exists():
        attempt_drop(task=task)


def attempt_stopped(*, task: Task) -> None:
    """End the task of an attempt that had to stop, when the reason is that its input was deleted; else raise LeaseLost,
    as when others were quicker to end it."""
    if source_exists(task=task):
        raise LeaseLost
    task_fail(task=task, message=DELETED_MEANWHILE)


@transaction.atomic
def task_fail(*, task: Task, message: str, log: str = "") -> None:
    """End a task in error: its source or its options are at fault, and trying again cannot help. Raises LeaseLost."""
    _end(task, Status.ERROR, Outcome.ERROR, attempt={"error": message, **_logged(log)}, error=message)
    attempt_drop(task=task)
    task_ended(task=task, how="error")


@transaction.atomic
def task_release(*, task: Task, reason: str = "", log: str = "", is_fault: bool = True, waits: bool = False) -> None:
    """Give a task back: after a fault of this host with a back-off, or without one: at once when the worker is only
    stopping, some seconds later when the task `waits` for others.

    A fault counts: after MAX_FAILURES of them the task ends in error. Raises LeaseLost.
    """
    _give_back(task, Outcome.FAULT if is_fault else Outcome.RELEASED, reason=reason, log=log, waits=waits)


@transaction.atomic
def task_wait(*, task: Task, reason: str) -> None:
    """Have a task wait anew for what it needs: it was deleted before this attempt could use it. Raises LeaseLost."""
    _end(task, Status.WAITING, Outcome.RELEASED, attempt={"error": reason}, progress=0)
    attempt_drop(task=task)


def _give_back(
    task: Task, outcome: Attempt.Outcome, *, reason: str, log: str = "", lost: bool = False, waits: bool = False
) -> None:
    failures = task.failures + (outcome != Outcome.RELEASED)
    seen = {"error": reason, **_logged(log)}
    if not source_exists(task=task):  # nobody could take it up again
        _end(task, Status.ERROR, outcome, attempt=seen, lost=lost, error=DELETED_MEANWHILE, failures=failures)
        task_ended(task=task, how="error")
    elif failures >= settings.MAX_FAILURES:
        message = f"This could not be made: the service failed {failures} times while it worked on it. Try again later."
        _end(task, Status.ERROR, outcome, attempt=seen, lost=lost, error=message, failures=failures)
        task_ended(task=task, how="error")
    else:
        # A first silence is the worker's own end, and the next worker may start at once.
        at_once = outcome == Outcome.RELEASED or (outcome == Outcome.LOST and failures == 1)
        due = backoff(WAITING) if waits else Now() if at_once else backoff(failures)
        _end(task, Status.QUEUED, outcome, attempt=seen, lost=lost, failures=failures, progress=0, due_at=due)
        wake(task.lane)
    attempt_drop(task=task)


def _logged(log: str) -> dict[str, Any]:
    """The end of what the tools printed, for operators, and how much of it they call a warning or worse."""
    # PostgreSQL keeps no NUL in a text, and a file may have one in its name for a stream; half of a surrogate pair, as
    # JSON may hold it, no database keeps.
    log = log.replace("\x00", "�").encode("utf-8", "replace").decode()
    return {"log": log, "tool_warnings": tool_warnings(log)}


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


def attempt_drop(*, task: Task) -> None:
    """Whatever this attempt stored belongs to nothing now."""
    if task.output_id is None:  # no file was to be made, so none of its objects can be there
        return
    outputs_discard(project_id=task.project_id, file_id=task.reserved_id, attempt=task.attempt)


def attempts_take_back() -> None:
    """Give the tasks back of attempts that went silent."""
    silent = Task.objects.filter(expired(), status=Status.PROCESSING).select_related("project")
    for task in silent.order_by("lease_until")[:500]:
        with transaction.atomic():
            try:
                _give_back(task, Outcome.LOST, reason="The worker went silent.", lost=True)
            except LeaseLost:
                continue  # it spoke again, or ended
        logger.warning("a lease ran out", extra={"task": task.public_id, "attempt": task.attempt})
