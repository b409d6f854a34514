"""Which version answers, and what its envelope looks like: whole bodies."""

import re
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory

from ittyhost.api import shapes
from ittyhost.api.negotiation import asked_version, negotiate
from ittyhost.api.tests.thing_shapes import SHAPES
from ittyhost.api.versions import all_versions, default_version, find_version
from orgs_app.models import Organisation

G1, G4 = "2024-03-21", "2025-08-20"


@pytest.fixture
def thing(db):
    return Organisation.objects.create(name="Old", created=datetime(2024, 4, 2, 9, 15, 3, 999, tzinfo=UTC))


def meta_of(key, response, **more):
    project = key.project
    return {
        "id": response.headers["X-Request-Id"],
        "version": G1,
        "status": response.status_code,
        "org_id": project.organisation.public_id,
        "project_id": project.public_id,
        "live_mode": True,
    } | more


def test_an_object_in_2024_03_21(api, key_and_secret, thing):
    response = api("get", f"/things/{thing.public_id}", version=G1)
    body = response.json()
    path = f"/things/{thing.public_id}"
    assert response.status_code == 200
    assert body == {
        "meta": meta_of(key_and_secret[0], response, method="GET", url=path, type="object"),
        "data": {"id": thing.public_id, "object": "thing", "name": "Old", "created": "2024-04-02T09:15:03Z"},
        "links": {"self": path, "parent": "/things"},
    }
    assert list(body["meta"]) == [
        *("id", "method", "url", "version", "status", "org_id", "project_id", "live_mode", "type"),
    ]
    assert re.fullmatch(r"req_[0-9A-Za-z]{12}", body["meta"]["id"])
    assert response.headers["Content-Type"] == "application/json"


def test_an_object_in_2025_08_20(api, thing):
    response = api("get", f"/things/{thing.public_id}", version=G4)
    assert response.json() == {
        "id": thing.public_id,
        "object": "thing",
        "name": "Old",
        "created": "2024-04-02T09:15:03Z",
    }
    assert re.fullmatch(r"req_[0-9A-Za-z]{12}", response.headers["X-Request-Id"])


def test_links_name_the_object_as_it_is_written_however_it_was_asked_for(api, thing):
    body = api("get", f"/things/thing_{thing.pk}/", version=G1).json()
    assert body["links"] == {"self": f"/things/{thing.public_id}", "parent": "/things"}
    assert body["meta"]["url"] == f"/things/thing_{thing.pk}/"


def test_a_creation_answers_200_in_2024_03_21(api, key_and_secret):
    response = api("post", "/things", version=G1, json={"name": "Harbour"})
    thing = Organisation.objects.get(name="Harbour")
    assert response.status_code == 200
    assert response.json() == {
        "meta": meta_of(key_and_secret[0], response, method="POST", url="/things", type="object"),
        "data": {
            "id": thing.public_id,
            "object": "thing",
            "name": "Harbour",
            "created": thing.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "links": {"self": f"/things/{thing.public_id}", "parent": "/things"},
    }


def test_a_creation_answers_201_in_2025_08_20(api):
    response = api("post", "/things/", version=G4, json={"name": "Harbour"})
    thing = Organisation.objects.get(name="Harbour")
    assert response.status_code == 201
    assert list(response.json()) == ["id", "object", "name", "created"]
    assert response.json()["id"] == thing.public_id


def test_a_deletion_answers_202_with_a_message_in_each_version(api, key_and_secret, thing):
    path = f"/things/{thing.public_id}"
    response = api("delete", path, version=G1)
    assert (response.status_code, response.json()) == (
        202,
        {
            "meta": meta_of(key_and_secret[0], response, method="DELETE", url=path, type="object"),
            "data": {"message": f"{thing.public_id} deleted"},
            "links": {"self": path, "parent": "/things"},
        },
    )
    response = api("delete", path, version=G4)
    assert (response.status_code, response.json()) == (202, {"message": f"{thing.public_id} deleted"})


def test_something_without_an_id_has_no_parent(api):
    body = api("post", "/signatures", version=G1).json()
    assert (body["data"], body["links"]) == ({"signature": "abc"}, {"self": "/signatures", "parent": None})


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, G1),
        ({"HTTP_ACCEPT_VERSION": G1}, G1),
        ({"HTTP_ACCEPT_VERSION": G4}, G4),
        ({"HTTP_ACCEPT_VERSION": " latest "}, G4),
        ({"HTTP_ACCEPT_VERSION": f"{G4},{G1}"}, G1),
        ({"HTTP_ACCEPT_VERSION": f"{G1}, {G4}"}, G4),
        ({"HTTP_ACCEPT_VERSION": f"{G4}, "}, G4),
        ({"HTTP_ACCEPT_VERSION": ""}, G1),
        ({"HTTP_X_FERN_SDK_VERSION": "1.0.0"}, G4),
        ({"HTTP_X_FERN_SDK_VERSION": "0.10.0"}, G4),
        ({"HTTP_X_FERN_SDK_VERSION": "v1.0.0"}, G4),
        ({"HTTP_X_FERN_SDK_VERSION": "nonsense"}, G1),
        ({"HTTP_X_FERN_SDK_VERSION": "1.0.0", "HTTP_ACCEPT_VERSION": G1}, G1),
    ],
)
def test_the_version_follows_the_headers(headers, version):
    wish = negotiate(RequestFactory().get("/", **headers))
    assert (wish.version.name, wish.refusal) == (version, None)


