"""Users' URLs against real servers on the loopback interface: what is refused, bounded, pinned and resumed."""

import ipaddress
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ittyhost import outbound
from ittyhost.addresses import is_refused
from ittyhost.errors import Invalid
from ittyhost.outbound import Download, FetchFailed, FetchStopped, Limits, check_url

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


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def allowed(settings) -> Any:
    """The loopback interface may be reached."""
    settings.OUTBOUND_ALLOW = LOOPBACK
    return settings


def fetch(url: str, should_stop: Callable[[], bool] = lambda: False, **limits: float) -> bytes:
    bounds = Limits(**{"size": 10_000_000, "seconds": 20.0} | limits)  # type: ignore[arg-type]
    with Download(url, limits=bounds, should_stop=should_stop) as download:
        parts = []
        while chunk := download.read(65536):
            parts.append(chunk)
        return b"".join(parts)


# --- it works ---


def test_a_file_is_fetched_with_what_the_server_tells_of_it(site, allowed):
    site.paths["/a/clip%20one.mp4"] = sends()
    with Download(site.url("/a/clip%20one.mp4?x=1#fragment")) as download:
        assert (download.length, download.type, download.name) == (len(DATA), "video/mp4", "clip one.mp4")
        first = download.read(10)
        assert 0 < len(first) <= 10
    path, headers = site.asked[0]
    assert path == "/a/clip%20one.mp4?x=1"
    assert headers["host"] == f"127.0.0.1:{site.port}"
    assert headers["accept-encoding"] == "identity"
    assert fetch(site.url("/a/clip%20one.mp4")) == DATA


def test_a_chunked_answer_is_read_to_its_end(site, allowed):
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for start in range(0, len(DATA), 50_000):
            piece = DATA[start : start + 50_000]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        request.wfile.write(b"0\r\n\r\n")

    site.paths["/a"] = respond
    assert fetch(site.url("/a")) == DATA


def test_redirects_are_followed_to_a_limit(site, allowed):
    site.paths["/0"] = sends(b"here")
    for number in range(1, 7):
        site.paths[f"/{number}"] = redirects(f"/{number - 1}")
    assert fetch(site.url("/5")) == b"here"
    with pytest.raises(FetchFailed, match="redirects more than 5 times"):
        fetch(site.url("/6"))


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.mp4"', "a b.mp4"),
        ("attachment; filename=a.mp4; size=5", "a.mp4"),
        ("attachment; filename=\"x\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.mp4", "größe.mp4"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\a.mp4"', "a.mp4"),
        ("inline", "path.mp4"),
    ],
)
def test_the_servers_own_name_is_read(site, allowed, header, name):
    site.paths["/path.mp4"] = sends(Content_Disposition=header)
    with Download(site.url("/path.mp4")) as download:
        assert download.name == name


def test_a_proxy_of_the_environment_is_not_used(site, allowed, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.paths["/a"] = sends()
    assert fetch(site.url("/a")) == DATA


# --- where it may go ---


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "100::1",
        "2001:db8::1",
        "2001::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_the_public_internet_are_refused(settings, address):
    settings.OUTBOUND_ALLOW = ()
    assert is_refused(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_not(settings, address):
    settings.OUTBOUND_ALLOW = ()
    assert not is_refused(ipaddress.ip_address(address))


def test_settings_can_allow_networks(settings):
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fc00::/7"))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::1"):
        assert not is_refused(ipaddress.ip_address(address)), address
    for address in ("192.168.0.1", "::ffff:192.168.0.1", "::1"):
        assert is_refused(ipaddress.ip_address(address)), address


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_a_private_address_is_fetched(site, host):
    with pytest.raises(FetchFailed, match="private network"):
        fetch(site.url("/a", host=host))
    assert site.asked == []


def test_a_redirect_into_a_private_network_is_refused(site, settings):
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("127.0.0.1/32"),)
    other = Site("127.0.0.2")
    try:
        site.paths["/a"] = redirects(other.url("/secret", host="127.0.0.2"))
        with pytest.raises(FetchFailed, match="private network"):
            fetch(site.url("/a"))
        assert other.asked == []
    finally:
        other.close()


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.com/a", "http://a:b@example.com/", "gopher://x"]
)
def test_a_redirect_to_what_is_no_plain_web_address_is_refused(site, allowed, target):
    site.paths["/a"] = redirects(target)
    with pytest.raises(FetchFailed):
        fetch(site.url("/a"))


