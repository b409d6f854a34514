"""Where files are put and delivered: `<DELIVERY_URL>/<project>/<folder>/<filename>`, or `<domain>/<folder>/<filename>`.

Plain Django views: bodies are streams here, and Django's limit for bodies in memory does not apply. How an object is
answered with is in `media_app.delivery`; here is who may put and get what.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed

from ittyhost.api import errors
from ittyhost.api.calls import Call
from ittyhost.api.negotiation import negotiate
from ittyhost.api.permissions import READ, WRITE
from ittyhost.api.tokens import TokenRefused
from ittyhost.errors import DomainError, Forbidden, Invalid, LengthRequired, NotFound, Unsupported
from media_app.api.shapes import FILE_SHAPES
from media_app.delivery import Target, respond, transfers, without_body
from media_app.models import File
from media_app.selectors import file_find_by_path, file_get, member_find_by_path
from media_app.services import connection_rest, file_receive, place_clean, place_read
from orgs_app.api.auth import bearer
from orgs_app.models import ApiKey, Project
from orgs_app.selectors import api_key_find, project_find
from orgs_app.services import api_key_touch

BROKEN = "ittyhost.path_broken"
METHODS = ("GET", "HEAD", "OPTIONS", "PUT")
POLL_SECONDS = (0.02, 0.03, 0.05, 0.05, 0.1, 0.1, 0.15, 0.25)  # the last again and again
ALWAYS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ),
    "Access-Control-Allow-Origin": "*",  # players and canvases of other sites read them; no cookie counts here
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Disposition, Content-Range, ETag, X-Request-Id",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@dataclass
class Visit:
    """One request for one path, and what is known by now of who asks: refusals are written for them."""

    request: HttpRequest
    project_id: str
    path: str
    project: Project | None = None  # where it was found already
    key: ApiKey | None = None
    pin: str | None = None  # the version of a project that the caller may know of

    def find_key(self) -> ApiKey | None:
        """The caller's key, whatever its project; None without one that works."""
        if self.key is None:
            self.key = api_key_find(bearer(self.request.META.get("HTTP_AUTHORIZATION", "")))
        if self.key is not None:
            self.pin = self.key.project.api_version
        return self.key

    def check_path(self) -> None:
        """Raises Invalid for a path that is no text: Django would write its stray bytes as `%FF`, which is a name."""
        if BROKEN in self.request.META:
            raise Invalid("The path must be UTF-8, percent-encoded.", param="path")


def mark_broken_path(*, environ: dict[str, Any], **_: Any) -> None:
    """Receives `request_started`, after which nobody can tell a stray byte in the path from its name."""
    try:
        environ.get("PATH_INFO", "").encode("iso-8859-1").decode()
    except UnicodeError:
        environ[BROKEN] = True


@csrf_exempt
def deliver(request: HttpRequest, project_id: str, path: str, *, project: Project | None = None) -> HttpResponseBase:
    """Answer for one delivery path; `project` is the one of `project_id` where that was found already."""
    visit = Visit(request, project_id, path, project)
    try:
        match request.method:
            case "GET" | "HEAD":
                return get(visit)
            case "PUT":
                return put(visit)
            case "OPTIONS":
                return preflight()
        raise MethodNotAllowed(request.method or "")
    except (OperationalError, InterfaceError) as exc:
        return errors.respond(request, exc, credential=visit.key, pin=visit.pin)
    except (DomainError, MethodNotAllowed) as exc:
        # Public files are given without a look at the key; a refusal says whom it is for, in that project's version.
        answer = errors.respond(request, exc, credential=visit.find_key(), pin=visit.pin)
        if isinstance(exc, MethodNotAllowed):
            answer.headers["Allow"] = ", ".join(METHODS)
        return answer


# --- Upload ---


def put(visit: Visit) -> HttpResponse:
    """Keep the body under the path, from now on the file there, and show the file that it became."""
    request = visit.request
    key = _writer(visit)
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


def _writer(visit: Visit) -> ApiKey:
    """The key that a request may write with. Raises TokenRefused, NotFound, Forbidden."""
    key = visit.find_key()
    if key is None:
        raise TokenRefused()
    structlog.contextvars.bind_contextvars(project=key.project.public_id, key=key.public_id)
    api_key_touch(key=key)
    if key.project.public_id != visit.project_id:
        raise NotFound("Nothing is here.")
    if WRITE not in key.scopes:
        raise Forbidden(f"This API key lacks the scope {WRITE!r}. Use a key that has it.", code="scope_missing")
    return key


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


# --- Download ---


def get(visit: Visit) -> HttpResponseBase:
    """The bytes at a path, or the part of them that is asked for."""
    request = visit.request
    target = _readable(visit)
    headers = ALWAYS | {"Cache-Control": _cache_control(target.file)}
    return respond(request, target, headers=headers, download="download" in request.GET)


def _readable(visit: Visit) -> Target:
    """What is at a path. Raises Forbidden for whatever is or is not in a private project, NotFound."""
    project = visit.project or project_find(visit.project_id)
    if project is None:
        raise NotFound("Nothing is here.")
    if project.is_private:
        key = visit.find_key()
        if key is None or key.project_id != project.pk or READ not in key.scopes:
            raise Forbidden("These files are private. Send an API key of their project that may read.")
        api_key_touch(key=key)
    visit.pin = project.api_version
    with suppress(Invalid):  # no file can have such a name
        visit.check_path()
        folder, filename = place_read(filename=visit.path)
        if file := file_find_by_path(project=project, path=f"{folder}/{filename}"):
            return Target.of(file)
        if member := member_find_by_path(project=project, path=f"{folder}/{filename}"):
            return Target.of_member(member)
    raise NotFound("Nothing is here.")


def _cache_control(file: File) -> str:
    """Always asked for anew: a name can come to mean a newer file, and a file that is not probed yet has no type."""
    whose = "private" if file.project.is_private else "public"
    return f"{whose}, max-age=0, must-revalidate"


# --- The rest ---


def preflight() -> HttpResponse:
    """What a browser asks before a page of another site may use these paths."""
    return without_body(
        204,
        {
            "Allow": ", ".join(METHODS),
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": "Accept-Version, Authorization, Content-Type, If-Match, If-Range, Range",
            "Access-Control-Max-Age": "86400",
        },
    )
