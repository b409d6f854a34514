"""Connections that drop: taken up where that is surely right, given up where it is not."""

from http.server import BaseHTTPRequestHandler

import pytest

from ittyhost.outbound import FetchFailed, patience
from ittyhost.outbound.tests.site import DATA, fetch, redirects, sends

LONG_AGO, AT_ONCE = "Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"


class Dropping:
    """A server that hangs up after each piece, and knows ranges; with `later` it has other headers then."""

    def __init__(
        self,
        *,
        piece: int = 60_000,
        ranges: bool = True,
        heeds: bool = True,
        total: str = str(len(DATA)),
        length: bool = True,
        later: dict[str, str] | None = None,
        **headers: str,
    ) -> None:
        self.piece, self.ranges, self.heeds, self.total, self.length = piece, ranges, heeds, total, length
        self.first = {name.replace("_", "-"): value for name, value in (headers or {"ETag": '"v1"'}).items()}
        self.later = later if later is not None else self.first

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        start, asked = 0, request.headers.get("Range")
        named = request.headers.get("If-Range") in self.later.values()
        headers = self.later if asked else self.first
        if asked and self.ranges and (named or not self.heeds):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            request.send_response_only(206)
            request.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{self.total}")
        else:
            request.send_response_only(200)
        if self.length:
            request.send_header("Content-Length", str(len(DATA) - start))
        else:
            request.send_header("Transfer-Encoding", "chunked")
        for name, value in {"Content-Type": "video/mp4", "Date": AT_ONCE, **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        piece = DATA[start : start + self.piece]
        if self.length:
            request.wfile.write(piece)
        else:
            whole = start + self.piece >= len(DATA)
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) + (b"0\r\n\r\n" if whole else b""))


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(patience.Patience, "pause", lambda self, seconds: None)


def test_a_dropped_connection_is_taken_up_where_it_broke(site, allowed):
    site.paths["/a"] = Dropping()
    assert fetch(site.url("/a")) == DATA
    assert len(site.asked) == 5
    assert site.asked[1][1]["range"] == "bytes=60000-"
    assert site.asked[1][1]["if-range"] == '"v1"'


def test_a_connection_that_drops_again_and_again_is_given_up(site, allowed):
    site.paths["/a"] = Dropping(piece=1000)
    with pytest.raises(FetchFailed, match="was lost after 6000 bytes") as caught:
        fetch(site.url("/a"))
    assert caught.value.transient


def test_a_time_of_change_that_is_long_past_names_a_file_too(site, allowed):
    site.paths["/a"] = Dropping(Last_Modified=LONG_AGO)
    assert fetch(site.url("/a")) == DATA
    assert site.asked[1][1]["if-range"] == LONG_AGO


def test_a_file_of_unknown_length_is_taken_up_too(site, allowed):
    site.paths["/a"] = Dropping(length=False)
    assert fetch(site.url("/a")) == DATA
    assert len(site.asked) == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "nothing"},
        {"ETag": 'W/"v1"'},
        {"ETag": 'W/"v1"', "Last_Modified": LONG_AGO},
        {"Last_Modified": AT_ONCE},  # it may have changed again within the same second
        {"Last_Modified": LONG_AGO, "Date": "yesterday"},
        {"Last_Modified": "long ago"},
    ],
)
def test_without_a_strong_name_for_its_content_nothing_is_put_together(site, allowed, headers):
    site.paths["/a"] = Dropping(**headers)
    with pytest.raises(FetchFailed, match="was lost after 60000 bytes") as caught:
        fetch(site.url("/a"))
    assert caught.value.transient
    assert len(site.asked) == 1


OTHER = {
    "it answers with the whole": Dropping(ranges=False),
    "its tag is another": Dropping(later={"ETag": '"v2"'}),
    "its tag is another and the server heeds no If-Range": Dropping(heeds=False, later={"ETag": '"v2"'}),
    "its tag is weak by now": Dropping(heeds=False, later={"ETag": 'W/"v1"'}),
    "its tag is gone": Dropping(heeds=False, later={}),
    "it changed and the server heeds no If-Range": Dropping(
        heeds=False, Last_Modified=LONG_AGO, later={"Last-Modified": AT_ONCE}
    ),
    "its length is another": Dropping(total=str(len(DATA) + 1)),
    "it is compressed by now": Dropping(later={"ETag": '"v1"', "Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", OTHER)
def test_a_file_that_may_be_another_meanwhile_is_not_put_together(site, allowed, name):
    site.paths["/a"] = OTHER[name]
    with pytest.raises(FetchFailed, match="was lost after 60000 bytes") as caught:
        fetch(site.url("/a"))
    assert caught.value.transient
    assert len(site.asked) == 2


def test_a_range_that_begins_elsewhere_is_not_put_together(site, allowed):
    def respond(request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        request.send_response(206 if asked else 200)
        request.send_header("ETag", '"v1"')
        request.send_header("Content-Length", "1000")
        if asked:
            request.send_header("Content-Range", "bytes 0-999/1000")
        request.end_headers()
        request.wfile.write(DATA[:500])

    site.paths["/a"] = respond
    with pytest.raises(FetchFailed, match="was lost after 500 bytes"):
        fetch(site.url("/a"))


def test_a_file_that_shrank_below_what_came_is_lost_and_not_refused(site, allowed):
    def respond(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Range"):
            return sends(b"", 416)(request)
        return Dropping()(request)

    site.paths["/a"] = respond
    with pytest.raises(FetchFailed, match="HTTP 416") as caught:
        fetch(site.url("/a"))
    assert caught.value.transient


def test_a_connection_that_drops_before_the_first_byte_is_transient(site, allowed):
    site.paths["/a"] = Dropping(piece=0)
    with pytest.raises(FetchFailed, match="was lost after 0 bytes") as caught:
        fetch(site.url("/a"))
    assert caught.value.transient


def test_a_rest_that_lies_behind_a_redirect_is_asked_for_from_the_beginning(site, allowed):
    """The target of a redirect may be signed for a minute."""
    site.paths["/a"], site.paths["/b"] = redirects("/b"), Dropping(piece=200_000)
    assert fetch(site.url("/a")) == DATA
    assert [path for path, _ in site.asked] == ["/a", "/b", "/a", "/b"]