def test_one_forbidden_address_condemns_a_name(site, settings, monkeypatch):
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("127.0.0.1/32"),)
    both = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.0.0.1")]
    monkeypatch.setattr(outbound, "resolve", lambda name, port: both)
    with pytest.raises(FetchFailed, match="private network"):
        fetch(site.url("/a", host="mixed.example"))
    assert site.asked == []


def test_the_connection_goes_to_the_address_that_was_checked(site, settings, monkeypatch):
    """DNS rebinding: a second look-up would give another address; there is none."""
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("127.0.0.1/32"),)
    inside = Site("127.0.0.2")
    answers = [[ipaddress.ip_address("127.0.0.1")], [ipaddress.ip_address("127.0.0.2")]]
    monkeypatch.setattr(outbound, "resolve", lambda name, port: answers.pop(0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: pytest.fail("it was resolved again"))
    try:
        site.paths["/a"] = sends(b"public")
        assert fetch(site.url("/a", host="rebind.example")) == b"public"
        assert site.asked[0][1]["host"] == f"rebind.example:{site.port}"
        assert inside.asked == []
    finally:
        inside.close()


def test_the_next_address_of_a_name_is_tried_when_one_is_dead(site, allowed, monkeypatch):
    both = [ipaddress.ip_address("127.0.0.3"), ipaddress.ip_address("127.0.0.1")]
    monkeypatch.setattr(outbound, "resolve", lambda name, port: both)
    site.paths["/a"] = sends()
    assert fetch(site.url("/a", host="two.example")) == DATA


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "empty"),
        ("example.com/a", "http:// or https://"),
        ("ftp://example.com/a", "http:// or https://"),
        ("javascript:alert(1)", "http:// or https://"),
        ("http://", "host"),
        ("http:///a", "host"),
        ("http://user@example.com", "user name"),
        ("http://example.com:99999/", "not valid"),
        ("http://[::1/", "not valid"),
        ("http://exa mple.com/", "spaces"),
        ("http://example.com/\r\nX: y", "control"),
        (f"http://example.com/{'a' * 5000}", "4096"),
        ("http://192.168.0.1/", "private"),
    ],
)
def test_what_is_wrong_with_a_url_is_told_at_once(url, word):
    with pytest.raises(Invalid, match=word) as caught:
        check_url(url)
    assert caught.value.param == "url"


def test_a_good_url_is_not_resolved_when_it_is_only_checked(monkeypatch):
    monkeypatch.setattr(outbound, "resolve", lambda *args: pytest.fail("it was resolved"))
    check_url("https://example.com/größe.mp4?x=%20")
    check_url("HTTP://EXAMPLE.com")


# --- what people are told ---


@pytest.mark.parametrize(
    ("status", "words", "transient"),
    [
        (401, "refused access", False),
        (403, "refused access", False),
        (404, "has nothing at the URL", False),
        (410, "has nothing at the URL", False),
        (418, "answered HTTP 418", False),
        (204, "answered HTTP 204", False),
        (206, "a part of the file", False),
        (429, "could not deliver", True),
        (500, "could not deliver", True),
        (503, "could not deliver", True),
    ],
)
def test_each_refusal_of_a_server_has_its_sentence(site, allowed, status, words, transient):
    site.paths["/a"] = sends(b"", status)
    with pytest.raises(FetchFailed, match=words) as caught:
        fetch(site.url("/a"))
    assert caught.value.transient is transient


