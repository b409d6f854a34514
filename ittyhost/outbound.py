"""Fetching what users' URLs point to.

Users choose the URL, so neither the URL nor what answers is trusted: only http and https, every address that a name
stands for is checked and the connection made to a checked one, each redirect is checked anew, and bytes, time and
patience are bounded. Proxies of the environment are not used: they would reach what this machine may not.
"""

import ipaddress
import logging
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urljoin

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url, parse_url

from ittyhost.addresses import Address, is_refused
from ittyhost.errors import Invalid
from ittyhost.wire import Wire

logger = logging.getLogger(__name__)

MAX_URL_LENGTH = 4096
MAX_REDIRECTS = 5
MAX_ADDRESSES = 4  # tried of one name
RESOLVE_SECONDS = 10.0
CONNECT_SECONDS = 10.0
HEAD_SECONDS = 30.0  # from connecting to an address until the head of its answer is complete
HEAD_BYTES = 256 * 1024
READ_SECONDS = 30.0  # without a single byte
OVERHEAD_BYTES = 1024 * 1024  # on the wire beside the file's own bytes, of which as many again may be framing
SLOW_SECONDS = 30.0  # over so long at least SLOW_BYTES must come
SLOW_BYTES = 30_000
RESUMES = 5
SLICE_SECONDS = 0.25  # how soon a wait notices that it is to stop
AGENT = "ittyhost (media fetcher)"
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


