"""Tasks over HTTP: the three documented requests with whole bodies, in each version, and every refusal."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events_app.models import Event
from media_app.models import File, Media
from media_app.tests.factories import make_file, make_media
from orgs_app.models import ApiKey
from orgs_app.tests.factories import bearer_header, make_api_key, make_project
from tasks_app.models import Task
from tasks_app.tests.factories import end, make_task

pytestmark = pytest.mark.django_db

G1 = "2024-03-21"
G4 = "2025-08-20"
VERSIONS = (G1, G4)
AT = datetime(2024, 4, 2, 9, 15, 0, tzinfo=UTC)


class Caller:
    """A client with a key."""

    def __init__(self) -> None:
        self.project = make_project()
        self.key, self.secret = make_api_key(project=self.project, live_mode=False)
        self.http = Client(raise_request_exception=False)

    def headers(self, version: str = "") -> dict[str, str]:
        return {**bearer_header(self.secret), **({"Accept-Version": version} if version else {})}

    def get(self, path: str, version: str = "") -> Any:
        return self.http.get(path, headers=self.headers(version))

    def post(self, body: Any, version: str = "", path: str = "/tasks") -> Any:
        return self.http.post(path, body, content_type="application/json", headers=self.headers(version))


@pytest.fixture
def caller() -> Caller:
    return Caller()


def meta(caller: Caller, answer: Any, **more: Any) -> dict[str, Any]:
    """The meta of version 2024-03-21, whole."""
    return {
        "id": answer.headers["X-Request-Id"],
        "method": "GET",
        "url": "/tasks",
        "version": "2024-03-21",
        "status": 200,
        "org_id": caller.project.organisation.public_id,
        "project_id": caller.project.public_id,
        "live_mode": False,
        "type": "object",
        **more,
    }


def body_of(version: str, source: str, kind: str = "image", **options: Any) -> dict[str, Any]:
    if version == G1:
        return {"input": source, "output": {"kind": kind, **options}}
    return {"file_id": source, "kind": kind, **options}


def message(answer: Any) -> str:
    body = answer.json()
    return body["error"]["message"] if "error" in body else body["message"]


# --- version 2024-03-21, whole bodies ---


def test_create_in_2024_03_21(caller):
    source = make_file(project=caller.project)
    output = {"kind": "image", "filename": "cover.jpg", "width": 800}
    answer = caller.post({"input": source.media.public_id, "output": output})
    task = Task.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "meta": meta(caller, answer, method="POST"),
        "data": {
            "id": f"tsk_{task.pk}",
            "object": "task",
            "input": source.media.public_id,
            "output": output,
            "status": "processing",
            "created": task.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "updated": task.updated.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "links": {"self": f"/tasks/tsk_{task.pk}", "parent": "/tasks"},
    }
    assert list(answer.json()["meta"]) == list(meta(caller, answer))
    assert (task.source, task.created_by) == (source, caller.key.public_id)


def test_list_in_2024_03_21(caller):
    source = make_file(project=caller.project)
    tasks = [make_task(source=source, filename="cover.jpg", width=800) for _ in range(18)]
    newest = end(tasks[-1], "ready")
    Task.objects.filter(pk=newest.pk).update(created=AT.replace(year=2031), updated=AT.replace(year=2031))
    answer = caller.get("/tasks")
    body = answer.json()
    assert answer.status_code == 200
    assert body["meta"] == meta(caller, answer, type="list", total=18, limit=12, page=1, pages=2)
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


def test_view_in_2024_03_21(caller):
    task = make_task(source=make_file(project=caller.project), filename="cover.jpg", width=800)
    made = make_file(
        project=caller.project,
        media=task.media,
        id=task.output_id,
        kind="image",
        type="image/jpeg",
        format="jpeg",
        width=800,
        height=450,
        filesize=48211,
        filename="cover.jpg",
        original=False,
    )
    File.objects.filter(pk=made.pk).update(created=AT, updated=AT)
    end(task, "ready")
    Task.objects.filter(pk=task.pk).update(created=AT, updated=AT)
    answer = caller.get(f"/tasks/tsk_{task.pk}")
    body = answer.json()
    output = body["data"].pop("output")
    assert body == {
        "meta": meta(caller, answer, url=f"/tasks/tsk_{task.pk}"),
        "data": {
            "id": f"tsk_{task.pk}",
            "object": "task",
            "input": task.input,
            "status": "ready",
            "created": "2024-04-02T09:15:00Z",
            "updated": "2024-04-02T09:15:00Z",
        },
        "links": {"self": f"/tasks/tsk_{task.pk}", "parent": "/tasks"},
    }
    documented = {
        "id": f"file_{task.output_id}",
        "object": "source",
        "kind": "image",
        "format": "jpeg",
        "type": "image/jpeg",
        "width": 800,
        "height": 450,
        "filesize": 48211,
        "filename": "cover.jpg",
        "src": f"{caller.project.delivery_url}/cover.jpg",
        "created": "2024-04-02T09:15:00Z",
        "updated": "2024-04-02T09:15:00Z",
    }
    assert {name: output[name] for name in documented} == documented


def test_an_unfinished_task_shows_the_id_its_output_will_have(caller):
    task = make_task(source=make_file(project=caller.project), width=8)
    assert caller.get(f"/tasks/{task.public_id}").json()["data"]["output"] == {
        "id": f"file_{task.output_id}",
        "object": "source",
        "kind": "image",
        "width": 8,
    }


def test_a_failed_task_says_why(caller):
    task = end(make_task(source=make_file(project=caller.project)), "error", error="The picture is cut short.")
    old = caller.get(f"/tasks/{task.public_id}").json()["data"]
    assert (old["status"], old["error"]) == ("error", "The picture is cut short.")
    new = caller.get(f"/tasks/{task.public_id}", G4).json()
    assert (new["status"], new["error"], new["output"]) == ("failed", "The picture is cut short.", None)


def test_the_flat_form_of_later_2024_pages_is_read_too(caller):
    source = make_file(project=caller.project)
    answer = caller.post({"file_id": source.public_id, "kind": "image", "width": 64})
    assert answer.status_code == 200
    assert answer.json()["data"]["output"] == {"kind": "image", "width": 64}


# --- version 2025-08-20 ---


def test_create_list_and_view_in_2025_08_20(caller):
    source = make_file(project=caller.project)
    answer = caller.post({"file_id": source.public_id, "kind": "image", "width": 640, "format": "webp", "ref": "p"}, G4)
    task = Task.objects.get()
    assert answer.status_code == 201
    body = dict(answer.json())
    shown = body.pop("input")
    assert body == {
        "id": f"task_{task.pk}",
        "object": "task",
        "kind": "image",
        "options": {"width": 640, "format": "webp", "ref": "p"},
        "output": None,
        "status": "pending",
        "progress": 0,
        "created_by": caller.key.public_id,
        "created": task.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "updated": task.updated.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert (shown["id"], shown["object"], shown["kind"]) == (source.public_id, "source", "image")
    assert caller.get(f"/tasks/task_{task.pk}", G4).json() == answer.json()
    assert caller.get("/tasks", G4).json() == [answer.json()]


def test_nested_options_win_over_flat_ones(caller):
    source = make_file(project=caller.project)
    answer = caller.post(
        {"file_id": source.public_id, "kind": "image", "width": 1, "height": 5, "options": {"width": 2}}, G4
    )
    assert answer.json()["options"] == {"width": 2, "height": 5}


def test_a_finished_task_shows_its_whole_output(caller):
    task = make_task(source=make_file(project=caller.project))
    make_file(project=caller.project, media=task.media, id=task.output_id, original=False)
    end(task, "ready", progress=100)
    for shown in (caller.get(f"/tasks/{task.public_id}", G4).json(), caller.get("/tasks", G4).json()[0]):
        assert (shown["status"], shown["progress"]) == ("completed", 100)
        assert shown["output"]["id"] == f"file_{task.output_id}"
        assert shown["output"]["media_id"] == task.media.public_id


def test_a_task_outlives_its_input_and_its_output(caller):
    task = make_task(source=make_file(project=caller.project))
    end(task, "ready")
    Media.objects.all().delete()
    assert caller.get(f"/tasks/{task.public_id}").json()["data"]["input"] == task.input
    shown = caller.get(f"/tasks/{task.public_id}", G4).json()
    assert (shown["input"], shown["output"]) == ({"id": task.input}, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_is_an_input_too(caller, version):
    url = "https://example.com/clip.mp4"
    body = {"input": url, "output": {"kind": "image"}} if version == G1 else {"url": url, "kind": "image"}
    answer = caller.post(body, version)
    assert answer.status_code in {200, 201}
    task = Task.objects.get()
    assert (task.status, task.input, task.source.source_url) == ("waiting", url, url)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("prefix", ["tsk", "task"])
def test_both_spellings_of_a_task_id_are_read(caller, version, prefix):
    task = make_task(source=make_file(project=caller.project))
    assert caller.get(f"/tasks/{prefix}_{task.pk}", version).status_code == 200


# --- lists ---


def test_sorting_paging_and_filters(caller):
    source = make_file(project=caller.project)
    small, large, none = (make_task(source=source) for _ in range(3))
    Task.objects.filter(pk=small.pk).update(output_size=10, status="ready")
    Task.objects.filter(pk=large.pk).update(output_size=20, status="error")

    def ids(query: str) -> list[str]:
        return [item["id"] for item in caller.get(f"/tasks?{query}").json()["data"]]

    names = {task.public_id: name for task, name in ((small, "small"), (large, "large"), (none, "none"))}
    assert [names[id] for id in ids("")] == ["none", "large", "small"]
    assert [names[id] for id in ids("order=asc")] == ["small", "large", "none"]
    assert [names[id] for id in ids("sort=filesize")] == ["large", "small", "none"]
    assert [names[id] for id in ids("sort=filesize&order=asc")] == ["small", "large", "none"]
    assert [names[id] for id in ids("status=ready")] == ["small"]
    assert [names[id] for id in ids("status=processing")] == ["none"]
    assert [names[id] for id in ids("status=failed")] == ["large"]
    assert [names[id] for id in ids("kind=image&limit=1&page=2")] == ["large"]
    assert ids("kind=video") == []
    assert ids("page=9") == []
    links = caller.get("/tasks?limit=1&page=2&kind=image").json()["links"]
    assert links == {
        "self": "/tasks?limit=1&page=2&kind=image",
        "next": "/tasks?limit=1&kind=image&page=3",
        "prev": "/tasks?limit=1&kind=image&page=1",
    }


@pytest.mark.parametrize("version", VERSIONS)
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
    answer = caller.get(f"/tasks?{query}", version)
    assert answer.status_code == 400
    assert name in message(answer)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_asks_as_few_questions_for_many_tasks_as_for_one(caller, version, django_assert_num_queries):
    def fill(count: int) -> None:
        for _ in range(count):
            task = make_task(source=make_file(project=caller.project))
            make_file(project=caller.project, media=task.media, id=task.output_id, original=False)
            end(task, "ready")

    fill(1)
    caller.get("/tasks", version)  # the key's last use is written once
    with CaptureQueriesContext(connection) as one:
        caller.get("/tasks", version)
    fill(9)
    with django_assert_num_queries(len(one)):
        caller.get("/tasks", version)


# --- refusals ---

MISSING = "med_0000000000000000"


@pytest.mark.parametrize(
    ("version", "body", "status", "name"),
    [
        (G1, {}, 400, "input"),
        (G1, {"output": {"kind": "image"}}, 400, "input"),
        (G1, {"input": "SOURCE"}, 400, "output"),
        (G1, {"input": "SOURCE", "output": "image"}, 400, "output"),
        (G1, {"input": "SOURCE", "output": {}}, 400, "output.kind"),
        (G1, {"input": "SOURCE", "output": {"kind": "painting"}}, 400, "output.kind"),
        (G1, {"input": "SOURCE", "output": {"kind": ["image"]}}, 400, "output.kind"),
        (G1, {"input": "SOURCE", "output": {"kind": "image", "width": 0}}, 400, "output.width"),
        (G1, {"input": "SOURCE", "output": {"kind": "image", "width": "x"}}, 400, "output.width"),
        (G1, {"input": "SOURCE", "output": {"kind": "image", "colour": 1}}, 400, "output.colour"),
        (G1, {"input": "SOURCE", "output": {"kind": "audio"}}, 400, "input"),
        (G1, {"input": "SOURCE", "output": {"kind": "image"}, "extra": 1}, 400, "extra"),
        (G1, {"input": 5, "output": {"kind": "image"}}, 400, "input"),
        (G1, {"input": "clip.mp4", "output": {"kind": "image"}}, 400, "input"),
        (G1, {"input": MISSING, "output": {"kind": "image"}}, 404, "input"),
        (G1, {"input": "ftp://example.com/a", "output": {"kind": "image"}}, 400, "input"),
        (G4, {}, 400, "url"),
        (G4, {"kind": "image"}, 400, "file_id"),
        (G4, {"file_id": "SOURCE", "url": "https://example.com/a", "kind": "image"}, 400, "url"),
        (G4, {"file_id": "SOURCE"}, 400, "kind"),
        (G4, {"file_id": "SOURCE", "kind": "painting"}, 400, "kind"),
        (G4, {"file_id": "SOURCE", "kind": "image", "width": -1}, 400, "width"),
        (G4, {"file_id": "SOURCE", "kind": "image", "options": []}, 400, "options"),
        (G4, {"file_id": "SOURCE", "kind": "image", "webhook_url": "mailto:a"}, 400, "webhook_url"),
        (G4, {"file_id": "file_0000000000000000", "kind": "image"}, 404, "file_id"),
        (G4, {"file_id": "https://example.com/a", "kind": "image"}, 400, "file_id"),
        (G4, {"url": "SOURCE", "kind": "image"}, 400, "url"),
    ],
)
def test_each_bad_field_is_named_and_nothing_is_written(caller, version, body, status, name):
    source = make_file(project=caller.project)

    def fill(value: Any) -> Any:
        return source.public_id if value == "SOURCE" else value

    files, happened = File.objects.count(), Event.objects.count()
    answer = caller.post({key: fill(value) for key, value in body.items()}, version)
    assert (answer.status_code, name in message(answer)) == (status, True), answer.content
    assert not Task.objects.exists()
    assert (File.objects.count(), Event.objects.count()) == (files, happened)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_media_without_a_file_cannot_be_an_input(caller, version):
    media = make_media(project=caller.project)
    answer = caller.post({"input": media.public_id, "output": {"kind": "image"}})
    assert answer.status_code == 400
    assert "no file" in message(answer)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_projects_things_do_not_exist(caller, version):
    theirs = make_task()
    assert caller.get(f"/tasks/{theirs.public_id}", version).status_code == 404
    assert caller.post(body_of(version, theirs.source.public_id), version).status_code == 404
    listed = caller.get("/tasks", version).json()
    assert (listed if version == G4 else listed["data"]) == []
    assert Task.objects.count() == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/tasks/tsk_0000000000000000", "/tasks/tsk_x", "/tasks/med_0000000000000000"])
def test_an_unknown_task_is_404(caller, version, path):
    assert caller.get(path, version).status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_tasks_cannot_be_changed_or_deleted(caller, method):
    task = make_task(source=make_file(project=caller.project))
    answer = getattr(caller.http, method)(f"/tasks/{task.public_id}", headers=caller.headers())
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_key_without_the_scope_may_not_create(caller):
    _, secret = make_api_key(project=caller.project, scopes=["read"])
    body = body_of(G1, make_file(project=caller.project).public_id)
    answer = caller.http.post("/tasks", body, content_type="application/json", headers=bearer_header(secret))
    assert answer.status_code == 403
    assert not Task.objects.exists()


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic abc", "Bearer sk_test_" + "0" * 43])
def test_a_missing_or_wrong_key_is_401(header):
    make_task()
    answer = Client().get("/tasks", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_is_401_like_any_other(caller):
    unknown = caller.http.get("/tasks", headers={"Authorization": "Bearer sk_test_" + "0" * 43})
    ApiKey.objects.update(revoked_at=timezone.now())
    revoked = caller.get("/tasks")
    assert revoked.status_code == 401
    assert message(revoked) == message(unknown)
