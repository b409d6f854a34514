"""Kind ingest over HTTP: in each version's form, whole answers, and every refusal."""

from typing import Any

import pytest

from events_app.models import Event
from media_app.metadata import MAX_BYTES
from media_app.models import File
from media_app.services import file_delete
from media_app.services.facts import file_facts
from media_app.tests.factories import jpeg_facts, make_file, make_media
from orgs_app.tests.caller import VERSIONS, Caller, at, created, data_of, is_2024, message, refusal
from tasks_app.models import Task
from tasks_app.services import source_settled

pytestmark = pytest.mark.django_db

EVERY = pytest.mark.parametrize("version", VERSIONS)
URL = "https://example.com/clips/a%20b.jpg?signature=1"


@pytest.fixture
def caller() -> Caller:
    return Caller()


def body_of(version: str, url: str = URL, **options: Any) -> dict[str, Any]:
    if is_2024(version):
        return {"input": url, "output": {"kind": "ingest", **options}}
    return {"url": url, "kind": "ingest", **options}


def arrive() -> Task:
    """The file has been fetched and probed."""
    File.objects.update(status="ready", source_url="", lane="", filesize=1000, key="k", **file_facts(jpeg_facts()))
    task = Task.objects.get()
    assert source_settled(file_id=str(task.source_id)) == 1
    task.refresh_from_db()
    return task


@EVERY
def test_an_ingest_from_its_creation_to_its_file(caller, version):
    options = {"folder": "in", "filename": "a.jpg", "ref": "cover", "metadata": {"user": "42"}}
    answer = caller.ask("post", "/tasks", version, body_of(version, **options, webhook_url="https://example.com/hook"))
    if is_2024(version):  # beside the output there
        assert answer.status_code == 400
        given = body_of(version, **options) | {"webhook_url": "https://example.com/hook"}
        answer = caller.ask("post", "/tasks", version, given)
    assert answer.status_code == created(version)
    task, file = Task.objects.get(), File.objects.get()
    shown = data_of(answer)
    common = {"object": "task", "created": at(task), "updated": at(task), "status": "waiting"}
    if is_2024(version):
        definition = {"kind": "ingest", **options}
        assert shown == {"id": f"tsk_{task.pk}", "input": URL, "output": definition, **common}
        reserved = {"id": file.public_id, "object": "source", **definition}
        assert caller.data("get", f"/tasks/{task.public_id}", version)["output"] == reserved
    else:
        assert shown == {
            "id": f"task_{task.pk}",
            "kind": "ingest",
            "input": {"url": URL},
            "options": options,
            "output": None,
            "progress": 0,
            "created_by": caller.key.public_id,
            **common,
        }
    assert (task.webhook_url, task.output_id, file.source_url) == ("https://example.com/hook", file.pk, URL)

    task = arrive()
    shown = caller.data("get", f"/tasks/{task.public_id}", version)
    output = shown["output"]
    assert (output["id"], output["kind"], output["type"], output["filename"]) == (
        file.public_id,
        "image",
        "image/jpeg",
        "a.jpg",
    )
    if is_2024(version):
        assert (shown["status"], shown["input"], output["object"]) == ("ready", URL, "source")
        assert output["src"] == f"{caller.project.delivery_url}/in/a.jpg"
    else:
        assert (shown["status"], shown["progress"], shown["input"]) == ("completed", 100, {"url": URL})
        assert output == caller.data("get", f"/files/{file.public_id}", version)
        assert (output["ref"], output["metadata"], output["created_by"]) == ("cover", {"user": "42"}, f"task_{task.pk}")
    assert [item["id"] for item in caller.data("get", "/tasks?kind=ingest", version)] == [shown["id"]]


@EVERY
def test_the_file_of_an_ingest_may_be_deleted_later(caller, version):
    caller.data("post", "/tasks", version, body_of(version))
    task = arrive()
    file_delete(file=File.objects.get())
    shown = caller.data("get", f"/tasks/{task.public_id}", version)
    if is_2024(version):
        assert (shown["status"], shown["input"]) == ("ready", URL)
        assert shown["output"] == {"id": f"file_{task.output_id}", "object": "source", "kind": "ingest"}
    else:
        assert (shown["status"], shown["input"], shown["output"]) == ("completed", {"url": URL}, None)


@EVERY
def test_it_may_join_a_media(caller, version):
    media = make_media(project=caller.project)
    caller.data("post", "/tasks", version, body_of(version, media_id=media.public_id))
    assert File.objects.get().media_id == media.pk


@EVERY
def test_what_older_sdks_write_is_read(caller, version):
    given = {"url": URL, "kind": "ingest"}
    given |= {"filename": "a.jpg"} if is_2024(version) else {"input": {"options": {"filename": "a.jpg"}}}
    caller.data("post", "/tasks", version, given)  # the flat form, in 2024 too
    assert File.objects.get().filename == "a.jpg"


@EVERY
@pytest.mark.parametrize(
    ("options", "status", "name"),
    [
        ({"media_id": "med_0000000000000000"}, 404, "media_id"),
        ({"media_id": "THEIRS"}, 404, "media_id"),
        ({"media_id": 5}, 400, "media_id"),
        ({"metadata": "x"}, 400, "metadata"),
        ({"metadata": {"a": "x" * MAX_BYTES}}, 400, "metadata"),
        ({"filename": "a/"}, 400, "filename"),
        ({"folder": "a/../b"}, 400, "folder"),
        ({"ref": "x" * 101}, 400, "ref"),
        ({"width": 8}, 400, "width"),
    ],
)
def test_each_bad_option_is_named_and_nothing_is_written(caller, version, options, status, name):
    theirs = make_media()
    given = {key: theirs.public_id if value == "THEIRS" else value for key, value in options.items()}
    answer = caller.ask("post", "/tasks", version, body_of(version, **given))
    assert (answer.status_code, name in message(answer)) == (status, True), answer.content
    assert [model.objects.count() for model in (Task, File, Event)] == [0, 0, 0]


@EVERY
@pytest.mark.parametrize("given", ["file", "media"])
def test_what_is_in_the_project_already_is_not_ingested(caller, version, given):
    source = make_file(project=caller.project)
    public_id = source.public_id if given == "file" else source.media.public_id
    if is_2024(version):
        bodies = {"input": body_of(version, public_id), "file_id": {"file_id": public_id, "kind": "ingest"}}
    else:
        bodies = {"file_id": {"file_id": public_id, "kind": "ingest"}}
    for name, body in bodies.items():
        answer = caller.ask("post", "/tasks", version, body)
        assert answer.status_code == 400
        told = f"{name} names what is in the project already; ingest takes the URL of a file."
        assert (message(answer), refusal(answer).get("param", name)) == (told, name)
    assert not Task.objects.exists()


@EVERY
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1/a.jpg", "private network"),
        ("ftp://example.com/a", "http(s) URL"),
        ("https://user@example.com/a", "user name"),
        ("clip.mp4", "http(s) URL"),
    ],
)
def test_a_url_that_may_not_be_fetched_is_refused_in_words(caller, version, url, told):
    answer = caller.ask("post", "/tasks", version, body_of(version, url))
    assert (answer.status_code, told in message(answer)) == (400, True), answer.content
    assert [model.objects.count() for model in (Task, File, Event)] == [0, 0, 0]
