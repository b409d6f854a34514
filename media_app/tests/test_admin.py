import pytest
from django.contrib.admin.models import LogEntry

from events_app.models import Event
from ittyhost.admin.tests.operator import list_path, make_operator, page_path, queries, sign_in, text
from media_app.admin.content import content_respond
from media_app.models import DeadObject, File, FileMember, Media
from media_app.selectors import file_url
from media_app.tests.factories import jpeg_bytes, make_file, make_media
from orgs_app.tests.factories import make_project
from tasks_app.tests.factories import make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_transfer_is_left_behind")]


def bytes_of(response):
    return b"".join(response.streaming_content)


# --- The bytes, within admin's session ---


def test_a_private_file_is_shown_to_operators_alone(client):
    content = jpeg_bytes()
    file = make_file(project=make_project(is_private=True), content=content)
    path = page_path(file, "content")
    assert client.get(path).status_code == 302
    assert sign_in(make_operator("tasks_app.view_task")).get(path).status_code == 403
    response = sign_in(make_operator("media_app.view_file", name="viewer")).get(path)
    assert (response.status_code, bytes_of(response)) == (200, content)
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"].startswith("inline")
    assert response["Cache-Control"].startswith("private")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("asked", "status", "part", "content_range"),
    [
        ("bytes=0-1", 206, slice(0, 2), "bytes 0-1/10"),
        ("bytes=4-", 206, slice(4, 10), "bytes 4-9/10"),
        ("bytes=-3", 206, slice(7, 10), "bytes 7-9/10"),
        ("bytes=-30", 206, slice(0, 10), "bytes 0-9/10"),
        ("bytes=8-99", 206, slice(8, 10), "bytes 8-9/10"),
        ("bytes=0-1,1-3", 206, slice(0, 4), "bytes 0-3/10"),
        ("bytes=5-2", 200, slice(0, 10), None),
        ("bytes=10-", 416, slice(0, 0), "bytes */10"),
        ("nonsense", 200, slice(0, 10), None),
    ],
)
def test_players_ask_for_parts(asked, status, part, content_range):
    file = make_file(content=b"0123456789", type="video/mp4")
    response = sign_in().get(page_path(file, "content"), headers={"Range": asked})
    body = bytes_of(response) if response.streaming else response.content
    assert (response.status_code, body) == (status, b"0123456789"[part])
    assert response.headers.get("Content-Range") == content_range


def test_what_the_browser_has_is_not_sent_again():
    file = make_file(content=b"0123456789", type="video/mp4")
    client = sign_in()
    first = client.get(page_path(file, "content"))
    assert bytes_of(first) == b"0123456789"
    etag = first["ETag"]
    assert client.get(page_path(file, "content"), headers={"If-None-Match": etag}).status_code == 304
    stale = client.get(page_path(file, "content"), headers={"Range": "bytes=2-3", "If-Range": '"older"'})
    assert (stale.status_code, bytes_of(stale)) == (200, b"0123456789")


@pytest.mark.parametrize("type", ["image/svg+xml", "text/html", "application/pdf", "text/vtt", "image/svg+xml; x=y"])
def test_what_could_run_in_admin_is_only_downloaded(type):
    file = make_file(content=b"<script>alert(1)</script>", type=type, filename="a.html")
    client = sign_in()
    response = client.get(page_path(file, "content"))
    assert bytes_of(response) == b"<script>alert(1)</script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")
    page = text(client, page_path(file))
    assert "itty-preview" not in page
    assert "download" in page


def test_a_file_without_bytes_has_no_content():
    client = sign_in()
    assert client.get(page_path(make_file(), "content")).status_code == 404
    gone = make_file(content=b"0123456789")
    File.objects.filter(pk=gone.pk).update(key=f"{gone.project_id}/{gone.pk}/9/source")
    assert client.get(page_path(gone, "content")).status_code == 404


