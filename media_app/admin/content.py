"""The bytes of a file for operators: within admin's session, so that private projects need no signature.

What people uploaded is answered in admin's own origin here: nothing of it may run there.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ittyhost.errors import NotFound, Unavailable
from media_app.admin.previews import is_shown, is_shown_type
from media_app.delivery import Target, respond
from media_app.models import File, FileMember

URL_SECONDS = 600
HEADERS = {
    "Cache-Control": "private, max-age=0, must-revalidate",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


def content_respond(request: HttpRequest, file: File) -> HttpResponseBase:
    """The entry object of a file, or the part of it that is asked for. Raises Http404 when its bytes are gone."""
    return _respond(request, Target.of(file) if is_shown(file) else Target.of(file).opaque())


def member_respond(request: HttpRequest, member: FileMember) -> HttpResponseBase:
    """A further object of a file, as a sheet of sprites. Raises Http404 when its bytes are gone."""
    target = Target.of_member(member)
    return _respond(request, target if is_shown_type(member.type) else target.opaque())


def _respond(request: HttpRequest, target: Target) -> HttpResponseBase:
    try:
        return respond(request, target, headers=HEADERS, url_seconds=URL_SECONDS)
    except NotFound as exc:
        raise Http404("The bytes of this file are gone.") from exc
    except Unavailable as exc:
        headers = {"Cache-Control": "no-store", "Retry-After": str(exc.retry_after)}
        return HttpResponse(exc.message, status=503, content_type="text/plain", headers=headers)
