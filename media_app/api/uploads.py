"""What is put under a delivery path becomes the file there: whole, or in pieces told by Content-Range."""

import json
import threading
import time
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ittyhost.api.calls import Call
from ittyhost.api.negotiation import negotiate
from ittyhost.api.versions import Answer, Version
from ittyhost.errors import Invalid, LengthRequired, NotFound, PayloadTooLarge, Unsupported
from media_app.api.shapes import FILE_SHAPES, UPLOAD_SHAPES
from media_app.api.visits import Visit, writer
from media_app.content_range import StateAsked, read_content_range
from media_app.delivery import transfers
from media_app.models import File
from media_app.selectors import file_get
from media_app.services import (
    Place,
    Progress,
    connection_rest,
    file_receive,
    piece_receive,
    place_clean,
    upload_give_up,
    upload_progress,
)
from orgs_app.models import ApiKey

POLL_SECONDS = (0.02, 0.03, 0.05, 0.05, 0.1, 0.1, 0.15, 0.25)  # the last again and again
# Answers of one process that wait for a probe at a time: half of the threads that transfers leave to the API. Workers
# that are down or busy must not stop it, nor a client whose session says that its answers wait for long.
MAX_WAITING = 16
_waiting = threading.BoundedSemaphore(MAX_WAITING)


def put(visit: Visit) -> HttpResponse:
    """Keep the body under the path, from now on the file there, and show the file that it became.

    With Content-Range it is a piece of it: 202 until the last one came.
    """
    request = visit.request
    key = writer(visit)
    version = wished_version(request, key)
    place = _place(visit, key)
    # Not whether it says anything: granian hands on what is not ASCII as an empty text, and a piece is no whole file.
    if "HTTP_CONTENT_RANGE" in request.META:
        return show_progress(request, key, version, piece_taken(request, place))
    length = body_length(request)
    transfers.begin()
    try:
        file = file_receive(
            project=key.project,
            stream=request.META["wsgi.input"],
            length=length,
            folder=place.folder,
            filename=place.filename,
            created_by=key.public_id,
        )
    finally:
        transfers.end()
    return show_file(request, key, version, file)


def give_up(visit: Visit) -> HttpResponse:
    """End the upload in progress at a path. A file that lies there stays."""
    key = writer(visit)
    version = wished_version(visit.request, key)
    return given_up(visit.request, key, version, _place(visit, key))


def given_up(request: HttpRequest, key: ApiKey, version: Version, place: Place) -> HttpResponse:
    upload = upload_give_up(place=place)
    message = {"message": f"{upload.public_id} given up"}
    return _json(version.object(Call.of(request, key), message, status=202, path=request.path_info, parent=None))


def piece_taken(request: HttpRequest, place: Place) -> Progress:
    """How far the upload at a place is, once the piece that the request brings is kept."""
    # A request without a body need not announce that (RFC 9110, 8.6).
    has_body = request.META.get("CONTENT_LENGTH") or request.META.get("HTTP_TRANSFER_ENCODING")
    length = body_length(request) if has_body else 0
    span = read_content_range(request.META.get("HTTP_CONTENT_RANGE", ""), length)
    if span.total > settings.MAX_FILE_BYTES:
        raise PayloadTooLarge(f"A file may have at most {settings.MAX_FILE_BYTES} bytes.", param="Content-Range")
    if isinstance(span, StateAsked):
        return upload_progress(place=place, total=span.total)
    transfers.begin()
    try:
        return piece_receive(place=place, span=span, stream=request.META["wsgi.input"])
    finally:
        transfers.end()


def _place(visit: Visit, key: ApiKey) -> Place:
    visit.check_path()
    folder, filename = place_clean(filename=visit.path, params=("path", "path"))
    if not filename:
        raise Invalid("The path must name the file: <folder>/<filename>.", param="path")
    return Place(key.project, folder, filename, key.public_id)


def wished_version(request: HttpRequest, key: ApiKey) -> Version:
    """The version to answer in. Raises Invalid when an unknown one is asked for."""
    wish = negotiate(request, pin=key.project.api_version)
    if wish.refusal:
        raise wish.refusal
    return wish.version


def body_length(request: HttpRequest) -> int:
    """How many bytes the body has. Servers pass off a chunked body that broke off as a whole one: the length must be
    announced to tell them apart."""
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Unsupported("Send the file as it is, without Content-Encoding.", param="Content-Encoding")
    given = request.META.get("CONTENT_LENGTH") or ""
    if request.META.get("HTTP_TRANSFER_ENCODING") or not given:
        raise LengthRequired("Send the file with a Content-Length.", param="Content-Length")
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise Invalid("Content-Length must be a whole number.", param="Content-Length")
    return int(given)


# --- Answers ---


def show_progress(
    request: HttpRequest, key: ApiKey, version: Version, progress: Progress, *, patience: float | None = None
) -> HttpResponse:
    """The file, where the upload has become one; else 202, and what is missing."""
    if progress.file is not None:
        return show_file(request, key, version, progress.file, patience=patience)
    data = UPLOAD_SHAPES[version].progress_show(progress)
    return _json(version.object(Call.of(request, key), data, status=202, path=request.path_info, parent=None))


def show_file(
    request: HttpRequest, key: ApiKey, version: Version, file: File, *, patience: float | None = None
) -> HttpResponse:
    """201 and the file, once it is probed or `patience` seconds are over (default: those of the settings)."""
    file = settled(file, settings.PROBE_WAIT_SECONDS if patience is None else patience)
    data = FILE_SHAPES[version].file_show(file)
    path = f"/files/{file.public_id}"
    return _json(version.object(Call.of(request, key), data, status=201, path=path, parent="/files"))


def _json(answer: Answer) -> HttpResponse:
    body: Any = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    headers = {"Cache-Control": "no-store", **answer.headers}
    return HttpResponse(body, status=answer.status, content_type="application/json", headers=headers)


def settled(file: File, seconds: float) -> File:
    """The file once it is probed, or as it is when that takes too long, or too many answers wait already."""
    if not _waiting.acquire(blocking=False):
        return file
    try:
        return _awaited(file, seconds)
    finally:
        _waiting.release()


def _awaited(file: File, seconds: float) -> File:
    until, poll = time.monotonic() + seconds, iter(POLL_SECONDS)
    pause = 0.0
    while file.status in (File.Status.WAITING, File.Status.PROCESSING) and time.monotonic() < until:
        pause = next(poll, pause)
        connection_rest()
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        with suppress(NotFound):  # deleted meanwhile: shown as it was
            file = file_get(project=file.project, file_id=file.pk)
    return file
