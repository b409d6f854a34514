"""Files as leased work: fetching what a URL points to, and probing what was stored."""

import hashlib
import logging
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from events_app.services import event_record
from ittyhost import queue
from ittyhost.errors import Conflict, LimitReached
from ittyhost.heartbeat import Heartbeat
from ittyhost.leases import backoff, claim_next, expired, held, lease_end
from ittyhost.outbound import Download
from ittyhost.stopping import worker_stop
from ittyhost.workdir import work_directory
from media_app.models import File
from media_app.services.facts import file_facts, media_describe
from media_app.services.files import SOURCE_NAME, kind_of_name, wake
from media_app.services.locks import media_lock
from media_app.services.objects import objects_drop, objects_expect, objects_give_up, objects_keep
from media_app.services.paths import path_take
from media_app.storage import ObjectMissing, Stored, TransferStopped, attempt_prefix, bucket
from orgs_app.services import storage_reserve
from workers.engine.errors import SourceUnreadable
from workers.engine.probe import Probe, probe
from workers.preview import Preview, preview

logger = logging.getLogger(__name__)

Status = File.Status
UNSETTLED = (Status.WAITING, Status.PROCESSING)  # it may still become ready, or fail
LANES = {queue.TRANSFER: "WORKERS_TRANSFER", queue.FAST: "WORKERS_FAST"}
SWEEP_BATCH = 200
WAITING = 2  # waiting for others takes as long as the back-off after so many failures


class LeaseLost(Exception):
    """This attempt no longer holds its file: its lease ran out, or the file was deleted."""


@dataclass(frozen=True)
class Fetched:
    """What a URL gave: the stored bytes, and what the server called them."""

    stored: Stored
    prefix: str
    name: str


# --- An attempt ---


def file_claim(*, lane: str) -> File | None:
    """Take the next due file of a lane for one attempt; None when there is none."""
    due = File.objects.filter(status=Status.WAITING, lane=lane).order_by("due_at", "id")
    return claim_next(due, related=("project", "media"), status=Status.PROCESSING)


def file_heartbeat(*, file: File) -> bool:
    """Renew this attempt's lease; False when it was lost or the file deleted, and the work must stop."""
    return bool(_mine(file).update(lease_until=lease_end()))


def file_is_held(*, file: File) -> bool:
    """Whether this attempt still holds its file."""
    return _mine(file).exists()


def file_fetch(*, file: File, heartbeat: Heartbeat) -> Fetched:
    """Bring what the file's URL points to into the bucket.

    Raises FetchFailed, FetchStopped, TransferStopped, LimitReached, StorageUnavailable; nothing that was written stays
    then.
    """
    prefix = objects_expect(project_id=file.project_id, file_id=file.pk, attempt=file.attempt)
    try:
        with Download(file.source_url, should_stop=heartbeat.should_stop) as download:
            heartbeat.on_stop(download.abort)
            if download.length is not None:
                storage_check(file, download.length)
            stored = bucket().put(
                f"{prefix}{SOURCE_NAME}",
                download,
                length=download.length,
                type=download.type,
                should_stop=heartbeat.should_stop,
            )
            return Fetched(stored, prefix, download.name)
    except BaseException:
        objects_give_up(prefix=prefix)
        raise


def storage_check(file: File, size: int) -> None:
    """Raise LimitReached when the quota has no room, counting nothing yet."""
    project = file.project
    project.refresh_from_db(fields=["storage_quota", "storage_used"])
    if project.storage_quota is not None and project.storage_used + size > project.storage_quota:
        raise LimitReached(f"The project's storage quota has no room for {size} bytes more.")


@transaction.atomic
def file_fetched(*, file: File, fetched: Fetched) -> None:
    """Make the fetched bytes the file's, which takes its path with them, and have them probed.

    Raises LeaseLost, LimitReached, StorageUnavailable. May be called again; who gives up calls `fetched_discard`.
    """
    stored = fetched.stored
    if not file_is_held(file=file):
        raise LeaseLost
    storage_reserve(project=file.project, size=stored.size)
    _end(
        file,
        Status.WAITING,
        key=stored.key,
        etag=stored.etag,
        sha256=stored.sha256,
        entry_size=stored.size,
        filesize=stored.size,
        kind=file.kind or kind_of_name(fetched.name),
        source_url="",
        lane=queue.FAST,
        failures=0,
        due_at=Now(),
        updated=timezone.now(),
    )
    objects_keep(prefix=fetched.prefix)
    file.refresh_from_db(fields=["folder", "filename"])  # it may have been renamed while it was fetched
    path_take(file=file)
    wake(queue.FAST)


