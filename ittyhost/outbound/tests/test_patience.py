"""Bounds of bytes and time, and stopping before they are reached."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace

import pytest

from ittyhost.outbound import Download, FetchFailed, FetchStopped, Limits, connecting, patience
from ittyhost.outbound.tests.site import DATA, fetch, raw_server, sends


def test_a_file_that_is_announced_too_large_is_not_begun(site, allowed):
    site.paths["/a"] = sends()
    with pytest.raises(FetchFailed, match="larger than 1000 bytes"):
        fetch(site.url("/a"), size=1000)


def test_a_file_that_turns_out_too_large_is_cut_off(site, allowed):
    site.paths["/a"] = sends(Content_Length="")
    with pytest.raises(FetchFailed, match="larger than 100000 bytes"):
        fetch(site.url("/a"), size=100_000)
    assert fetch(site.url("/a"), size=len(DATA)) == DATA


def dribbles(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    for _ in range(2400):
        request.wfile.write(b"x")
        time.sleep(0.05)


def test_a_server_that_dribbles_is_given_up(site, allowed, monkeypatch):
    monkeypatch.setattr(patience, "SLOW_SECONDS", 0.5)
    site.paths["/a"] = dribbles
    with pytest.raises(FetchFailed, match="too slowly"):
        fetch(site.url("/a"))


def test_the_whole_may_take_so_long_and_no_longer(site, allowed):
    site.paths["/a"] = dribbles
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match="longer than 1 seconds"):
        fetch(site.url("/a"), seconds=1.0)
    assert time.monotonic() - begun < 20  # of the 30 in which so slow a server is given up


def test_a_server_that_says_nothing_is_given_up(site, allowed, monkeypatch):
    monkeypatch.setattr(connecting, "READ_SECONDS", 0.3)
    over = threading.Event()
    site.paths["/a"] = lambda request: over.wait(60)
    with pytest.raises(FetchFailed, match="did not answer in time") as caught:
        fetch(site.url("/a"))
    over.set()
    assert caught.value.transient


# Each answers without an end, a little every moment: no single wait for bytes is long, and none gives the file's.

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a header": (HEAD + b"X-Long: ", b"x"),
    "the status line": (b"HTTP/1.1 200 ", b"x"),
    "a chunk's extension": (CHUNKED + b"5;", b"x"),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"X-More: 1\r\n"),
}


@pytest.fixture(params=ENDLESS)
def endless(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Its name, and the URL of a server that sends it."""
    over = threading.Event()
    start, more = ENDLESS[request.param]

    def answer(client: socket.socket) -> None:
        with client:
            try:
                client.recv(10_000)
                client.sendall(start)
                while not over.wait(0.02):
                    client.sendall(more)
            except OSError:
                pass

    with raw_server(answer) as port:
        yield request.param, f"http://127.0.0.1:{port}/a"
        over.set()


def test_no_endless_answer_outlasts_the_deadline(endless, allowed):
    _, url = endless
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match="longer than 1 seconds"):
        fetch(url, seconds=1.0)
    assert time.monotonic() - begun < 20  # of the 30 in which its head or its pace would end it


def test_every_endless_answer_can_be_stopped(endless, allowed):
    _, url = endless
    begun = time.monotonic()
    with pytest.raises(FetchStopped):
        fetch(url, should_stop=lambda: time.monotonic() - begun > 0.5, seconds=120)
    assert time.monotonic() - begun < 20  # of the 30 in which its head or its pace would end it


