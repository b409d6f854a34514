"""The one file in a form that a browser sends (multipart/form-data, RFC 7578), as a stream: nothing is kept of it."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import FILE, ChunkIter, LazyStream, MultiPartParserError, Parser
from django.utils.http import parse_header_parameters

from ittyhost.errors import Invalid
from media_app.services.files import Announced
from media_app.storage import CHUNK, Reader

FORM = "multipart/form-data"
MAX_BOUNDARY = 200  # RFC 2046 allows 70
MAX_PARTS = 100


def is_form(request: HttpRequest) -> bool:
    """Whether a request's body is a form."""
    return request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == FORM


class FormFile:
    """A reader of the bytes of the only file in a form. `read` raises Invalid where the form is not such."""

    def __init__(self, stream: Reader, content_type: str, length: int) -> None:
        _, parameters = parse_header_parameters(content_type)
        boundary = parameters.get("boundary", "")
        if not (boundary.isascii() and 0 < len(boundary) <= MAX_BOUNDARY):
            raise Invalid("Content-Type must name the form's boundary.", param="Content-Type")
        body = LazyStream(ChunkIter(Announced(stream, length), CHUNK))  # type: ignore[arg-type]  # it only reads
        self._parts = self._all(Parser(body, boundary.encode()))
        self._file: Any = None
        self._ended = False

    def read(self, size: int, /) -> bytes:
        if self._ended:
            return b""
        try:
            if self._file is None:
                self._file = self._next()
                if self._file is None:
                    raise Invalid("The form holds no file. Send it as one part that has a filename.", param="file")
            chunk: bytes = self._file.read(size)
            if not chunk:
                self._ended = True
                if self._next() is not None:
                    raise Invalid("The form holds several files. Send one.", param="file")
            return chunk
        except (MultiPartParserError, SuspiciousOperation) as exc:
            raise Invalid("The form is malformed.", param="Content-Type") from exc

    def _next(self) -> Any:
        """The stream of the next file in the form; what lies between is passed over."""
        return next(self._parts, None)

    @staticmethod
    def _all(parts: Any) -> Iterator[Any]:
        for number, (kind, _, stream) in enumerate(parts):
            if number >= MAX_PARTS:
                raise Invalid(f"The form has more than {MAX_PARTS} parts.", param="Content-Type")
            if kind == FILE:
                yield stream
            for _ in stream:
                pass
