"""Tasks over HTTP: created and viewed, with whole bodies, in each version, and every refusal."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events_app.models import Event
from media_app.models import File
from media_app.services import file_delete, media_delete
from media_app.tests.factories import make_file, make_media
from orgs_app.models import ApiKey
from orgs_app.tests.caller import G1, G2, G3, G4, VERSIONS, Caller, at, created, data_of, is_2024, message, refusal
from tasks_app.models import Task
from tasks_app.tests.factories import end, make_task

pytestmark = pytest.mark.django_db

EVERY = pytest.mark.parametrize("version", VERSIONS)
OLD = pytest.mark.parametrize("version", [G1, G2])
NEW = pytest.mark.parametrize("version", [G3, G4])
AT = datetime(2024, 4, 2, 9, 15, 0, tzinfo=UTC)


@pytest.fixture
def caller() -> Caller:
    return Caller(live_mode=False)


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
    if is_2024(version):
        return {"input": source, "output": {"kind": kind, **options}}
    return {"file_id": source, "kind": kind, **options}


def written(task: Task, version: str) -> str:
    """A task's id as the version writes it."""
    return f"{'tsk' if is_2024(version) else 'task'}_{task.pk}"


# --- version 2024-03-21, whole answers ---


def test_create_in_2024_03_21(caller):
    source = make_file(project=caller.project)
    output = {"kind": "image", "filename": "cover.jpg", "width": 800}
    answer = caller.ask("post", "/tasks", body={"input": source.media.public_id, "output": output})
    task = Task.objects.select_related("source").get()
    assert answer.status_code == 200
    assert answer.json() == {
        "meta": meta(caller, answer, method="POST"),
        "data": {
            "id": f"tsk_{task.pk}",
            "object": "task",
            "input": source.media.public_id,
            "output": output,
            "status": "processing",
            "created": at(task),
            "updated": at(task),
        },
        "links": {"self": f"/tasks/tsk_{task.pk}", "parent": "/tasks"},
    }
    assert list(answer.json()["meta"]) == list(meta(caller, answer))
    assert (task.source, task.created_by) == (source, caller.key.public_id)


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
    answer = caller.ask("get", f"/tasks/tsk_{task.pk}")
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


# --- each version's task ---


@OLD
def test_a_task_of_2024_is_an_input_and_an_output(caller, version):
    source = make_file(project=caller.project)
    shown = caller.data("post", "/tasks", version, body_of(version, source.public_id, width=64, ref="p"))
    task = Task.objects.get()
    assert shown == {
        "id": f"tsk_{task.pk}",
        "object": "task",
        "input": source.public_id,
        "output": {"kind": "image", "width": 64, "ref": "p"},
        "status": "processing",
        "created": at(task),
        "updated": at(task),
    }
    assert caller.data("get", f"/tasks/{task.public_id}", version)["output"] == {
        "id": f"file_{task.output_id}",
        "object": "source",
        "kind": "image",
        "width": 64,
        "ref": "p",
    }


@NEW
def test_a_task_of_2025_has_an_object_as_its_input_and_its_options(caller, version):
    source = make_file(project=caller.project, metadata={"a": 1})
    body = {"file_id": source.public_id, "kind": "image", "width": 640, "format": "webp", "ref": "p"}
    answer = caller.ask("post", "/tasks", version, {**body, "webhook_url": "https://example.com/hook"})
    task = Task.objects.get()
    assert answer.status_code == 201
    shown = data_of(answer)
    assert shown == {
        "id": f"task_{task.pk}",
        "object": "task",
        "kind": "image",
        "input": {
            "id": source.public_id,
            "object": "source",
            "kind": "image",
            "type": "image/jpeg",
            "width": 64,
            "height": 48,
            "filesize": 1000,
            "url": f"{caller.project.delivery_url}/{source.public_id}",
            "ref": "original",
            "metadata": {"a": 1},
            "created": at(source),
            "updated": at(source),
        },
        "options": {"width": 640, "format": "webp", "ref": "p"},
        "output": None,
        "status": "pending",
        "progress": 0,
        "created_by": caller.key.public_id,
        "created": at(task),
        "updated": at(task),
    }
    assert caller.data("get", f"/tasks/task_{task.pk}", version) == shown
    assert caller.data("get", "/tasks", version) == [shown]