def test_operators_downloads_count_as_transfers(settings):
    settings.MAX_TRANSFERS = 1
    path = page_path(make_file(content=b"0123456789", type="video/mp4"), "content")
    client = sign_in()
    first = client.get(path)
    refused = client.get(path)
    assert (refused.status_code, refused["Retry-After"], refused["Cache-Control"]) == (503, "2", "no-store")
    assert bytes_of(first) == b"0123456789"
    assert bytes_of(client.get(path)) == b"0123456789"


class Presigning:
    def presigned_get(self, key, *, seconds, type, disposition):
        return f"https://s3.example.com/{key}?type={type}&disposition={disposition}"


def test_a_bucket_with_presigned_urls_is_asked_itself(monkeypatch, rf):
    monkeypatch.setattr("media_app.delivery.bucket", Presigning)
    file = make_file(content=b"0123456789", type="image/svg+xml")
    response = content_respond(rf.get("/"), file)
    assert response.status_code == 302
    assert response["Location"].startswith(f"https://s3.example.com/{file.key}?type=application/octet-stream")
    assert response["Cache-Control"] == "no-store"


# --- Pages ---


@pytest.mark.parametrize(
    ("type", "element"), [("image/jpeg", "<img"), ("video/mp4", "<video"), ("audio/mpeg", "<audio")]
)
def test_pictures_videos_and_sound_are_previewed(type, element):
    file = make_file(content=b"0123456789", type=type)
    client = sign_in()
    for page in (text(client, page_path(file)), text(client, page_path(file.media))):
        assert f'{element} class="itty-preview' in page
        assert page_path(file, "content") in page


def test_names_and_titles_are_escaped():
    media = make_media(title="<script>alert(1)</script>", alt="<script>alert(2)</script>", metadata={"<script>": 1})
    file = make_file(
        media=media,
        original=True,
        content=b"0123456789",
        filename="<script>alert(3).jpg",
        folder="<script>",
        label="<script>alert(4)",
        ref="<script>alert(5)",
        error='"><script>alert(6)',
        source_url="javascript:<script>alert(7)",
        probe={"tags": "<script>alert(8)"},
    )
    FileMember.objects.create(file=file, name="<script>alert(9)", key="k", type="<script>", size=1)
    client = sign_in()
    for path in (list_path(File), list_path(Media), page_path(file), page_path(media), page_path(file, "delete")):
        page = text(client, path)
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert 'href="javascript:' not in page


def test_a_file_leads_to_the_tasks_that_read_and_made_it():
    source = make_file()
    task = make_task(source=source)
    made = make_file(media=source.media, id=task.output_id, created_by=task.public_id)
    client = sign_in()
    for file in (source, made):
        assert page_path(task) in text(client, page_path(file))
    assert page_path(made) in text(client, page_path(source.media))


def test_neither_media_nor_files_are_added_or_edited():
    client = sign_in()
    file = make_file(filename="a.jpg")
    assert client.get("/admin/media_app/file/add/").status_code == 403
    assert client.post(page_path(file), {"filename": "b.jpg"}).status_code == 403
    assert client.post(page_path(file.media), {"title": "b"}).status_code == 403


# --- Deleting ---


def test_files_are_deleted_by_the_service():
    client = sign_in()
    project = make_project(storage_used=3000)
    one, two, three = (make_file(project=project) for _ in range(3))
    client.post(page_path(one, "delete"), {"post": "yes"})
    client.post(list_path(File), {"action": "delete_selected", "_selected_action": [two.pk, three.pk], "post": "yes"})
    project.refresh_from_db()
    assert (File.objects.count(), project.storage_used) == (0, 0)
    assert Event.objects.filter(type="file.deleted").count() == 3
    assert DeadObject.objects.count() == 3
    assert LogEntry.objects.filter(action_flag=3).count() == 3


