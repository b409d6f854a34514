"""Clients that stall: the threads they hold are given back.

Under WSGI every request holds a thread while its body comes and while its answer is taken, and granian waits for ever
for either. Here a body that stops coming is cut off after `BODY_TIMEOUT`, and the kernel ends connections that take
nothing of their answer for `SEND_TIMEOUT`. Both need Linux; elsewhere (a laptop) clients are trusted.

granian offers neither a time limit nor the client's socket, and a thread that reads a body cannot be interrupted;
answering while another thread still reads freezes the whole process (2.8.7). So a watchdog finds the connections of the
client's address on which too little came in and nothing went out, and shuts their reading side: the read then ends.
"""

import logging
import os
import socket
import stat
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

logger = logging.getLogger(__name__)

PIECE = 64 * 1024  # bytes read at a time
BODY_TIMEOUT = 30.0  # seconds for each piece: a client slower than 2 kB/s is not waited for
SEND_TIMEOUT = 60.0  # seconds in which a client must take something of its answer
SLACK = 1.5  # seconds by which the kernel's and the application's idea of a read's start may differ

# struct tcp_info (linux/tcp.h): milliseconds since data was last sent, and bytes received in all.
_LAST_DATA_SENT = 44
_BYTES_RECEIVED = 128
_TCP_INFO_SIZE = 136

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class BodyCut(OSError):
    """The body ended before the length announced for it. An OSError: Django makes UnreadablePostError of it."""


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Connection:
    """One TCP connection of this process, as the kernel knows it."""

    address: str
    port: int
    received: int  # bytes, in all
    sent_ago: float  # seconds since anything was sent to the client


class Watchdog:
    """Knows which bodies are being read, and cuts the connections of those that take too long for a piece."""

    def __init__(self, timeout: float = BODY_TIMEOUT) -> None:
        self.timeout = timeout
        self._reads: dict[int, tuple[str, float]] = {}  # thread → the client's address, when its read began
        self._samples: deque[tuple[float, dict[tuple[str, int], int]]] = deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def begin(self, address: str) -> None:
        """This thread starts to wait for a piece of a body."""
        self._reads[threading.get_ident()] = (address, time.monotonic())
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="body-watchdog", daemon=True)
                    self._thread.start()

    def end(self) -> None:
        self._reads.pop(threading.get_ident(), None)

    def _run(self) -> None:
        while True:
            time.sleep(self.timeout / 6)
            try:
                self.look()
            except Exception:  # a watchdog that died would be missed only under attack
                logger.exception("looking for stalled clients failed")

    def look(self) -> int:
        """Cut the stalled; how many connections were."""
        now = time.monotonic()
        reads = list(self._reads.values())
        if not any(now - began >= self.timeout / 6 for _, began in reads):
            self._samples.clear()
            return 0
        found = list(connections())
        late = [(address, began) for address, began in reads if now - began >= self.timeout]
        cut = 0
        for address, began in late:
            # The oldest sample taken since the read began: what came later is all that came for the piece.
            before = next((sample for taken, sample in self._samples if taken >= began), {})
            for one in found:
                known = before.get((one.address, one.port))
                if one.address != address or known is None:
                    continue
                if one.received - known < PIECE and one.sent_ago >= now - began - SLACK:
                    cut += stop_reading(one)
        self._samples.append((now, {(one.address, one.port): one.received for one in found}))
        while self._samples and now - self._samples[0][0] > 2 * self.timeout:
            self._samples.popleft()
        return cut


class WatchedBody:
    """`wsgi.input` that does not wait for ever, and does not pass off a part as the whole.

    granian ends a body whose client went away as if it were complete; the announced length tells them apart. A chunked
    body announces none, so its end proves nothing: whoever stores one must refuse it (411) or know its digest.
    """

    def __init__(self, body: Readable, length: int | None, *, address: str, watchdog: Watchdog) -> None:
        self._body = body
        self._left = length
        self._address = address
        self._watchdog = watchdog
        self._buffer = b""

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, all that is left with -1; b"" at the end. Raises BodyCut."""
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
        self._watchdog.begin(self._address)
        try:
            piece = bytes(self._body.read(size))
        finally:
            self._watchdog.end()
        if self._left is not None:
            if not piece:
                raise BodyCut(f"The body ended {self._left} bytes before the length announced for it.")
            self._left -= len(piece)
        return piece


class StallGuard:
    """The application with a WatchedBody before it, and the kernel's time limits on the server's connections."""

    def __init__(self, application: Application, *, body: float = BODY_TIMEOUT, send: float = SEND_TIMEOUT) -> None:
        self.application = application
        self.watchdog = Watchdog(body)
        self._send_timeout = send
        self._sockets_set = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not self._sockets_set:  # the server listens only after it has loaded the application
            self._sockets_set = True
            limit_stalled_answers(self._send_timeout)
        length = environ.get("CONTENT_LENGTH") or ""
        if (length.isdecimal() and int(length)) or environ.get("HTTP_TRANSFER_ENCODING"):
            environ["wsgi.input"] = WatchedBody(
                environ["wsgi.input"],
                int(length) if length.isdecimal() else None,
                address=environ.get("REMOTE_ADDR", ""),
                watchdog=self.watchdog,
            )
        return self.application(environ, start_response)


def limit_stalled_answers(seconds: float) -> int:
    """Have the kernel end future connections whose client is gone or takes nothing; how many listeners were told."""
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux only
    if user_timeout is None:
        return 0
    found = 0
    for handle in _sockets():
        with suppress(OSError):
            if not handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                continue
            # Accepted connections inherit all of these from the socket that listens.
            handle.setsockopt(socket.IPPROTO_TCP, user_timeout, int(seconds * 1000))
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, int(seconds / 2)))
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, int(seconds / 6)))
            found += 1
    return found


def connections() -> Iterator[Connection]:
    """Every established TCP connection of this process; none where the kernel is not Linux."""
    for handle in _sockets():
        with suppress(OSError, struct.error):
            address, port = handle.getpeername()[:2]
            info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
            (sent,) = struct.unpack_from("I", info, _LAST_DATA_SENT)
            (received,) = struct.unpack_from("Q", info, _BYTES_RECEIVED)
            yield Connection(address.removeprefix("::ffff:"), port, received, sent / 1000)


def stop_reading(connection: Connection) -> bool:
    """End what can be read from a connection; its answer can still be sent. Whether it was there."""
    for handle in _sockets():
        with suppress(OSError):
            address, port = handle.getpeername()[:2]
            if (address.removeprefix("::ffff:"), port) == (connection.address, connection.port):
                handle.shutdown(socket.SHUT_RD)
                logger.info("a stalled client was cut off", extra={"address": address, "received": connection.received})
                return True
    return False


def _sockets() -> Iterator[socket.socket]:
    """This process's TCP sockets, each as a duplicate that is closed behind the caller."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return
    for name in names:
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            duplicate = os.dup(int(name))
        except OSError:  # closed meanwhile
            continue
        try:
            handle = socket.socket(fileno=duplicate)
        except OSError:  # another socket type's number by now
            os.close(duplicate)
            continue
        with handle:
            if handle.family in (socket.AF_INET, socket.AF_INET6) and handle.type == socket.SOCK_STREAM:
                yield handle
