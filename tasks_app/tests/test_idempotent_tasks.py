"""A task asked for twice with one Idempotency-Key is one task, with one event, and wakes a worker once."""

from typing import Any

import pytest

from events_app.models import Event
from ittyhost import queue
from media_app.models import File, Media
from media_app.tests.factories import make_file
from orgs_app.tests.caller import G1, G4, VERSIONS, Caller, created
from orgs_app.tests.factories import bearer_header
from tasks_app.models import Task


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lanes that were woken."""
    lanes: list[str] = []
    monkeypatch.setattr(queue, "_publish", lambda job, args, lane: lanes.append(lane))
    return lanes


def post(caller: Caller, version: str, body: dict[str, Any], key: str = "once") -> Any:
    headers = {**bearer_header(caller.secret), "Accept-Version": version, "Idempotency-Key": key}
    return caller.http.post("/tasks", body, content_type="application/json", headers=headers)


def body_of(version: str, source: str, **options: Any) -> dict[str, Any]:
    options = {"kind": "image", "width": 32, **options}
    if version == G1:
        return {"input": source, "output": options}
    return {("url" if "://" in source else "file_id"): source, **options}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_made_once(version, sent):
    caller = Caller()
    source = make_file(project=caller.project)
    first, second = (post(caller, version, body_of(version, source.public_id)) for _ in range(2))
    assert (first.status_code, first.content) == (created(version), second.content)
    assert (Task.objects.count(), Event.objects.filter(type="task.created").count()) == (1, 1)
    assert sent.count("fast") == 1
    third = post(caller, version, body_of(version, source.public_id, width=64))
    assert (third.status_code, Task.objects.count()) == (422, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_it_makes_beside_itself_is_made_once_or_not_at_all(version, sent):
    caller = Caller()
    url = "https://example.com/a.jpg"
    answers = [post(caller, version, body_of(version, url)) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert [model.objects.count() for model in (Task, File, Media)] == [1, 1, 1]
    assert sent == ["transfer"]
    for width in (0, 0):
        assert post(caller, version, body_of(version, url, width=width), key="wrong").status_code == 400
    assert [model.objects.count() for model in (Task, File, Media)] == [1, 1, 1]
    assert sent == ["transfer"]


@pytest.mark.django_db(transaction=True)
def test_a_full_quota_uses_up_no_key(sent):
    caller = Caller()
    source = make_file(project=caller.project)
    project = caller.project
    project.storage_quota, project.storage_used = 0, 0
    project.save()
    assert post(caller, G4, body_of(G4, source.public_id)).status_code == 402
    project.storage_quota = None
    project.save()
    assert (post(caller, G4, body_of(G4, source.public_id)).status_code, Task.objects.count()) == (201, 1)
