"""Uploads in pieces: where they go, how they begin and end, and how far they are."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import Now

from ittyhost.errors import Conflict, NotFound, RateLimited
from ittyhost.leases import in_seconds
from ittyhost.records import new_id
from media_app.content_range import PARAM
from media_app.models import File, Upload, UploadPiece, UploadSession
from media_app.services.files import SOURCE_NAME, room_check
from media_app.services.objects import (
    WRITING_SECONDS,
    connection_rest,
    objects_drop,
    objects_expect,
    objects_give_up,
)
from media_app.services.sessions import refusal
from media_app.storage import StorageUnavailable, attempt_prefix, pieces
from orgs_app.models import Project

logger = logging.getLogger(__name__)

Status = Upload.Status
IN_PROGRESS = (Status.OPEN, Status.COMPLETING)
MAX_OPEN = 1_000  # uploads of one project at a time
REPEAT_SECONDS = 600.0  # how long a completed upload is known, for clients whose answer was lost
GAPS_SHOWN = 1_000


@dataclass(frozen=True)
class Place:
    """Where an upload goes: to a path of its project, or to what a session says. One at a time goes there."""

    project: Project
    folder: str = ""
    filename: str = ""
    created_by: str = ""
    session: UploadSession | None = None

    @cached_property
    def digest(self) -> str:
        said = f"session {self.session.pk}" if self.session else f"path {self.folder}/{self.filename}"
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True)
class Progress:
    """How far an upload is. `missing` are the first and last byte of each gap, `file` what it became, once it did."""

    total: int
    received: int
    missing: tuple[tuple[int, int], ...]
    expires: datetime | None
    file: File | None = None


def upload_find(place: Place) -> Upload | None:
    """The upload in progress at a place."""
    there = Upload.objects.filter(project=place.project, place=place.digest, status__in=IN_PROGRESS)
    return there.select_related("project", "session").first()


def upload_open(*, place: Place, total: int) -> Upload:
    """The upload in progress at a place, begun if there is none.

    Raises Conflict when that is one of another size, Forbidden when its session is gone, RateLimited, PayloadTooLarge,
    LimitReached, StorageUnavailable.
    """
    while True:
        found = upload_find(place)
        if found is None:
            found = _begin(place, total)
        if found is not None and found.total == total:
            return found
        # One that only repeats what is complete was begun by a client that missed an answer: it gives way.
        if found is not None and found.repeats_id and upload_end(upload=found):
            upload_drop(upload=found)
        elif found is not None:
            raise Conflict(
                f"{PARAM} tells {total} bytes, and an upload of {found.total} bytes is in progress here. Go on with "
                "that, send DELETE to this address to give it up, or wait until it expires.",
                param=PARAM,
                code="upload_in_progress",
            )


def _begin(place: Place, total: int) -> Upload | None:
    """A new upload; None when another was quicker. Raises Forbidden when its session was deleted meanwhile."""
    project = place.project
    there = Upload.objects.filter(project=project, status__in=IN_PROGRESS).aggregate(
        count=Count("pk"), bytes=Sum("total", default=0)
    )
    if there["count"] >= MAX_OPEN:
        raise RateLimited(
            f"{MAX_OPEN} uploads of this project are in progress, which is the most there may be. Complete some, or "
            "give them up by DELETE.",
            retry_after=60,
            code="too_many_uploads",
        )
    room_check(project=project, size=total, beside=there["bytes"])
    upload = Upload(
        project=project,
        place=place.digest,
        session=place.session,
        folder=place.folder,
        filename=place.filename,
        total=total,
        created_by=place.created_by,
        expires_at=in_seconds(settings.UPLOAD_SECONDS),
        reserved_id=new_id(),
        repeats=_just_completed(place, total),
    )
    for attempt in (0, 1):
        objects_expect(project_id=project.pk, file_id=upload.reserved_id, attempt=attempt, seconds=longest_wait())
    connection_rest()
    store, begun = pieces(), False
    try:
        upload.handle = store.begin(object_key(upload), total=total, scratch=scratch_prefix(upload))
        with transaction.atomic():
            upload.save(force_insert=True)
        begun = True
    except IntegrityError:
        if place.session is not None and not UploadSession.objects.filter(pk=place.session.pk).exists():
            raise refusal() from None
        return None
    finally:
        if not begun:
            _undo(upload)
    return upload_find(place)


def _undo(upload: Upload) -> None:
    try:
        if upload.handle:
            pieces().drop(object_key(upload), upload.handle)
    except StorageUnavailable as exc:  # what stays is found by its age
        logger.warning("an upload that did not begin could not be dropped", extra={"reason": str(exc)})
    for prefix in prefixes(upload):
        objects_give_up(prefix=prefix)


def _just_completed(place: Place, total: int) -> Upload | None:
    """An upload of the same size that was completed here a moment ago, and whose file is still the one here."""
    if place.session is not None:
        return None
    done = Upload.objects.filter(project=place.project, place=place.digest, status=Status.COMPLETE, total=total)
    return still_there(done.filter(expires_at__gt=Now())).order_by("-completed_at").first()


def still_there(completed: QuerySet[Upload]) -> QuerySet[Upload]:
    """Those uploads whose file is the one at their path: neither replaced, nor moved away, nor deleted."""
    return completed.filter(file__holds_path=True, file__folder=F("folder"), file__filename=F("filename"))


def upload_end(*, upload: Upload) -> bool:
    """Give an upload up; False when it is not open any more. `upload_drop` or the sweep deletes its pieces."""
    return bool(Upload.objects.filter(pk=upload.pk, status=Status.OPEN).update(status=Status.ENDED))


def upload_drop(*, upload: Upload) -> None:
    """Clean up after an upload that ended. While somebody may still write a piece of it, or the whole, that waits for
    the sweep."""
    pieces_written = UploadPiece.objects.filter(upload=upload, lease_until__gt=Now())
    if pieces_written.exists() or Upload.objects.filter(pk=upload.pk, lease_until__gt=Now()).exists():
        return
    try:
        pieces().drop(object_key(upload), upload.handle)
    except StorageUnavailable as exc:
        logger.warning("an upload could not be dropped", extra={"upload": upload.public_id, "reason": str(exc)})
        return
    with transaction.atomic():
        for prefix in prefixes(upload):
            objects_drop(prefix=prefix, linger=0)
        Upload.objects.filter(pk=upload.pk, status=Status.ENDED).delete()


def upload_give_up(*, place: Place) -> Upload:
    """End the upload in progress at a place. Raises NotFound, Conflict when all its bytes are there already."""
    upload = upload_find(place)
    if upload is None:
        raise NotFound("No upload is in progress here.", code="upload_not_found")
    if not upload_end(upload=upload):
        raise Conflict("This upload is being completed. It cannot be given up any more.", code="upload_completing")
    upload_drop(upload=upload)
    return upload


def upload_progress(*, place: Place, total: int) -> Progress:
    """How far the upload at a place is; nothing is there before it began. Raises Conflict for another size."""
    upload = upload_find(place)
    if upload is None:
        return Progress(total, 0, ((0, total - 1),) if total else (), None)
    if upload.total != total:
        raise Conflict(
            f"{PARAM} tells {total} bytes, and the upload in progress here has {upload.total}.",
            param=PARAM,
            code="upload_in_progress",
        )
    return progress_of(upload)


def progress_of(upload: Upload, file: File | None = None) -> Progress:
    """How far an upload is, as its pieces are in the database now."""
    stored = stored_pieces(upload).values_list("start", "end")
    received = sum(end - start for start, end in stored)
    return Progress(upload.total, received, tuple(gaps(stored, upload.total))[:GAPS_SHOWN], upload.expires_at, file)


def gaps(stored: Iterable[tuple[int, int]], total: int) -> Iterable[tuple[int, int]]:
    """First and last byte of what lies between pieces (in order), before the first and after the last."""
    at = 0
    for start, end in stored:
        if start > at:
            yield at, start - 1
        at = end
    if at < total:
        yield at, total - 1


def stored_pieces(upload: Upload) -> QuerySet[UploadPiece]:
    return UploadPiece.objects.filter(upload=upload, stored=True).order_by("start")


def object_key(upload: Upload) -> str:
    """Where the object is made."""
    return f"{attempt_prefix(project_id=upload.project_id, file_id=upload.reserved_id, attempt=1)}{SOURCE_NAME}"


def scratch_prefix(upload: Upload) -> str:
    """Where the bucket may keep pieces until it is made."""
    return attempt_prefix(project_id=upload.project_id, file_id=upload.reserved_id, attempt=0)


def prefixes(upload: Upload) -> tuple[str, str]:
    """All that an upload may have written under."""
    return scratch_prefix(upload), object_key(upload).removesuffix(SOURCE_NAME)


def longest_wait() -> float:
    """Seconds that the clean-up of objects must leave an upload alone after a piece."""
    return settings.UPLOAD_SECONDS + WRITING_SECONDS
