"""Where files are put and delivered: `<DELIVERY_URL>/<project>/<folder>/<filename>`.

Plain Django views: bodies are streams here, and Django's limit for bodies in memory does not apply. Neither the
database nor a lock is held while bytes move.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, http_date
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed

from ittyhost.api import errors
from ittyhost.api.calls import Call
from ittyhost.api.negotiation import negotiate
from ittyhost.api.permissions import READ, WRITE
from ittyhost.api.tokens import TokenRefused
from ittyhost.errors import DomainError, Forbidden, Invalid, LengthRequired, NotFound, Unavailable, Unsupported
from media_app.api.ranges import Span, Unsatisfiable, is_same, is_unchanged, read_range
from media_app.api.shapes import FILE_SHAPES
from media_app.models import File, FileMember
from media_app.selectors import file_find_by_path, file_get, member_find_by_path
from media_app.services import connection_rest, file_receive, place_clean
from media_app.storage import ObjectMissing, bucket
from orgs_app.api.auth import bearer
from orgs_app.selectors import api_key_find, project_find
from orgs_app.services import api_key_touch
from workers.formats import extension_of

logger = structlog.get_logger(__name__)

METHODS = ("GET", "HEAD", "OPTIONS", "PUT")
POLL_SECONDS = (0.02, 0.03, 0.05, 0.05, 0.1, 0.1, 0.15, 0.25)  # the last again and again
PRESIGNED_SECONDS = 3600
# What a browser may show in place; anything that could run there is only ever downloaded.
SHOWN = ("image/", "video/", "audio/")
SHOWN_TYPES = frozenset({"text/vtt", "application/json", "application/vnd.apple.mpegurl"})
NOT_SHOWN = frozenset({"image/svg+xml"})
OPAQUE = "application/octet-stream"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ),
    "Access-Control-Allow-Origin": "*",  # players and canvases of other sites read them; no cookie counts here
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Disposition, Content-Range, ETag, X-Request-Id",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class Transfers:
    """How many bodies move in this process at a time; the rest of its threads stay free for the API."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0

    def begin(self) -> None:
        """Raises Unavailable when there are as many as there may be."""
        with self._lock:
            if self._running >= settings.MAX_TRANSFERS:
                raise Unavailable(
                    "Too many uploads and downloads are running. Try again in a few seconds.",
                    retry_after=2,
                    code="too_many_transfers",
                )
            self._running += 1

    def end(self) -> None:
        with self._lock:
            self._running -= 1

    @property
    def running(self) -> int:
        return self._running


transfers = Transfers()


@csrf_exempt
def deliver(request: HttpRequest, project_id: str, path: str) -> HttpResponseBase:
    """Answer for one delivery path."""
    try:
        match request.method:
            case "GET" | "HEAD":
                return get(request, project_id, path)
            case "PUT":
                return put(request, project_id, path)
            case "OPTIONS":
                return preflight()
        return _not_allowed(request)
    except DomainError as exc:
        return errors.respond(request, exc)


# --- Upload ---


def put(request: HttpRequest, project_id: str, path: str) -> HttpResponse:
    """Keep the body under the path, and show the file that it became."""
    key = _writer(request, project_id)
    wish = negotiate(request, pin=key.project.api_version)
    if wish.refusal:
        raise wish.refusal
    folder, filename = place_clean(filename=path, params=("path", "path"))
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


def _writer(request: HttpRequest, project_id: str) -> Any:
    """The key that a request may write with. Raises TokenRefused, NotFound, Forbidden."""
    key = api_key_find(bearer(request.META.get("HTTP_AUTHORIZATION", "")))
    if key is None:
        raise TokenRefused()
    structlog.contextvars.bind_contextvars(project=key.project.public_id, key=key.public_id)
    api_key_touch(key=key)
    if key.project.public_id != project_id:
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


@dataclass(frozen=True)
class Target:
    """One object to deliver, and how it may be shown."""

    file: File
    key: str
    size: int
    etag: str
    type: str
    name: str

    @classmethod
    def of(cls, file: File) -> "Target":
        """The entry object of a file."""
        shown = file.status == File.Status.READY and _is_shown(file.type)
        return cls(file, file.key, file.entry_size, f'"{file.etag}"', file.type if shown else OPAQUE, file.filename)

    @classmethod
    def of_member(cls, member: FileMember) -> "Target":
        """A further object of a file."""
        name, type = member.name.rpartition("/")[2], member.type if _is_shown(member.type) else OPAQUE
        return cls(member.file, member.key, member.size, f'"{member.etag}"', type, name)

    def disposition(self, *, download: bool) -> str:
        name = self.name
        if not name:
            extension = extension_of(self.file.type)
            name = f"{self.file.public_id}.{extension}" if extension else self.file.public_id
        return content_disposition_header(download or self.type == OPAQUE, name) or "attachment"


