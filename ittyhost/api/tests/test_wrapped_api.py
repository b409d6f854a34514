"""What the wrapped versions between the first and the last put around their data: whole bodies.

The first version and the last are in test_versions_api.py, test_paging_api.py and test_errors_api.py.
"""

from datetime import UTC, datetime, timedelta

import pytest

from ittyhost.api.versions import find_version
from orgs_app.models import Organisation

G2 = "2024-08-21"
G3 = pytest.mark.parametrize("version", ["2025-01-01", "2025-07-01"])
BASE = "https://api.example.test"
AT = datetime(2024, 4, 2, 9, 15, 3, tzinfo=UTC)


@pytest.fixture
def make_things(db):
    def make(number):
        return [
            Organisation.objects.create(name="Old", created=AT + timedelta(seconds=index)) for index in range(number)
        ]

    return make


@pytest.fixture
def thing(make_things):
    return make_things(1)[0]


def meta_2024(key, response, path, *, method="GET", type="object", **more):
    return {
        "id": response.headers["X-Request-Id"],
        "org_id": key.project.organisation.public_id,
        "project_id": key.project.public_id,
        "method": method,
        "host": BASE,
        "path": path,
        "version": G2,
        "status": response.status_code,
        "type": type,
    } | more


def meta_2025(key, response, version, *, type="object", **more):
    return {
        "request_id": response.headers["X-Request-Id"],
        "org_id": key.project.organisation.public_id,
        "project_id": key.project.public_id,
        "version": version,
        "type": type,
    } | more


# --- 2024-08-21 ---


def test_an_object_in_2024_08_21(api, key_and_secret, thing):
    path = f"/things/{thing.public_id}"
    response = api("get", path, version=G2)
    assert response.json() == {
        "meta": meta_2024(key_and_secret[0], response, path),
        "data": {"id": thing.public_id, "object": "thing", "name": "Old", "created": "2024-04-02T09:15:03Z"},
        "links": {"self": f"{BASE}{path}", "parent": f"{BASE}/things"},
    }


def test_a_creation_answers_200_in_2024_08_21(api, key_and_secret):
    response = api("post", "/things", version=G2, json={"name": "Harbour"})
    made = Organisation.objects.get(name="Harbour")
    assert response.status_code == 200
    assert response.json()["meta"] == meta_2024(key_and_secret[0], response, "/things", method="POST")
    assert response.json()["links"] == {"self": f"{BASE}/things/{made.public_id}", "parent": f"{BASE}/things"}


def test_a_list_in_2024_08_21(api, key_and_secret, make_things):
    things = make_things(14)
    response = api("get", "/things?name=old", version=G2)
    body = response.json()
    counts = {"total": 14, "limit": 12, "page": 1, "pages": 2}
    assert body["meta"] == meta_2024(key_and_secret[0], response, "/things", type="list", **counts)
    assert [item["id"] for item in body["data"]] == [each.public_id for each in reversed(things)][:12]
    assert body["links"] == {
        "self": f"{BASE}/things?name=old",
        "next": f"{BASE}/things?name=old&page=2",
        "prev": None,
    }


def test_a_refusal_in_2024_08_21(api, key_and_secret):
    response = api("get", "/things?page=0", version=G2)
    assert response.status_code == 400
    assert response.json() == {
        "meta": meta_2024(key_and_secret[0], response, "/things", type="error"),
        "error": {"message": "page must be from 1 to 100000000, not 0.", "code": "request_invalid", "param": "page"},
    }


# --- 2025-01-01 and 2025-07-01 ---


@G3
def test_an_object_in_the_versions_of_early_2025(api, key_and_secret, thing, version):
    path = f"/things/{thing.public_id}"
    response = api("get", path, version=version)
    body = response.json()
    assert body == {
        "meta": meta_2025(key_and_secret[0], response, version),
        "data": {"id": thing.public_id, "object": "thing", "name": "Old", "created": "2024-04-02T09:15:03Z"},
        "error": None,
        "links": {"self": f"{BASE}{path}", "parent": f"{BASE}/things"},
    }
    assert list(body) == ["meta", "data", "error", "links"]


@G3
def test_a_creation_and_a_deletion_in_the_versions_of_early_2025(api, key_and_secret, version):
    response = api("post", "/things", version=version, json={"name": "Harbour"})
    made = Organisation.objects.get(name="Harbour")
    path = f"/things/{made.public_id}"
    assert (response.status_code, response.json()["data"]["id"]) == (201, made.public_id)
    assert response.json()["links"] == {"self": f"{BASE}{path}", "parent": f"{BASE}/things"}
    response = api("delete", path, version=version)
    assert response.status_code == 202
    assert response.json()["data"] == {"message": f"{made.public_id} deleted"}
    assert response.json()["meta"] == meta_2025(key_and_secret[0], response, version)


@G3
def test_a_middle_page_in_the_versions_of_early_2025(api, key_and_secret, make_things, version):
    make_things(5)
    response = api("get", "/things?page=2&limit=2", version=version)
    body = response.json()
    counts = {"limit": 2, "total": 5, "page": 2, "pages": 3}
    assert body["meta"] == meta_2025(key_and_secret[0], response, version, type="list", **counts)
    assert (len(body["data"]), body["error"]) == (2, None)
    assert body["links"] == {
        "self": f"{BASE}/things?page=2&limit=2",
        "first": f"{BASE}/things?limit=2&page=1",
        "prev": f"{BASE}/things?limit=2&page=1",
        "next": f"{BASE}/things?limit=2&page=3",
        "last": f"{BASE}/things?limit=2&page=3",
    }
    assert "Links" not in response.headers


@G3
def test_an_empty_list_in_the_versions_of_early_2025(api, version):
    body = api("get", "/things", version=version).json()
    assert (body["data"], body["meta"]["limit"], body["meta"]["pages"]) == ([], 20, 0)
    assert body["links"] == {
        "self": f"{BASE}/things",
        "first": f"{BASE}/things?page=1",
        "prev": None,
        "next": None,
        "last": f"{BASE}/things?page=1",
    }


@G3
def test_a_refusal_in_the_versions_of_early_2025(api, key_and_secret, version):
    response = api("get", "/things?limit=101", version=version)
    assert response.status_code == 400
    assert response.json() == {
        "meta": meta_2025(key_and_secret[0], response, version, type="error"),
        "data": None,
        "error": {"message": "limit must be from 1 to 100, not 101.", "code": "request_invalid", "param": "limit"},
        "links": {"self": f"{BASE}/things?limit=101"},
    }


# --- older SDKs ---


def test_an_sdk_that_parses_the_envelope_gets_it(api, thing):
    response = api("get", f"/things/{thing.public_id}", headers={"X-Fern-SDK-Version": "0.9.0"})
    assert response.json()["meta"]["version"] == "2025-07-01"
    assert find_version("2025-07-01").shapes == find_version("2025-08-20").shapes
