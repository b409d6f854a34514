"""Files as servers give them: whole, chunked, behind redirects, under a name."""

from http.server import BaseHTTPRequestHandler

import pytest

from ittyhost.outbound import Download, FetchFailed
from ittyhost.outbound.tests.site import DATA, fetch, redirects, sends


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
