"""The web process itself, asked by bytes: what the server refuses before us, what we refuse, and that it goes on."""

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.stack import Stack

pytestmark = pytest.mark.processes
G1, G4 = "2024-03-21", "2025-08-20"


@pytest.fixture
def ask(embedded: Stack):
    """`ask("GET", "/tasks", "X-A: 1", …)`: the status, the headers and the body that come back."""
    parts = urlsplit(embedded.credentials["base_url"])
    key = embedded.credentials["test_key"]

    def send(method: str, path: str, *fields: str, body: bytes = b"", version: str = G4):
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Authorization: Bearer {key}",
            "Connection: close",
        ]
        lines = [*head, f"Accept-Version: {version}", *fields]
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as client:
            client.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        head, _, rest = answer.partition(b"\r\n\r\n")
        first, *others = head.decode("latin-1").split("\r\n")
        found = {name.lower(): value for name, _, value in (line.partition(": ") for line in others)}
        return int(first.split()[1]), found, rest

    yield send
    assert send("GET", "/tasks")[0] == 200  # whatever was asked, it goes on


def test_more_than_a_hundred_header_fields_are_refused_by_the_server(ask):
    assert ask("GET", "/tasks", *(f"X-{index}: 1" for index in range(96)))[0] == 200
    for number in (97, 200, 1000):
        status, found, body = ask("GET", "/tasks", *(f"X-{index}: 1" for index in range(number)))
        assert (status, found["content-length"], body) == (431, "0", b"")


def test_header_fields_of_many_bytes_are_refused_by_us_and_of_very_many_by_the_server(ask):
    assert ask("GET", "/tasks", f"X-A: {'a' * 30_000}")[0] == 200
    status, _, body = ask("GET", "/tasks", f"X-A: {'a' * 65_536}")
    assert (status, json.loads(body)["kind"]) == (431, "headers_too_large")
    status, _, body = ask("GET", "/tasks", f"X-A: {'a' * 65_536}", version=G1)
    assert (status, json.loads(body)["meta"]["status"]) == (431, 431)
    status, _, body = ask("GET", "/tasks", f"X-A: {'a' * 1_000_000}")
    assert (status, body) == (431, b"")


def test_a_long_address_is_refused_by_us_and_a_very_long_one_by_the_server(ask):
    for path in (f"/tasks/{'a' * 10_000}", f"/tasks?a={'a' * 10_000}"):
        status, _, body = ask("GET", path)
        assert (status, json.loads(body)["kind"]) == (414, "uri_too_long")
    status, _, body = ask("GET", f"/tasks?a={'a' * 70_000}")
    assert (status, body) == (414, b"")


def test_a_header_with_control_characters_is_refused_by_the_server(ask):
    for value in ("a\x00b", "a\x01b", "a\x7fb"):
        status, _, body = ask("GET", "/tasks", f"X-A: {value}")
        assert (status, body) == (400, b"")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_with_and_without_a_length(ask, chunked):
    size = 1024 * 1024 + 1
    body = b"{" + b" " * (size - 2) + b"}"
    if chunked:
        body, field = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), "Transfer-Encoding: chunked"
    else:
        field = f"Content-Length: {size}"
    status, _, answer = ask("POST", "/tasks", "Content-Type: application/json", field, body=body)
    assert (status, json.loads(answer)) == (
        413,
        {"message": "The body must be at most 1048576 bytes.", "kind": "body_too_large"},
    )


@pytest.mark.parametrize("key", ["é", "", "k" * 256])
def test_a_malformed_idempotency_key_is_refused_as_the_server_hands_it_on(ask, key):
    more = ("Content-Type: application/json", "Content-Length: 2")
    status, _, body = ask("POST", "/media", f"Idempotency-Key: {key}", *more, body=b"{}")
    assert (status, json.loads(body)["param"]) == (400, "Idempotency-Key")


def test_a_post_is_done_once_by_all_web_processes(embedded):
    credentials = embedded.credentials
    headers = {
        "Authorization": f"Bearer {credentials['test_key']}",
        "Accept-Version": G4,
        "Idempotency-Key": "web-once",
    }
    answers = []
    for _ in range(12):  # each on a connection of its own, and so with one of the processes
        answers.append(
            httpx.post(f"{credentials['base_url']}/media", json={"title": "once"}, headers=headers, trust_env=False)
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert embedded.rows("SELECT COUNT(*) FROM media_app_media WHERE title = %s", "once") == [(1,)]


def test_requests_are_counted_by_the_service_as_it_is_started(ask):
    _, found, _ = ask("GET", "/tasks")
    assert found["ratelimit-policy"] == '"key";q=500;w=5'
    assert found["ratelimit"].startswith('"key";r=4')
