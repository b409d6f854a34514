"""The bytes of a file for operators: within admin's session, so that private projects need no signature.

What people uploaded is answered in admin's own origin here: nothing of it may run there.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ittyhost.errors import NotFound, Unavailable
from media_app.admin.previews import is_shown
from media_app.delivery import Target, respond
from media_app.models import File

URL_SECONDS = 600
HEADERS = {
    "Cache-Control": "private, max-age=0, must-revalidate",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


def content_respond(request: HttpRequest, file: File) -> HttpResponseBase:
    """The entry object of a file, or the part of it that is asked for. Raises Http404 when its bytes are gone."""
    target = Target.of(file) if is_shown(file) else Target.of(file).opaque()
    try:
        return respond(request, target, headers=HEADERS, url_seconds=URL_SECONDS)
    except NotFound as exc:
        raise Http404("The bytes of this file are gone.") from exc
    except Unavailable as exc:
        headers = {"Cache-Control": "no-store", "Retry-After": str(exc.retry_after)}
        return HttpResponse(exc.message, status=503, content_type="text/plain", headers=headers)
