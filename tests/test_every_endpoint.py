"""What holds for every endpoint: keys, scopes, methods, versions, bodies, slashes, documents."""

import pytest
from django.test import Client

from ittyhost.api.versions import all_versions
from orgs_app.services import api_key_revoke
from orgs_app.tests.factories import bearer_header, make_api_key
from tests.endpoints import Endpoint, endpoints

pytestmark = pytest.mark.django_db
EVERY = pytest.mark.parametrize("endpoint", endpoints(), ids=str)
WRITING = pytest.mark.parametrize("endpoint", [one for one in endpoints() if one.method != "get"], ids=str)
POSTING = pytest.mark.parametrize("endpoint", [one for one in endpoints() if one.method == "post"], ids=str)
REFUSED = {
    "message": "A valid API key is required. Send it in the header Authorization: Bearer <API key>.",
    "kind": "token_invalid",
}


def ask(endpoint: Endpoint, headers=None, *, path=None, version="2025-08-20", body=b"{}"):
    given = {"Accept-Version": version} | (headers or {})
    if endpoint.method == "get":
        return Client().get(path or endpoint.path, headers=given)
    return Client().generic(
        endpoint.method.upper(), path or endpoint.path, body, content_type="application/json", headers=given
    )


def test_there_are_endpoints():
    assert len(endpoints()) >= 8
    assert all("x" not in one.path or one.path.count("/") > 1 for one in endpoints() if "<" in one.path)


@EVERY
@pytest.mark.parametrize("key", ["missing", "malformed", "unknown", "revoked", "basic"])
def test_a_stranger_is_refused_in_one_form(endpoint, key):
    row, secret = make_api_key()
    if key == "revoked":
        api_key_revoke(key=row)
    header = {
        "missing": {},
        "malformed": {"Authorization": "Bearer nonsense"},
        "unknown": {"Authorization": f"Bearer sk_live_{'a' * 43}"},
        "revoked": bearer_header(secret),
        "basic": {"Authorization": f"Basic {secret}"},
    }[key]
    response = ask(endpoint, header)
    assert (response.status_code, response.json(), response.headers["WWW-Authenticate"]) == (
        401,
        REFUSED,
        'Bearer realm="api"',
    )


@EVERY
def test_the_scope_must_fit(endpoint):
    needed = endpoint.view.scope or ("read" if endpoint.method == "get" else "write")
    _, secret = make_api_key(scopes=["write" if needed == "read" else "read"])
    response = ask(endpoint, bearer_header(secret))
    assert (response.status_code, response.json()) == (
        403,
        {"message": f"This API key lacks the scope '{needed}'. Use a key that has it.", "kind": "scope_missing"},
    )


@EVERY
@pytest.mark.parametrize("version", all_versions(), ids=str)
def test_every_answer_is_json_in_the_version_and_names_the_request(endpoint, version):
    key, secret = make_api_key()
    response = ask(endpoint, bearer_header(secret), version=version.name)
    assert response.status_code < 500
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    match version.name[:7]:
        case "2024-03" | "2024-08":
            assert (body["meta"]["id"], body["meta"]["version"]) == (response.headers["X-Request-Id"], version.name)
            assert (body["meta"]["status"], body["meta"]["project_id"]) == (
                response.status_code,
                key.project.public_id,
            )
        case "2025-01" | "2025-07":
            assert list(body) == ["meta", "data", "error", "links"]
            assert body["meta"]["request_id"] == response.headers["X-Request-Id"]
            assert (body["meta"]["version"], body["meta"]["project_id"]) == (version.name, key.project.public_id)
        case _:
            assert "meta" not in body


@EVERY
def test_an_unknown_object_is_404_in_a_path(endpoint):
    if "/x" not in endpoint.path:
        pytest.skip("names no object")
    _, secret = make_api_key()
    response = ask(endpoint, bearer_header(secret))
    assert response.status_code == 404
    assert response.json()["kind"].endswith("not_found")


@EVERY
def test_a_last_slash_makes_no_difference(endpoint):
    _, secret = make_api_key()
    plain, slashed = (ask(endpoint, bearer_header(secret), path=path) for path in (endpoint.path, endpoint.path + "/"))
    assert (plain.status_code, type(plain.json())) == (slashed.status_code, type(slashed.json()))
    assert "Location" not in slashed.headers


@EVERY
def test_an_unknown_method_is_405(endpoint):
    _, secret = make_api_key()
    response = Client().generic("PURGE", endpoint.path, headers=bearer_header(secret))
    assert response.status_code == 405
    assert endpoint.method.upper() in response.headers["Allow"]


@WRITING
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": NaN}', b"\xff", b"[" * 50_000])
def test_a_malformed_body_changes_nothing_and_is_no_bug(endpoint, body):
    _, secret = make_api_key()
    response = ask(endpoint, bearer_header(secret), body=body)
    assert response.status_code in {400, 404, 202, 411}


@POSTING
@pytest.mark.parametrize("version", all_versions(), ids=str)
def test_a_post_with_an_idempotency_key_is_answered_the_same_twice(endpoint, version):
    _, secret = make_api_key()
    headers = {**bearer_header(secret), "Idempotency-Key": "once"}
    first, second = (ask(endpoint, headers, version=version.name) for _ in range(2))
    assert first.status_code < 500
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    other = ask(endpoint, headers, version=version.name, body=b'{"a":1}')
    assert (other.status_code, b"idempotency_key_reused" in other.content) == (422, True)


@POSTING
def test_a_malformed_idempotency_key_is_refused(endpoint):
    _, secret = make_api_key()
    response = ask(endpoint, {**bearer_header(secret), "Idempotency-Key": "k" * 256})
    assert (response.status_code, response.json()["param"]) == (400, "Idempotency-Key")


@WRITING
def test_a_name_twice_in_a_body_is_refused_by_name(endpoint):
    if endpoint.method == "delete":
        pytest.skip("reads no body")
    _, secret = make_api_key()
    response = ask(endpoint, bearer_header(secret), body=b'{"a": 1, "a": 2}')
    assert response.status_code in {400, 404}
    assert "twice" in response.json()["message"] or response.status_code == 404


@EVERY
def test_it_is_documented(endpoint):
    assert hasattr(getattr(endpoint.view, endpoint.method), "operation"), f"{endpoint} lacks @documented."
