"""The bytes of a file for operators: within admin's session, so that private projects need no signature.

What people uploaded is answered in admin's own origin here: nothing of it may run there.
"""

import re

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from media_app.admin.previews import is_shown
from media_app.models import File
from media_app.services import connection_rest
from media_app.storage import ObjectMissing, StorageUnavailable, bucket

PRESIGNED_SECONDS = 600
OPAQUE = "application/octet-stream"
RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))", re.ASCII)
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=0, must-revalidate",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def content_respond(request: HttpRequest, file: File) -> HttpResponseBase:
    """The entry object of a file, or the part of it that is asked for. Raises Http404 when its bytes are gone."""
    shown = is_shown(file)
    type = file.type if shown else OPAQUE
    disposition = content_disposition_header(not shown, file.filename or file.public_id) or "attachment"
    connection_rest()
    try:
        if settings.DELIVERY_FROM_S3 == "redirect":
            url = bucket().presigned_get(file.key, seconds=PRESIGNED_SECONDS, type=type, disposition=disposition)
            if url is not None:
                return HttpResponseRedirect(
                    url, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
                )
        headers = HEADERS | {"Content-Disposition": disposition, "ETag": f'"{file.etag}"'}
        whole = HttpResponse(content_type=type, headers=headers)
        unchanged = get_conditional_response(request, etag=headers["ETag"], response=whole)
        if unchanged is not whole and unchanged is not None:
            return unchanged
        return _stream(request, file, type, headers)
    except ObjectMissing as exc:
        raise Http404("The bytes of this file are gone.") from exc
    except StorageUnavailable as exc:
        return HttpResponse(exc.message, status=503, content_type="text/plain", headers={"Cache-Control": "no-store"})


def _stream(request: HttpRequest, file: File, type: str, headers: dict[str, str]) -> HttpResponseBase:
    first, length = 0, file.entry_size
    status = 200
    found = RANGE.fullmatch(request.headers.get("Range", "")) if request.method == "GET" else None
    if found and request.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
        start, end, suffix = (int(part) if part is not None else None for part in found.groups())
        first = max(0, file.entry_size - suffix) if suffix is not None else start or 0
        last = file.entry_size - 1 if end is None else min(end, file.entry_size - 1)
        if first > last or suffix == 0:
            return HttpResponse(status=416, headers=HEADERS | {"Content-Range": f"bytes */{file.entry_size}"})
        status, length = 206, last - first + 1
        headers |= {"Content-Range": f"bytes {first}-{last}/{file.entry_size}"}
    headers |= {"Content-Length": str(length)}
    if request.method == "HEAD":
        return HttpResponse(content_type=type, headers=headers)
    return StreamingHttpResponse(
        bucket().open(file.key, first, length), status=status, content_type=type, headers=headers
    )