class FetchFailed(Exception):
    """The URL gave no file. `message` is for its user; `transient` tells whether later may be better."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.transient = transient


class FetchStopped(Exception):
    """`should_stop` said so."""


class _Dropped(Exception):
    """The connection ended before the file did."""


def check_url(url: str, *, param: str = "url") -> None:
    """Whether a URL may be fetched at all, as far as can be told without asking anybody. Raises Invalid."""
    try:
        parts = _parts(url)
        with suppress(ValueError):
            _check_address(ipaddress.ip_address((parts.host or "").strip("[]")))
    except FetchFailed as exc:
        raise Invalid(exc.message, param=param) from None


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

    A thread watches over every wait from before connecting on, and hangs up when it is time to: `should_stop` is called
    in it too. `abort` may be called from another thread and does the same.
    """

    def __init__(
        self, url: str, *, limits: Limits | None = None, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._url = url
        self._limits = limits or Limits()
        self._should_stop = should_stop
        self._deadline = time.monotonic() + self._limits.seconds
        self._connection: HTTPConnection | None = None
        self._wire: Wire | None = None
        self._head_until: float | None = None
        self._verdict: Exception | None = None  # why this download is over
        self._received = 0
        self._begun_at = 0  # in the file, of the present answer
        self._resumes = 0
        self._waited: tuple[float, float | None] = (0.0, None)  # seconds in all for bytes, and since when now
        self._window: tuple[Wire | None, float, int] = (None, 0.0, 0)
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="download-watch", daemon=True)
        self._watcher.start()
        try:
            self._response = self._request({})
            self._check_first_answer()
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
        self._over.set()
        self._watcher.join(READ_SECONDS)
        self._hang_up()

    def abort(self) -> None:
        """End whatever this download waits for, from another thread."""
        self._end(FetchStopped())

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._wire is not None:
            self._wire.close()

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end of the file."""
        while True:
            self._check_stop()
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
        waited, _ = self._waited
        wire, begun = self._wire, time.monotonic()
        assert wire is not None
        wire.allowed = HEAD_BYTES + OVERHEAD_BYTES + 2 * (self._received - self._begun_at + size)
        self._waited = (waited, begun)
        try:
            chunk = self._response.read1(size)  # not `read`: it would wait for all of them
        except (HTTPError, HTTPException, OSError, ValueError) as exc:
            raise _Dropped(f"{type(exc).__name__}") from exc
        finally:
            self._waited = (waited + time.monotonic() - begun, None)
        if not chunk and self.length is not None and self._received < self.length:
            raise _Dropped("ended early")
        return chunk

    # --- patience ---

    def _watch(self) -> None:
        """In a thread of its own: hang up on whoever takes too long, or when it is to stop."""
        while not self._over.wait(SLICE_SECONDS):
            try:
                verdict = self._verdict or self._judge() or self._judge_speed()
            except Exception as exc:  # of `should_stop`, which nobody else can answer for
                logger.exception("whether a fetch is to stop could not be told")
                verdict = exc
            if verdict is not None:
                self._end(verdict)
            elif self._wire is not None and self._head_until is not None and time.monotonic() > self._head_until:
                self._wire.cut(TimeoutError("the head of the answer did not come in time"))

    def _end(self, verdict: Exception) -> None:
        self._verdict = self._verdict or verdict
        if self._wire is not None:
            self._wire.cut(self._verdict)

    def _judge(self) -> Exception | None:
        if self._should_stop():
            return FetchStopped()
        if time.monotonic() > self._deadline:
            return FetchFailed(
                f"Fetching the URL took longer than {self._limits.seconds:.0f} seconds. "
                "Use a faster server or a smaller file."
            )
        return None

    def _judge_speed(self) -> Exception | None:
        """Of the time that was spent waiting alone: whoever takes the bytes may be slow."""
        waited, since = self._waited
        waited += 0.0 if since is None else time.monotonic() - since
        wire, begun, had = self._window
        if wire is None or wire is not self._wire:
            self._window = (self._wire, waited, 0)
        elif waited - begun >= SLOW_SECONDS:
            came = wire.received - had
            if came < SLOW_BYTES:
                return FetchFailed(f"{self.host} sends too slowly: {came} bytes in {waited - begun:.0f} seconds.")
            self._window = (wire, waited, wire.received)
        return None

    def _check_stop(self) -> None:
        verdict = self._verdict or self._judge()
        if verdict is not None:
            raise verdict

    # --- what came ---

    def _check_first_answer(self) -> None:
        if self._response.status != 200:
            raise FetchFailed(f"{self.host} answered with a part of the file although all of it was asked for.")
        headers = self._response.headers
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise FetchFailed("The URL leads to a web page, not to a media file. Give the address of the file itself.")
        coding = headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise FetchFailed(f"{self.host} sends the file compressed ({coding}) although it was asked not to.")
        self.type = kind
        self.length = self._response.length_remaining  # None when chunked or not told
        if self.length is not None and self.length > self._limits.size:
            raise self._too_large()
        self.name = _file_name(headers.get("Content-Disposition", ""), self._path)
        self._validator = headers.get("ETag", "")
        if not self._validator or self._validator.startswith("W/"):
            self._validator = headers.get("Last-Modified", "")

    def _too_large(self) -> FetchFailed:
        return FetchFailed(f"The file at the URL is larger than {self._limits.size} bytes, the largest that is taken.")

    def _resume(self, reason: str) -> None:
        """Ask for the rest. Only what is surely the same file may be put together."""
        self._hang_up()
        self._check_stop()
        self._resumes += 1
        lost = FetchFailed(f"The connection to {self.host} was lost after {self._received} bytes.", transient=True)
        if self._resumes > RESUMES or not self._validator:
            raise lost
        logger.info("a fetch goes on after a lost connection", extra={"host": self.host, "reason": reason})
        self._pause(min(0.2 * 2**self._resumes, 5.0))
        self._begun_at = self._received
        self._response = self._request({"Range": f"bytes={self._received}-", "If-Range": self._validator})
        told = self._response.headers.get("Content-Range", "")
        if self._response.status != 206 or not told.replace(" ", "").startswith(f"bytes{self._received}-"):
            raise lost

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._check_stop()
            time.sleep(min(SLICE_SECONDS, seconds))

    # --- one request, with its redirects ---

    def _request(self, extra: dict[str, str]) -> BaseHTTPResponse:
        url = self._url
        for _ in range(MAX_REDIRECTS + 1):
            parts = _parts(url)
            response = self._ask(parts, extra)
            self.host, self._path = parts.host or "", parts.path or ""
            target = response.headers.get("Location")
            if response.status in (301, 302, 303, 307, 308) and target:
                self._hang_up()
                try:
                    url = urljoin(url, target)
                except ValueError:
                    raise FetchFailed(f"{self.host} redirects to an address that is not valid.") from None
                continue
            _check_status(response.status, self.host)
            return response
        raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")

    def _ask(self, parts: Url, extra: dict[str, str]) -> BaseHTTPResponse:
        """The answer's head, from the first of the name's addresses that can be reached."""
        name = parts.host or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        failure: Exception | None = None
        for address in self._addresses(name, port)[:MAX_ADDRESSES]:
            self._check_stop()
            self._connection = connection = self._pinned(parts.scheme or "", name, port, address)
            self._wire = wire = Wire(
                allowed=HEAD_BYTES, excess=FetchFailed(f"{name} sends far more than the file that it announces.")
            )
            self._head_until = time.monotonic() + self._limits.head_seconds
            try:
                connection.connect()
                connection.sock = wire.wrap(connection.sock)
                connection.request(
                    "GET",
                    parts.request_uri,
                    headers={"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **extra},
                    preload_content=False,
                    decode_content=False,
                )
                response = connection.getresponse()
                wire.in_head = False
                return response
            except (HTTPError, HTTPException, OSError) as exc:
                self._hang_up()
                failure = wire.reason or exc
            finally:
                self._head_until = None
        self._check_stop()
        logger.info("a URL could not be reached", extra={"host": name, "reason": repr(failure)})
        if "CERTIFICATE_VERIFY_FAILED" in str(failure):
            raise FetchFailed(f"The certificate of {name} is not valid.")
        if isinstance(failure, ssl.SSLError):
            raise FetchFailed(f"{name} does not speak HTTPS as it should.")
        raise FetchFailed(f"{name} could not be reached, or did not answer in time.", transient=True)

    def _addresses(self, name: str, port: int) -> list[Address]:
        """Every address of a name, all of them checked: one forbidden address condemns the name."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="resolve")  # the system's resolver knows no time limit
        asked = pool.submit(resolve, name.strip("[]"), port)
        pool.shutdown(wait=False)
        until = time.monotonic() + RESOLVE_SECONDS
        while True:
            self._check_stop()
            try:
                found = asked.result(timeout=SLICE_SECONDS)
                break
            except NotYet:
                if time.monotonic() > until:
                    raise FetchFailed(f"The name {name} could not be resolved in time.", transient=True) from None
            except socket.gaierror as exc:
                transient = exc.errno == socket.EAI_AGAIN
                raise FetchFailed(f"The name {name} does not resolve to an address.", transient=transient) from None
            except UnicodeError:
                raise FetchFailed(f"{name} is not the name of a host.") from None
        for address in found:
            _check_address(address)
        if not found:
            raise FetchFailed(f"The name {name} does not resolve to an address.")
        return found

    def _pinned(self, scheme: str, name: str, port: int, address: Address) -> HTTPConnection:
        """A connection for a name (Host header, SNI, certificate) that goes to this address and no other."""

        def connect(*_: Any) -> socket.socket:
            return self._connected(address, port)

        timeout = max(0.1, min(READ_SECONDS, self._deadline - time.monotonic()))
        connection: HTTPConnection
        if scheme == "https":
            connection = HTTPSConnection(name.strip("[]"), port, timeout=timeout, ssl_context=_tls())
        else:
            connection = HTTPConnection(name.strip("[]"), port, timeout=timeout)
        connection._new_conn = connect  # type: ignore[method-assign]
        return connection

    def _connected(self, address: Address, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.connect_ex((str(address), port))
            until = min(time.monotonic() + CONNECT_SECONDS, self._deadline)
            while not select.select([], [sock], [], SLICE_SECONDS)[1]:
                self._check_stop()
                if time.monotonic() > until:
                    raise TimeoutError("connecting took too long")
            if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, "connecting failed")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._wire is not None:
                self._wire.attach(sock)
            sock.settimeout(max(0.1, min(READ_SECONDS, self._deadline - time.monotonic())))
        except BaseException:
            sock.close()
            raise
        return sock


