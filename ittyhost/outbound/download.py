"""A file at a URL, read like a file."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from types import TracebackType
from typing import Self

from django.conf import settings
from urllib3.exceptions import HTTPError

from ittyhost.outbound import answers
from ittyhost.outbound.connecting import HEAD_BYTES, Answer, ask
from ittyhost.outbound.failures import FetchFailed
from ittyhost.outbound.patience import Patience
from ittyhost.outbound.urls import redirect_target, url_parts

logger = logging.getLogger(__name__)

MAX_REDIRECTS = 5
HEAD_SECONDS = 30.0  # from connecting to an address until the head of its answer is complete
OVERHEAD_BYTES = 1024 * 1024  # on the wire beside the file's own bytes, of which as many again may be framing
RESUMES = 5


class _Dropped(Exception):
    """The connection ended before the file did."""


@dataclass(frozen=True)
class Limits:
    """What a fetch may cost."""

    size: int = field(default_factory=lambda: settings.MAX_FILE_BYTES)
    seconds: float = field(default_factory=lambda: settings.FETCH_SECONDS)
    head_seconds: float = field(default_factory=lambda: HEAD_SECONDS)


class Download:
    """An open answer, read like a file; a connection that drops is taken up again where the server allows it.

    Use as a context manager. `length` is None where the server does not tell; `name` is what the server calls the file,
    or the end of the URL's path. `read` and the constructor raise FetchFailed, or FetchStopped when `should_stop()`.
    `abort` may be called from another thread, and `should_stop` is called in another.
    """

    def __init__(
        self, url: str, *, limits: Limits | None = None, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._url = url
        self._limits = limits or Limits()
        self._answer: Answer | None = None
        self._opening: bytes | None = None  # the first bytes, once they were looked at and until they are read
        self._received = 0
        self._begun_at = 0  # in the file, of the present answer
        self._resumes = 0
        self._patience = Patience(seconds=self._limits.seconds, should_stop=should_stop)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._patience.close()
        self._hang_up()

    def abort(self) -> None:
        """End whatever this download waits for, from another thread."""
        self._patience.abort()

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end of the file."""
        if self._opening is None:
            self._opening = self._read_opening()
        if self._opening:
            self._patience.check()
            chunk, self._opening = self._opening[:size], self._opening[size:]
            return chunk
        return self._read_on(size)

    def _read_opening(self) -> bytes:
        """The first bytes, as many as tell whether this may be media."""
        opening = b""
        while answers.is_undecided(opening):
            chunk = self._read_on(answers.OPENING - len(opening))
            if not chunk:
                break
            opening += chunk
        answers.check_opening(opening, self.host)
        return opening

    def _read_on(self, size: int) -> bytes:
        while True:
            self._patience.check()
            try:
                chunk = self._receive(size)
            except _Dropped as exc:
                self._resume(str(exc))
                continue
            self._received += len(chunk)
            if self._received > self._limits.size:
                raise self._too_large()
            return chunk

    def _receive(self, size: int) -> bytes:
        answer = self._answer
        assert answer is not None
        answer.wire.allowed = HEAD_BYTES + OVERHEAD_BYTES + 2 * (self._received - self._begun_at + size)
        try:
            with self._patience.for_bytes():
                chunk = answer.response.read1(size)  # not `read`: it would wait for all of them
        except (HTTPError, HTTPException, OSError, ValueError) as exc:
            raise _Dropped(f"{type(exc).__name__}") from exc
        if self.length is not None:
            if not chunk and self._received < self.length:
                raise _Dropped("ended early")
            if self._received + len(chunk) > self.length:
                raise FetchFailed(f"{self.host} sends more than the {self.length} bytes that it announces.")
        return chunk

    # --- what came ---

    def _begin(self) -> None:
        """Ask for the whole file, and know it by its head."""
        self._answer = answer = self._request({})
        response, headers = answer.response, answer.response.headers
        answers.check_whole(response.status, headers, answer.host)
        self.type = answers.media_type(headers)
        self.length = response.length_remaining  # None when chunked or not told
        if self.length is not None and self.length > self._limits.size:
            raise self._too_large()
        if self.length == 0:
            answers.check_opening(b"", answer.host)
        self.name = answers.file_name(headers.get("Content-Disposition", ""), answer.path)
        self._validator = answers.validator(headers)

    def _too_large(self) -> FetchFailed:
        return FetchFailed(f"The file at the URL is larger than {self._limits.size} bytes, the largest that is taken.")

    def _resume(self, reason: str) -> None:
        """Ask for the rest. Only what is surely the same file may be put together.

        What cannot is lost: whoever reads has taken the bytes already. That is transient, and the whole is tried again.
        """
        self._hang_up()
        self._patience.check()
        self._resumes += 1
        lost = FetchFailed(f"The connection to {self.host} was lost after {self._received} bytes.", transient=True)
        if self._resumes > RESUMES or not self._received or not self._validator:
            raise lost
        logger.info("a fetch goes on after a lost connection", extra={"host": self.host, "reason": reason})
        self._patience.pause(min(0.2 * 2**self._resumes, 5.0))
        self._begun_at = self._received
        self._answer = answer = self._request({"Range": f"bytes={self._received}-", "If-Range": self._validator})
        headers = answer.response.headers
        if not answers.goes_on(
            answer.response.status, headers, at=self._received, length=self.length, known=self._validator
        ):
            raise lost
        if self.length is None:  # known now: the server may send this part in several
            self.length = answers.total(headers)

    # --- one request, with its redirects ---

    def _request(self, extra: Mapping[str, str]) -> Answer:
        url = self._url
        for _ in range(MAX_REDIRECTS + 1):
            answer = ask(url_parts(url), extra, patience=self._patience, head_seconds=self._limits.head_seconds)
            self.host = answer.host
            target = answer.response.headers.get("Location")
            try:
                if answer.response.status not in (301, 302, 303, 307, 308) or not target:
                    answers.check_status(answer.response.status, answer.host)
                    return answer
                url = redirect_target(url, target, host=answer.host)
            except BaseException:
                answer.close()
                raise
            answer.close()
        raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")

    def _hang_up(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None
