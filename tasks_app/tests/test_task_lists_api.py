"""Lists of tasks over HTTP: pages, sorting and filters, in every version and in every version's words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from media_app.tests.factories import make_file
from orgs_app.tests.caller import G4, VERSIONS, Caller, data_of, is_2024, message
from tasks_app.models import Task
from tasks_app.tests.factories import end, make_ingest, make_task

pytestmark = pytest.mark.django_db

EVERY = pytest.mark.parametrize("version", VERSIONS)
AT = datetime(2031, 4, 2, 9, 15, 0, tzinfo=UTC)


@pytest.fixture
def caller() -> Caller:
    return Caller(live_mode=False)


def bare(shown: dict[str, Any]) -> str:
    return str(shown["id"].rpartition("_")[2])


def test_a_whole_list_in_2024_03_21(caller):
    source = make_file(project=caller.project)
    tasks = [make_task(source=source, filename="cover.jpg", width=800) for _ in range(18)]
    newest = end(tasks[-1], "ready")
    Task.objects.filter(pk=newest.pk).update(created=AT, updated=AT)
    answer = caller.ask("get", "/tasks")
    body = answer.json()
    assert answer.status_code == 200
    assert body["meta"] == {
        "id": answer.headers["X-Request-Id"],
        "method": "GET",
        "url": "/tasks",
        "version": "2024-03-21",
        "status": 200,
        "org_id": caller.project.organisation.public_id,
        "project_id": caller.project.public_id,
        "live_mode": False,
        "type": "list",
        "total": 18,
        "limit": 12,
        "page": 1,
        "pages": 2,
    }
    assert list(body["meta"])[-4:] == ["total", "limit", "page", "pages"]
    assert body["links"] == {"self": "/tasks", "next": "/tasks?page=2", "prev": None}
    assert len(body["data"]) == 12
    assert body["data"][0] == {
        "id": f"tsk_{newest.pk}",
        "object": "task",
        "input": source.public_id,
        "output": {"kind": "image", "filename": "cover.jpg", "width": 800},
        "created": "2031-04-02T09:15:00Z",
        "updated": "2031-04-02T09:15:00Z",
        "status": "ready",
    }


@EVERY
def test_a_page_has_twelve_tasks_in_2024_and_twenty_in_2025(caller, version):
    source = make_file(project=caller.project)
    tasks = [make_task(source=source) for _ in range(23)]
    newest_first = [task.pk for task in reversed(tasks)]
    limit = 12 if is_2024(version) else 20
    assert list(map(bare, caller.data("get", "/tasks", version))) == newest_first[:limit]
    assert list(map(bare, caller.data("get", "/tasks?page=2", version))) == newest_first[limit : 2 * limit]
    assert list(map(bare, caller.data("get", "/tasks?limit=100", version))) == newest_first
    assert caller.data("get", "/tasks?page=9", version) == []
    answer = caller.ask("get", "/tasks?limit=5&page=2&kind=image", version)
    if version == G4:
        assert 'page=3>; rel="next"' in answer.headers["Links"]
        assert "kind=image" in answer.headers["Links"]
    else:
        body = answer.json()
        told = [body["meta"][name] for name in ("total", "limit", "page", "pages")]
        assert told == [23, 5, 2, 5]
        assert body["links"]["next"].endswith("/tasks?limit=5&kind=image&page=3")
        assert body["links"]["prev"].endswith("/tasks?limit=5&kind=image&page=1")


@EVERY
def test_lists_are_sorted_either_way_and_tasks_without_a_size_come_last(caller, version):
    source = make_file(project=caller.project)
    small, large, none = (make_task(source=source) for _ in range(3))
    Task.objects.filter(pk=small.pk).update(output_size=10, updated=AT)
    Task.objects.filter(pk=large.pk).update(output_size=20)
    names = {task.pk: name for task, name in ((small, "small"), (large, "large"), (none, "none"))}

    def order(query: str) -> list[str]:
        return [names[bare(item)] for item in caller.data("get", f"/tasks?{query}", version)]

    assert order("") == order("sort=created") == order("order=desc") == ["none", "large", "small"]
    assert order("order=asc") == ["small", "large", "none"]
    assert order("sort=filesize") == ["large", "small", "none"]
    assert order("sort=filesize&order=asc") == ["small", "large", "none"]
    assert order("sort=updated")[0] == "small"
    assert order("sort=updated&order=asc")[-1] == "small"


# What each version's words for a state find, all versions' words in all of them.
EVERYWHERE = {
    "ready": "ready",
    "completed": "ready",
    "succeeded": "ready",
    "waiting": "waiting",
    "validating": "waiting",
    "pending": "queued",
    "queued": "queued",
    "finishing": "processing",
    "failed": "error",
    "cancelled": "cancelled",
}


@EVERY
def test_every_versions_words_for_a_state_are_understood_in_all(caller, version):
    source, found = make_file(project=caller.project), {}
    for status in Task.Status:
        task = make_task(source=source)
        lease = timezone.now() if status == "processing" else None
        Task.objects.filter(pk=task.pk).update(status=status, lease_until=lease)
        found[task.pk] = str(status)

    def states(word: str) -> set[str]:
        return {found[bare(item)] for item in caller.data("get", f"/tasks?status={word}", version)}

    assert {word: states(word) for word in EVERYWHERE} == {word: {state} for word, state in EVERYWHERE.items()}
    # Where versions mean different things by one word, each has its own.
    if is_2024(version):
        assert (states("processing"), states("error")) == ({"queued", "processing"}, {"error", "cancelled"})
    else:
        assert (states("processing"), states("error")) == ({"processing"}, {"error"})
    # A filter finds what is shown under its word.
    for item in caller.data("get", "/tasks", version):
        assert found[bare(item)] in states(item["status"])


@EVERY
def test_every_versions_names_of_kinds_are_understood_in_all(caller, version):
    image, ingest = make_task(source=make_file(project=caller.project)), make_ingest(project=caller.project)

    def kinds(word: str) -> list[str]:
        return [bare(item) for item in caller.data("get", f"/tasks?kind={word}", version)]

    assert kinds("image") == [image.pk]
    assert kinds("ingest") == kinds("import") == [ingest.pk]
    for word in ("video", "adaptive_video", "subtitles", "subtitle", "thumbnail", "describe", "summary", "outline"):
        assert kinds(word) == []
    for word in ("workflow", "conditions", "http", "store", "probe", "export", "objects", "faces", "text", "tags"):
        assert kinds(word) == []
    assert kinds("") == [ingest.pk, image.pk]


@EVERY
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1.5", "limit"),
        ("sort=size", "sort"),
        ("order=up", "order"),
        ("kind=painting", "kind"),
        ("status=done", "status"),
    ],
)
def test_a_bad_list_parameter_is_named(caller, version, query, name):
    answer = caller.ask("get", f"/tasks?{query}", version)
    assert answer.status_code == 400
    assert name in message(answer)


@EVERY
def test_a_list_asks_as_few_questions_for_many_tasks_as_for_one(caller, version, django_assert_num_queries):
    def fill(count: int) -> None:
        for _ in range(count):
            task = make_task(source=make_file(project=caller.project))
            make_file(project=caller.project, media=task.media, id=task.output_id, original=False)
            end(task, "ready")

    fill(1)
    caller.ask("get", "/tasks", version)  # the key's last use is written once
    with CaptureQueriesContext(connection) as one:
        caller.ask("get", "/tasks", version)
    fill(9)
    with django_assert_num_queries(len(one)):
        assert len(data_of(caller.ask("get", "/tasks", version))) == 10
