"""Every refusal is JSON in the request's version, names the field, and tells nothing of the inside."""

import pytest
from django.test import Client

from ittyhost.api.calls import request_id
from orgs_app.tests.factories import bearer_header, make_api_key

G1, G4 = "2024-03-21", "2025-08-20"

BUG = "Something went wrong on our side. The X-Request-Id header names this request."
DATABASE = "The database does not answer just now. Try again in a moment."
HOST = "The request is malformed, or its Host is not one of this service's."
TOKEN = "A valid API key is required. Send it in the header Authorization: Bearer <API key>."

FAULTS = [
    ("invalid", 400, "request_invalid", "width must be at most 3840.", {}),
    ("quota", 402, "payment_required", "The quota is used up.", {}),
    ("forbidden", 403, "forbidden", "Not for you.", {}),
    ("denied", 403, "forbidden", "This API key may not do that.", {}),
    ("gone", 404, "not_found", "Nothing is here.", {}),
    ("conflict", 409, "task_ended", "The task has ended.", {}),
    ("length", 411, "length_required", "Send a Content-Length.", {}),
    ("large", 413, "body_too_large", "At most 10 bytes.", {}),
    ("rate", 429, "rate_limited", "Too fast.", {"Retry-After": "7"}),
    ("odd", 400, "request_invalid", HOST, {}),
    ("database", 503, "unavailable", DATABASE, {"Retry-After": "5"}),
    ("away", 503, "unavailable", "The bucket does not answer.", {"Retry-After": "5"}),
    ("bug", 500, "internal_error", BUG, {}),
]


def meta_of(key, response, **more):
    return {
        "id": response.headers["X-Request-Id"],
        "version": G1,
        "status": response.status_code,
        "org_id": key.project.organisation.public_id if key else None,
        "project_id": key.project.public_id if key else None,
        "live_mode": key is not None,
        "type": "error",
    } | more


@pytest.mark.parametrize(("fault", "status", "code", "message", "headers"), FAULTS)
def test_a_refusal_in_2024_03_21(api, key_and_secret, fault, status, code, message, headers):
    response = api("get", f"/faults/{fault}", version=G1)
    param = {"param": "width"} if fault == "invalid" else {}
    assert response.status_code == status
    assert response.json() == {
        "meta": meta_of(key_and_secret[0], response, method="GET", url=f"/faults/{fault}"),
        "error": {"message": message, "code": code, **param},
    }
    assert headers.items() <= dict(response.headers).items()


@pytest.mark.parametrize(("fault", "status", "code", "message", "headers"), FAULTS)
def test_a_refusal_in_2025_08_20(api, fault, status, code, message, headers):
    response = api("get", f"/faults/{fault}", version=G4)
    param = {"param": "width"} if fault == "invalid" else {}
    assert (response.status_code, response.json()) == (status, {"message": message, "kind": code, **param})
    assert headers.items() <= dict(response.headers).items()


@pytest.mark.parametrize(("fault", "status", "code", "message", "headers"), FAULTS[:-1])
def test_a_plain_view_refuses_in_the_same_words(api, fault, status, code, message, headers):
    response = api("get", f"/plain/{fault}", version=G4)
    if fault in {"gone", "denied"}:
        assert response.status_code == status
    else:
        param = {"param": "width"} if fault == "invalid" else {}
        assert (response.status_code, response.json()) == (status, {"message": message, "kind": code, **param})
        assert headers.items() <= dict(response.headers).items()


@pytest.mark.parametrize("path", ["/plain/bug", "/broken"])
def test_a_bug_in_a_plain_view_tells_nothing(api, path):
    response = api("get", path, version=G4)
    # Without touching the database, so that even the version is the setting's.
    assert response.status_code == 500
    assert response.json() == {
        "meta": meta_of(None, response, method="GET", url=path),
        "error": {"message": BUG, "code": "internal_error"},
    }


def test_a_bug_is_logged_with_the_request_it_met(api, key_and_secret, caplog):
    response = api("get", "/faults/bug")
    (line,) = [
        record.msg for record in caplog.records if record.levelname == "ERROR" and record.name.startswith("ittyhost")
    ]
    assert line["event"] == "a request failed"
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert line["project"] == key_and_secret[0].project.public_id
    assert isinstance(line["exc_info"], ZeroDivisionError)


def test_an_unknown_path_in_each_version(api, key_and_secret):
    response = api("get", "/nowhere/at/all", version=G1)
    assert (response.status_code, response.json()) == (
        404,
        {
            "meta": meta_of(key_and_secret[0], response, method="GET", url="/nowhere/at/all"),
            "error": {
                "message": "No resource has the path /nowhere/at/all. The page /docs lists them all.",
                "code": "path_unknown",
            },
        },
    )
    response = api("post", "/nowhere", version=G4, json={})
    assert (response.status_code, response.json()) == (
        404,
        {"message": "No resource has the path /nowhere. The page /docs lists them all.", "kind": "path_unknown"},
    )


