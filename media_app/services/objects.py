"""Objects that no row needs: written down before they are written, deleted by a job."""

import logging
import time
from collections.abc import Collection
from datetime import timedelta

from django.db import Error, connection
from django.db.models.functions import Now

from ittyhost.leases import in_seconds
from media_app.models import DeadObject, File, Upload
from media_app.storage import StorageUnavailable, attempt_prefix, bucket

logger = logging.getLogger(__name__)

WRITING_SECONDS = 24 * 3600.0  # longer than any upload or attempt may take
LINGER_SECONDS = 60.0  # downloads that run when their file is deleted may end
AGAIN_SECONDS = 600.0
BATCH = 50


def connection_rest() -> None:
    """Give the database connection back before something slow; the next query takes one again.

    Bytes may move for hours, and connections are few. Nothing happens within a transaction, nor on SQLite, where a
    connection costs nobody.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()


def objects_expect(*, project_id: str, file_id: str, attempt: int, seconds: float = WRITING_SECONDS) -> str:
    """Write down, before it writes, that an attempt's objects are to be deleted unless it publishes. Their prefix."""
    prefix = attempt_prefix(project_id=project_id, file_id=file_id, attempt=attempt)
    DeadObject.objects.update_or_create(key=prefix, defaults={"pending": True, "due_at": in_seconds(seconds)})
    return prefix


def objects_await(*, prefixes: Collection[str], seconds: float) -> bool:
    """Give those that write under these prefixes so much time from now; False when one was given up already."""
    waited = DeadObject.objects.filter(key__in=prefixes, pending=True).update(due_at=in_seconds(seconds))
    return waited == len(prefixes)


def objects_keep(*, prefix: str) -> None:
    """In the publishing transaction: an attempt's objects belong to a row now. Raises StorageUnavailable: too late."""
    kept, _ = DeadObject.objects.filter(key=prefix, pending=True).delete()
    if not kept:
        raise StorageUnavailable(f"{prefix} was given up before it was published")


def objects_drop(*, prefix: str, linger: float = LINGER_SECONDS) -> None:
    """Have all objects under a prefix deleted soon."""
    DeadObject.objects.update_or_create(key=prefix, defaults={"pending": False, "due_at": in_seconds(linger)})


def objects_give_up(*, prefix: str) -> None:
    """After a failure: what an attempt wrote is rubbish. Where the database does not take that, it is in a day.

    Nothing happens when it was published all the same: a commit may succeed and its answer get lost.
    """
    try:
        # Waits for a commit that is still under way; after it the row is ours, or gone with what was published.
        if DeadObject.objects.filter(key=prefix, pending=True).update(pending=False, due_at=Now()):
            return
        _, file_id, _ = prefix.split("/", 2)
        if not File.objects.filter(pk=file_id, key__startswith=prefix).exists():  # so late that it was cleaned up after
            objects_drop(prefix=prefix, linger=0)
    except Error:
        logger.warning("what a failed write left will be deleted later", extra={"key": prefix}, exc_info=True)


def objects_clean_up(*, seconds: float = 20.0) -> int:
    """Delete what is due, for at most so long. How many keys and prefixes are done with."""
    store, until, done = bucket(), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        batch = list(DeadObject.objects.filter(due_at__lte=Now()).order_by("due_at")[:BATCH])
        if not batch:
            break
        for dead in batch:
            # Taken first: from here on no attempt can publish it, and nobody else deletes it for a while.
            mine = DeadObject.objects.filter(pk=dead.pk, due_at__lte=Now())
            if not mine.update(pending=False, due_at=in_seconds(AGAIN_SECONDS)):
                continue
            taken = DeadObject.objects.filter(pk=dead.pk).values_list("due_at", flat=True).first()
            if taken is None:
                continue
            try:
                if dead.key.endswith("/"):
                    store.delete_prefix(dead.key)
                else:
                    store.delete(dead.key)
            except StorageUnavailable as exc:
                logger.warning("objects could not be deleted", extra={"key": dead.key, "reason": str(exc)})
                return done
            # Whoever wrote on while the objects were listed has let them go again since, and moved the due time.
            unchanged = (taken - timedelta(milliseconds=1), taken + timedelta(milliseconds=1))  # SQLite's are text
            DeadObject.objects.filter(pk=dead.pk, pending=False, due_at__range=unchanged).delete()
            done += 1
            if time.monotonic() > until:
                break
    return done


def drafts_clean_up() -> int:
    """Remove what writes left in the bucket that were cut off long ago. How many there were.

    Uploads in pieces may take longer, and rest meanwhile: what they wrote is theirs until they end.
    """
    kept = set(Upload.objects.exclude(status=Upload.Status.COMPLETE).values_list("handle", flat=True))
    return bucket().drop_drafts(older_than=WRITING_SECONDS, kept=kept)
