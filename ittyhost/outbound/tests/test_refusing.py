"""What people are told of a server that gives no file."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from ittyhost.outbound import FetchFailed
from ittyhost.outbound.tests.site import DATA, fetch, raw_server, sends


@pytest.mark.parametrize(
    ("status", "words", "transient"),
    [
        (401, "refused access", False),
        (403, "refused access", False),
        (404, "has nothing at the URL", False),
        (410, "has nothing at the URL", False),
        (418, "answered HTTP 418", False),
        (204, "has nothing at the URL", False),
        (205, "has nothing at the URL", False),
        (302, "answered HTTP 302", False),
        (304, "answered HTTP 304", False),
        (416, "could not deliver", True),
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


PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
DENIED = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>'


@pytest.mark.parametrize("type", ["", "video/mp4", "application/octet-stream"])
@pytest.mark.parametrize(
    "page", [PAGE, PAGE.lower(), b"\xef\xbb\xbf\n\n  " + PAGE, b"<html", b"<!-- " + b"x" * 100 + b" -->" + PAGE]
)
def test_a_web_page_is_known_whatever_its_type(site, allowed, type, page):
    site.paths["/a"] = sends(page, Content_Type=type)
    with pytest.raises(FetchFailed, match="a web page, not to a media file") as caught:
        fetch(site.url("/a"))
    assert not caught.value.transient


def test_a_web_page_that_comes_in_single_bytes_is_known_too(site, allowed):
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for byte in PAGE[:20]:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            time.sleep(0.005)

    site.paths["/a"] = respond
    with pytest.raises(FetchFailed, match="a web page"):
        fetch(site.url("/a"))


@pytest.mark.parametrize(("status", "words"), [(200, "XML document.*It says AccessDenied"), (403, "refused access")])
def test_a_stores_own_error_page_is_told_in_words(site, allowed, status, words):
    site.paths["/a"] = sends(DENIED, status, Content_Type="application/xml")
    with pytest.raises(FetchFailed, match=words):
        fetch(site.url("/a"))


def test_bytes_that_only_begin_like_markup_are_taken(site, allowed):
    for data in (b"<" + bytes(1000), b" \n" + bytes(10), b"   ", b"<"):
        site.paths["/a"] = sends(data)
        assert fetch(site.url("/a")) == data


@pytest.mark.parametrize("length", ["0", ""])
def test_an_empty_answer_is_told(site, allowed, length):
    site.paths["/a"] = sends(b"", Content_Length=length)
    with pytest.raises(FetchFailed, match="sent an empty file") as caught:
        fetch(site.url("/a"))
    assert not caught.value.transient


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
def test_a_compressed_answer_is_refused(site, allowed, coding):
    site.paths["/a"] = sends(b"x", Content_Encoding=coding)
    with pytest.raises(FetchFailed, match="compressed"):
        fetch(site.url("/a"))


@pytest.mark.parametrize("coding", ["identity", "Identity", "aws-chunked"])
def test_what_is_no_compression_is_taken(site, allowed, coding):
    site.paths["/a"] = sends(Content_Encoding=coding)
    assert fetch(site.url("/a")) == DATA


@pytest.mark.parametrize(
    ("lengths", "given"),
    [
        (b"5\r\nContent-Length: 6", None),  # which of them is right, nobody knows
        (b"5, 6", None),
        (b"-1", b"abcdefgh"),  # no length: up to the end of the connection
        (b"5x", b"abcdefgh"),
    ],
)
def test_a_length_that_is_no_length_gives_no_wrong_file(allowed, lengths, given):
    def answer(client: socket.socket) -> None:
        with client:
            client.recv(10_000)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: " + lengths + b"\r\n\r\nabcdefgh")

    with raw_server(answer) as port:
        if given is None:
            with pytest.raises(FetchFailed, match="could not be reached"):
                fetch(f"http://127.0.0.1:{port}/a")
        else:
            assert fetch(f"http://127.0.0.1:{port}/a") == given


def test_more_than_was_announced_is_refused(allowed):
    """Two equal lengths are one to urllib3 and none to http.client, which reads on."""

    def answer(client: socket.socket) -> None:
        with client:
            client.recv(10_000)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nabcdefgh")

    with raw_server(answer) as port, pytest.raises(FetchFailed, match="more than the 5 bytes"):
        fetch(f"http://127.0.0.1:{port}/a")


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
