"""What a request may bring beside its body is bounded; each refusal names its bound, in the request's version."""

import pytest
from django.test import Client

G1, G3, G4 = "2024-03-21", "2025-07-01", "2025-08-20"
LONG = "x" * 8192


def fields(number):
    return {f"X-Field-{index}": "1" for index in range(number)}


def test_a_request_may_have_a_hundred_header_fields(api):
    # Cookie, Authorization, Accept-Version and whatever the client adds of its own count as well.
    assert api("get", "/things", version=G4, headers=fields(90)).status_code == 200
    answer = api("get", "/things", version=G4, headers=fields(101))
    assert (answer.status_code, answer.json()) == (
        431,
        {"message": "A request may have at most 100 header fields.", "kind": "headers_too_large"},
    )


def test_header_fields_have_a_size_together(api):
    assert api("get", "/things", headers={"X-A": "x" * 16_000, "X-B": "x" * 16_000}).status_code == 200
    answer = api("get", "/things", version=G4, headers={"X-A": "x" * 17_000, "X-B": "x" * 17_000})
    message = "The header fields of a request may have at most 32768 bytes together."
    assert (answer.status_code, answer.json()) == (431, {"message": message, "kind": "headers_too_large"})


def test_a_path_has_a_size(api):
    answer = api("get", f"/things/{LONG}", version=G4)
    assert (answer.status_code, answer.json()) == (
        414,
        {"message": "The path must have at most 8192 bytes.", "kind": "uri_too_long"},
    )
    # Bytes as they are meant, not as they are written.
    assert api("get", "/things/" + "%C3%A9" * 4092, version=G4).status_code == 404
    assert api("get", "/things/" + "%C3%A9" * 4093, version=G4).status_code == 414


def test_a_long_id_names_nothing_and_is_no_bug(api):
    for bare in ("x" * 8000, "org_" + "0" * 5000, "%00" * 2000, "%E2%80%AE" * 2000, "..%2f" * 1000):
        assert api("get", f"/things/{bare}", version=G4).status_code == 404


def test_a_query_has_a_size(api):
    assert api("get", f"/things?x={LONG[2:]}").status_code == 200
    answer = api("get", f"/things?x={LONG}", version=G4)
    assert (answer.status_code, answer.json()) == (
        414,
        {"message": "The query must have at most 8192 bytes.", "kind": "uri_too_long"},
    )


def test_a_query_has_a_number_of_parameters(api):
    assert api("get", "/things?" + "&".join("x" * 100)).status_code == 200
    for query in ("&".join("x" * 101), "&" * 100):
        answer = api("get", f"/things?{query}", version=G4)
        assert (answer.status_code, answer.json()) == (
            400,
            {"message": "The query must have at most 100 parameters.", "kind": "request_invalid"},
        )


@pytest.mark.parametrize("path", ["/things", "/nowhere", "/host", "/plain/gone", "/admin/"])
def test_bounds_hold_for_every_path_and_for_strangers(settings, path, db):
    settings.ROOT_URLCONF = "ittyhost.api.tests.thing_urls"
    answer = Client().get(path, headers={"Accept-Version": G4, **fields(101)})
    assert (answer.status_code, answer.json()["kind"]) == (431, "headers_too_large")
    assert answer.headers["X-Request-Id"].startswith("req_")


def test_a_refusal_is_in_the_version_asked_for(api):
    answer = api("get", "/things", version=G1, headers=fields(101))
    body = answer.json()
    assert (body["meta"]["status"], body["meta"]["version"], body["error"]["code"]) == (431, G1, "headers_too_large")
    body = api("get", "/things", version=G3, headers=fields(101)).json()
    assert (body["data"], body["error"]["code"]) == (None, "headers_too_large")


@pytest.mark.parametrize(
    "host", ["a b", "<script>", "evil.example:99999", "[::1", "é.example", "x" * 300, "a,b", "", "..", "%00", "a@b"]
)
def test_a_host_that_is_none_comes_back_nowhere(api, host):
    answer = api("get", "/things?limit=1", version=G4, HTTP_HOST=host)
    if answer.status_code == 200:
        assert answer.headers["Links"].startswith("<https://api.example.test/things?limit=1>")
    else:
        message = "The request is malformed, or its Host is not one of this service's."
        assert (answer.status_code, answer.json()) == (400, {"message": message, "kind": "request_invalid"})


@pytest.mark.parametrize(
    "header",
    ["Bearer " + "x" * 20_000, "Bearer sk_live_" + "é" * 43, "Bearer \x00\x01", "Bearer sk_live_' OR 1=1", "é"],
)
def test_a_key_that_is_none_is_refused_like_any_other(api, header):
    answer = api("get", "/things", version=G4, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["kind"]) == (401, "token_invalid")
