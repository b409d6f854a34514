"""Clients that stall or vanish: what the application sees, and that the server's threads come back."""

import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ittyhost.stalls import BodyCut, Watchdog, WatchedBody, connections
from tests.services.server import free_port, listens

ROOT = Path(__file__).resolve().parent.parent


def body(data: bytes, length: int | None) -> WatchedBody:
    return WatchedBody(io.BytesIO(data), length, address="127.0.0.1", watchdog=Watchdog())


def test_a_whole_body_is_read_as_it_is() -> None:
    whole = body(b"a" * 200_000, 200_000)
    assert whole.read(70_000) + whole.read() + whole.read(10) == b"a" * 200_000


def test_what_follows_the_announced_length_is_not_read() -> None:
    assert body(b"0123456789", 4).read() == b"0123"


def test_lines_are_read_as_lines() -> None:
    assert list(body(b"one\ntwo\nthree", 13)) == [b"one\n", b"two\n", b"three"]
    mixed = body(b"one\ntwo\n", 8)
    assert (mixed.readline(2), mixed.read(3), mixed.readlines()) == (b"on", b"e\nt", [b"wo\n"])


def test_a_body_that_ends_early_is_an_error_and_not_a_short_body() -> None:
    with pytest.raises(BodyCut, match="6 bytes before"):
        body(b"0123", 10).read()


def test_looking_at_connections_leaves_no_descriptor_open() -> None:
    list(connections())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        list(connections())
    assert len(os.listdir("/proc/self/fd")) <= before  # fewer, where what other tests left is closed meanwhile


def test_a_body_without_a_length_is_read_to_its_end() -> None:
    assert body(b"0123", None).read() == b"0123"


APPLICATION = """
import threading
from ittyhost.stalls import BodyCut, StallGuard

def plain(environ, start_response):
    if environ["PATH_INFO"] == "/endless":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return (b"x" * 65536 for _ in range(100_000))
    try:
        status, said = "200 OK", b"read %d" % len(environ["wsgi.input"].read())
    except BodyCut:
        status, said = "408 Request Timeout", b"cut"
    start_response(status, [("Content-Length", str(len(said)))])
    return [said]

application = StallGuard(plain, body=3.0, send=3.0)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """granian with two threads over a small application behind the guard; its port."""
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
        deadline = time.monotonic() + 120
        while not listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with closing(ask(port, GET)) as first:
            assert first.recv(15) == b"HTTP/1.1 200 OK"
        yield port
    finally:
        process.terminate()
        process.wait(60)


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cutting stalled clients off needs Linux")


def ask(port: int, request: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.sendall(request)
    return client


@pytest.mark.processes
def test_a_whole_upload_is_read(server: int) -> None:
    with closing(ask(server, PUT % 5 + b"hello")) as client:
        assert b"read 5" in client.recv(1000)


@pytest.mark.processes
def test_stalled_uploads_are_told_and_give_their_threads_back(server: int) -> None:
    begun = time.monotonic()
    with closing(ask(server, PUT % 100 + b"abc")) as one, closing(ask(server, PUT % 100 + b"abc")) as two:
        # Within the 60 seconds of the sockets themselves.
        assert (one.recv(20), two.recv(20)) == (b"HTTP/1.1 408 Request", b"HTTP/1.1 408 Request")
    assert time.monotonic() - begun >= 3.0


@pytest.mark.processes
def test_a_dripping_upload_is_cut_off_too(server: int) -> None:
    with closing(ask(server, PUT % 1000)) as client:
        client.settimeout(0.2)
        said = b""
        for _ in range(300):
            with suppress(BrokenPipeError, ConnectionResetError):  # it has hung up: what it said lies ready
                client.sendall(b".")
            with suppress(TimeoutError):
                said = client.recv(20)
                break
        assert said == b"HTTP/1.1 408 Request"


@pytest.mark.processes
def test_a_slow_but_steady_upload_is_left_alone_beside_a_stalled_one(server: int) -> None:
    piece = b"a" * 32768
    with closing(ask(server, PUT % (16 * len(piece)))) as steady, closing(ask(server, PUT % 100)) as stalled:
        for _ in range(16):
            steady.sendall(piece)
            time.sleep(0.25)
        assert stalled.recv(20) == b"HTTP/1.1 408 Request"
        assert b"read 524288" in steady.recv(1000)


@pytest.mark.processes
def test_answers_that_nobody_takes_give_their_threads_back(server: int) -> None:
    endless = b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"
    with closing(ask(server, endless)), closing(ask(server, endless)):
        time.sleep(0.3)
        with closing(ask(server, GET)) as after:  # within its 60 s: the kernel has cut one of the two by then
            assert after.recv(15) == b"HTTP/1.1 200 OK"