def resolve(name: str, port: int) -> list[Address]:
    """All addresses of a name, as this machine resolves it."""
    host = name if name.isascii() else name.encode("idna").decode()
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found))


def _check_address(address: Address) -> None:
    if is_refused(address):
        # Not which address: a name of this network's own would tell a stranger what is inside.
        raise FetchFailed("The URL points into a private network, which is not fetched from. Give a public URL.")


def _parts(url: str) -> Url:
    if len(url) > MAX_URL_LENGTH:
        raise FetchFailed(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if not url or _UNPRINTABLE.search(url):
        raise FetchFailed("The URL is empty or holds spaces or control characters; write them as %20 and so on.")
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise FetchFailed("The URL is not valid.") from None
    if parts.scheme not in ("http", "https"):
        raise FetchFailed("The URL must begin with http:// or https://.")
    if parts.auth is not None:
        raise FetchFailed("The URL must not hold a user name or password. Use a signed URL instead.")
    if not parts.host:
        raise FetchFailed("The URL names no host.")
    if parts.port == 0:
        raise FetchFailed("The URL's port is not valid.")
    return parts


def _check_status(status: int, host: str) -> None:
    if status in (200, 206):
        return
    if status in (401, 402, 403, 407, 451):
        raise FetchFailed(f"{host} refused access to the URL (HTTP {status}). Give a public or signed URL.")
    if status in (404, 410):
        raise FetchFailed(f"{host} has nothing at the URL (HTTP {status}).")
    if status in (408, 425, 429) or status >= 500:
        raise FetchFailed(f"{host} could not deliver the file now (HTTP {status}).", transient=True)
    raise FetchFailed(f"{host} answered HTTP {status} instead of the file.")


def _file_name(disposition: str, path: str) -> str:
    """What the server calls the file, else the last part of the path; empty when neither says."""
    encoded = re.search(r"filename\*\s*=\s*UTF-8''([^;]+)", disposition, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;\s]+))', disposition, re.IGNORECASE)
    if encoded:
        name = unquote(encoded.group(1))
    elif plain:
        name = plain.group(1) or plain.group(2) or ""
    else:
        name = unquote(path)
    return name.replace("\\", "/").rpartition("/")[2].strip()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