def fetched_discard(*, fetched: Fetched) -> None:
    """Have what was fetched deleted, unless it became the file's all the same."""
    objects_give_up(prefix=fetched.prefix)


def file_probe(*, file: File, heartbeat: Heartbeat) -> tuple[Probe, Preview | None]:
    """What the file's content is, and what it looks like where that can be told.

    Raises MediaError, EngineUnavailable, NoRoom, StorageUnavailable, Stopped, TransferStopped.
    """
    if not file.entry_size:
        raise SourceUnreadable("The file is empty.")
    room = file.entry_size if bucket().copies else 0
    with work_directory(f"probe-{file.pk}-{file.attempt}", reserve=room) as place:
        path = file_bytes(file, place, heartbeat)
        facts = probe(path, report=heartbeat)
        return facts, preview(path, facts, place, report=heartbeat)


def file_bytes(file: File, place: Path, heartbeat: Heartbeat) -> Path:
    """The file's bytes under a name of this machine: their own, or one in `place`, where they are brought."""
    local = bucket().local_path(file.key)
    if local is not None:
        return local
    path = place / SOURCE_NAME
    try:
        bucket().fetch_to(file.key, path, sha256=file.sha256, should_stop=heartbeat.should_stop)
    except ObjectMissing:
        raise SourceUnreadable("The file's bytes are gone.") from None
    return path


@transaction.atomic
def file_probed(*, file: File, facts: Probe, preview: Preview | None = None) -> None:
    """The file is ready: show what it is and looks like, unless its uploader wanted another. Raises LeaseLost."""
    values = file_facts(facts, preview)
    now = timezone.now()
    media_lock(file.media_id)
    if unmet := condition_unmet(file.conditions, values):
        file_fail(file=file, message=unmet)
        return
    _end(file, Status.READY, **values, lane="", error="", failures=0, updated=now)
    file.refresh_from_db()
    if file.original:
        media_describe(media=file.media, original=file)
    event_record(project=file.project, type="file.ready", subject=file)


def condition_unmet(conditions: dict[str, str], facts: dict[str, Any]) -> str:
    """What to tell of a file that is not as its upload session wants it; empty when it is."""
    for name, wanted in conditions.items():
        found = str(facts[name]).partition(";")[0]
        if found.lower() != wanted.lower():
            return f"The upload session takes files whose {name} is {wanted[:100]!r}. This one's is {found!r}."
    return ""


def file_digest(*, file: File) -> bool:
    """Take the SHA-256 of a file whose bytes did not come in order, now that it is known; whether that was written.

    It reads all of them. Raises StorageUnavailable, TransferStopped when the worker stops.
    """
    rows = File.objects.filter(pk=file.pk, status=Status.READY, sha256="").exclude(key="")
    key = rows.values_list("key", flat=True).first()
    if key is None:
        return False
    digest = hashlib.sha256()
    try:
        chunks = bucket().open(key)
    except ObjectMissing:  # deleted meanwhile
        return False
    with closing(chunks):
        for chunk in chunks:
            if worker_stop.is_up():
                raise TransferStopped
            digest.update(chunk)
    return bool(rows.filter(key=key).update(sha256=digest.hexdigest()))


@transaction.atomic
def file_fail(*, file: File, message: str) -> None:
    """The file cannot be used: its URL gives none, or its content is no picture, video or sound. Raises LeaseLost.

    Bytes that are stored stay, and can be downloaded and deleted.
    """
    _end(file, Status.FAILED, error=message[:500], lane="", updated=timezone.now())
    event_record(project=file.project, type="file.failed", subject=file)


