"""Refusals of delivery paths: in which version, naming whom, and telling strangers nothing."""

from typing import Any

import pytest
from django.test import RequestFactory

from media_app.api.delivery import deliver
from media_app.tests.factories import make_file
from orgs_app.models import Project
from orgs_app.tests.caller import G1, G4, Caller
from orgs_app.tests.factories import bearer_header, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def pinned() -> Caller:
    return Caller(project=make_project(api_version=G4))


def ask(caller: Caller, method: str, path: str, project: Project | None = None, **headers: str) -> Any:
    place = f"/delivery/{(project or caller.project).public_id}/{path}"
    return getattr(caller.http, method)(place, headers=bearer_header(caller.secret) | headers)


def refusals(caller: Caller) -> list[Any]:
    """One of each that delivery makes for a key of the project: 400, 402, 403, 404, 405, 411."""
    reader = Caller(project=caller.project, scopes=["read"])
    no_length = RequestFactory().put("/", b"x", HTTP_AUTHORIZATION=f"Bearer {caller.secret}", CONTENT_LENGTH="")
    answers = [
        ask(caller, "put", "%2e%2e"),
        ask(reader, "put", "a.jpg"),
        ask(caller, "put", "a.jpg", project=make_project()),
        ask(caller, "get", "a.jpg"),
        ask(caller, "post", "a.jpg"),
        deliver(no_length, caller.project.public_id, "a.jpg"),
    ]
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=0, storage_used=0)
    place = f"/delivery/{caller.project.public_id}/a.jpg"
    return [*answers, caller.http.put(place, b"x", headers=bearer_header(caller.secret))]


def test_refusals_are_in_the_version_of_the_project(pinned):
    answers = refusals(pinned)
    assert [answer.status_code for answer in answers] == [400, 403, 404, 404, 405, 411, 402]
    for answer in answers:
        assert b'"kind":' in answer.content
        assert b'"meta"' not in answer.content


def test_refusals_name_the_project_of_the_key():
    caller = Caller()
    for answer in refusals(caller):
        project = caller.project
        assert f'"org_id":"{project.organisation.public_id}","project_id":"{project.public_id}"' in (
            answer.content.decode()
        )


def test_what_a_request_asks_for_comes_before_the_pin(pinned):
    answer = ask(pinned, "get", "a.jpg", **{"Accept-Version": G1})
    assert answer.json()["meta"]["version"] == G1


def test_a_public_project_is_pinned_for_strangers_too(pinned):
    answer = pinned.http.get(f"/delivery/{pinned.project.public_id}/a.jpg")
    assert (answer.status_code, set(answer.json())) == (404, {"message", "kind"})


def test_strangers_learn_nothing_of_a_private_project(pinned):
    make_file(project=pinned.project, filename="a.jpg", content=b"x")
    Project.objects.filter(pk=pinned.project.pk).update(is_private=True)
    other = Caller()
    for headers in ({}, bearer_header("sk_live_x"), bearer_header(other.secret)):
        for path in ("a.jpg", "missing.jpg"):
            answer = other.http.get(f"/delivery/{pinned.project.public_id}/{path}", headers=headers)
            meta = answer.json()["meta"]  # not in its version, and the same for all of them
            assert (answer.status_code, meta["project_id"]) == (403, None)
    for project in (pinned.project, Project(id="0" * 16)):  # a writer of another project cannot tell them apart
        answer = ask(other, "put", "a.jpg", project=project)
        assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Nothing is here.")
        assert answer.json()["meta"]["project_id"] == other.project.public_id