@NEW
def test_who_made_a_task_is_written_as_the_version_writes_ids(caller, version):
    parent = make_task(source=make_file(project=caller.project))
    child = make_task(source=parent.source)
    Task.objects.filter(pk=child.pk).update(parent=parent, created_by=parent.public_id)
    shown = caller.data("get", f"/tasks/{child.public_id}", version)
    assert (shown["parent_id"], shown["created_by"]) == (f"task_{parent.pk}", f"task_{parent.pk}")
    assert "parent_id" not in caller.data("get", f"/tasks/{parent.public_id}", version)


WORDS = {
    Task.Status.WAITING: ("waiting", "waiting"),
    Task.Status.QUEUED: ("processing", "pending"),
    Task.Status.PROCESSING: ("processing", "processing"),
    Task.Status.READY: ("ready", "completed"),
    Task.Status.ERROR: ("error", "failed"),
    Task.Status.CANCELLED: ("error", "cancelled"),
}


def in_state(status: str, source: File) -> Task:
    task = make_task(source=source)
    lease = timezone.now() if status == "processing" else None
    Task.objects.filter(pk=task.pk).update(status=status, lease_until=lease)
    return task


@EVERY
@pytest.mark.parametrize("status", WORDS)
def test_each_state_has_its_word(caller, version, status):
    task = in_state(status, make_file(project=caller.project))
    shown = caller.data("get", f"/tasks/{task.public_id}", version)
    assert shown["status"] == WORDS[status][0 if is_2024(version) else 1]


@EVERY
def test_a_failed_task_says_why(caller, version):
    task = end(make_task(source=make_file(project=caller.project)), "error", error="The picture is cut short.")
    shown = caller.data("get", f"/tasks/{task.public_id}", version)
    assert shown["error"] == "The picture is cut short."
    if not is_2024(version):
        assert shown["output"] is None


@OLD
def test_the_flat_form_of_later_2024_pages_is_read_too(caller, version):
    source = make_file(project=caller.project)
    for given in ({"file_id": source.public_id}, {"input": source.public_id}):
        shown = caller.data("post", "/tasks", version, {**given, "kind": "image", "width": 64})
        assert (shown["input"], shown["output"]) == (source.public_id, {"kind": "image", "width": 64})
    shown = caller.data("post", "/tasks", version, {"url": "https://example.com/a.jpg", "kind": "image", "width": 64})
    assert (shown["input"], shown["status"]) == ("https://example.com/a.jpg", "waiting")


@NEW
def test_nested_options_win_over_flat_ones_and_both_over_older_ones(caller, version):
    source = make_file(project=caller.project)
    older = {"options": {"height": 9, "quality": 70}}
    body = {"file_id": source.public_id, "kind": "image", "width": 1, "height": 5, "input": older}
    shown = caller.data("post", "/tasks", version, {**body, "options": {"width": 2}})
    assert shown["options"] == {"width": 2, "height": 5, "input": older}
    checked = Task.objects.get().options
    assert {name: checked[name] for name in ("width", "height", "quality")} == {"width": 2, "height": 5, "quality": 70}


@EVERY
def test_a_finished_task_shows_its_whole_output(caller, version):
    task = make_task(source=make_file(project=caller.project))
    make_file(project=caller.project, media=task.media, id=task.output_id, original=False)
    end(task, "ready", progress=100)
    shown = caller.data("get", f"/tasks/{task.public_id}", version)
    assert shown["output"]["id"] == f"file_{task.output_id}"
    assert shown["output"]["type"] == "image/jpeg"
    [listed] = caller.data("get", "/tasks", version)
    if is_2024(version):
        assert listed["output"] == {"kind": "image"}
    else:
        assert (listed, shown["progress"], shown["output"]["media_id"]) == (shown, 100, task.media.public_id)


