"""Media over HTTP, in each version: whole bodies, and every refusal."""

import pytest

from events_app.models import Event
from media_app.models import DeadObject, File, Media
from media_app.tests.factories import make_file, make_media
from orgs_app.models import Project
from orgs_app.services import api_key_revoke
from orgs_app.tests.caller import G1, G4, VERSIONS, Caller, at, created, data_of, is_2024, message, refusal
from orgs_app.tests.factories import bearer_header

pytestmark = pytest.mark.django_db


# --- it works ---


def test_a_media_in_2025_08_20(caller):
    media = make_media(project=caller.project, title="Harbour", metadata={"user_id": "42"})
    file = make_file(media=media, original=True, folder="demo", filename="harbour.jpg")
    media.refresh_from_db()
    url = f"{caller.project.delivery_url}/demo/harbour.jpg"

    assert caller.ask("get", f"/media/{media.public_id}", G4).json() == {
        "id": media.public_id,
        "object": "media",
        "kind": "image",
        "title": "Harbour",
        "alt": None,
        "width": 64,
        "height": 48,
        "duration": None,
        "files": [
            {
                "id": file.public_id,
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
                "frames": 1,
                "duration": None,
                "fps": None,
                "filesize": 1000,
                "bitrate": None,
                "original": True,
                "ref": "original",
                "folder": "demo",
                "filename": "harbour.jpg",
                "url": url,
                "metadata": {},
                "created": at(file),
                "updated": at(file),
                "status": "ready",
            }
        ],
        "urls": {"original": url},
        "background": None,
        "metadata": {"user_id": "42"},
        "created": at(media),
        "updated": at(media),
    }


