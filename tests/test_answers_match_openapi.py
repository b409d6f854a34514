"""What the service answers is what its OpenAPI documents say: every endpoint, in every version, with real rows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from ittyhost.api.versions import all_versions
from media_app.models import File
from media_app.tests.factories import make_file, make_media
from orgs_app.models import Project
from orgs_app.tests.factories import bearer_header, make_api_key, make_project
from tasks_app.models import Task
from tasks_app.services import source_settled
from tasks_app.tests.factories import end, make_attempt, make_task
from tests.documents import document
from workflows_app.tests.factories import make_automation

pytestmark = pytest.mark.django_db

VERSIONS = [version.name for version in all_versions()]


def check(version: str, method: str, path: str, answer: Any) -> None:
    """Hold an answer against the schema that its version gives for this operation and status."""
    written = document(next(known for known in all_versions() if known.name == version))
    operation = written["paths"][path][method.lower()]
    responses = operation["responses"]
    assert str(answer.status_code) in responses, (answer.status_code, answer.content)
    described = resolved(written, responses[str(answer.status_code)])
    schema = described["content"]["application/json"]["schema"]
    headers = {name: resolved(written, header) for name, header in described["headers"].items()}
    assert {name for name, header in headers.items() if header.get("required")} <= set(answer.headers)
    body = answer.json()
    problems = list(Draft202012Validator({**schema, "components": written["components"]}).iter_errors(body))
    assert problems == [], body


def resolved(written: Any, part: Any) -> Any:
    """A part of a document, or the one that it refers to."""
    if "$ref" not in part:
        return part
    found = written
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def call(project: Project) -> Callable[..., Any]:
    _, secret = make_api_key(project=project)
    client = Client()

    def send(method: str, path: str, version: str, body: Any = None) -> Any:
        headers = {**bearer_header(secret), "Accept-Version": version}
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(client, method.lower())(path, headers=headers, **content)

    return send


def fill(project: Project) -> tuple[list[Task], list[File]]:
    """A task in each state, and a file in each."""
    source = make_file(project=project)
    ready = make_task(source=source, width=32, filename="a.jpg")
    made = make_file(project=project, media=ready.media, id=ready.output_id, original=False, filename="a.jpg")
    end(ready, "ready", progress=100)
    failed = end(make_task(source=source), "error", error="It is cut short.")
    cancelled = end(make_task(source=source), "cancelled")
    waits = make_file(project=project, status=File.Status.WAITING)
    broken = make_file(project=project, status=File.Status.FAILED, error="It is empty.")
    gone = make_task(source=make_file(project=project))
    gone.source.delete()
    return [ready, failed, cancelled, make_task(source=source), make_task(source=waits), gone], [
        source,
        made,
        waits,
        broken,
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_tasks(version: str, project: Project, call: Callable[..., Any]) -> None:
    tasks, files = fill(project)
    check(version, "GET", "/tasks", call("GET", "/tasks", version))
    for task in tasks:
        check(version, "GET", "/tasks/{task_id}", call("GET", f"/tasks/{task.public_id}", version))
    bodies = {
        "2024": {"input": files[0].public_id, "output": {"kind": "image", "width": 8}},
        "2025": {"file_id": files[0].public_id, "kind": "image", "width": 8},
    }
    check(version, "POST", "/tasks", call("POST", "/tasks", version, bodies[version[:4]]))
    bodies = {
        "2024": {"input": "https://example.com/a.mp4", "output": {"kind": "ingest", "metadata": {"a": 1}}},
        "2025": {"url": "https://example.com/a.mp4", "kind": "ingest", "metadata": {"a": 1}},
    }
    check(version, "POST", "/tasks", call("POST", "/tasks", version, bodies[version[:4]]))
    ingested = Task.objects.get(kind="ingest")
    check(version, "GET", "/tasks/{task_id}", call("GET", f"/tasks/{ingested.public_id}", version))
    File.objects.filter(pk=ingested.source_id).update(status="ready")
    assert source_settled(file_id=ingested.source_id) == 1
    check(version, "GET", "/tasks/{task_id}", call("GET", f"/tasks/{ingested.public_id}", version))
    check(version, "POST", "/tasks/{task_id}/start", call("POST", f"/tasks/{tasks[0].public_id}/start", version, {}))
    check(version, "POST", "/tasks/{task_id}/start", call("POST", "/tasks/tsk_x/start", version, {}))
    check(version, "POST", "/tasks", call("POST", "/tasks", version, {}))
    check(version, "GET", "/tasks/{task_id}", call("GET", "/tasks/tsk_x", version))


@pytest.mark.parametrize("version", VERSIONS)
def test_plans(version: str, project: Project, call: Callable[..., Any]) -> None:
    tasks, files = fill(project)
    for kind in ("image", "probe", "ingest"):
        for source in (files[0], files[2], files[3]):
            flat = {"file_id": source.public_id, "kind": kind}
            check(version, "POST", "/tasks/plan", call("POST", "/tasks/plan", version, flat))
    remote = {"url": "https://example.com/a.mp4", "kind": "image"}
    check(version, "POST", "/tasks/plan", call("POST", "/tasks/plan", version, remote))
    make_attempt(tasks[0])
    make_attempt(tasks[1], outcome="running", ended_at=None, plan={"steps": []})
    for task in tasks[:3]:
        check(version, "GET", "/tasks/{task_id}/plan", call("GET", f"/tasks/{task.public_id}/plan", version))


@pytest.mark.parametrize("version", VERSIONS)
def test_tasks_that_make_no_file(version: str, project: Project, call: Callable[..., Any]) -> None:
    source = make_file(project=project)
    for task in (
        end(make_task(source=source, kind="probe"), "ready", progress=100, result={"kind": "image", "width": 64}),
        end(make_task(source=source, kind="probe"), "error", error="It is gone."),
        make_task(source=source, kind="probe"),
    ):
        check(version, "GET", "/tasks/{task_id}", call("GET", f"/tasks/{task.public_id}", version))
    check(version, "GET", "/tasks", call("GET", "/tasks", version))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/tasks-config", "/tasks/config"])
def test_tasks_config(version: str, path: str, call: Callable[..., Any]) -> None:
    check(version, "GET", path, call("GET", path, version))


@pytest.mark.parametrize("version", VERSIONS)
def test_files(version: str, project: Project, call: Callable[..., Any]) -> None:
    _, files = fill(project)
    check(version, "GET", "/files", call("GET", "/files", version))
    for file in files:
        check(version, "GET", "/files/{file_id}", call("GET", f"/files/{file.public_id}", version))
    body = {"url": "https://example.com/a.mp4", "folder": "a", "filename": "b.mp4", "metadata": {"a": 1}}
    check(version, "POST", "/files", call("POST", "/files", version, body))
    check(version, "POST", "/files", call("POST", "/files", version, {}))
    change = {"folder": None, "filename": "c.mp4", "ref": "r", "label": "l", "metadata": {"a": [1]}}
    for body in (change, {}, {"ref": 5}):
        check(version, "PATCH", "/files/{file_id}", call("PATCH", f"/files/{files[0].public_id}", version, body))
    check(version, "DELETE", "/files/{file_id}", call("DELETE", f"/files/{files[0].public_id}", version))


@pytest.mark.parametrize("version", VERSIONS)
def test_media(version: str, project: Project, call: Callable[..., Any]) -> None:
    _, files = fill(project)
    empty = make_media(project=project)
    File.objects.filter(pk=files[0].pk).update(placeholder="data:image/webp;base64,AA==", background="#102030")
    check(version, "GET", "/media", call("GET", "/media", version))
    for media in (files[0].media, empty):
        check(version, "GET", "/media/{media_id}", call("GET", f"/media/{media.public_id}", version))
    check(version, "POST", "/media", call("POST", "/media", version, {"title": "Harbour"}))
    check(version, "POST", "/media", call("POST", "/media", version))
    check(version, "POST", "/media", call("POST", "/media", version, {"title": 5}))
    for body in ({"title": "Dock", "alt": None, "metadata": {"a": 1}}, {}, {"title": 5}):
        check(version, "PATCH", "/media/{media_id}", call("PATCH", f"/media/{empty.public_id}", version, body))
    check(version, "DELETE", "/media/{media_id}", call("DELETE", f"/media/{empty.public_id}", version))


@pytest.mark.parametrize("version", VERSIONS)
def test_uploads(version: str, project: Project, call: Callable[..., Any]) -> None:
    body = {"resumable": True, "filename": "a/b.mp4", "metadata": {"user": "42"}, "conditions": {"kind": "video"}}
    check(version, "POST", "/uploads", call("POST", "/uploads", version, body))
    check(version, "POST", "/uploads", call("POST", "/uploads", version))
    check(version, "POST", "/uploads", call("POST", "/uploads", version, {"alias": "a b"}))
    check(version, "POST", "/uploads", call("POST", "/uploads", version, {"alias": "a"}))
    check(version, "POST", "/uploads", call("POST", "/uploads", version, {"alias": "a"}))


@pytest.mark.parametrize("version", VERSIONS)
def test_signatures(version: str, call: Callable[..., Any]) -> None:
    place = {"filename": "a.mp4", "folder": "demo", "method": "put", "expiry": 2_000_000_000}
    check(version, "POST", "/signatures", call("POST", "/signatures", version, place))
    check(version, "POST", "/signatures", call("POST", "/signatures", version, {"filename": "a.mp4"}))
    check(version, "POST", "/signatures", call("POST", "/signatures", version, {}))


@pytest.mark.parametrize("version", VERSIONS)
def test_sources(version: str, project: Project, call: Callable[..., Any]) -> None:
    _, files = fill(project)
    check(version, "GET", "/sources", call("GET", "/sources", version))
    for file in files:
        check(version, "GET", "/sources/{source_id}", call("GET", f"/sources/{file.public_id}", version))
    own = f"/sources/{files[0].public_id}"
    check(version, "PATCH", "/sources/{source_id}", call("PATCH", own, version, {"label": "l"}))
    bodies = {
        "2024": {"input": files[0].public_id, "output": {"kind": "image", "width": 8}},
        "2025": {"file_id": files[0].public_id, "kind": "image", "width": 8},
    }
    check(version, "POST", "/sources", call("POST", "/sources", version, bodies[version[:4]]))
    check(version, "POST", "/sources", call("POST", "/sources", version, {}))
    check(version, "DELETE", "/sources/{source_id}", call("DELETE", own, version))
    check(version, "GET", "/sources/{source_id}", call("GET", own, version))


@pytest.mark.parametrize("version", VERSIONS)
def test_automations(version: str, project: Project, call: Callable[..., Any]) -> None:
    where = [{"prop": "kind", "value": "video"}]
    bare = make_automation(project=project, name="")
    whole = make_automation(
        project=project,
        conditions=where,
        workflow=[
            {"kind": "image", "width": "50%", "ref": "a", "next": [{"kind": "speech", "extra": [1]}]},
            {"kind": "conditions", "conditions": where, "next": [{"kind": "http", "url": "https://example.com"}]},
        ],
        metadata={"a": 1},
        created_by="key_0123456789abcdef",
    )
    check(version, "GET", "/automations", call("GET", "/automations", version))
    each = "/automations/{automation_id}"
    for automation in (bare, whole):
        check(version, "GET", each, call("GET", f"/automations/{automation.public_id}", version))
    steps = {"2024": "tasks", "2025": "workflow"}[version[:4]]
    body = {"trigger": {"event": "media.created"}, steps: [{"kind": "image", "width": 8}]}
    check(version, "POST", "/automations", call("POST", "/automations", version, body))
    check(version, "POST", "/automations", call("POST", "/automations", version, {}))
    path = f"/automations/{whole.public_id}"
    for method in ("PATCH", "PUT"):
        check(version, method, each, call(method, path, version, {"name": "a", "status": "paused"}))
        check(version, method, each, call(method, path, version, {"name": 5}))
    check(version, "DELETE", each, call("DELETE", path, version))
    check(version, "DELETE", each, call("DELETE", path, version))
