"""The WSGI application that granian serves: Django behind two guards against clients that stall.

Every request holds a thread while it is read and answered, and the server itself waits for ever for either. A body that
stops coming ends its request after `BODY_TIMEOUT`; an answer that is no longer taken has its connection cut by the
kernel after `SEND_TIMEOUT`.
"""

import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ittyhost.settings")

BODY_TIMEOUT = 30.0  # seconds for the next piece of a body: nothing slower than 64 KiB in that time is waited for
SEND_TIMEOUT = 60.0  # seconds in which a client that takes an answer must acknowledge something
PIECE = 64 * 1024
MAX_READERS = 512  # threads of one process that wait for bodies, those given up included until their client leaves

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class BodyError(OSError):
    """The request's body cannot be read to its end. An OSError: Django makes UnreadablePostError of it."""


class BodyStalled(BodyError):
    """The client stopped sending, or sends too slowly."""


class BodyCut(BodyError):
    """The body ended before the length announced for it."""


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Reader(threading.Thread):
    """A thread that makes one blocking read at a time for somebody else, then is free for the next."""

    _free: deque["_Reader"] = deque()
    _count = 0
    _counting = threading.Lock()

    def __init__(self) -> None:
        super().__init__(name="body-reader", daemon=True)  # one that waits must not hold up the process's end
        self._work: SimpleQueue[tuple[Readable, int, SimpleQueue[bytes | BaseException]]] = SimpleQueue()

    @classmethod
    def read(cls, body: Readable, size: int, timeout: float) -> bytes:
        """What `body.read(size)` returns, if it does within `timeout` seconds. Raises BodyStalled."""
        try:
            reader = cls._free.pop()
        except IndexError:
            with cls._counting:
                if cls._count >= MAX_READERS:
                    raise BodyStalled("too many clients stopped in the middle of their bodies.") from None
                cls._count += 1
            reader = cls()
            reader.start()
        answer: SimpleQueue[bytes | BaseException] = SimpleQueue()
        reader._work.put((body, size, answer))
        try:
            found = answer.get(timeout=timeout)
        except Empty:
            raise BodyStalled(f"no more of the body came for {timeout:g} seconds.") from None
        if isinstance(found, BaseException):
            raise BodyCut("the body could not be read to its end.") from found
        return found

    def run(self) -> None:
        while True:
            body, size, answer = self._work.get()
            try:
                answer.put(body.read(size))
            except BaseException as exc:  # handed to the thread that asked
                answer.put(exc)
            del body, answer  # granian closes the connection of a body that nobody holds
            self._free.append(self)


class TimedBody:
    """`wsgi.input` that raises instead of waiting for ever, or of passing off a part as the whole.

    granian ends a body whose client went away as if it were complete; the announced length tells them apart. A chunked
    body announces none, so its end proves nothing: whoever stores one must refuse it (411) or know its digest.
    """

    def __init__(self, body: Readable, length: int | None, timeout: float = BODY_TIMEOUT) -> None:
        self._body = body
        self._left = length
        self._timeout = timeout
        self._buffer = b""

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, all that is left with -1; b"" at the end."""
        wanted = -1 if size is None or size < 0 else size
        # Only readline leaves anything in the buffer.
        first, self._buffer = (self._buffer, b"") if wanted < 0 else (self._buffer[:wanted], self._buffer[wanted:])
        parts = [first] if first else []
        have = len(first)
        while wanted < 0 or have < wanted:
            piece = self._next(PIECE if wanted < 0 else min(PIECE, wanted - have))
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readline(self, size: int | None = -1, /) -> bytes:
        limit = None if size is None or size < 0 else size
        while b"\n" not in self._buffer and (limit is None or len(self._buffer) < limit):
            piece = self._next(PIECE)
            if not piece:
                break
            self._buffer += piece
        end = self._buffer.find(b"\n") + 1 or len(self._buffer)
        end = end if limit is None else min(end, limit)
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _next(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)
            if size == 0:
                return b""
        piece = _Reader.read(self._body, size, self._timeout)
        if self._left is not None:
            if not piece:
                raise BodyCut(f"the body ended {self._left} bytes before the length announced for it.")
            self._left -= len(piece)
        return piece


class StallGuard:
    """Puts a TimedBody before the application, and the kernel's time limits on the server's connections."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._sockets_set = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not self._sockets_set:  # the server listens only after it has loaded the application
            self._sockets_set = True
            limit_stalled_connections()
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdecimal():
            if int(length):
                environ["wsgi.input"] = TimedBody(environ["wsgi.input"], int(length))
        elif environ.get("HTTP_TRANSFER_ENCODING"):
            environ["wsgi.input"] = TimedBody(environ["wsgi.input"], None)
        return self.application(environ, start_response)


def limit_stalled_connections(seconds: float = SEND_TIMEOUT) -> int:
    """Have the kernel end future connections whose client is gone or takes nothing; how many listeners were told."""
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux only
    if user_timeout is None:
        return 0
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # not a socket, or closed meanwhile
            handle = socket.socket(fileno=os.dup(int(name)))
            with handle:
                if handle.family not in (socket.AF_INET, socket.AF_INET6):
                    continue
                if not handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    continue
                # Accepted connections inherit all of these from the socket that listens.
                handle.setsockopt(socket.IPPROTO_TCP, user_timeout, int(seconds * 1000))
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(seconds / 2))
                handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, int(seconds / 6)))
                found += 1
    return found


def build() -> StallGuard:
    from django.core.wsgi import get_wsgi_application

    return StallGuard(get_wsgi_application())


def __getattr__(name: str) -> Any:
    # Made when the server asks for it: the guards above can be imported without starting Django.
    if name == "application":
        globals()["application"] = made = build()
        return made
    raise AttributeError(name)