def test_an_endless_answer_is_cut_off_for_its_head_or_its_pace(endless, allowed, monkeypatch):
    name, url = endless
    monkeypatch.setattr(patience, "SLOW_SECONDS", 0.5)
    begun = time.monotonic()
    in_its_head = name in ("100 Continue", "a header", "the status line")
    with pytest.raises(FetchFailed, match=r"did not answer in time|too slowly") as caught:
        fetch(url, seconds=120, head_seconds=0.5 if in_its_head else 30)
    assert caught.value.transient is in_its_head
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("name", ENDLESS)
def test_more_than_the_file_is_not_taken_however_fast(name, allowed):
    start, more = ENDLESS[name]
    sent = 0

    def answer(client: socket.socket) -> None:
        nonlocal sent
        with client:
            try:
                client.recv(10_000)
                client.sendall(start)
                while sent < 100_000_000:
                    # A line of http.client has an end: what is longer than 64 kB is refused for that.
                    client.sendall(more * (1000 if len(more) > 1 else 1))
                    sent += len(more) * (1000 if len(more) > 1 else 1)
            except OSError:
                pass

    with raw_server(answer) as port, pytest.raises(FetchFailed):
        fetch(f"http://127.0.0.1:{port}/a", size=1000)
    assert sent < 20_000_000


def test_a_tls_handshake_that_never_ends_can_be_stopped(allowed):
    over, begun = threading.Event(), time.monotonic()
    with raw_server(lambda client: over.wait(60) and client.close()) as port:
        try:
            with pytest.raises(FetchStopped):
                Download(f"https://127.0.0.1:{port}/a", should_stop=lambda: time.monotonic() - begun > 0.3)
            assert time.monotonic() - begun < 20  # of the 30 in which a server that says nothing is given up
        finally:
            over.set()


def test_an_answer_that_ends_within_its_head_is_not_an_empty_file(allowed):
    def answer(client: socket.socket) -> None:
        with client:
            client.recv(10_000)
            client.sendall(HEAD)

    with raw_server(answer) as port, pytest.raises(FetchFailed) as caught:
        fetch(f"http://127.0.0.1:{port}/a")
    assert caught.value.transient


def test_whoever_takes_the_bytes_may_be_slow(site, allowed, monkeypatch):
    ahead, looked = [0.0], threading.Event()
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + ahead[0]))

    def asked() -> bool:
        if threading.current_thread().name == "download-watch":
            looked.set()
        return False

    def watched() -> None:
        for _ in range(2):  # the second begins when the first has judged
            looked.clear()
            assert looked.wait(60)

    site.paths["/a"] = sends()
    with Download(site.url("/a"), limits=Limits(size=10_000_000, seconds=10_000.0), should_stop=asked) as download:
        assert download.read(10)
        watched()
        ahead[0] += 100.0  # as if so long had gone by
        watched()
        assert download.read(10)


def test_no_thread_outlives_its_download(site, allowed):
    site.paths["/a"] = sends()
    fetch(site.url("/a"))
    with pytest.raises(FetchFailed):
        fetch("http://127.0.0.1:1/a")
    assert "download-watch" not in [thread.name for thread in threading.enumerate()]


# --- stopping ---


def test_whoever_asks_can_stop_between_two_reads(site, allowed):
    site.paths["/a"] = sends()
    stop = threading.Event()
    with Download(site.url("/a"), should_stop=stop.is_set) as download:
        download.read(100)
        stop.set()
        with pytest.raises(FetchStopped):
            download.read(100)


def test_abort_ends_a_wait_for_bytes(site, allowed):
    over = threading.Event()

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"x")
        over.wait(60)

    site.paths["/a"] = respond
    with Download(site.url("/a")) as download:
        assert download.read(10) == b"x"
        threading.Timer(0.2, download.abort).start()
        begun = time.monotonic()
        try:
            with pytest.raises(FetchStopped):
                download.read(10)
            assert time.monotonic() - begun < 20  # of the 30 in which a server that says nothing is given up
        finally:
            over.set()


def test_a_wait_for_a_slow_resolver_can_be_stopped(allowed, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(connecting, "RESOLVE_SECONDS", 60.0)
    monkeypatch.setattr(connecting, "resolve", lambda *args: over.wait(60) and [])
    begun = time.monotonic()
    try:
        with pytest.raises(FetchStopped):
            Download("http://slow.example/a", should_stop=lambda: time.monotonic() - begun > 0.3)
        assert time.monotonic() - begun < 20  # of the 60
    finally:
        over.set()
