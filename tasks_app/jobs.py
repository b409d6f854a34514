"""Celery's entry points. They call services; retries are data in the row, never Celery's."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog
from celery import current_task, shared_task
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import Q
from django.utils import timezone

from ittyhost.api.dates import instant
from ittyhost.errors import DomainError, Unavailable
from ittyhost.heartbeat import Heartbeat, patiently
from ittyhost.providers import providers
from ittyhost.queue import INTELLIGENCE
from ittyhost.workdir import NoRoom, work_directory
from media_app.services import facts_known, facts_renew, file_fetcher, outputs_store, reference_fetcher
from media_app.storage import ObjectMissing, TransferStopped, bucket
from media_app.terms import passages
from tasks_app import nodes, services
from tasks_app.models import Task
from tasks_app.services import LeaseLost, NeedGone, NeedMet
from workers.asking import check_steps
from workers.engine.errors import EngineUnavailable, MediaError, SourceUnreadable, Stopped
from workers.engine.probe import Probe
from workers.estimate import estimate
from workers.kinds import get_kind
from workers.plans import Plan
from workers.providers import Providers
from workers.run import Source, check, run

logger = logging.getLogger(__name__)

PROGRESS_EVERY = 1.0
LEAST_ROOM = 64 * 1024**2  # bytes; frames on their way to Pillow are larger than small sources


class TaskReport:
    """What the engine tells of an attempt, written to its row; and whether the attempt is to stop."""

    def __init__(self, task: Task, heartbeat: Heartbeat, *, modelled: float | None = None) -> None:
        self._task = task
        self._modelled = modelled  # seconds that it will take by the cost model
        self._heartbeat = heartbeat
        self._told = time.monotonic()

    def progress(self, percent: float) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_EVERY:
            self._told = now
            try:
                services.task_progress(task=self._task, percent=int(percent))
            except (DatabaseError, InterfaceError):  # no reason to throw the work away; the lease says when it is
                logger.warning("the progress could not be written down", exc_info=True)
                close_old_connections()

    def should_stop(self) -> bool:
        return self._heartbeat.should_stop()

    def planned(self, plan: dict) -> None:
        services.attempt_planned(task=self._task, plan=plan, modelled=self._modelled)

    def ran(self, command: str, log: str, values: dict[str, str]) -> None: ...


@shared_task(name="tasks_app.work", acks_late=True)
def work(lane: str) -> None:
    """Do the next due task of a lane. Woken once too often, it finds nothing to claim."""
    task = services.task_claim(lane=lane, worker=getattr(current_task.request, "hostname", None) or "")
    if task is None:
        return
    with structlog.contextvars.bound_contextvars(
        task=task.public_id, attempt=task.attempt, kind=task.kind, request_id=task.request_id
    ):
        try:
            attempt_run(task)
        except LeaseLost:
            logger.info("the attempt lost its task")
        # Where messages were lost, more is due than workers were woken for.
        services.lane_wake(lane=lane)


def attempt_run(task: Task) -> None:
    """Run one attempt from claim to its end. Raises LeaseLost when it lost its task; then nothing it stored stays."""
    try:
        _attempt_run(task)
    except LeaseLost:  # also when a first try did publish, and the connection was lost before it said so
        services.attempt_discard(task=task)
        raise


def _attempt_run(task: Task) -> None:
    heartbeat = Heartbeat(
        renew=lambda: services.task_heartbeat(task=task), check=lambda: services.task_is_held(task=task)
    )
    try:
        with heartbeat, work_directory(f"{task.pk}-{task.attempt}", reserve=room_needed(task)) as place:
            attempt_finish(task, place, heartbeat)
    except (Stopped, TransferStopped):
        if heartbeat.reason == "shutdown":
            services.task_release(task=task, reason="The worker was stopped.", is_fault=False)
            logger.info("given back")
        else:
            services.attempt_stopped(task=task)
    except MediaError as exc:  # the source or the options: trying again cannot help
        # A source that is deleted at this moment may look like a damaged one.
        is_gone = isinstance(exc, SourceUnreadable) and not services.source_exists(task=task)
        message = services.DELETED_MEANWHILE if is_gone else blamed(exc)
        services.task_fail(task=task, message=message, log=exc.log or "")
    except NeedGone as exc:
        services.task_wait(
            task=task, reason=f"{exc} of the input is not there: it was deleted before it could be used."
        )
        services.tasks_settle(Q(pk=task.pk))
    except ObjectMissing:
        is_there = services.source_exists(task=task)
        message = "The input's bytes are no longer there." if is_there else services.DELETED_MEANWHILE
        services.task_fail(task=task, message=message)
    except NoRoom as exc:  # waiting for running work to end is no failure; a full disk is one
        logger.warning("no room for the work", extra={"reason": str(exc), "waits": exc.waits})
        services.task_release(task=task, reason=str(exc), is_fault=not exc.waits, waits=exc.waits)
    # Unavailable (the bucket is one) is a DomainError too: it must come before those that are the user's.
    except (EngineUnavailable, Unavailable, OSError, DatabaseError, InterfaceError) as exc:
        logger.warning("a fault of this host, or of what it leans on", exc_info=True)
        close_old_connections()
        services.task_release(
            task=task, reason=f"{type(exc).__name__}: {exc}", log=exc.log if isinstance(exc, EngineUnavailable) else ""
        )
    except DomainError as exc:  # no room for the output, or its name cannot be had
        services.task_fail(task=task, message=exc.message)
    except LeaseLost:
        raise
    except Exception as exc:  # a bug of ours: told in the log, and no reason to leave the task hanging
        logger.exception("an attempt failed by a bug")
        close_old_connections()
        services.task_release(task=task, reason=f"{type(exc).__name__}: {exc}")


def blamed(error: MediaError) -> str:
    """What went wrong, with the option at fault where the sentence does not name it itself."""
    is_told = not error.param or error.param in error.message
    return error.message if is_told else f"{error.param}: {error.message}"


def room_needed(task: Task) -> int:
    """Bytes of the work folder that an attempt may need: the source where it is copied, as much again for what is made
    of it, which is the most that is usual, and other files that its options have fetched."""
    size = (task.source.entry_size or 0) if task.source else 0
    refs = get_kind(task.kind).options.model_validate(task.options).file_refs()
    fetched = settings.OPTION_FILE_BYTES if any("://" in ref for _, ref in refs) else 0
    return (size if bucket().copies else 0) + max(LEAST_ROOM, size) + fetched


def attempt_finish(task: Task, place: Path, heartbeat: Heartbeat) -> None:
    """Make the output, store it, publish it."""
    kind = get_kind(task.kind)
    if task.source is None or task.media is None:
        raise MediaError("The input was deleted before this could start.")
    # A document says of itself when it was made, and its row then says the same.
    made_at = timezone.now().replace(microsecond=0) if kind.object in ("track", "intelligence") else None
    options = kind.options.model_validate(task.options)
    facts = facts_known(task.source) or facts_renew(file=task.source, place=place, heartbeat=heartbeat)
    limits = services.work_limits(kind, task.project)
    plan = check(kind, options, facts, limits.source)
    modelled = foreseen(plan, facts)
    report = TaskReport(task, heartbeat, modelled=modelled)
    # Whatever asks a model runs in that lane; a model that is not there is nothing to the others.
    models = providers() if kind.lane == INTELLIGENCE else Providers()
    try:
        met = services.needs_met(task=task, needs=kind.needs(options, facts))
    except NeedGone:  # before it is made: what cannot go on without a model of its own would have it made in vain
        report.planned(plan.to_json())
        check_steps(plan.steps, models)
        raise
    source = Source(
        probe=facts,
        fetch=file_fetcher(task.source, should_stop=heartbeat.should_stop),
        fetch_file=reference_fetcher(project=task.project, should_stop=heartbeat.should_stop),
        providers=models,
        results={each.kind: _document(task, each, heartbeat) for each in met},
        stamp=_stamp(task, made_at) if made_at else {},
    )
    done = run(kind, options, source, place, report=report, limits=limits)
    close_old_connections()  # the work took long: whether the connection still works is asked anew
    stored = patiently(
        lambda: outputs_store(
            project_id=task.project_id,
            file_id=task.reserved_id,
            attempt=task.attempt,
            outputs=done.outputs,
            should_stop=heartbeat.should_stop,
        ),
        heartbeat,
    )
    found_by = passages(done.words)  # outside the transaction: hours of speech take a moment
    patiently(
        lambda: services.task_publish(task=task, done=done, stored=stored, made_at=made_at, passages=found_by),
        heartbeat,
    )


def _stamp(task: Task, made_at: datetime) -> dict[str, str]:
    """What a document made by this attempt says of itself: as the API will."""
    return {"id": f"file_{task.reserved_id}", "created": instant(made_at), "updated": instant(made_at)}


def _document(task: Task, met: NeedMet, heartbeat: Heartbeat) -> Callable[[Path], None]:
    """How the engine gets what another kind told of the source; called where there is nothing, it tells why."""

    def fetch(target: Path) -> None:
        if met.file is None:
            raise MediaError(met.reason)
        try:
            file_fetcher(met.file, should_stop=heartbeat.should_stop)(target, "whole")
        except ObjectMissing as exc:
            services.need_is_met(task=task, kind=met.kind)  # else it was deleted meanwhile
            raise MediaError(f"What {met.kind} told of the input is no longer there.") from exc

    return fetch


def foreseen(plan: Plan, facts: Probe) -> float | None:
    """Seconds that a plan takes by the cost model; None where it fails, which is no reason to make nothing."""
    try:
        return estimate(plan, facts).seconds
    except (ArithmeticError, LookupError, TypeError, ValueError):
        logger.exception("the cost of a plan could not be told")
        return None


@shared_task(name="tasks_app.source_settled", acks_late=True)
def source_settled(file_id: str) -> None:
    """A file is ready, has failed or was deleted: its tasks go on, or end."""
    services.source_settled(file_id=file_id)


@shared_task(name="tasks_app.need_settled", acks_late=True)
def need_settled(task_id: str) -> None:
    """A task has ended that others wait for: they go on, or end."""
    services.need_settled(maker_id=task_id)


@shared_task(name="tasks_app.sweep")
def sweep() -> None:
    """Every few seconds, in the scheduler's own process."""
    nodes.scheduler_seen()
    services.tasks_sweep()
    nodes.nodes_forget()
