"""One object over HTTP: whole, in part, as the client has it already, or from the store itself.

For whoever has found the object and settled that it may be given: the API's delivery paths, and admin. Neither the
database nor a lock is held while bytes move.
"""

import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, http_date

from ittyhost.errors import NotFound, Unavailable
from media_app.models import File, FileMember
from media_app.ranges import Span, Unsatisfiable, is_meant, is_same, is_unchanged, read_ranges
from media_app.services import connection_rest
from media_app.storage import Chunks, ObjectMissing, bucket
from workers.formats import extension_of

logger = structlog.get_logger(__name__)

PRESIGNED_SECONDS = 3600
# What a browser may show in place; anything that could run there is only ever downloaded.
SHOWN = ("image/", "video/", "audio/")
SHOWN_TYPES = frozenset(
    {"text/vtt", "text/srt", "application/json", "application/vnd.apple.mpegurl", "application/dash+xml"}
)
NOT_SHOWN = frozenset({"image/svg+xml"})
OPAQUE = "application/octet-stream"


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

    def opaque(self) -> "Target":
        """The same bytes under no type: whatever they are, a browser only saves them."""
        return replace(self, type=OPAQUE)

    def named(self, name: str) -> "Target":
        """The same bytes, to be saved under another name."""
        return replace(self, name=name)

    def disposition(self, *, download: bool) -> str:
        """The Content-Disposition: in place or for saving, and under which name."""
        name = self.name
        if not name:
            extension = extension_of(self.file.type)
            name = f"{self.file.public_id}.{extension}" if extension else self.file.public_id
        return content_disposition_header(download or self.type == OPAQUE, name) or "attachment"