def test_a_web_page_is_not_a_file(site, allowed):
    site.paths["/watch"] = sends(b"<html>", Content_Type="text/html; charset=utf-8")
    with pytest.raises(FetchFailed, match="a web page, not to a media file"):
        fetch(site.url("/watch"))


def test_a_compressed_answer_is_refused(site, allowed):
    site.paths["/a"] = sends(b"x", Content_Encoding="gzip")
    with pytest.raises(FetchFailed, match="compressed"):
        fetch(site.url("/a"))


def test_a_name_without_an_address_is_told(settings):
    with pytest.raises(FetchFailed, match=r"nothing\.invalid does not resolve"):
        fetch("http://nothing.invalid/a")


def test_a_server_that_is_not_there_may_be_back_later(allowed):
    with pytest.raises(FetchFailed, match="could not be reached") as caught:
        fetch("http://127.0.0.1:1/a")
    assert caught.value.transient


def test_an_answer_that_is_no_http_is_told(allowed):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            client.recv(1000)
            client.sendall(b"SSH-2.0-OpenSSH\r\n")
            client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(FetchFailed):
            fetch(f"http://127.0.0.1:{server.getsockname()[1]}/a")
        thread.join()


# --- bounds ---


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
    for _ in range(200):
        request.wfile.write(b"x")
        time.sleep(0.05)


def test_a_server_that_dribbles_is_given_up(site, allowed, monkeypatch):
    monkeypatch.setattr(outbound, "SLOW_SECONDS", 0.5)
    site.paths["/a"] = dribbles
    with pytest.raises(FetchFailed, match="too slowly"):
        fetch(site.url("/a"))


def test_the_whole_may_take_so_long_and_no_longer(site, allowed):
    site.paths["/a"] = dribbles
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match="longer than 1 seconds"):
        fetch(site.url("/a"), seconds=1.0)
    assert time.monotonic() - begun < 3


def test_a_server_that_says_nothing_is_given_up(site, allowed, monkeypatch):
    monkeypatch.setattr(outbound, "READ_SECONDS", 0.3)
    site.paths["/a"] = lambda request: time.sleep(2)
    with pytest.raises(FetchFailed, match="did not answer in time") as caught:
        fetch(site.url("/a"))
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


def test_no_endless_answer_outlasts_the_deadline(endless, allowed):
    _, url = endless
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match="longer than 1 seconds"):
        fetch(url, seconds=1.0)
    assert time.monotonic() - begun < 2


def test_every_endless_answer_can_be_stopped(endless, allowed):
    _, url = endless
    begun = time.monotonic()
    with pytest.raises(FetchStopped):
        fetch(url, should_stop=lambda: time.monotonic() - begun > 0.5)
    assert time.monotonic() - begun < 1.5


def test_an_endless_answer_is_cut_off_for_its_head_or_its_pace(endless, allowed, monkeypatch):
    name, url = endless
    monkeypatch.setattr(outbound, "SLOW_SECONDS", 0.5)
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match=r"did not answer in time|too slowly") as caught:
        fetch(url, seconds=30, head_seconds=0.5)
    assert caught.value.transient is (name in ("100 Continue", "a header", "the status line"))
    assert time.monotonic() - begun < 2.5


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
    with raw_server(lambda client: over.wait(5) and client.close()) as port:
        with pytest.raises(FetchStopped):
            Download(f"https://127.0.0.1:{port}/a", should_stop=lambda: time.monotonic() - begun > 0.3)
        assert time.monotonic() - begun < 1.5
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
    monkeypatch.setattr(outbound, "SLOW_SECONDS", 0.3)
    site.paths["/a"] = sends()
    with Download(site.url("/a")) as download:
        assert download.read(10)
        time.sleep(1)
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
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"x")
        time.sleep(3)

    site.paths["/a"] = respond
    with Download(site.url("/a")) as download:
        assert download.read(10) == b"x"
        threading.Timer(0.2, download.abort).start()
        begun = time.monotonic()
        with pytest.raises(FetchStopped):
            download.read(10)
        assert time.monotonic() - begun < 1.5


