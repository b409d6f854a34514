"""Celery's entry points. They call services; retries are data in the row, never Celery's."""

import logging

import structlog
from celery import shared_task
from django.db import DatabaseError, InterfaceError, close_old_connections

from ittyhost import queue
from ittyhost.errors import LimitReached
from ittyhost.heartbeat import Heartbeat, patiently
from ittyhost.outbound import FetchFailed, FetchStopped
from ittyhost.workdir import NoRoom, work_directory
from media_app import services
from media_app.models import File
from media_app.services import LeaseLost
from media_app.storage import StorageUnavailable, TransferStopped, bucket
from workers.engine.errors import EngineUnavailable, MediaError, Stopped

logger = logging.getLogger(__name__)


@shared_task(name="media_app.work", acks_late=True)
def work(lane: str) -> None:
    """Fetch or probe the next due file of a lane. Woken once too often, it finds nothing to claim."""
    file = services.file_claim(lane=lane)
    if file is None:
        return
    with structlog.contextvars.bound_contextvars(file=file.public_id, attempt=file.attempt, lane=lane):
        try:
            attempt_run(file)
            attempt_digest(file)
        except LeaseLost:
            logger.info("the attempt lost its file")
        # Where messages were lost, more is due than workers were woken for.
        services.lane_wake(lane=lane)


def attempt_run(file: File) -> None:
    """Run one attempt from claim to its end. Raises LeaseLost when another attempt took the file, or it was deleted."""
    heartbeat = Heartbeat(
        renew=lambda: services.file_heartbeat(file=file), check=lambda: services.file_is_held(file=file)
    )
    try:
        with heartbeat:
            if file.lane == queue.TRANSFER:
                attempt_fetch(file, heartbeat)
            else:
                attempt_probe(file, heartbeat)
    except (FetchStopped, Stopped, TransferStopped):
        if heartbeat.reason != "shutdown":
            raise LeaseLost from None
        services.file_release(file=file, is_fault=False)
        logger.info("given back")
    except FetchFailed as exc:
        if exc.transient:
            services.file_release(file=file, reason=exc.message)
        else:
            services.file_fail(file=file, message=exc.message)
    except (MediaError, LimitReached) as exc:  # the file's own fault, or its owner's: trying again cannot help
        services.file_fail(file=file, message=exc.message)
    except NoRoom as exc:  # waiting for running work to end is no failure; a full disk is one
        logger.warning("no room for the work", extra={"reason": str(exc), "waits": exc.waits})
        services.file_release(file=file, is_fault=not exc.waits, waits=exc.waits)
    except (EngineUnavailable, StorageUnavailable, OSError, DatabaseError, InterfaceError):
        logger.warning("a fault of this host, or of what it leans on", exc_info=True)
        close_old_connections()
        services.file_release(file=file)
    except LeaseLost:
        raise
    except Exception:  # a bug of ours: told in the log, and no reason to leave the file hanging
        logger.exception("an attempt failed by a bug")
        close_old_connections()
        services.file_release(file=file)


def attempt_fetch(file: File, heartbeat: Heartbeat) -> None:
    """Bring the bytes here, then make them the file's."""
    fetched = services.file_fetch(file=file, heartbeat=heartbeat)
    close_old_connections()  # it may have taken hours: whether the connection still works is asked anew
    try:
        patiently(lambda: services.file_fetched(file=file, fetched=fetched), heartbeat)
    except BaseException:
        close_old_connections()
        services.fetched_discard(fetched=fetched)
        raise


def attempt_probe(file: File, heartbeat: Heartbeat) -> None:
    """Look at the bytes, then show what they are."""
    facts, preview = services.file_probe(file=file, heartbeat=heartbeat)
    close_old_connections()
    patiently(lambda: services.file_probed(file=file, facts=facts, preview=preview), heartbeat)


def attempt_digest(file: File) -> None:
    """After the file is ready, so that nobody waits for it: what a direct upload knows from the start."""
    if file.sha256:
        return
    try:
        services.file_digest(file=file)
    except (StorageUnavailable, TransferStopped, OSError):
        logger.warning("a file's SHA-256 could not be taken", exc_info=True)


@shared_task(name="media_app.facts_renew", acks_late=True)
def facts_renew(file_id: str) -> None:
    """What an earlier release wrote down of a file in another form is needed. Where this fails, it is asked again."""
    file = File.objects.filter(pk=file_id, status=File.Status.READY, probe__isnull=False).first()
    if file is None or services.facts_known(file):
        return
    heartbeat = Heartbeat(renew=File.objects.filter(pk=file_id).exists)
    room = (file.entry_size or 0) if bucket().copies else 0
    try:
        with heartbeat, work_directory(f"renew-{file.pk}", reserve=room) as place:
            services.facts_renew(file=file, place=place, heartbeat=heartbeat)
    except (MediaError, EngineUnavailable, StorageUnavailable, Stopped, TransferStopped, OSError):
        logger.warning("the facts of a file could not be renewed", extra={"file": file.public_id}, exc_info=True)


@shared_task(name="media_app.sweep")
def sweep() -> None:
    """Every few seconds, in the scheduler's own process."""
    services.files_sweep()


@shared_task(name="media_app.clean_up")
def clean_up() -> None:
    """Every minute, in the scheduler's own process: delete what no row needs any more, for some seconds."""
    services.objects_clean_up()
    services.drafts_clean_up()


@shared_task(name="media_app.uploads_sweep")
def uploads_sweep() -> None:
    """Every few seconds, in the scheduler's own process; apart from the sweep that wakes workers, for it may take long
    to complete what somebody left half completed."""
    services.uploads_sweep()