def test_a_media_in_2024_03_21(caller):
    media = make_media(project=caller.project, title="Harbour")
    file = make_file(media=media, original=True, folder="demo", filename="harbour.jpg")
    media.refresh_from_db()
    url = f"{caller.project.delivery_url}/demo/harbour.jpg"

    answer = caller.ask("get", f"/media/{media.public_id}", G1).json()

    assert answer["links"] == {"self": f"/media/{media.public_id}", "parent": "/media"}
    assert answer["data"] == {
        "id": media.public_id,
        "object": "media",
        "kind": "image",
        "type": "image/jpeg",
        "title": "Harbour",
        "alt": None,
        "width": 64,
        "height": 48,
        "duration": None,
        "filesize": 1000,
        "sources": [
            {
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
                "folder": "demo",
                "filename": "harbour.jpg",
                "src": url,
                "created": at(file),
                "updated": at(file),
                "original": True,
            }
        ],
        "tracks": [],
        "intelligence": [],
        "original": url,
        "url": url,
        "placeholder": None,
        "background": None,
        "folder": "demo",
        "filename": "harbour.jpg",
        "metadata": {},
        "created": at(media),
        "updated": at(media),
        "status": "ready",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_body_makes_an_empty_media(caller, version):
    answer = caller.http.post(
        "/media",
        b"",
        content_type="application/json",
        headers=bearer_header(caller.secret) | {"Accept-Version": version},
    )
    assert answer.status_code == created(version)
    media = Media.objects.get()
    shown = data_of(answer)
    assert (shown["id"], shown["kind"], shown["metadata"]) == (media.public_id, None, {})
    if not is_2024(version):
        assert (shown["files"], shown["urls"]) == ([], {})
    else:
        assert (shown["sources"], shown["original"], shown["status"]) == ([], None, "pending")
    assert Event.objects.count() == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_media_is_made_with_what_is_told_of_it(caller, version):
    body = {"title": "Harbour", "alt": "Boats at dawn", "metadata": {"a": [1, {"b": None}]}}
    shown = caller.data("post", "/media", version, body)
    media = Media.objects.get()
    assert (media.project, media.title, media.alt, media.metadata) == (caller.project, *body.values())
    assert {name: shown[name] for name in body} == body


@pytest.mark.parametrize("version", VERSIONS)
def test_a_media_from_a_url_waits_for_its_original(caller, version):
    body = {"url": "https://example.com/clip.mp4?sig=1", "folder": "in", "filename": "clip.mp4", "title": "Clip"}
    body |= {"label": "first", "metadata": {"a": 1}, "async": True, "empty": False}
    shown = caller.data("post", "/media", version, body)
    file = File.objects.get()
    assert (file.status, file.lane, file.source_url) == ("waiting", "transfer", body["url"])
    assert (file.original, file.kind, file.label, file.metadata) == (True, "video", "first", {})
    assert (file.media.title, file.media.metadata) == ("Clip", {"a": 1})
    if not is_2024(version):
        assert shown["files"][0]["status"] == "waiting"
        assert shown["urls"] == {"original": f"{caller.project.delivery_url}/in/clip.mp4"}
    else:
        assert (shown["status"], shown["filename"]) == ("processing", "clip.mp4")
    assert sorted(Event.objects.values_list("type", "subject")) == [
        ("file.created", file.public_id),
        ("media.created", file.media.public_id),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_list_has_the_newest_first_and_only_ones_own(caller, version):
    mine = [make_file(project=caller.project).media.public_id for _ in range(3)]
    make_media()
    listed = [item["id"] for item in caller.data("get", "/media?limit=2", version)]
    assert listed == [mine[2], mine[1]]
    assert [item["id"] for item in caller.data("get", "/media?limit=2&page=2", version)] == [mine[0]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_asks_as_few_questions_for_many_media_as_for_one(caller, version, django_assert_max_num_queries):
    def fill(count: int) -> None:
        for _ in range(count):
            media = make_file(project=caller.project).media
            make_file(media=media, original=False, object="track", kind="subtitles")

    fill(1)
    caller.ask("get", "/media", version)
    with django_assert_max_num_queries(4) as one:  # the key, the media, their files, and perhaps a count
        caller.ask("get", "/media", version)
    fill(9)
    with django_assert_max_num_queries(len(one)):
        assert len(caller.data("get", "/media", version)) == 10


@pytest.mark.parametrize("version", VERSIONS)
def test_deleting_a_media_deletes_its_files_at_once_and_their_objects_later(caller, version):
    media = make_media(project=caller.project)
    files = [make_file(media=media, original=n == 0, filesize=500) for n in range(2)]
    Project.objects.filter(pk=caller.project.pk).update(storage_used=1500)

    answer = caller.ask("delete", f"/media/{media.public_id}", version)

    assert answer.status_code == 202
    shown = data_of(answer)
    assert shown == {"message": f"{media.public_id} deleted"}
    assert (Media.objects.count(), File.objects.count()) == (0, 0)
    assert sorted(DeadObject.objects.values_list("key", flat=True)) == sorted(
        f"{caller.project.pk}/{file.pk}/" for file in files
    )
    assert Project.objects.get(pk=caller.project.pk).storage_used == 500
    assert sorted(Event.objects.values_list("type", flat=True)) == ["file.deleted", "file.deleted", "media.deleted"]
    assert caller.ask("get", f"/media/{media.public_id}", version).status_code == 404


# --- changing ---


@pytest.mark.parametrize("version", VERSIONS)
def test_only_what_is_given_changes(caller, version):
    media = make_media(project=caller.project, title="Harbour", alt="Boats", metadata={"a": 1, "b": 2})
    path = f"/media/{media.public_id}"
    shown = caller.data("patch", path, version, {"title": "Dock"})
    assert (shown["id"], shown["title"], shown["alt"], shown["metadata"]) == (
        media.public_id,
        "Dock",
        "Boats",
        {"a": 1, "b": 2},
    )
    assert caller.data("patch", path, version, {"metadata": {"c": True}})["metadata"] == {"c": True}
    media.refresh_from_db()
    assert (media.title, media.alt, media.metadata) == ("Dock", "Boats", {"c": True})
    assert media.updated > media.created
    assert list(Event.objects.values_list("type", "subject")) == [("media.updated", media.public_id)] * 2


@pytest.mark.parametrize("version", VERSIONS)
def test_null_empties(caller, version):
    media = make_media(project=caller.project, title="Harbour", alt="Boats", metadata={"a": 1})
    body = {"title": None, "alt": "", "metadata": None}
    shown = caller.data("patch", f"/media/{media.public_id}", version, body)
    assert (shown["title"], shown["alt"], shown["metadata"]) == (None, None, {})
    media.refresh_from_db()
    assert (media.title, media.alt, media.metadata) == ("", "", {})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("body", [None, {}, {"title": "Harbour"}, {"metadata": {"a": 1}, "title": "Harbour"}])
def test_what_changes_nothing_is_answered_and_leaves_no_trace(caller, version, body):
    media = make_media(project=caller.project, title="Harbour", metadata={"a": 1})
    answer = caller.ask("patch", f"/media/{media.public_id}", version, body)
    assert answer.status_code == 200
    before = media.updated
    media.refresh_from_db()
    assert (media.updated, Event.objects.count()) == (before, 0)


def test_true_is_not_one(caller):
    media = make_media(project=caller.project, metadata={"a": 1})
    changed = caller.data("patch", f"/media/{media.public_id}", G4, {"metadata": {"a": True}})
    assert changed["metadata"]["a"] is True


@pytest.mark.parametrize("version", VERSIONS)
def test_a_media_looks_like_its_original_else_like_the_first_picture(caller, version):
    media = make_media(project=caller.project)
    make_file(media=media, original=True, kind="audio")
    make_file(
        media=media, original=False, ref="thumbnail", placeholder="data:image/webp;base64,AA==", background="#102030"
    )
    make_file(media=media, original=False, ref="other", placeholder="data:image/webp;base64,BB==", background="#ffffff")

    def shown() -> tuple[str | None, str]:
        data = caller.data("get", f"/media/{media.public_id}", version)
        assert all("placeholder" not in file for file in data.get("files", data.get("sources")))
        return data.get("placeholder"), data["background"]

    first, own = "data:image/webp;base64,AA==", "data:image/webp;base64,CC=="
    assert shown() == (first if is_2024(version) else None, "#102030")
    File.objects.filter(original=True).update(placeholder=own, background="#000000")
    assert shown() == (own if is_2024(version) else None, "#000000")


@pytest.mark.parametrize("version", VERSIONS)
def test_without_its_original_a_media_keeps_what_was_told_of_it_and_nothing_takes_its_place(caller, version):
    file = make_file(project=caller.project, filename="a.jpg")
    other = make_file(media=file.media, original=False, ref="poster")
    caller.ask("delete", f"/files/{file.public_id}", version)
    shown = caller.data("get", f"/media/{file.media.public_id}", version)
    assert (shown["kind"], shown["width"]) == ("image", 64)
    if not is_2024(version):
        assert [(item["id"], item["original"]) for item in shown["files"]] == [(other.public_id, False)]
        assert list(shown["urls"]) == ["poster"]
    else:
        assert (shown["original"], shown["url"], shown["status"]) == (None, None, "pending")
        assert [item["id"] for item in shown["sources"]] == [other.public_id]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_list_can_be_narrowed_to_a_kind(caller, version):
    wanted = make_media(project=caller.project, kind="video").public_id
    make_media(project=caller.project, kind="audio")
    make_media(kind="video")
    assert [item["id"] for item in caller.data("get", "/media?kind=video", version)] == [wanted]
    answer = caller.ask("get", "/media?kind=film", version)
    assert (answer.status_code, message(answer)) == (400, "kind must be one of video, image, audio.")


# --- refusals ---


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"title": 1}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"title": "a\u0007"}, "title"),
        ({"alt": "x" * 2001}, "alt"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": [[]]}, "metadata"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": {"x": "y" * 17_000}}, "metadata"),
        ({"metadata": {f"n{number}": 1 for number in range(201)}}, "metadata"),
        ({"metadata": {"a": {"n" * 101: 1}}}, "metadata.a"),
        ({"metadata": {"a": [{"b": {"c": {"d": {"e": {"f": {"g": {}}}}}}}]}}, "metadata.a.0.b.c.d.e.f.g"),
        ({"url": "ftp://example.com/a"}, "url"),
        ({"url": "https://user:password@example.com/a"}, "url"),
        ({"url": "http://127.0.0.1/a"}, "url"),
        ({"url": "http://[::1]/a"}, "url"),
        ({"url": "https://example.com/a b"}, "url"),
        ({"url": 5}, "url"),
        ({"url": "https://example.com/a", "folder": "a/../b"}, "folder"),
        ({"url": "https://example.com/a", "filename": ".."}, "filename"),
        ({"url": "https://example.com/a", "filename": "é" * 128}, "filename"),
        ({"folder": "a"}, "folder"),
        ({"name": "a"}, "name"),
    ],
)
def test_a_bad_field_is_named_and_nothing_changes(caller, version, body, name):
    answer = caller.ask("post", "/media", version, body)
    assert answer.status_code == 400
    assert name in message(answer).lower()
    assert refusal(answer)["param"] == name
    assert (Media.objects.count(), File.objects.count(), Event.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"title": 1}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"alt": ["x"]}, "alt"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": {"x": "y" * 17_000}}, "metadata"),
        ({"kind": "image"}, "kind"),
        ({"url": "https://example.com/a.jpg"}, "url"),
        ({"title": "New", "id": "med_x"}, "id"),
    ],
)
def test_a_bad_change_is_named_and_nothing_changes(caller, version, body, name):
    media = make_media(project=caller.project, title="Harbour")
    answer = caller.ask("patch", f"/media/{media.public_id}", version, body)
    assert answer.status_code == 400
    assert refusal(answer)["param"] == name
    assert name in message(answer)
    before = media.updated
    media.refresh_from_db()
    assert (media.title, media.updated, Event.objects.count()) == ("Harbour", before, 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_metadata_may_be_as_large_as_its_limits(caller, version):
    body = {"metadata": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}} | {"n" * 100: [1, "x" * 15_000]}}
    assert caller.data("post", "/media", version, body)["metadata"] == body["metadata"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_is_not_ones_own_does_not_exist(caller, version, method):
    theirs = make_media()
    for path in (theirs.public_id, f"med_{'0' * 16}", f"file_{theirs.pk}", theirs.pk, "med_", "x"):
        assert caller.ask(method, f"/media/{path}", version).status_code == 404
    assert Media.objects.count() == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("post", ""), ("get", "/{}"), ("patch", "/{}"), ("delete", "/{}")]
)
def test_without_a_working_key_nothing_is_answered(caller, version, method, path):
    media = make_media(project=caller.project)
    api_key_revoke(key=caller.key)
    for secret in (caller.secret, "", f"sk_live_{'0' * 43}"):
        caller.secret = secret
        assert caller.ask(method, f"/media{path}".format(media.public_id), version).status_code == 401
    assert Media.objects.count() == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_each_scope_allows_its_own(version):
    reader, writer = Caller(scopes=["read"]), Caller(scopes=["write"])
    media = make_media(project=reader.project)
    assert reader.ask("get", f"/media/{media.public_id}", version).status_code == 200
    assert reader.ask("post", "/media", version, {}).status_code == 403
    assert reader.ask("delete", f"/media/{media.public_id}", version).status_code == 403
    assert reader.ask("patch", f"/media/{media.public_id}", version, {"title": "x"}).status_code == 403
    assert writer.ask("get", "/media", version).status_code == 403
    assert Media.objects.count() == 1


@pytest.mark.parametrize("path", ["/media", "/media/med_0000000000000000"])
def test_other_methods_are_refused_by_name(caller, path):
    answer = caller.ask("put", path, G4, {})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