def test_a_base_url_that_ends_in_a_slash_is_told(api):
    response = api("get", "/", version=G4, PATH_INFO="//things")  # the test client takes // for a host
    assert (response.status_code, response.json()["message"]) == (
        404,
        "No resource has the path //things. Leave out the slash at the end of the base URL.",
    )


def test_an_unknown_path_is_unknown_to_strangers_too(api):
    response = api("get", "/nowhere", headers={"Authorization": "Bearer nobody"})
    assert (response.status_code, response.json()) == (
        404,
        {
            "meta": meta_of(None, response, method="GET", url="/nowhere"),
            "error": {
                "message": "No resource has the path /nowhere. The page /docs lists them all.",
                "code": "path_unknown",
            },
        },
    )


@pytest.mark.parametrize(
    "path", ["/things/../etc", "/things/a/b", "/things%2Fa", "//things", "/things//", "/th\x00ings"]
)
def test_odd_paths_are_unknown(api, path):
    response = api("get", path)
    assert response.status_code == 404
    assert response.json()["meta"]["type"] == "error"


def test_a_method_that_is_not_there(api, key_and_secret):
    response = api("patch", "/things", version=G1, json={})
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert response.json() == {
        "meta": meta_of(key_and_secret[0], response, method="PATCH", url="/things"),
        "error": {
            "message": 'Method "PATCH" not allowed here. The header Allow names those that are.',
            "code": "method_not_allowed",
        },
    }
    assert api("options", "/things").status_code == 405


def test_a_missing_object_carries_its_code(api):
    response = api("get", "/things/org_0000000000000000", version=G4)
    assert (response.status_code, response.json()) == (
        404,
        {"message": "No thing org_0000000000000000 exists.", "kind": "thing_not_found"},
    )


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "nonsense", "Bearer \x00"]
)
def test_a_stranger_gets_one_answer(api, header):
    response = api("get", "/things", version=G1, headers={"Authorization": header} if header is not None else None)
    if header is None:
        response = Client().get("/things", headers={"Accept-Version": G1})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert response.json() == {
        "meta": meta_of(None, response, method="GET", url="/things"),
        "error": {"message": TOKEN, "code": "token_invalid"},
    }


def test_a_stranger_gets_one_answer_in_2025_08_20_too(api):
    response = api("get", "/things", version=G4, headers={"Authorization": "Bearer x"})
    assert (response.status_code, response.json()) == (401, {"message": TOKEN, "kind": "token_invalid"})


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (["read"], "get", 200),
        (["read"], "head", 200),
        (["read"], "post", 403),
        (["write"], "get", 403),
        (["write"], "post", 200),
        (["read"], "put", 405),
    ],
)
def test_scopes_open_methods(api, key_and_secret, scopes, method, status):
    _, secret = make_api_key(project=key_and_secret[0].project, scopes=scopes)
    more = {"json": {"name": "x"}} if method in {"post", "put"} else {}
    response = api(method, "/things", headers=bearer_header(secret), **more)
    assert response.status_code == status


def test_a_missing_scope_is_named(api, key_and_secret):
    _, secret = make_api_key(project=key_and_secret[0].project, scopes=["read"])
    response = api("post", "/things", version=G4, headers=bearer_header(secret), json={"name": "x"})
    assert (response.status_code, response.json()) == (
        403,
        {"message": "This API key lacks the scope 'write'. Use a key that has it.", "kind": "scope_missing"},
    )


def test_a_host_that_is_not_ours(api, settings):
    settings.ALLOWED_HOSTS = ["api.example.test"]
    response = api("get", "/host", version=G4, HTTP_HOST="evil.example")
    assert (response.status_code, response.json()) == (400, {"message": HOST, "kind": "request_invalid"})


def test_answers_are_not_kept_by_caches(api):
    for path in ("/things", "/faults/invalid", "/nowhere"):
        assert api("get", path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "nonsense", "text/html;q=0.1"])
def test_the_answer_is_json_whatever_is_accepted(api, accept):
    response = api("get", "/things?format=html", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


def test_every_answer_has_its_own_request_id(api):
    seen = {api("get", path).headers["X-Request-Id"] for path in ("/things", "/things", "/nowhere", "/broken")}
    assert len(seen) == 4
    assert all(len(request_id) == 16 for request_id in seen)


def test_a_request_outside_the_middleware_still_has_an_id(rf):
    request = rf.get("/")
    assert request_id(request) == request_id(request) != request_id(rf.get("/"))