def test_an_sdk_before_0_10_asks_for_the_enveloped_version_of_2025():
    assert asked_version(RequestFactory().get("/", HTTP_X_FERN_SDK_VERSION="0.9.0")) == "2025-07-01"


@pytest.mark.parametrize(
    ("pin", "headers", "version"),
    [(G4, {}, G4), (G4, {"Accept-Version": G1}, G1), (G1, {"X-Fern-SDK-Version": "1.0.0"}, G4), ("2019-01-01", {}, G1)],
)
def test_the_projects_pin_counts_where_the_headers_leave_it_open(api, key_and_secret, thing, pin, headers, version):
    project = key_and_secret[0].project
    project.api_version = pin
    project.save()
    body = api("get", f"/things/{thing.public_id}", headers=headers).json()
    assert body.get("meta", {}).get("version", G4) == version


def test_the_setting_is_what_is_left(api, settings, thing):
    settings.API_DEFAULT_VERSION = G4
    assert api("get", f"/things/{thing.public_id}").json()["object"] == "thing"


@pytest.mark.parametrize("asked", ["2023-01-01", "v2", "2024-3-21", "x" * 5000, "2024-03-21;q=1"])
def test_an_unknown_version_is_refused_in_the_default_one(api, key_and_secret, asked):
    response = api("get", "/things", version=asked)
    assert response.status_code == 400
    assert response.json() == {
        "meta": meta_of(key_and_secret[0], response, method="GET", url="/things", type="error"),
        "error": {
            "message": f"Version {asked[:40]!r} is not supported. "
            "Send Accept-Version with one of: "
            "2024-03-21, 2024-08-21, 2025-01-01, 2025-07-01, 2025-08-20, latest.",
            "code": "version_unknown",
            "param": "Accept-Version",
        },
    }


def test_an_unknown_version_is_refused_in_the_pinned_one(api, key_and_secret):
    project = key_and_secret[0].project
    project.api_version = G4
    project.save()
    response = api("get", "/things", version="2023-01-01")
    assert (response.status_code, list(response.json())) == (400, ["message", "kind", "param"])


def test_versions_are_found_by_name_and_alias():
    assert [version.name for version in all_versions()] == [G1, "2024-08-21", "2025-01-01", "2025-07-01", G4]
    assert find_version("latest") is find_version(G4)
    assert find_version("2024-03-22") is None


def test_a_wrong_default_stops_the_start(settings):
    settings.API_DEFAULT_VERSION = "2020-01-01"
    with pytest.raises(ImproperlyConfigured, match="API_DEFAULT_VERSION: must be one of 2024-03-21, 2024-08-21"):
        default_version()


def test_shapes_that_a_version_lacks_stop_the_start(tmp_path, monkeypatch):
    package = tmp_path / "half_shapes"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "v2024_03_21.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    message = "API version 2025-01-01 has no shapes for half: add v2025_08_20.py to half_shapes."
    with pytest.raises(ImproperlyConfigured, match=re.escape(message)):
        shapes.register("half", "half_shapes")


def test_shapes_are_found_by_subject_and_version():
    assert shapes.find_shapes("thing", "latest") is SHAPES["2025-08-20"]
    with pytest.raises(LookupError, match="No shapes are registered for ghost in version latest"):
        shapes.find_shapes("ghost", "latest")