def respond(
    request: HttpRequest,
    target: Target,
    *,
    headers: Mapping[str, str],
    download: bool = False,
    url_seconds: int | None = PRESIGNED_SECONDS,
    body: bytes | None = None,
) -> HttpResponseBase:
    """The bytes of an object, or the part of them that is asked for, for GET and HEAD.

    `headers` are the caller's: who may keep the answer, and what a browser may do with it. `url_seconds` is how long a
    URL of the store lasts, None for an object that must not be given by one. `body` is given in place of the object's
    own bytes. Raises NotFound when the bytes are gone, and Unavailable when too many move already or the store does not
    answer.
    """
    connection_rest()
    if body is not None:
        target = replace(target, size=len(body), etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    always = {"X-Content-Type-Options": "nosniff", **headers}
    not_kept = always | {"Cache-Control": "no-store"}
    shown = always | {
        "ETag": target.etag,
        "Last-Modified": http_date(target.file.created.timestamp()),
        "Accept-Ranges": "bytes",
        "Content-Disposition": target.disposition(download=download),
    }
    meta = request.META
    if not is_meant(match=meta.get("HTTP_IF_MATCH", ""), etag=target.etag):
        return without_body(412, not_kept | {"ETag": target.etag})
    if is_unchanged(
        none_match=meta.get("HTTP_IF_NONE_MATCH", ""),
        modified_since=meta.get("HTTP_IF_MODIFIED_SINCE", ""),
        etag=target.etag,
        modified=target.file.created,
    ):
        return without_body(304, shown | {"Content-Length": str(target.size)})
    if request.method == "HEAD":
        # A range means nothing to HEAD (RFC 9110, 14.2).
        return without_body(200, shown | {"Content-Type": target.type, "Content-Length": str(target.size)})
    try:
        spans: tuple[Span, ...] = ()
        if is_same(if_range=meta.get("HTTP_IF_RANGE", ""), etag=target.etag, modified=target.file.created):
            spans = read_ranges(meta.get("HTTP_RANGE", ""), target.size)
    except Unsatisfiable:
        return without_body(416, not_kept | {"Content-Range": f"bytes */{target.size}"})
    if body is None and url_seconds is not None and settings.DELIVERY_FROM_S3 == "redirect":
        url = bucket().presigned_get(
            target.key, seconds=url_seconds, type=target.type, disposition=shown["Content-Disposition"]
        )
        if url is not None:
            return without_body(302, not_kept | {"Location": url})
    return _stream(target, spans, shown) if body is None else _given(target, spans, shown, body)


def read_whole(target: Target) -> bytes:
    """All bytes of an object that is known to be small. Raises NotFound, Unavailable."""
    connection_rest()
    transfers.begin()
    try:
        chunks = bucket().open(target.key, 0, target.size)
        try:
            return b"".join(chunks)
        finally:
            chunks.close()
    except ObjectMissing as exc:
        raise _gone(target, exc) from None
    finally:
        transfers.end()


def _gone(target: Target, reason: ObjectMissing) -> NotFound:
    logger.error("a file's bytes are gone", file=target.file.public_id, reason=str(reason))
    return NotFound("Nothing is here.")


def without_body(status: int, headers: Mapping[str, str]) -> HttpResponse:
    """An answer that is its status and headers alone."""
    response = HttpResponse(status=status, headers=dict(headers))
    if "Content-Type" not in headers:
        del response.headers["Content-Type"]
    return response


@dataclass(frozen=True)
class Part:
    """A piece of an answer's body: some bytes of ours, then some of the object's."""

    before: bytes
    span: Span | None = None


class Moving:
    """The bytes of an answer; ends the transfer when the server is done with it, or the client gone."""

    def __init__(self, key: str, parts: Sequence[Part]) -> None:
        self._key = key
        self._parts = iter(parts)
        self._before = b""
        self._chunks: Chunks | None = None
        self._ended = True
        transfers.begin()
        self._ended = False
        try:
            self._go_on()  # an object that is missing is told before the first byte
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            if self._before:
                before, self._before = self._before, b""
                return before
            if self._chunks is not None and (chunk := next(self._chunks, None)):
                return chunk
            self._go_on()

    def _go_on(self) -> None:
        """To the next part. Raises StopIteration after the last one, ObjectMissing."""
        part = next(self._parts)
        self._let_go()
        self._before = part.before
        if part.span:
            self._chunks = bucket().open(self._key, part.span.start, part.span.length)

    def _let_go(self) -> None:
        if self._chunks is not None:
            self._chunks.close()
            self._chunks = None

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            transfers.end()
            self._let_go()

    __del__ = close


def _stream(target: Target, spans: Sequence[Span], headers: dict[str, str]) -> StreamingHttpResponse:
    """All of it, one part, or several in one body (RFC 9110, 14.6)."""
    parts, type, about = _parted(target, spans, headers)
    about["Content-Length"] = str(sum(len(part.before) + (part.span.length if part.span else 0) for part in parts))
    try:
        moving = Moving(target.key, parts)
    except ObjectMissing as exc:
        raise _gone(target, exc) from None
    return StreamingHttpResponse(moving, status=206 if spans else 200, content_type=type, headers=about)


def _given(target: Target, spans: Sequence[Span], headers: dict[str, str], body: bytes) -> HttpResponse:
    """The same of bytes that are at hand."""
    parts, type, about = _parted(target, spans, headers)
    ours = [(part.before, part.span or Span(0, 0, len(body))) for part in parts]
    content = b"".join(before + body[span.start : span.start + span.length] for before, span in ours)
    about["Content-Length"] = str(len(content))
    return HttpResponse(content, status=206 if spans else 200, content_type=type, headers=about)


def _parted(
    target: Target, spans: Sequence[Span], headers: Mapping[str, str]
) -> tuple[Sequence[Part], str, dict[str, str]]:
    """The parts of a body, its type, and its headers."""
    if len(spans) > 1:
        parts, type = _multipart(target, spans)
        return parts, type, dict(headers)
    whole = [Part(b"", spans[0] if spans else Span(0, target.size, target.size))]
    return whole, target.type, {**headers, **({"Content-Range": spans[0].content_range} if spans else {})}


def _multipart(target: Target, spans: Sequence[Span]) -> tuple[list[Part], str]:
    """The parts of a body of several ranges, and its type. What separates them nobody can have put into a file."""
    boundary = secrets.token_hex(16)
    parts = [
        Part(
            f"\r\n--{boundary}\r\nContent-Type: {target.type}\r\nContent-Range: {span.content_range}\r\n\r\n".encode(),
            span,
        )
        for span in spans
    ]
    return [*parts, Part(f"\r\n--{boundary}--\r\n".encode())], f"multipart/byteranges; boundary={boundary}"


def _is_shown(type: str) -> bool:
    plain = type.partition(";")[0].strip().lower()
    return plain not in NOT_SHOWN and (plain.startswith(SHOWN) or plain in SHOWN_TYPES)
