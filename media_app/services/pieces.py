"""One piece of an upload: claimed by one connection, brought into the bucket, and counted once.

A claim is a lease by the database's clock. Whoever has it also stops by a clock of its own before it may run out, so
that of two connections that bring the same bytes never both write; and once all bytes are stored nobody may claim any,
so that nothing changes in an object that is being published.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, Error, InterfaceError, close_old_connections, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from ittyhost.errors import Conflict, InProgress, Invalid, Unavailable
from ittyhost.leases import HEARTBEAT_SECONDS, LEASE, in_seconds, lease_end
from media_app.content_range import PARAM, PieceRange
from media_app.models import File, Upload, UploadPiece, UploadSession
from media_app.services.completion import upload_finish
from media_app.services.files import Announced
from media_app.services.objects import connection_rest, objects_await
from media_app.services.sessions import refusal
from media_app.services.uploads import (
    IN_PROGRESS,
    Place,
    Progress,
    Status,
    longest_wait,
    object_key,
    prefixes,
    progress_of,
    still_there,
    upload_drop,
    upload_end,
    upload_find,
    upload_open,
)
from media_app.storage import (
    CHUNK,
    JOINED,
    MAX_JOINED,
    PiecesLost,
    Reader,
    TransferStopped,
    Written,
    pieces,
    smallest_piece,
)

# A write that began before this can end late, on a disk that is busy, and still before the lease runs out.
FENCE_SECONDS = LEASE.total_seconds() - 10.0
GAPS_TOLD = 10
TRIES = 5  # when uploads end between being found and being claimed


@dataclass(frozen=True)
class Claim:
    """The right to bring a piece, or to bring one that is stored already once more."""

    upload: Upload
    piece: UploadPiece
    since: float  # by this process's clock, before the lease began


def piece_receive(*, place: Place, span: PieceRange, stream: Reader) -> Progress:
    """Keep a piece of the upload at a place, begun with the first one; `file` is there when that completed it.

    A piece may be sent again. One that was the last of an upload that was completed a moment ago gives that one's file.
    Raises Invalid, Conflict, Forbidden, RateLimited, PayloadTooLarge, LimitReached, StorageUnavailable.
    """
    _check_length(span)
    if place.session is not None and place.session.file_id:
        return _again(place.session, span, Announced(stream, span.length))
    for _ in range(TRIES):
        claim = _claim(upload_open(place=place, total=span.total), span)
        if claim is not None:
            break
    else:
        raise Unavailable("Uploads to this address begin and end all the time. Try again in a few seconds.")
    connection_rest()
    source = Announced(stream, span.length)
    if claim.piece.stored:
        return _compared(claim, span, source)
    return _settled(claim, _written(claim, span, source))


def _check_length(span: PieceRange) -> None:
    smallest = smallest_piece(span.total)
    if span.length < smallest and span.end < span.total:
        raise Invalid(
            f"{PARAM} gives a piece of {span.length} bytes. Each but the last must have at least {smallest} in a file "
            f"of {span.total}; up to {JOINED} bytes in all they may be of any size.",
            param=PARAM,
            code="piece_too_small",
        )


# --- the claim ---


@transaction.atomic
def _claim(upload: Upload, span: PieceRange) -> Claim | None:
    """None when the upload ended. Raises Conflict, InProgress, Invalid, RateLimited."""
    since = time.monotonic()
    upload_row = _locked(upload)
    if upload_row is None:
        return None
    held = UploadPiece.objects.filter(upload=upload_row).filter(Q(stored=True) | Q(lease_until__gt=Now()))
    for piece in held.filter(start__lt=span.end, end__gt=span.start).order_by("start"):
        same = (piece.start, piece.end) == (span.start, span.end)
        if piece.stored and same:
            _extend(upload_row)
            return Claim(upload_row, piece, since)
        if same:
            raise InProgress(
                f"Another request is sending the bytes {piece}. Wait for its end before you send them again.",
                retry_after=5,
                param=PARAM,
                code="piece_in_progress",
            )
        raise Conflict(
            f"{PARAM} {span} overlaps the bytes {piece}, which are {'stored' if piece.stored else 'being sent'} as a "
            "piece. Send pieces that lie side by side, and repeat one with the same bounds.",
            param=PARAM,
            code="piece_overlaps",
        )
    _check_holes(upload_row, span, [*held.order_by("start").values_list("start", "end")])
    # Claims that ran out: those who had them have stopped.
    UploadPiece.objects.filter(upload=upload_row, stored=False, start__lt=span.end, end__gt=span.start).delete()
    piece = UploadPiece.objects.create(
        upload=upload_row, start=span.start, end=span.end, token=secrets.token_hex(8), lease_until=lease_end()
    )
    _extend(upload_row)
    return Claim(upload_row, piece, since)


def _locked(upload: Upload) -> Upload | None:
    """The upload while it is in progress, for this transaction alone."""
    rows = Upload.objects.select_for_update(of=("self",)).select_related("project", "session")
    return rows.filter(pk=upload.pk, status__in=IN_PROGRESS).first()


def _extend(upload: Upload) -> None:
    """It expires so long after this piece, and what it wrote is awaited for longer."""
    Upload.objects.filter(pk=upload.pk).update(expires_at=in_seconds(settings.UPLOAD_SECONDS))
    upload.refresh_from_db(fields=["expires_at"])
    if upload.session_id:
        UploadSession.objects.filter(pk=upload.session_id).update(expires_at=upload.expires_at)
    if not objects_await(prefixes=prefixes(upload), seconds=longest_wait()):
        raise _lost()


def _check_holes(upload: Upload, span: PieceRange, held: list[tuple[int, int]]) -> None:
    """Refuse a piece that would leave a gap which no piece may be small enough for, or be one too many."""
    before = max((end for _, end in held if end <= span.start), default=0)
    after = min((start for start, _ in held if start >= span.end), default=span.total)
    smallest = smallest_piece(span.total)
    for first, end in ((before, span.start), (span.end, after)):
        if first < end < span.total and end - first < smallest:
            raise Invalid(
                f"{PARAM} {span} would leave a gap of {end - first} bytes, {first}-{end - 1}, and no piece of this "
                f"file may have less than {smallest}. Send them along.",
                param=PARAM,
                code="piece_leaves_gap",
            )
    if span.total <= JOINED and len(held) >= MAX_JOINED:
        raise Conflict(
            f"This upload has {MAX_JOINED} pieces already, which is the most there may be. Send DELETE to this address "
            "to give it up, and begin anew with larger ones.",
            param=PARAM,
            code="too_many_pieces",
        )


class Hold:
    """Keeps a claim while bytes move, and the upload is not given up; `should_stop()` is True from before anybody else
    may have it."""

    def __init__(self, claim: Claim) -> None:
        self._mine = UploadPiece.objects.filter(pk=claim.piece.pk, token=claim.piece.token, stored=False)
        self._wanted = self._mine.filter(upload__status__in=IN_PROGRESS)
        self._renewed = claim.since
        self._lost = False

    def should_stop(self) -> bool:
        asked = time.monotonic()
        if not self._lost and asked - self._renewed >= HEARTBEAT_SECONDS:
            try:
                if self._wanted.update(lease_until=lease_end()):
                    self._renewed = asked
                else:
                    self._lost = True
                connection_rest()
            except (DatabaseError, InterfaceError):  # away for a moment: the clock decides
                close_old_connections()
        return self._lost or time.monotonic() - self._renewed >= FENCE_SECONDS

    def release(self) -> None:
        """Let others bring the piece at once."""
        try:
            self._mine.delete()
        except Error:
            close_old_connections()  # it runs out by itself


# --- the bytes ---


def _written(claim: Claim, span: PieceRange, source: Reader) -> Written:
    hold, upload = Hold(claim), claim.upload
    try:
        return pieces().write(
            object_key(upload),
            upload.handle,
            total=upload.total,
            start=span.start,
            length=span.length,
            source=source,
            should_stop=hold.should_stop,
        )
    except BaseException as exc:
        hold.release()
        if isinstance(exc, TransferStopped):
            raise _lost() from exc
        if isinstance(exc, PiecesLost):
            if upload_end(upload=upload):
                upload_drop(upload=upload)
            raise _lost() from exc
        raise


def _digest(span: PieceRange, source: Reader) -> str:
    """Read a piece without writing it anywhere."""
    digest, left = hashlib.sha256(), span.length
    while left:
        chunk = source.read(min(CHUNK, left))
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _again(session: UploadSession, span: PieceRange, source: Reader) -> Progress:
    """A piece for a session that has made its file: shown once more to whoever repeats one. Raises Forbidden."""
    sha256 = _digest(span, source)
    known = UploadPiece.objects.filter(
        upload__session=session, upload__status=Status.COMPLETE, start=span.start, end=span.end, sha256=sha256
    )
    if not known.exists():
        raise refusal()
    return Progress(span.total, span.total, (), None, session.file)


def _compared(claim: Claim, span: PieceRange, source: Reader) -> Progress:
    """A piece that is stored already comes once more. Raises Conflict when it is another."""
    if _digest(span, source) != claim.piece.sha256:
        raise Conflict(
            f"The bytes {claim.piece} of the upload in progress here are stored, and are others than these. If this is "
            "another file, send DELETE to this address to give the upload up, and begin anew.",
            param=PARAM,
            code="piece_differs",
        )
    return _settled(claim, None)


# --- what follows ---


def _settled(claim: Claim, written: Written | None) -> Progress:
    """Count a piece (None: it was before), and complete the upload if it was the last."""
    upload, completes, file = _counted(claim, written)
    if completes:
        file = upload_finish(upload=upload)
    elif upload.status == Status.ENDED:
        upload_drop(upload=upload)
    return progress_of(upload, file)


@transaction.atomic
def _counted(claim: Claim, written: Written | None) -> tuple[Upload, bool, File | None]:
    """The upload, whether this attempt is to complete it, and the file if another did."""
    piece, upload = claim.piece, _locked(claim.upload)
    if upload is None:
        done = Upload.objects.select_related("file__project").filter(pk=claim.upload.pk, status=Status.COMPLETE).first()
        if written is not None or done is None or done.file is None:
            raise _lost()
        return done, False, done.file
    if written is not None:
        mine = UploadPiece.objects.filter(pk=piece.pk, token=piece.token, stored=False)
        if not mine.update(stored=True, lease_until=None, sha256=written.sha256, parts=list(written.parts)):
            raise _lost()
        Upload.objects.filter(pk=upload.pk).update(received=F("received") + piece.end - piece.start)
        upload.received += piece.end - piece.start
    repeated = _repeated(upload, piece, written.sha256 if written else piece.sha256)
    full = upload.received == upload.total
    if full and repeated is not None:  # all is there already, under this very path
        upload.status = Status.ENDED
        Upload.objects.filter(pk=upload.pk).update(status=Status.ENDED)
        return upload, False, repeated.file
    completes = full and bool(
        Upload.objects.filter(pk=upload.pk, status=Status.OPEN).update(
            status=Status.COMPLETING,
            attempt=F("attempt") + 1,
            lease_until=lease_end(),
            last_start=piece.start,
            repeats=None,
        )
    )
    if completes:
        upload.refresh_from_db()
    return upload, completes, repeated.file if repeated and repeated.last_start == piece.start else None


def _repeated(upload: Upload, piece: UploadPiece, sha256: str) -> Upload | None:
    """The completed upload of which this one has repeated pieces only, this one included; None from the first other on.

    Its file may answer for a client that lost the answer it completed that upload with. But the pieces are kept as
    those of any upload: if this is another file that begins like the last one, it still ends with all of them.
    """
    if not upload.repeats_id:
        return None
    done = still_there(Upload.objects.select_related("file__project", "file__media").filter(pk=upload.repeats_id))
    known = UploadPiece.objects.filter(
        upload=upload.repeats_id, start=piece.start, end=piece.end, sha256=sha256, stored=True
    )
    found = done.first()
    if found is None or not known.exists():
        upload.repeats = None
        Upload.objects.filter(pk=upload.pk).update(repeats=None)
        return None
    return found


def upload_complete(*, place: Place) -> File:
    """The file of an upload of which all pieces are there. Raises Conflict naming those that are not."""
    upload = upload_find(place)
    if upload is None:
        raise Conflict("No piece of this upload is there. Send them by PUT with Content-Range.", code="pieces_missing")
    progress = progress_of(upload)
    if progress.missing:
        told = ", ".join(f"{first}-{last}" for first, last in progress.missing[:GAPS_TOLD])
        more = " and more" if len(progress.missing) > GAPS_TOLD else ""
        raise Conflict(
            f"The bytes {told}{more} of {upload.total} are missing. Send them by PUT with Content-Range.",
            param=PARAM,
            code="pieces_missing",
        )
    taken = Upload.objects.filter(pk=upload.pk, status=Status.OPEN, received=upload.total)
    if not taken.update(status=Status.COMPLETING, attempt=F("attempt") + 1, lease_until=lease_end()):
        raise InProgress(
            "Another request completes this upload. Ask again in a few seconds, to be shown the file.",
            retry_after=2,
            code="upload_completing",
        )
    upload.refresh_from_db()
    return upload_finish(upload=upload)


def _lost() -> Conflict:
    return Conflict(
        "This upload ended while the piece was sent, or another request took the piece over. Ask for its state with "
        f"{PARAM}: bytes */<total>, and send what is missing.",
        param=PARAM,
        code="piece_lost",
    )
