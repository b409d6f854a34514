"""Clients that stall or vanish: what the application sees, and that the server's threads come back."""

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ittyhost.wsgi import BodyCut, BodyStalled, TimedBody
from tests.services.server import free_port, listens

ROOT = Path(__file__).resolve().parent.parent


class Pipe:
    """A body whose pieces come when the test sends them."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self.source, self.sink = os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)

    def read(self, size: int = -1, /) -> bytes:
        return self.source.read(size)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.sink.close()
    time.sleep(0.05)  # a reader that was given up sees the end, and lets go
    made.source.close()


def test_a_whole_body_is_read_as_it_is() -> None:
    body = TimedBody(io.BytesIO(b"a" * 200_000), 200_000)
    assert body.read(70_000) + body.read() + body.read(10) == b"a" * 200_000


def test_what_follows_the_announced_length_is_not_read() -> None:
    assert TimedBody(io.BytesIO(b"0123456789"), 4).read() == b"0123"


def test_lines_are_read_as_lines() -> None:
    assert list(TimedBody(io.BytesIO(b"one\ntwo\nthree"), 13)) == [b"one\n", b"two\n", b"three"]
    body = TimedBody(io.BytesIO(b"one\ntwo\n"), 8)
    assert (body.readline(2), body.read(3), body.readlines()) == (b"on", b"e\nt", [b"wo\n"])


def test_a_body_that_ends_early_is_an_error_and_not_a_short_body() -> None:
    body = TimedBody(io.BytesIO(b"0123"), 10)
    with pytest.raises(BodyCut, match="6 bytes before"):
        body.read()


def test_a_body_that_stops_coming_is_given_up(pipe: Pipe) -> None:
    pipe.sink.write(b"0123")
    body = TimedBody(pipe, 10, timeout=0.2)
    assert body.read(4) == b"0123"
    begun = time.monotonic()
    with pytest.raises(BodyStalled, match=r"0\.2 seconds"):
        body.read(6)
    assert time.monotonic() - begun < 1


def test_a_body_without_a_length_is_read_to_its_end(pipe: Pipe) -> None:
    pipe.sink.write(b"0123")
    pipe.sink.close()
    assert TimedBody(pipe, None).read() == b"0123"


def test_an_error_of_the_server_while_reading_is_a_cut_body() -> None:
    class Broken:
        def read(self, size: int = -1, /) -> bytes:
            raise ValueError("connection reset")

    with pytest.raises(BodyCut):
        TimedBody(Broken(), 10).read()


def test_readers_are_used_again() -> None:
    before = threading.active_count()
    for _ in range(20):
        TimedBody(io.BytesIO(b"abc"), 3).read()
    assert threading.active_count() - before <= 1


APPLICATION = """
import ittyhost.wsgi as guards
guards.SEND_TIMEOUT = 3.0
guards.limit_stalled_connections.__defaults__ = (3.0,)

def plain(environ, start_response):
    if environ["PATH_INFO"] == "/endless":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return (b"x" * 65536 for _ in range(100_000))
    body = guards.TimedBody(environ["wsgi.input"]._body, int(environ.get("CONTENT_LENGTH") or 0), timeout=1.0) \\
        if int(environ.get("CONTENT_LENGTH") or 0) else environ["wsgi.input"]
    try:
        said = b"read %d" % len(body.read())
        status = "200 OK"
    except guards.BodyStalled:
        said, status = b"stalled", "408 Request Timeout"
    start_response(status, [("Content-Length", str(len(said)))])
    return [said]

application = guards.StallGuard(plain)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """granian with two threads over a small application behind the guards; its port."""
    folder = tmp_path_factory.mktemp("wsgi")
    (folder / "guarded.py").write_text(APPLICATION)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
        + ["--blocking-threads", "2", "--http", "1", "--no-ws", "--no-log", "guarded:application"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        deadline = time.monotonic() + 20
        while not listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def ask(port: int, request: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.sendall(request)
    return client


@pytest.mark.processes
def test_stalled_uploads_and_downloads_give_their_threads_back(server: int) -> None:
    with closing(ask(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")) as first:
        assert first.recv(15) == b"HTTP/1.1 200 OK"
    upload = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
    with closing(ask(server, upload)) as one, closing(ask(server, upload)) as two:
        assert (one.recv(20), two.recv(20)) == (b"HTTP/1.1 408 Request", b"HTTP/1.1 408 Request")
    endless = b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"
    with closing(ask(server, endless)), closing(ask(server, endless)):
        time.sleep(0.3)
        with closing(ask(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")) as after:
            assert after.recv(15) == b"HTTP/1.1 200 OK"  # within the client's 20 s: the kernel cut one of the two


@pytest.mark.processes
def test_a_vanished_client_is_no_whole_body(server: int) -> None:
    with closing(ask(server, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")) as whole:
        assert b"read 5" in whole.recv(1000)