def get(request: HttpRequest, project_id: str, path: str) -> HttpResponseBase:
    """The bytes at a path, or the part of them that is asked for."""
    target = _readable(request, project_id, path)
    connection_rest()
    headers = ALWAYS | {
        "ETag": target.etag,
        "Last-Modified": http_date(target.file.created.timestamp()),
        "Accept-Ranges": "bytes",
        "Cache-Control": _cache_control(target.file),
        "Content-Disposition": target.disposition(download="download" in request.GET),
    }
    meta = request.META
    if is_unchanged(
        none_match=meta.get("HTTP_IF_NONE_MATCH", ""),
        modified_since=meta.get("HTTP_IF_MODIFIED_SINCE", ""),
        etag=target.etag,
        modified=target.file.created,
    ):
        return _without_body(304, headers)
    if request.method == "HEAD":
        # A range means nothing to HEAD (RFC 9110, 14.2).
        return _without_body(200, headers | {"Content-Type": target.type, "Content-Length": str(target.size)})
    try:
        span = None
        if is_same(if_range=meta.get("HTTP_IF_RANGE", ""), etag=target.etag, modified=target.file.created):
            span = read_range(meta.get("HTTP_RANGE", ""), target.size)
    except Unsatisfiable:
        return _without_body(416, ALWAYS | {"Content-Range": f"bytes */{target.size}", "Cache-Control": "no-store"})
    if settings.DELIVERY_FROM_S3 == "redirect":
        url = bucket().presigned_get(
            target.key, seconds=PRESIGNED_SECONDS, type=target.type, disposition=headers["Content-Disposition"]
        )
        if url is not None:
            return _without_body(302, ALWAYS | {"Location": url, "Cache-Control": "no-store"})
    return _stream(target, span, headers)


def _readable(request: HttpRequest, project_id: str, path: str) -> Target:
    """What is at a path. Raises Forbidden for whatever is or is not in a private project, NotFound."""
    project = project_find(project_id)
    if project is None:
        raise NotFound("Nothing is here.")
    if project.is_private:
        key = api_key_find(bearer(request.META.get("HTTP_AUTHORIZATION", "")))
        if key is None or key.project_id != project.pk or READ not in key.scopes:
            raise Forbidden("These files are private. Send an API key of their project that may read.")
        api_key_touch(key=key)
    with suppress(Invalid):  # no file can have such a name
        folder, filename = place_clean(filename=path)
        if file := file_find_by_path(project=project, path=f"{folder}/{filename}"):
            return Target.of(file)
        if member := member_find_by_path(project=project, path=f"{folder}/{filename}"):
            return Target.of_member(member)
    raise NotFound("Nothing is here.")


def _is_shown(type: str) -> bool:
    plain = type.partition(";")[0].strip().lower()
    return plain not in NOT_SHOWN and (plain.startswith(SHOWN) or plain in SHOWN_TYPES)


def _cache_control(file: File) -> str:
    """Always asked for anew: a name can come to mean a newer file, and a file that is not probed yet has no type."""
    whose = "private" if file.project.is_private else "public"
    return f"{whose}, max-age=0, must-revalidate"


class Moving:
    """The bytes of an answer; ends the transfer when the server is done with it, or the client gone."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            transfers.end()
            close = getattr(self._chunks, "close", None)
            if close:
                close()

    __del__ = close


def _stream(target: Target, span: Span | None, headers: dict[str, str]) -> StreamingHttpResponse:
    start, length = (span.start, span.length) if span else (0, target.size)
    transfers.begin()
    try:
        chunks = bucket().open(target.key, start, length)
    except ObjectMissing as exc:
        transfers.end()
        logger.error("a file's bytes are gone", file=target.file.public_id, reason=str(exc))
        raise NotFound("Nothing is here.") from None
    except BaseException:
        transfers.end()
        raise
    response = StreamingHttpResponse(
        Moving(chunks), status=206 if span else 200, content_type=target.type, headers=headers
    )
    response.headers["Content-Length"] = str(length)
    if span:
        response.headers["Content-Range"] = span.content_range
    return response


# --- The rest ---


def preflight() -> HttpResponse:
    """What a browser asks before a page of another site may use these paths."""
    return _without_body(
        204,
        {
            "Allow": ", ".join(METHODS),
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": "Accept-Version, Authorization, Content-Type, If-Range, Range",
            "Access-Control-Max-Age": "86400",
        },
    )


def _not_allowed(request: HttpRequest) -> HttpResponse:
    answer = errors.respond(request, MethodNotAllowed(request.method or ""))
    answer.headers["Allow"] = ", ".join(METHODS)
    return answer


def _without_body(status: int, headers: dict[str, str]) -> HttpResponse:
    response = HttpResponse(status=status, headers=headers)
    if "Content-Type" not in headers:
        del response.headers["Content-Type"]
    return response