def test_a_wait_for_a_slow_resolver_can_be_stopped(allowed, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(outbound, "resolve", lambda *args: over.wait(5) and [])
    begun = time.monotonic()
    with pytest.raises(FetchStopped):
        Download("http://slow.example/a", should_stop=lambda: time.monotonic() - begun > 0.3)
    assert time.monotonic() - begun < 1.5
    over.set()


# --- resuming ---


class Dropping:
    """A server that hangs up after each piece, and knows ranges."""

    def __init__(self, *, etag: str = '"v1"', piece: int = 60_000, ranges: bool = True) -> None:
        self.etag, self.piece, self.ranges = etag, piece, ranges

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        start = 0
        asked = request.headers.get("Range")
        if asked and self.ranges and request.headers.get("If-Range") == self.etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(DATA) - start))
        request.send_header("Content-Type", "video/mp4")
        if self.etag:
            request.send_header("ETag", self.etag)
        request.end_headers()
        request.wfile.write(DATA[start : start + self.piece])


def test_a_dropped_connection_is_taken_up_where_it_broke(site, allowed, monkeypatch):
    monkeypatch.setattr(Download, "_pause", lambda self, seconds: None)
    site.paths["/a"] = Dropping()
    assert fetch(site.url("/a")) == DATA
    assert len(site.asked) == 5
    assert site.asked[1][1]["range"] == "bytes=60000-"
    assert site.asked[1][1]["if-range"] == '"v1"'


def test_a_connection_that_drops_again_and_again_is_given_up(site, allowed, monkeypatch):
    monkeypatch.setattr(Download, "_pause", lambda self, seconds: None)
    site.paths["/a"] = Dropping(piece=1000)
    with pytest.raises(FetchFailed, match="was lost after 6000 bytes") as caught:
        fetch(site.url("/a"))
    assert caught.value.transient


@pytest.mark.parametrize("etag", ["", 'W/"v1"'])
def test_without_a_strong_tag_nothing_is_put_together(site, allowed, etag):
    site.paths["/a"] = Dropping(etag=etag)
    with pytest.raises(FetchFailed, match="was lost after 60000 bytes"):
        fetch(site.url("/a"))
    assert len(site.asked) == 1


def test_a_file_that_changed_meanwhile_is_not_put_together(site, allowed):
    site.paths["/a"] = Dropping(ranges=False)
    with pytest.raises(FetchFailed, match="was lost"):
        fetch(site.url("/a"))
    assert len(site.asked) == 2


# --- TLS ---


@pytest.fixture
def secure(tmp_path: Path, site: Site, monkeypatch) -> Site:
    """The site under TLS with a certificate for media.example that this client trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=media.example"]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:media.example"], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.sni_callback = lambda connection, name, context: site.asked.append((f"sni:{name}", {}))
    site.server.socket = server.wrap_socket(site.server.socket, server_side=True)
    client = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(outbound, "_tls", lambda: client)
    monkeypatch.setattr(outbound, "resolve", lambda name, port: [ipaddress.ip_address("127.0.0.1")])
    return site


def test_tls_is_spoken_for_the_name_and_not_for_the_address(secure, allowed):
    secure.paths["/a"] = sends()
    assert fetch(secure.url("/a", host="media.example", scheme="https")) == DATA
    assert secure.asked[0][0] == "sni:media.example"


def test_a_certificate_for_another_name_is_refused(secure, allowed):
    with pytest.raises(FetchFailed, match=r"certificate of other\.example is not valid"):
        fetch(secure.url("/a", host="other.example", scheme="https"))


def test_a_plain_server_does_not_pass_for_a_secure_one(site, allowed):
    with pytest.raises(FetchFailed, match="does not speak HTTPS"):
        fetch(site.url("/a", scheme="https"))
