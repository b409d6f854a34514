"""One request to one host: its name resolved once, every address checked, the connection made to a checked one."""

import ipaddress
import logging
import select
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url

from ittyhost.addresses import Address
from ittyhost.outbound.failures import FetchFailed
from ittyhost.outbound.patience import READ_SECONDS, SLICE_SECONDS, Patience
from ittyhost.outbound.urls import check_address
from ittyhost.wire import Wire

logger = logging.getLogger(__name__)

MAX_ADDRESSES = 4  # tried of one name
RESOLVE_SECONDS = 10.0
CONNECT_SECONDS = 10.0
HEAD_BYTES = 256 * 1024
AGENT = "ittyhost (media fetcher)"


@dataclass(frozen=True)
class Answer:
    """The open answer of a host: its head is there, its bytes are still to be read."""

    host: str
    path: str
    response: BaseHTTPResponse
    wire: Wire
    connection: HTTPConnection

    def close(self) -> None:
        self.connection.close()
        self.wire.close()


def ask(parts: Url, headers: Mapping[str, str], *, patience: Patience, head_seconds: float) -> Answer:
    """The answer to a GET, from the first of the name's addresses that can be reached.

    `head_seconds` is how long one address may take, from connecting until the head of its answer is complete. Raises
    FetchFailed, FetchStopped.
    """
    name = parts.host or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    failure: Exception | None = None
    for address in _addresses(name, port, patience)[:MAX_ADDRESSES]:
        patience.check()
        wire = Wire(allowed=HEAD_BYTES, excess=FetchFailed(f"{name} sends far more than the file that it announces."))
        connection = _pinned(parts.scheme or "", name, port, address, wire=wire, patience=patience)
        try:
            with patience.for_head(wire, name, head_seconds):
                connection.connect()
                connection.sock = wire.wrap(connection.sock)
                connection.request(
                    "GET",
                    parts.request_uri,
                    headers={"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **headers},
                    preload_content=False,
                    decode_content=False,
                )
                response = connection.getresponse()
                wire.in_head = False
            return Answer(name, parts.path or "", response, wire, connection)
        except (HTTPError, HTTPException, OSError) as exc:
            failure = wire.reason or exc
            _hang_up(connection, wire)
        except BaseException:
            _hang_up(connection, wire)
            raise
    patience.check()
    raise _unreached(name, failure)


def _hang_up(connection: HTTPConnection, wire: Wire) -> None:
    connection.close()
    wire.close()


def _unreached(name: str, failure: Exception | None) -> FetchFailed:
    logger.info("a URL could not be reached", extra={"host": name, "reason": repr(failure)})
    if "CERTIFICATE_VERIFY_FAILED" in str(failure):
        return FetchFailed(f"The certificate of {name} is not valid.")
    if isinstance(failure, ssl.SSLError):
        return FetchFailed(f"{name} does not speak HTTPS as it should.")
    return FetchFailed(f"{name} could not be reached, or did not answer in time.", transient=True)


def _addresses(name: str, port: int, patience: Patience) -> list[Address]:
    """Every address of a name, all of them checked: one forbidden address condemns the name."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="resolve")  # the system's resolver knows no time limit
    asked = pool.submit(resolve, name.strip("[]"), port)
    pool.shutdown(wait=False)
    until = time.monotonic() + RESOLVE_SECONDS
    while True:
        patience.check()
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
        check_address(address)
    if not found:
        raise FetchFailed(f"The name {name} does not resolve to an address.")
    return found


def resolve(name: str, port: int) -> list[Address]:
    """All addresses of a name, as this machine resolves it."""
    host = name if name.isascii() else name.encode("idna").decode()
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found))


def _pinned(scheme: str, name: str, port: int, address: Address, *, wire: Wire, patience: Patience) -> HTTPConnection:
    """A connection for a name (Host header, SNI, certificate) that goes to this address and no other."""

    def connect(*_: Any) -> socket.socket:
        return _connected(address, port, wire=wire, patience=patience)

    timeout = patience.left(READ_SECONDS)
    connection: HTTPConnection
    if scheme == "https":
        connection = HTTPSConnection(name.strip("[]"), port, timeout=timeout, ssl_context=tls())
    else:
        connection = HTTPConnection(name.strip("[]"), port, timeout=timeout)
    connection._new_conn = connect  # type: ignore[method-assign]
    return connection


def _connected(address: Address, port: int, *, wire: Wire, patience: Patience) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect_ex((str(address), port))
        until = time.monotonic() + patience.left(CONNECT_SECONDS)
        while not select.select([], [sock], [], SLICE_SECONDS)[1]:
            patience.check()
            if time.monotonic() > until:
                raise TimeoutError("connecting took too long")
        if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "connecting failed")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        wire.attach(sock)
        sock.settimeout(patience.left(READ_SECONDS))
    except BaseException:
        sock.close()
        raise
    return sock


@cache
def tls() -> ssl.SSLContext:
    """What certificates are checked by."""
    return ssl.create_default_context()
