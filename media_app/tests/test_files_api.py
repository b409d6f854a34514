"""Files over HTTP, in each version: whole bodies, and every refusal."""

import pytest

from events_app.models import Event
from media_app.models import DeadObject, File, Media
from media_app.tests.factories import make_file, make_media
from orgs_app.models import Project
from orgs_app.services import api_key_revoke
from orgs_app.tests.caller import G1, G4, VERSIONS, Caller, at, created, data_of, is_2024, message, refusal

pytestmark = pytest.mark.django_db

URL = "https://example.com/a/clip.mp4?signature=1"


# --- it works ---


def test_a_file_in_2025_08_20(caller):
    file = make_file(project=caller.project, folder="demo", filename="größe 1.jpg", label="l", created_by="key_1")
    assert caller.ask("get", f"/files/{file.public_id}", G4).json() == {
        "id": file.public_id,
        "media_id": file.media.public_id,
        "object": "source",
        "kind": "image",
        "type": "image/jpeg",
        "codec": "jpeg",
        "container": None,
        "width": 64,
        "height": 48,
        "orientation": "landscape",
        "rotation": None,
        "transparency": False,
        "animated": False,
        "frames": 1,
        "duration": None,
        "fps": None,
        "filesize": 1000,
        "bitrate": None,
        "original": True,
        "language": None,
        "label": "l",
        "ref": "original",
        "folder": "demo",
        "filename": "größe 1.jpg",
        "url": f"{caller.project.delivery_url}/demo/gr%C3%B6%C3%9Fe%201.jpg",
        "placeholder": None,
        "background": None,
        "metadata": {},
        "created_by": "key_1",
        "created": at(file),
        "updated": at(file),
        "status": "ready",
    }


