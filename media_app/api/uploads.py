"""What is put under a delivery path becomes the file there."""

import json
import time
from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ittyhost.api.calls import Call
from ittyhost.api.negotiation import negotiate
from ittyhost.errors import Invalid, LengthRequired, NotFound, Unsupported
from media_app.api.shapes import FILE_SHAPES
from media_app.api.visits import Visit, writer
from media_app.delivery import transfers
from media_app.models import File
from media_app.selectors import file_get
from media_app.services import connection_rest, file_receive, place_clean

POLL_SECONDS = (0.02, 0.03, 0.05, 0.05, 0.1, 0.1, 0.15, 0.25)  # the last again and again


def put(visit: Visit) -> HttpResponse:
    """Keep the body under the path, from now on the file there, and show the file that it became."""
    request = visit.request
    key = writer(visit)
    wish = negotiate(request, pin=key.project.api_version)
    if wish.refusal:
        raise wish.refusal
    visit.check_path()
    folder, filename = place_clean(filename=visit.path, params=("path", "path"))
    if not filename:
        raise Invalid("The path must name the file: <folder>/<filename>.", param="path")
    length = _length(request)
    transfers.begin()
    try:
        file = file_receive(
            project=key.project,
            stream=request.META["wsgi.input"],
            length=length,
            folder=folder,
            filename=filename,
            created_by=key.public_id,
        )
    finally:
        transfers.end()
    file = settled(file)
    version = wish.version
    data = FILE_SHAPES[version].file_show(file)
    answer = version.object(Call.of(request, key), data, status=201, path=f"/files/{file.public_id}", parent="/files")
    return HttpResponse(
        json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")),
        status=201,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **answer.headers},
    )


def _length(request: HttpRequest) -> int:
    """How many bytes the body has. Servers pass off a chunked body that broke off as a whole one: the length must be
    announced to tell them apart."""
    if request.META.get("HTTP_CONTENT_RANGE"):
        raise Unsupported(
            "Uploads in pieces are not taken here. Send the whole file without Content-Range.", param="Content-Range"
        )
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Unsupported("Send the file as it is, without Content-Encoding.", param="Content-Encoding")
    given = request.META.get("CONTENT_LENGTH") or ""
    if request.META.get("HTTP_TRANSFER_ENCODING") or not given:
        raise LengthRequired("Send the file with a Content-Length.", param="Content-Length")
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise Invalid("Content-Length must be a whole number.", param="Content-Length")
    return int(given)


def settled(file: File) -> File:
    """The file once it is probed, or as it is when that takes too long."""
    until, poll = time.monotonic() + settings.PROBE_WAIT_SECONDS, iter(POLL_SECONDS)
    pause = 0.0
    while file.status in (File.Status.WAITING, File.Status.PROCESSING) and time.monotonic() < until:
        pause = next(poll, pause)
        connection_rest()
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        with suppress(NotFound):  # deleted meanwhile: shown as it was
            file = file_get(project=file.project, file_id=file.pk)
    return file