@EVERY
@pytest.mark.parametrize("which", ["output", "media"])
def test_a_task_outlives_its_input_and_its_output(caller, version, which):
    task = make_task(source=make_file(project=caller.project), width=8)
    made = make_file(project=caller.project, media=task.media, id=task.output_id, original=False)
    end(task, "ready", progress=100)
    if which == "output":
        file_delete(file=made)
    else:
        media_delete(media=task.media)
    shown = caller.data("get", f"/tasks/{task.public_id}", version)
    assert shown["status"] == ("ready" if is_2024(version) else "completed")
    if is_2024(version):
        reserved = {"id": f"file_{task.output_id}", "object": "source", "kind": "image", "width": 8}
        assert (shown["input"], shown["output"]) == (task.input, reserved)
    else:
        assert (shown["input"]["id"], shown["output"]) == (task.input, None)
        assert (set(shown["input"]) == {"id"}) is (which == "media")
    assert len(caller.data("get", "/tasks", version)) == 1


@EVERY
def test_a_url_is_an_input_too(caller, version):
    url = "https://example.com/clip.mp4"
    body = {"input": url, "output": {"kind": "image"}} if is_2024(version) else {"url": url, "kind": "image"}
    answer = caller.ask("post", "/tasks", version, body)
    assert answer.status_code == created(version)
    task = Task.objects.select_related("source").get()
    assert (task.status, task.input, task.source.source_url) == ("waiting", url, url)


@EVERY
@pytest.mark.parametrize("prefix", ["tsk", "task"])
def test_both_spellings_of_a_task_id_are_read(caller, version, prefix):
    task = make_task(source=make_file(project=caller.project))
    assert caller.data("get", f"/tasks/{prefix}_{task.pk}", version)["id"] == written(task, version)


# --- starting ---


@EVERY
@pytest.mark.parametrize("status", WORDS)
@pytest.mark.parametrize("body", [None, {}])
def test_starting_a_task_shows_it_and_changes_nothing(caller, version, status, body):
    task = in_state(status, make_file(project=caller.project))
    before = Task.objects.values().get(), Event.objects.count()
    answer = caller.ask("post", f"/tasks/{written(task, version)}/start", version, body)
    assert answer.status_code == 200
    assert data_of(answer) == caller.data("get", f"/tasks/{task.public_id}", version)
    assert (Task.objects.values().get(), Event.objects.count()) == before


@EVERY
def test_another_projects_task_cannot_be_started(caller, version):
    assert caller.ask("post", f"/tasks/{make_task().public_id}/start", version, {}).status_code == 404
    assert caller.ask("get", f"/tasks/{make_task().public_id}/start", version).status_code == 405


# --- refusals ---

MISSING = "med_0000000000000000"