def test_a_file_in_2024_03_21(caller):
    file = make_file(project=caller.project, ref="cover")
    answer = caller.ask("get", f"/files/{file.public_id}", G1).json()
    assert answer["links"] == {"self": f"/files/{file.public_id}", "parent": "/files"}
    assert answer["data"] == {
        "id": file.public_id,
        "object": "source",
        "kind": "image",
        "format": "jpeg",
        "type": "image/jpeg",
        "width": 64,
        "height": 48,
        "codec": "jpeg",
        "orientation": "landscape",
        "filesize": 1000,
        "filename": None,
        "src": f"{caller.project.delivery_url}/{file.public_id}",
        "created": at(file),
        "updated": at(file),
        "media_id": file.media.public_id,
        "original": True,
        "ref": "cover",
        "metadata": {},
        "status": "ready",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_from_a_url_waits_to_be_fetched(caller, version):
    body = {"url": URL, "folder": "/in/2026/", "filename": "clip.mp4", "ref": "main", "metadata": {"k": "v"}}
    answer = caller.ask("post", "/files", version, body)

    assert answer.status_code == created(version)
    file = File.objects.get()
    assert (file.project, file.created_by) == (caller.project, caller.key.public_id)
    assert (file.status, file.lane, file.source_url) == ("waiting", "transfer", URL)
    assert (file.folder, file.filename, file.original, file.filesize) == ("in/2026", "clip.mp4", True, 0)
    shown = data_of(answer)
    assert (shown["id"], shown["kind"], shown["status"]) == (file.public_id, "video", "waiting")
    assert (shown["filesize"], shown["ref"], shown["metadata"]) == (0, "main", {"k": "v"})
    place = f"{caller.project.delivery_url}/in/2026/clip.mp4"
    assert shown["src" if is_2024(version) else "url"] == place
    assert URL not in answer.content.decode()
    assert Event.objects.count() == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_but_a_url_is_needed(caller, version):
    shown = caller.data("post", "/files", version, {"url": "http://example.com", "filename": None, "async": False})
    assert (shown["kind"], shown["type"], shown["filename"]) == ("unknown", "application/octet-stream", None)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_joins_the_media_that_is_named(caller, version):
    empty, full = make_media(project=caller.project), make_file(project=caller.project).media
    first = caller.data("post", "/files", version, {"url": URL, "media_id": empty.public_id})
    second = caller.data("post", "/files", version, {"url": URL, "media_id": full.public_id})
    assert (first["media_id"], first["original"]) == (empty.public_id, True)
    assert (second["media_id"], second["original"]) == (full.public_id, False)
    assert Media.objects.count() == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_are_sorted_and_paged(caller, version):
    sizes = {make_file(project=caller.project, filesize=size).public_id: size for size in (20, 10, 30)}
    make_file()

    def listed(query: str) -> list[int]:
        return [sizes[item["id"]] for item in caller.data("get", f"/files?{query}", version)]

    assert listed("") == [30, 10, 20]
    assert listed("order=asc") == [20, 10, 30]
    assert listed("sort=filesize") == [30, 20, 10]
    assert listed("sort=filesize&order=asc&limit=1&page=2") == [20]
    assert listed("page=9") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_asks_as_few_questions_for_many_files_as_for_one(caller, version, django_assert_max_num_queries):
    make_file(project=caller.project)
    caller.ask("get", "/files", version)
    with django_assert_max_num_queries(3) as one:  # the key, the files, and perhaps their count
        caller.ask("get", "/files", version)
    for _ in range(9):
        make_file(project=caller.project)
    with django_assert_max_num_queries(len(one)):
        assert len(caller.data("get", "/files", version)) == 10


@pytest.mark.parametrize("version", VERSIONS)
def test_a_deleted_file_is_gone_at_once_and_its_bytes_later(caller, version):
    file = make_file(project=caller.project, filesize=700)
    Project.objects.filter(pk=caller.project.pk).update(storage_used=1000)

    answer = caller.ask("delete", f"/files/{file.public_id}", version)

    assert answer.status_code == 202
    shown = data_of(answer)
    assert shown == {"message": f"{file.public_id} deleted"}
    assert (File.objects.count(), Media.objects.count()) == (0, 1)
    assert DeadObject.objects.get().key == f"{file.project_id}/{file.pk}/"
    assert Project.objects.get(pk=caller.project.pk).storage_used == 300
    assert list(Event.objects.values_list("type", "subject")) == [("file.deleted", file.public_id)]
    assert caller.ask("delete", f"/files/{file.public_id}", version).status_code == 404


@pytest.mark.parametrize("version", VERSIONS)
def test_a_failed_file_says_why(caller, version):
    file = make_file(project=caller.project, status=File.Status.FAILED, error="The file is empty.")
    shown = caller.data("get", f"/files/{file.public_id}", version)
    assert (shown["status"], shown["error"]) == ("failed", "The file is empty.")


@pytest.mark.parametrize(("version", "maker"), [(G4, "task_0VbpBka4oTW8yt7Q"), (G1, None)])
def test_a_maker_is_named_as_its_version_writes_it(caller, version, maker):
    file = make_file(project=caller.project, created_by="tsk_0VbpBka4oTW8yt7Q")
    assert caller.data("get", f"/files/{file.public_id}", version).get("created_by") == maker


# --- lists, narrowed ---


@pytest.mark.parametrize("version", VERSIONS)
def test_the_list_can_be_narrowed(caller, version):
    media = make_file(project=caller.project).media
    make_file(media=media, original=False, object="track", kind="subtitles", ref="original")
    make_file(project=caller.project, original=False, status=File.Status.FAILED, kind="video", ref="poster")
    make_file(ref="poster", kind="video", object="track", status=File.Status.FAILED)

    def listed(query: str) -> list[str]:
        return [item["kind"] for item in caller.data("get", f"/files?{query}", version)]

    assert listed("kind=video") == ["video"]
    assert listed("kind=subtitle") == listed("kind=subtitles") == ["subtitles"]
    assert listed("kind=summary") == listed("kind=thumbnail") == []
    assert listed("status=ready") == ["subtitles", "image"]
    assert listed("object=track&order=asc") == ["subtitles"]
    assert listed("ref=poster") == ["video"]
    assert listed("ref=original") == ["subtitles", "image"]  # an original is called so unless it is named otherwise
    assert listed(f"media_id={media.public_id}") == ["subtitles", "image"]
    assert listed(f"media_id={media.public_id}&kind=video") == []
    assert listed("media_id=med_x") == listed(f"media_id={make_media().public_id}") == []
    assert listed("kind=&ref=") == ["video", "subtitles", "image"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("query", ["kind=film", "status=error", "object=file", f"ref={'x' * 201}"])
def test_an_unknown_word_is_named(caller, version, query):
    answer = caller.ask("get", f"/files?{query}", version)
    assert answer.status_code == 400
    assert message(answer).startswith(query.partition("=")[0])


# --- changing ---


@pytest.mark.parametrize("version", VERSIONS)
def test_only_what_is_given_changes(caller, version):
    file = make_file(project=caller.project, folder="f", filename="a.jpg", label="l", ref="r", metadata={"a": 1})
    path, before = f"/files/{file.public_id}", File.objects.values().get()
    shown = caller.data("patch", path, version, {"ref": "cover"})
    assert (shown["id"], shown["ref"], shown["label"], shown["metadata"]) == (file.public_id, "cover", "l", {"a": 1})
    caller.data("patch", path, version, {"label": None, "metadata": {"b": [1]}})
    after = File.objects.values().get()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"ref", "label", "metadata", "updated"}
    assert (after["ref"], after["label"], after["metadata"]) == ("cover", "", {"b": [1]})
    assert Media.objects.get().updated == after["updated"]
    assert list(Event.objects.values_list("type", "subject")) == [("file.updated", file.public_id)] * 2


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("body", [None, {}, {"folder": "/f/"}, {"ref": "r", "metadata": {}}, {"filename": "f/a.jpg"}])
def test_what_changes_nothing_is_answered_and_leaves_no_trace(caller, version, body):
    file = make_file(project=caller.project, folder="f", filename="a.jpg", ref="r")
    assert caller.ask("patch", f"/files/{file.public_id}", version, body).status_code == 200
    after = File.objects.get()
    assert (after.updated, after.folder, after.filename, Event.objects.count()) == (file.updated, "f", "a.jpg", 0)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"filename": "b.jpg"}, "f/b.jpg"),
        ({"folder": "g/h"}, "g/h/a.jpg"),
        ({"folder": None}, "a.jpg"),
        ({"folder": "g", "filename": "h/b.jpg"}, "g/h/b.jpg"),
        ({"filename": "h/b.jpg"}, "h/b.jpg"),
        ({"filename": "/b.jpg"}, "b.jpg"),
        ({"filename": None}, "f/{id}"),
        ({"filename": "", "folder": ""}, "{id}"),
    ],
)
def test_a_new_place_is_its_url_at_once_and_the_old_one_is_nowhere(caller, version, body, place):
    file = make_file(project=caller.project, folder="f", filename="a.jpg", content=b"bytes")
    url = f"{caller.project.delivery_url}/{place.format(id=file.public_id)}"
    for _ in range(2):  # asked for again it is the same
        shown = caller.data("patch", f"/files/{file.public_id}", version, body)
        assert shown["src" if is_2024(version) else "url"] == url
    place = f"/delivery/{caller.project.public_id}/"
    assert b"".join(caller.http.get(place + url.partition(place)[2]).streaming_content) == b"bytes"
    assert caller.http.get(place + "f/a.jpg").status_code == 404
    assert File.objects.get().key == file.key
    assert Event.objects.count() == 1