@transaction.atomic
def file_release(*, file: File, reason: str = "", is_fault: bool = True, waits: bool = False) -> None:
    """Give a file back: after a fault with a back-off, or without one: at once when the worker is only stopping, some
    seconds later when the file `waits` for others.

    A fault counts: after MAX_FAILURES of them the file has failed, for `reason` where that is fit for users. Raises
    LeaseLost.
    """
    _give_back(file, reason, is_fault=is_fault, waits=waits)


@transaction.atomic
def fetch_stop(*, file_id: str, message: str) -> bool:
    """Stop fetching a file: it has failed then, for `message`. False when its bytes are there already, or it is gone.

    A worker that fetches it notices within a second, and writes nothing.
    """
    fetched = File.objects.filter(pk=file_id, key="", status__in=UNSETTLED)
    file = fetched.select_for_update(of=("self",)).select_related("project").first()
    if file is None:
        return False
    fetched.update(
        status=Status.FAILED, error=message, lane="", lease_until=None, holds_path=False, updated=timezone.now()
    )
    event_record(project=file.project, type="file.failed", subject=file)
    return True


@transaction.atomic
def file_retry(*, file: File) -> None:
    """Have a file that failed fetched again, or probed again where its bytes are there. Raises Conflict when it did not
    fail."""
    lane = queue.FAST if file.key else queue.TRANSFER
    changes: dict[str, Any] = {} if file.key else {"holds_path": True}  # it claims its path anew
    again = File.objects.filter(pk=file.pk, status=Status.FAILED).update(
        status=Status.WAITING, lane=lane, error="", failures=0, due_at=Now(), updated=timezone.now(), **changes
    )
    if not again:
        raise Conflict("Only a file that failed can be tried again.", param="status")
    wake(lane)


def _give_back(file: File, reason: str, *, is_fault: bool, lost: bool = False, waits: bool = False) -> None:
    failures = file.failures + is_fault
    if failures >= settings.MAX_FAILURES:
        message = reason or f"The file could not be read: the service failed {failures} times while it tried."
        _end(file, Status.FAILED, lost=lost, error=message[:500], failures=failures, lane="", updated=timezone.now())
        event_record(project=file.project, type="file.failed", subject=file)
    else:
        # A first silence is the worker's own end, and the next worker may start at once.
        at_once = not waits and (not is_fault or (lost and failures == 1))
        due = Now() if at_once else backoff(WAITING if waits else failures)
        _end(file, Status.WAITING, lost=lost, failures=failures, due_at=due)
        if at_once:
            wake(file.lane)
    if lost and file.lane == queue.TRANSFER:
        objects_drop(prefix=attempt_prefix(project_id=file.project_id, file_id=file.pk, attempt=file.attempt))


def _mine(file: File) -> QuerySet[File]:
    return held(file).filter(status=Status.PROCESSING)


def _end(file: File, status: File.Status, *, lost: bool = False, **changes: Any) -> None:
    """Move a file on from this attempt. Raises LeaseLost when another has it, or nobody."""
    if status == Status.FAILED and not file.key:
        changes["holds_path"] = False  # it never came there, and another file may be or come
    mine = _mine(file).filter(expired()) if lost else _mine(file)
    if not mine.update(status=status, lease_until=None, **changes):
        raise LeaseLost


# --- The sweep ---


def files_sweep() -> None:
    """Put right what no message will: attempts that went silent, and due files that nobody was woken for."""
    silent = File.objects.filter(expired(), status=Status.PROCESSING).select_related("project")
    for file in silent.order_by("lease_until")[:SWEEP_BATCH]:
        try:
            with transaction.atomic():
                _give_back(file, "", is_fault=True, lost=True)
        except LeaseLost:
            continue  # it spoke again, or ended
        logger.warning("a lease ran out", extra={"file": file.public_id, "attempt": file.attempt})
    for lane in LANES:
        lane_wake(lane=lane)


def lane_wake(*, lane: str) -> None:
    """Send a lane the wake-ups it lacks: one for each due file, up to its slots, less those already on their way."""
    slots = getattr(settings, LANES[lane])
    due = File.objects.filter(status=Status.WAITING, lane=lane, due_at__lte=Now())[:slots].count()
    if not due:
        return
    for _ in range(due - (queue.waiting(lane) or 0)):
        wake(lane)