@pytest.mark.parametrize(
    ("versions", "body", "status", "name"),
    [
        ("2024", {}, 400, "input"),
        ("2024", {"output": {"kind": "image"}}, 400, "input"),
        ("2024", {"input": "SOURCE"}, 400, "output"),
        ("2024", {"input": "SOURCE", "output": "image"}, 400, "output"),
        ("2024", {"input": "SOURCE", "output": {}}, 400, "output.kind"),
        ("2024", {"input": "SOURCE", "output": {"kind": "painting"}}, 400, "output.kind"),
        ("2024", {"input": "SOURCE", "output": {"kind": ["image"]}}, 400, "output.kind"),
        ("2024", {"input": "SOURCE", "output": {"kind": "image", "width": 0}}, 400, "output.width"),
        ("2024", {"input": "SOURCE", "output": {"kind": "image", "width": "x"}}, 400, "output.width"),
        ("2024", {"input": "SOURCE", "output": {"kind": "image", "colour": 1}}, 400, "output.colour"),
        ("2024", {"input": "SOURCE", "output": {"kind": "audio"}}, 400, "input"),
        ("2024", {"input": "SOURCE", "output": {"kind": "image"}, "extra": 1}, 400, "extra"),
        ("2024", {"input": 5, "output": {"kind": "image"}}, 400, "input"),
        ("2024", {"input": "clip.mp4", "output": {"kind": "image"}}, 400, "input"),
        ("2024", {"input": MISSING, "output": {"kind": "image"}}, 404, "input"),
        ("2024", {"input": "ftp://example.com/a", "output": {"kind": "image"}}, 400, "input"),
        ("2025", {}, 400, "url"),
        ("2025", {"kind": "image"}, 400, "url"),
        ("2025", {"file_id": "SOURCE", "url": "https://example.com/a", "kind": "image"}, 400, "url"),
        ("2025", {"file_id": "SOURCE"}, 400, "kind"),
        ("2025", {"file_id": "SOURCE", "kind": "painting"}, 400, "kind"),
        ("2025", {"file_id": "SOURCE", "kind": "image", "width": -1}, 400, "width"),
        ("2025", {"file_id": "SOURCE", "kind": "image", "input": {"options": {"width": -1}}}, 400, "width"),
        ("2025", {"file_id": "SOURCE", "kind": "image", "options": []}, 400, "options"),
        ("2025", {"file_id": "SOURCE", "kind": "image", "webhook_url": "mailto:a"}, 400, "webhook_url"),
        ("2025", {"file_id": "file_0000000000000000", "kind": "image"}, 404, "file_id"),
        ("2025", {"file_id": "https://example.com/a", "kind": "image"}, 400, "file_id"),
        ("2025", {"url": "SOURCE", "kind": "image"}, 400, "url"),
    ],
)
def test_each_bad_field_is_named_and_nothing_is_written(caller, versions, body, status, name):
    source = make_file(project=caller.project)
    given = {key: source.public_id if value == "SOURCE" else value for key, value in body.items()}
    before = File.objects.count(), Event.objects.count()
    for version in (version for version in VERSIONS if version.startswith(versions)):
        answer = caller.ask("post", "/tasks", version, given)
        assert (answer.status_code, name in message(answer)) == (status, True), answer.content
        assert refusal(answer).get("param", name) == name
    assert not Task.objects.exists()
    assert (File.objects.count(), Event.objects.count()) == before


@EVERY
def test_a_media_without_a_file_cannot_be_an_input(caller, version):
    media = make_media(project=caller.project)
    answer = caller.ask("post", "/tasks", version, body_of(version, media.public_id))
    assert answer.status_code == 400
    assert "no file" in message(answer)


@EVERY
def test_another_projects_things_do_not_exist(caller, version):
    theirs = make_task()
    assert caller.ask("get", f"/tasks/{theirs.public_id}", version).status_code == 404
    assert caller.ask("post", "/tasks", version, body_of(version, theirs.source.public_id)).status_code == 404
    assert caller.data("get", "/tasks", version) == []
    assert Task.objects.count() == 1


@EVERY
@pytest.mark.parametrize("path", ["/tasks/tsk_0000000000000000", "/tasks/tsk_x", "/tasks/med_0000000000000000"])
def test_an_unknown_task_is_404(caller, version, path):
    assert caller.ask("get", path, version).status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_tasks_cannot_be_changed_or_deleted(caller, method):
    task = make_task(source=make_file(project=caller.project))
    answer = caller.ask(method, f"/tasks/{task.public_id}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_key_without_the_scope_may_not_create(caller):
    reader = Caller(caller.project, scopes=["read"])
    body = body_of(G1, make_file(project=caller.project).public_id)
    assert reader.ask("post", "/tasks", body=body).status_code == 403
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
    revoked = caller.ask("get", "/tasks")
    assert revoked.status_code == 401
    assert message(revoked) == message(unknown)