# --- refusals ---


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": 5}, "url"),
        ({"url": "example.com/a.mp4"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://a:b@example.com/a.mp4"}, "url"),
        ({"url": "https://example.com:0/a.mp4"}, "url"),
        ({"url": "https://10.0.0.1/a.mp4"}, "url"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "http://[::ffff:127.0.0.1]/a"}, "url"),
        ({"url": f"https://example.com/{'a' * 4096}"}, "url"),
        ({"url": URL, "folder": 5}, "folder"),
        ({"url": URL, "folder": "a/./b"}, "folder"),
        ({"url": URL, "folder": "a//b"}, "folder"),
        ({"url": URL, "folder": "/".join("a" * 40)}, "folder"),
        ({"url": URL, "filename": "a/../b.mp4"}, "filename"),
        ({"url": URL, "filename": "a/"}, "filename"),
        ({"url": URL, "filename": f"file_{'0' * 16}"}, "filename"),
        ({"url": URL, "filename": f"file_{'0' * 16}/a.mp4"}, "filename"),
        ({"url": URL, "folder": f"a/file_{'0' * 16}"}, "folder"),
        ({"url": URL, "filename": "a\nb"}, "filename"),
        ({"url": URL, "ref": "x" * 101}, "ref"),
        ({"url": URL, "label": "x" * 201}, "label"),
        ({"url": URL, "metadata": 5}, "metadata"),
        ({"url": URL, "media_id": 5}, "media_id"),
        ({"url": URL, "file_name": "a"}, "file_name"),
    ],
)
def test_a_bad_field_is_named_and_nothing_changes(caller, version, body, name):
    answer = caller.ask("post", "/files", version, body)
    assert answer.status_code == 400, answer.content
    assert name in message(answer).lower()
    assert refusal(answer)["param"] == name
    assert (Media.objects.count(), File.objects.count(), Event.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_projects_media_is_not_found(caller, version):
    theirs = make_media()
    for media_id in (theirs.public_id, "med_x", f"med_{'0' * 16}"):
        answer = caller.ask("post", "/files", version, {"url": URL, "media_id": media_id})
        assert answer.status_code == 404
        assert "media_id" in message(answer)
    assert File.objects.count() == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"folder": 5}, "folder"),
        ({"folder": "a/../b"}, "folder"),
        ({"filename": "a/"}, "filename"),
        ({"filename": "a\nb"}, "filename"),
        ({"filename": f"file_{'0' * 16}"}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"ref": "x" * 101}, "ref"),
        ({"label": {}}, "label"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"a": {"n" * 101: 1}}}, "metadata.a"),
        ({"url": URL}, "url"),
        ({"ref": "new", "media_id": "med_x"}, "media_id"),
        ({"ref": "new", "async": True}, "async"),
    ],
)
def test_a_bad_change_is_named_and_nothing_changes(caller, version, body, name):
    file = make_file(project=caller.project, folder="f", filename="a.jpg", ref="old")
    before = File.objects.values().get()
    answer = caller.ask("patch", f"/files/{file.public_id}", version, body)
    assert answer.status_code == 400, answer.content
    assert refusal(answer)["param"] == name
    assert name in message(answer)
    assert (File.objects.values().get(), Event.objects.count()) == (before, 0)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_is_not_ones_own_does_not_exist(caller, version, method):
    theirs = make_file()
    for path in (theirs.public_id, f"file_{'0' * 16}", f"med_{theirs.pk}", theirs.pk, "x"):
        assert caller.ask(method, f"/files/{path}", version).status_code == 404
    assert File.objects.count() == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("post", ""), ("get", "/{}"), ("patch", "/{}"), ("delete", "/{}")]
)
def test_without_a_working_key_nothing_is_answered(caller, version, method, path):
    file = make_file(project=caller.project)
    api_key_revoke(key=caller.key)
    for secret in (caller.secret, "", f"sk_live_{'0' * 43}"):
        caller.secret = secret
        assert caller.ask(method, f"/files{path}".format(file.public_id), version).status_code == 401
    assert File.objects.count() == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_each_scope_allows_its_own(version):
    reader, writer = Caller(scopes=["read"]), Caller(scopes=["write"])
    file = make_file(project=reader.project)
    assert reader.ask("get", f"/files/{file.public_id}", version).status_code == 200
    assert reader.ask("post", "/files", version, {"url": URL}).status_code == 403
    assert reader.ask("delete", f"/files/{file.public_id}", version).status_code == 403
    assert reader.ask("patch", f"/files/{file.public_id}", version, {"ref": "x"}).status_code == 403
    assert writer.ask("get", "/files", version).status_code == 403
    assert File.objects.count() == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("query", ["page=0", "limit=101", "sort=name", "order=up"])
def test_a_bad_list_parameter_is_named(caller, version, query):
    answer = caller.ask("get", f"/files?{query}", version)
    assert answer.status_code == 400
    assert query.partition("=")[0] in message(answer)
