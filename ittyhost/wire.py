"""One connection as bytes on the wire: counted, bounded, and ended from another thread.

Socket timeouts bound silence only: http.client reads for ever from a server that sends one byte of a header, of a
chunk's extension or of a trailer at a time, and gives nothing back meanwhile.
"""

import io
import socket
import threading
from contextlib import suppress
from typing import Any


class Wire:
    """What comes in on one connection. `allowed` is how many bytes may; more raise `excess`."""

    def __init__(self, *, allowed: int, excess: Exception) -> None:
        self.received = 0
        self.allowed = allowed
        self.in_head = True  # the answer's head is still to be completed
        self.reason: Exception | None = None  # why it was cut
        self._excess = excess
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()

    def attach(self, sock: socket.socket) -> None:
        """Know a connection's socket, under a handle of our own: TLS hides it, and a closed number may be another's."""
        with self._lock:
            self._handle = sock.dup()
        if self.reason is not None:
            self.cut(self.reason)

    def wrap(self, sock: Any) -> Any:
        """The socket as http.client is to read from it."""
        return _Socket(sock, self)

    def cut(self, reason: Exception) -> None:
        """End every wait on this connection, from any thread: whoever reads gets the first reason."""
        with self._lock:
            self.reason = self.reason or reason
            if self._handle is not None:
                with suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def check(self) -> None:
        if self.reason is not None:
            raise self.reason

    def took(self, count: int) -> None:
        self.check()
        self.received += count
        if self.received > self.allowed:
            raise self._excess
        if self.in_head and not count:
            raise ConnectionResetError("the answer ended within its head")  # http.client would take it for whole


class _Socket:
    def __init__(self, sock: Any, wire: Wire) -> None:
        self._sock = sock
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def makefile(self, mode: str, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Counted(self._sock.makefile(mode, buffering=0), self._wire))


class _Counted(io.RawIOBase):
    def __init__(self, raw: Any, wire: Wire) -> None:
        self._raw = raw
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._wire.check()
        try:
            count: int | None = self._raw.readinto(buffer)
        except OSError:
            self._wire.check()
            raise
        self._wire.took(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
