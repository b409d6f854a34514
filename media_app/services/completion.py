"""The end of an upload in pieces: one object and one file, made once, whoever dies in between."""

import logging

from django.db import Error, close_old_connections, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from ittyhost.errors import Conflict, DomainError, InProgress, Unavailable
from ittyhost.heartbeat import Heartbeat, patiently
from ittyhost.leases import backoff, claim_next, expired, held, in_seconds, lease_end
from media_app.content_range import PARAM
from media_app.models import File, Upload, UploadPiece, UploadSession
from media_app.services.files import Kept, file_publish
from media_app.services.locks import media_lock
from media_app.services.objects import connection_rest, objects_drop
from media_app.services.sessions import session_publish
from media_app.services.uploads import (
    IN_PROGRESS,
    REPEAT_SECONDS,
    Status,
    object_key,
    scratch_prefix,
    stored_pieces,
    upload_drop,
)
from media_app.services.work import LeaseLost
from media_app.storage import Piece, PiecesLost, Stored, TransferStopped, Written, pieces

logger = logging.getLogger(__name__)

SWEEP_BATCH = 100


def upload_finish(*, upload: Upload) -> File:
    """The file of an upload that this attempt completes.

    Raises Conflict when pieces got lost in the bucket, or what publishing a file raises: then the upload is open again,
    and a repeated piece completes it. StorageUnavailable, or whatever else: the sweep tries again.
    """
    heartbeat = Heartbeat(
        renew=lambda: bool(_mine(upload).update(lease_until=lease_end())), check=lambda: _mine(upload).exists()
    )
    made = [
        Piece(row.start, row.end, Written(row.sha256, tuple((number, size, tag) for number, size, tag in row.parts)))
        for row in stored_pieces(upload)
    ]
    connection_rest()
    try:
        with heartbeat:
            stored = pieces().finish(
                object_key(upload),
                upload.handle,
                total=upload.total,
                pieces=made,
                should_stop=heartbeat.should_stop,
            )
            return patiently(lambda: upload_publish(upload=upload, stored=stored), heartbeat)
    except PiecesLost as exc:
        logger.warning("pieces of an upload got lost", extra={"upload": upload.public_id, "reason": str(exc)})
        raise _lose(upload, exc.starts) from exc
    except (TransferStopped, LeaseLost):
        raise InProgress(
            "Another request completes this upload. Send a piece again in a few seconds, to be shown the file.",
            retry_after=5,
            code="upload_completing",
        ) from None
    except BaseException as exc:
        refused = isinstance(exc, DomainError) and not isinstance(exc, Unavailable)
        _let_go(upload, is_refused=refused)
        raise


@transaction.atomic
def upload_publish(*, upload: Upload, stored: Stored) -> File:
    """Make the object a file, as the upload or its session wants it. Raises LeaseLost, and what file_publish raises."""
    if upload.session is not None and upload.session.media_id is not None:
        media_lock(upload.session.media_id)  # before the upload, as its deletion does (media_app.services.locks)
    if not _mine(upload).update(
        status=Status.COMPLETE, lease_until=None, completed_at=Now(), expires_at=in_seconds(REPEAT_SECONDS)
    ):
        raise LeaseLost
    kept = Kept(upload.reserved_id, object_key(upload).rpartition("/")[0] + "/", stored)
    if upload.session is not None:
        file = session_publish(session=upload.session, kept=kept)
    else:
        file = file_publish(
            project=upload.project,
            kept=kept,
            media=None,
            folder=upload.folder,
            filename=upload.filename,
            created_by=upload.created_by,
        )
    Upload.objects.filter(pk=upload.pk).update(file=file)
    objects_drop(prefix=scratch_prefix(upload), linger=0)
    return file


def _mine(upload: Upload) -> QuerySet[Upload]:
    return held(upload).filter(status=Status.COMPLETING)


@transaction.atomic
def _lose(upload: Upload, starts: frozenset[int] | None) -> Conflict:
    """Open an upload again for pieces that the bucket lost, or end it where it lost them all. What to tell of it."""
    if starts is None:
        _mine(upload).update(status=Status.ENDED, lease_until=None)
        return Conflict("The storage has lost this upload. Send all its pieces again.", code="upload_lost")
    lost = UploadPiece.objects.filter(upload=upload, start__in=starts, stored=True)
    told = ", ".join(str(piece) for piece in lost[:10])
    size = sum(piece.end - piece.start for piece in lost)
    if _mine(upload).update(status=Status.OPEN, lease_until=None, received=F("received") - size):
        lost.delete()
    return Conflict(f"The storage has lost the bytes {told}. Send them again.", param=PARAM, code="piece_lost")


def _let_go(upload: Upload, *, is_refused: bool) -> None:
    """After a failure: open again where it was refused, else to be tried again by the sweep."""
    try:
        if is_refused:
            _mine(upload).update(status=Status.OPEN, lease_until=None)
        else:
            failures = upload.failures + 1
            _mine(upload).update(lease_until=None, failures=failures, due_at=backoff(failures))
    except Error:
        close_old_connections()  # its lease runs out


# --- the sweep ---


def uploads_sweep() -> None:
    """Complete what was left half completed, end what expired, and forget what ended."""
    for _ in range(SWEEP_BATCH):
        waiting = Upload.objects.filter(Q(lease_until=None) | expired(), status=Status.COMPLETING)
        upload = claim_next(waiting.order_by("due_at", "id"), related=("project", "session"))
        if upload is None:
            break
        try:
            upload_finish(upload=upload)
            logger.info("an upload was completed", extra={"upload": upload.public_id})
        except DomainError as exc:
            logger.warning("an upload could not be completed", extra={"upload": upload.public_id, "reason": str(exc)})
        except Exception:  # told in the log; the next one is not held up by it
            logger.exception("an upload could not be completed", extra={"upload": upload.public_id})
    stale = Upload.objects.filter(expires_at__lt=Now())
    live = UploadPiece.objects.filter(lease_until__gt=Now()).values("upload")
    stale.filter(status=Status.OPEN).exclude(pk__in=live).update(status=Status.ENDED)
    stale.filter(Q(lease_until=None) | expired(), status=Status.COMPLETING).update(status=Status.ENDED)
    for upload in Upload.objects.filter(status=Status.ENDED).order_by("expires_at")[:SWEEP_BATCH]:
        upload_drop(upload=upload)
    done = stale.filter(status=Status.COMPLETE).order_by("expires_at").values_list("pk", flat=True)[:SWEEP_BATCH]
    Upload.objects.filter(pk__in=list(done)).delete()
    unused = UploadSession.objects.filter(expires_at__lt=Now(), file=None).exclude(uploads__status__in=IN_PROGRESS)
    UploadSession.objects.filter(pk__in=list(unused.values_list("pk", flat=True)[:SWEEP_BATCH])).delete()
