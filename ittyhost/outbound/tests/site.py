"""Servers on the loopback interface that answer as they are told, and a client that reads them to the end."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ittyhost.outbound import Download, Limits

DATA = bytes(range(256)) * 1000
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
Respond = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """A server whose answers are functions by path; it remembers what it was asked."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.paths: dict[str, Respond] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                site.paths[self.path.partition("?")[0]](self)
                self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:  # a client that hangs up is what some tests are about
                pass

        self.server = Server((address, 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def sends(data: bytes = DATA, status: int = 200, **headers: str) -> Respond:
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(data)), "Content-Type": "video/mp4"} | given).items():
            if value:
                request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    return respond


def redirects(target: str, status: int = 302) -> Respond:
    return sends(b"", status, Location=target)


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that has `answer` speak to each connection."""
    threads = []

    def accept() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(client,), daemon=True))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()
    for thread in threads:
        thread.join(5)


def fetch(url: str, should_stop: Callable[[], bool] = lambda: False, **limits: float) -> bytes:
    bounds = Limits(**{"size": 10_000_000, "seconds": 20.0} | limits)  # type: ignore[arg-type]
    with Download(url, limits=bounds, should_stop=should_stop) as download:
        parts = []
        while chunk := download.read(65536):
            parts.append(chunk)
        return b"".join(parts)
