"""Sources over HTTP, in each version: files that are a variant of their media, made as tasks are."""

import pytest
from django.conf import settings

from events_app.models import Event
from media_app.models import DeadObject, File
from media_app.tests.factories import make_file
from orgs_app.tests.caller import G1, G3, VERSIONS, Caller, created, data_of, is_2024, message
from tasks_app.models import Task

pytestmark = pytest.mark.django_db

EVERY = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def caller() -> Caller:
    return Caller()


@EVERY
def test_the_list_has_the_sources_only_as_files_are_shown(caller, version):
    source = make_file(project=caller.project, folder="f", filename="a.jpg")
    made = make_file(media=source.media, original=False, kind="video")
    make_file(media=source.media, original=False, object="track", kind="subtitles")
    make_file(media=source.media, original=False, object="intelligence", kind="speech")
    make_file()
    listed = data_of(caller.ask("get", "/sources", version))
    assert [item["id"] for item in listed] == [made.public_id, source.public_id]
    assert listed[1] == data_of(caller.ask("get", f"/files/{source.public_id}", version))
    url = f"{caller.project.delivery_url}/f/a.jpg"
    assert (listed[1].get("src"), listed[1].get("url")) == ((url, None) if is_2024(version) else (None, url))
    [narrowed] = data_of(caller.ask("get", f"/sources?kind=video&media_id={source.media.public_id}", version))
    assert narrowed["id"] == made.public_id
    assert len(data_of(caller.ask("get", "/sources?sort=filesize&limit=1", version))) == 1


@EVERY
def test_a_source_can_be_viewed_changed_and_deleted(caller, version):
    source = make_file(project=caller.project, filename="a.jpg")
    path = f"/sources/{source.public_id}"
    answer = caller.ask("get", path, version)
    assert data_of(answer)["id"] == source.public_id
    if version in (G1, G3):
        base = settings.PUBLIC_URL if version == G3 else ""
        assert answer.json()["links"] == {"self": f"{base}{path}", "parent": f"{base}/sources"}
    changed = data_of(caller.ask("patch", path, version, {"filename": "b.jpg", "metadata": {"a": 1}}))
    assert (changed["filename"], changed["metadata"]) == ("b.jpg", {"a": 1})
    answer = caller.ask("delete", path, version)
    assert (answer.status_code, data_of(answer)) == (202, {"message": f"{source.public_id} deleted"})
    assert (File.objects.count(), DeadObject.objects.count()) == (0, 1)
    assert caller.ask("get", path, version).status_code == 404


@EVERY
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_is_no_source_or_not_ones_own_is_not_found(caller, version, method):
    track = make_file(project=caller.project, object="track", kind="subtitles")
    theirs = make_file()
    for path in (track.public_id, theirs.public_id, f"file_{'0' * 16}", "med_x", "x"):
        answer = caller.ask(method, f"/sources/{path}", version)
        assert (answer.status_code, message(answer)) == (404, "There is no source with this id.")
    assert (File.objects.count(), Event.objects.count()) == (2, 0)


@EVERY
def test_posting_a_source_makes_a_task(caller, version):
    source = make_file(project=caller.project)
    body = {"input": source.public_id, "output": {"kind": "image", "width": 32, "filename": "a.jpg"}}
    if not is_2024(version):
        body = {"file_id": source.public_id, "kind": "image", "width": 32, "filename": "a.jpg"}
    answer = caller.ask("post", "/sources", version, body)
    assert answer.status_code == created(version)
    task = Task.objects.get()
    shown = data_of(answer)
    assert (shown["object"], shown["id"].partition("_")[2], shown["status"]) == (
        "task",
        task.pk,
        "processing" if is_2024(version) else "pending",
    )
    assert (task.source, task.created_by, task.options) == (
        source,
        caller.key.public_id,
        {"width": 32, "filename": "a.jpg"},
    )
    assert shown == data_of(caller.ask("post", "/tasks", version, body)) | {
        name: shown[name] for name in ("id", "created", "updated")
    }
    if version == G1:
        assert answer.json()["links"] == {"self": f"/tasks/{shown['id']}", "parent": "/tasks"}


@EVERY
@pytest.mark.parametrize("body", [{}, {"input": "med_x", "output": {"kind": "image"}}, {"output": {"kind": "film"}}])
def test_a_bad_body_is_refused_as_that_of_a_task(caller, version, body):
    refused, expected = (caller.ask("post", path, version, body) for path in ("/sources", "/tasks"))
    assert refused.status_code == expected.status_code >= 400
    assert message(refused) == message(expected)
    assert Task.objects.count() == 0


@EVERY
def test_each_scope_allows_its_own(version):
    reader, writer = Caller(scopes=["read"]), Caller(scopes=["write"])
    source = make_file(project=reader.project)
    assert reader.ask("get", "/sources", version).status_code == 200
    assert reader.ask("post", "/sources", version, {}).status_code == 403
    assert reader.ask("patch", f"/sources/{source.public_id}", version, {}).status_code == 403
    assert reader.ask("delete", f"/sources/{source.public_id}", version).status_code == 403
    assert writer.ask("get", "/sources", version).status_code == 403


@EVERY
def test_a_list_asks_as_few_questions_for_many_sources_as_for_one(caller, version, django_assert_max_num_queries):
    make_file(project=caller.project)
    caller.ask("get", "/sources", version)
    with django_assert_max_num_queries(3) as one:  # the key, the files, their members
        caller.ask("get", "/sources", version)
    for _ in range(9):
        make_file(project=caller.project)
    with django_assert_max_num_queries(len(one)):
        assert len(data_of(caller.ask("get", "/sources", version))) == 10