def test_a_media_is_deleted_with_its_files_and_tasks_stay():
    client = sign_in()
    task = make_task()
    media = task.media
    assert "with all its files" in text(client, page_path(media, "delete"))
    client.post(page_path(media, "delete"), {"post": "yes"})
    task.refresh_from_db()
    assert (Media.objects.count(), File.objects.count()) == (0, 0)
    assert (task.media_id, task.status) == (media.pk, "queued")  # its id stays; the event of the deletion ends it
    assert Event.objects.filter(type="media.deleted", subject=media.public_id).count() == 1


def test_too_many_are_not_deleted_at_once(monkeypatch):
    monkeypatch.setattr("media_app.admin.files.AT_ONCE", 1)
    client = sign_in()
    files = [make_file(), make_file()]
    data = {"action": "delete_selected", "_selected_action": [file.pk for file in files], "post": "yes"}
    response = client.post(list_path(File), data)
    assert "Choose at most 1 at a time" in response.content.decode()
    assert File.objects.count() == 2


def test_a_viewer_deletes_nothing():
    file = make_file()
    viewer = sign_in(make_operator("media_app.view_file"))
    assert viewer.post(page_path(file, "delete"), {"post": "yes"}).status_code == 403
    response = viewer.post(
        list_path(File), {"action": "delete_selected", "_selected_action": [file.pk], "post": "yes"}, follow=True
    )
    assert response.status_code == 200
    assert File.objects.count() == 1


# --- Lists ---


@pytest.mark.parametrize("model", [Media, File])
def test_fifty_rows_take_as_many_queries_as_one(model):
    client = sign_in()
    make_file()
    one = queries(client, list_path(model))
    for _ in range(49):
        make_file()
    assert queries(client, list_path(model)) == one


def test_a_page_takes_as_many_queries_however_much_hangs_on_it():
    client = sign_in()
    media = make_media()
    file = make_file(media=media, original=True)
    make_task(source=file)
    few = queries(client, page_path(file)), queries(client, page_path(media))
    for number in range(60):
        make_task(source=file)
        make_file(media=media)
        FileMember.objects.create(file=file, name=f"{number}.ts", key="k", type="video/mp2t", size=1)
    assert (queries(client, page_path(file)), queries(client, page_path(media))) == few


def test_a_media_without_a_title_is_told_by_the_name_it_came_with():
    client = sign_in()
    make_file(media=make_media(title="Harbour"), original=True, filename="a.mp4")
    named = make_file(original=True, folder="trips", filename="b <1>.mp4")
    make_file(media=named.media, filename="poster.jpg")
    make_file(original=True)
    response = client.get(list_path(Media))
    admin = response.context["cl"].model_admin
    told = [admin.title_shown(row) for row in reversed(response.context["cl"].result_list)]
    assert told == ["Harbour", '<span class="quiet">trips/b &lt;1&gt;.mp4</span>', "–"]


def test_further_objects_of_a_file_can_be_opened():
    file = make_file(content=b"x", object="track", kind="thumbnails")
    FileMember.objects.create(file=file, name="720p/sprite 1.jpg", key="k", type="image/jpeg", size=1)
    place = page_path(file, "member", "720p/sprite 1.jpg")
    assert f'<a href="{place}">720p/sprite 1.jpg</a>' in text(sign_in(), page_path(file))


def test_files_are_found_by_ids_and_delivery_urls():
    client = sign_in()
    named = make_file(folder="holidays/2026", filename="a b.jpg", content=b"x")
    nameless = make_file(content=b"x")
    own = make_file(project=make_project(delivery_domain="media.example.com"), filename="c.jpg", content=b"x")
    for file in (named, nameless, own):
        for term in (file.public_id, file.pk, f"med_{file.media_id}", file.project.public_id, file_url(file)):
            found = client.get(list_path(File), {"q": term}).context["cl"].result_list
            assert [row.pk for row in found] == [file.pk], term
    for term in ("a b.jpg", "http://127.0.0.1:8000/delivery/prj_x/a.jpg", "file_x"):
        assert client.get(list_path(File), {"q": term}).context["cl"].result_list == []
