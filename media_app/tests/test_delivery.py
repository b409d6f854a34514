"""Delivery paths: what is put there, what comes back, whole and in parts, and to whom."""

import hashlib
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils.http import http_date

from events_app.models import Event
from media_app import jobs
from media_app.api import uploads
from media_app.api.delivery import deliver
from media_app.models import DeadObject, File, Media
from media_app.storage import StorageUnavailable, bucket
from media_app.tests.factories import jpeg_bytes, make_file
from orgs_app.models import Project
from orgs_app.tests.caller import G2, G4, VERSIONS, Caller, data_of, is_2024, message
from orgs_app.tests.factories import bearer_header

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_transfer_is_left_behind")]

DATA = bytes(range(256)) * 4  # 1,024 bytes
AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_worker_to_wait_for(settings) -> None:
    settings.PROBE_WAIT_SECONDS = 0


def put(caller: Caller, path: str, body: bytes = DATA, version: str = G4, **headers: str) -> Any:
    return caller.http.put(
        f"/delivery/{caller.project.public_id}/{path}",
        body,
        content_type="application/octet-stream",
        headers=bearer_header(caller.secret) | {"Accept-Version": version} | headers,
    )


def get(caller: Caller, path: str, **headers: str) -> Any:
    return caller.http.get(f"/delivery/{caller.project.public_id}/{path}", headers=headers)


def content(answer: Any) -> bytes:
    """The whole body; the test client closes the answer at its end."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def file(caller) -> File:
    made = make_file(project=caller.project, folder="demo", filename="a.jpg", content=DATA)
    File.objects.filter(pk=made.pk).update(created=AT)
    return File.objects.get()


# --- upload ---


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_put_is_kept_and_waits_to_be_probed(caller, version):
    answer = put(caller, "demo/2026/photo.jpg", version=version)

    assert answer.status_code == 201
    file = File.objects.get()
    assert (file.project, file.created_by, file.media.project) == (caller.project, caller.key.public_id, caller.project)
    assert (file.folder, file.filename, file.original) == ("demo/2026", "photo.jpg", True)
    assert (file.status, file.lane, file.attempt) == ("waiting", "fast", 1)
    assert (file.filesize, file.entry_size, file.sha256) == (1024, 1024, hashlib.sha256(DATA).hexdigest())
    assert file.key == f"{caller.project.pk}/{file.pk}/1/source"
    assert b"".join(bucket().open(file.key)) == DATA
    assert Project.objects.get(pk=caller.project.pk).storage_used == 1024
    assert DeadObject.objects.count() == 0
    assert sorted(Event.objects.values_list("type", flat=True)) == ["file.created", "media.created"]
    shown = data_of(answer)
    assert (shown["id"], shown["media_id"], shown["status"]) == (file.public_id, file.media.public_id, "waiting")
    assert (shown["kind"], shown["filesize"]) == ("image", 1024)
    if is_2024(version):
        meta, links = answer.json()["meta"], answer.json()["links"]
        assert (meta["status"], meta["project_id"]) == (201, caller.project.public_id)
        base = "http://127.0.0.1:8000" if version == G2 else ""
        assert links == {"self": f"{base}/files/{file.public_id}", "parent": f"{base}/files"}


@pytest.mark.django_db(transaction=True)  # the job lets go of its connection
def test_the_answer_waits_for_the_probe(caller, settings, monkeypatch):
    settings.PROBE_WAIT_SECONDS = 5
    monkeypatch.setattr(uploads, "connection_rest", lambda: jobs.work("fast"))
    answer = put(caller, "photo.jpg", jpeg_bytes(width=80, height=60))
    shown = answer.json()
    assert (shown["status"], shown["type"], shown["width"], shown["height"]) == ("ready", "image/jpeg", 80, 60)
    media = Media.objects.get()
    assert (media.kind, media.width, media.height) == ("image", 80, 60)


def test_a_name_is_kept_in_one_spelling(caller):
    put(caller, "e%CC%81te%CC%81/cafe%CC%81%20%231.jpg")
    file = File.objects.get()
    assert (file.folder, file.filename) == ("été", "café #1.jpg")
    assert content(get(caller, "%C3%A9t%C3%A9/caf%C3%A9%20%231.jpg")) == DATA
    assert content(get(caller, "e%CC%81te%CC%81/cafe%CC%81%20%231.jpg")) == DATA


def test_an_empty_file_is_taken(caller):
    request = RequestFactory().put("/", b"", HTTP_AUTHORIZATION=f"Bearer {caller.secret}", CONTENT_LENGTH="0")
    assert deliver(request, caller.project.public_id, "empty.txt").status_code == 201
    assert File.objects.get().filesize == 0
    assert content(get(caller, "empty.txt")) == b""


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("", "name the file"),
        ("folder/", "slash"),
        ("a/../b.jpg", "'..'"),
        ("./b.jpg", "'.'"),
        ("%2E%2E/b.jpg", "'..'"),
        ("a//b.jpg", "empty"),
        ("a%00.jpg", "control"),
        ("a%0D%0A.jpg", "control"),
        (f"{'a' * 256}.jpg", "255 bytes"),
        (f"{'%C3%A9' * 128}", "255 bytes"),
        ("/".join(["a"] * 34), "32 levels"),
        ("%FF%FE", "UTF-8"),
        ("caf%E9/a.jpg", "UTF-8"),
        (f"file_{'0' * 16}", "another name"),
        (f"demo/file_{'Az0' * 5}9", "another name"),
        (f"file_{'0' * 16}/720p/segment-1.ts", "another name"),
    ],
)
def test_a_name_that_cannot_be_is_refused_by_name(caller, path, word):
    answer = put(caller, path)
    assert answer.status_code == 400
    assert word in message(answer)
    assert answer.json()["param"] == "path"
    assert (File.objects.count(), DeadObject.objects.count()) == (0, 0)


def test_only_a_key_of_the_project_that_may_write_can_put(caller):
    reader, other = Caller(project=caller.project, scopes=["read"]), Caller()
    path = f"/delivery/{caller.project.public_id}/a.jpg"

    def status(**headers: str) -> int:
        return caller.http.put(path, DATA, content_type="image/jpeg", headers=headers).status_code

    assert status() == 401
    assert status(**bearer_header(f"sk_live_{'0' * 43}")) == 401
    assert status(**bearer_header(reader.secret)) == 403
    assert status(**bearer_header(other.secret)) == 404
    caller.project = Project(id="0" * 16)
    assert put(caller, "a.jpg").status_code == 404
    assert (File.objects.count(), Media.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("headers", "status", "param"),
    [
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 411, "Content-Length"),
        ({"CONTENT_LENGTH": ""}, 411, "Content-Length"),
        ({"CONTENT_LENGTH": "-1"}, 400, "Content-Length"),
        ({"CONTENT_LENGTH": "1_0"}, 400, "Content-Length"),
        ({"HTTP_CONTENT_RANGE": "bytes 0-9/100"}, 400, "Content-Range"),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, 415, "Content-Encoding"),
        ({"HTTP_ACCEPT_VERSION": "1999-01-01"}, 400, "Accept-Version"),
    ],
)
def test_a_body_that_cannot_be_trusted_is_refused(caller, headers, status, param):
    request = RequestFactory().put("/", DATA, **{"HTTP_AUTHORIZATION": f"Bearer {caller.secret}"} | headers)
    answer = deliver(request, caller.project.public_id, "a.jpg")
    assert answer.status_code == status
    assert param in answer.content.decode()
    assert (File.objects.count(), DeadObject.objects.count()) == (0, 0)


class Gone(io.RawIOBase):
    """A client that sends half and then goes away, or stalls: the server's input raises OSError."""

    def __init__(self, *, by_error: bool) -> None:
        self.pieces, self.by_error = [b"x" * 300, b"x" * 200], by_error

    def read(self, size: int = -1, /) -> bytes:
        if self.pieces:
            return self.pieces.pop()
        if self.by_error:
            raise OSError("the connection is gone")
        return b""


@pytest.mark.parametrize("by_error", [True, False])
def test_a_body_that_ends_early_leaves_nothing(caller, by_error):
    request = RequestFactory().put("/", HTTP_AUTHORIZATION=f"Bearer {caller.secret}", CONTENT_LENGTH="1024")
    request.META["wsgi.input"] = Gone(by_error=by_error)
    answer = deliver(request, caller.project.public_id, "a.jpg")
    assert answer.status_code == 400
    assert "500 of 1024 bytes" in answer.content.decode()
    assert (File.objects.count(), Media.objects.count(), Event.objects.count()) == (0, 0, 0)
    assert Project.objects.get(pk=caller.project.pk).storage_used == 0
    dead = DeadObject.objects.get()
    assert not dead.pending
    jobs.clean_up()
    assert DeadObject.objects.count() == 0


def test_a_bucket_that_is_away_is_told_and_leaves_nothing(caller, monkeypatch):
    def away(*args: Any, **kwargs: Any) -> None:
        raise StorageUnavailable("/secret/path is full")

    monkeypatch.setattr(type(bucket()), "put", away)
    answer = put(caller, "a.jpg")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "secret" not in answer.content.decode()
    assert File.objects.count() == 0


def test_a_full_quota_is_told_before_the_first_byte(caller, monkeypatch):
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=2000, storage_used=1000)
    monkeypatch.setattr(type(bucket()), "put", lambda *args, **kwargs: pytest.fail("it was written"))
    answer = put(caller, "a.jpg")
    assert answer.status_code == 402
    assert "quota" in message(answer)
    assert (File.objects.count(), DeadObject.objects.count()) == (0, 0)


def test_a_quota_filled_meanwhile_takes_nothing_either(caller, monkeypatch):
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=2000)
    store = type(bucket()).put

    def slow(*args: Any, **kwargs: Any) -> Any:
        Project.objects.filter(pk=caller.project.pk).update(storage_used=1500)
        return store(*args, **kwargs)

    monkeypatch.setattr(type(bucket()), "put", slow)
    assert put(caller, "a.jpg").status_code == 402
    assert (File.objects.count(), Media.objects.count(), DeadObject.objects.count()) == (0, 0, 1)
    assert Project.objects.get(pk=caller.project.pk).storage_used == 1500


def test_a_file_over_the_limit_is_refused(caller, settings):
    settings.MAX_FILE_BYTES = 1023
    assert put(caller, "a.jpg").status_code == 413
    settings.MAX_FILE_BYTES = 1024
    assert put(caller, "a.jpg").status_code == 201


def test_djangos_limit_for_bodies_does_not_apply(caller, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert put(caller, "a.jpg").status_code == 201


def test_when_too_many_bytes_move_others_come_back_later(caller, settings, file):
    settings.MAX_TRANSFERS = 1
    first = get(caller, "demo/a.jpg")
    for answer in (get(caller, "demo/a.jpg"), put(caller, "b.jpg")):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert content(first) == DATA
    assert content(get(caller, "demo/a.jpg")) == DATA
    assert put(caller, "b.jpg").status_code == 201


# --- download ---


def test_a_file_is_delivered_with_all_that_players_and_caches_need(caller, file):
    answer = get(caller, "demo/a.jpg")
    assert content(answer) == DATA
    assert {name: answer.headers[name] for name in answer.headers if name in EXPECTED} == EXPECTED | {
        "ETag": f'"{file.etag}"'
    }


EXPECTED = {
    "Content-Type": "image/jpeg",
    "Content-Length": "1024",
    "Accept-Ranges": "bytes",
    "ETag": "",
    "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT",
    "Cache-Control": "public, max-age=0, must-revalidate",
    "Content-Disposition": 'inline; filename="a.jpg"',
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ),
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": "{etag}"}, 200),
        ({"If-Match": '"other", {etag}'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "W/{etag}"}, 412),
        ({"If-Match": '"other"', "If-None-Match": "{etag}"}, 412),
        ({"If-Match": "{etag}", "Range": "bytes=0-1"}, 206),
        ({"If-None-Match": "{etag}"}, 304),
        ({"If-None-Match": 'W/{etag}, "other"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": "{date}"}, 304),
        ({"If-Modified-Since": "{before}"}, 200),
        ({"If-Modified-Since": "nonsense"}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": "{date}"}, 200),
        ({"If-None-Match": "{etag}", "Range": "bytes=0-1"}, 304),
        ({"Range": "bytes=0-1", "If-Range": "{etag}"}, 206),
        ({"Range": "bytes=0-1", "If-Range": "W/{etag}"}, 200),
        ({"Range": "bytes=0-1", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=0-1", "If-Range": "{date}"}, 206),
        ({"Range": "bytes=0-1", "If-Range": "{before}"}, 200),
        ({"Range": "bytes=9999-", "If-Range": '"other"'}, 200),
    ],
)
def test_conditions(caller, file, headers, status):
    facts = {
        "etag": f'"{file.etag}"',
        "date": http_date(AT.timestamp()),
        "before": http_date(AT.timestamp() - 1),
    }
    answer = get(caller, "demo/a.jpg", **{name: value.format(**facts) for name, value in headers.items()})
    body = content(answer)
    assert answer.status_code == status
    assert answer.headers["ETag"] == facts["etag"]
    if status in (304, 412):
        assert body == b""
        assert answer.headers["Content-Length"] == ("1024" if status == 304 else "0")
        assert "Content-Type" not in answer.headers


def test_head_tells_without_giving(caller, file):
    path = f"/delivery/{caller.project.public_id}/demo/a.jpg"
    answer = caller.http.head(path, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["Content-Length"], answer.headers["Content-Type"]) == ("1024", "image/jpeg")
    assert caller.http.head(f"{path}x").status_code == 404


def test_the_id_is_always_a_path_and_other_paths_lead_nowhere(caller, file):
    assert content(get(caller, file.public_id)) == DATA
    for path in (
        f"demo/{file.public_id}",
        "a.jpg",
        "demo",
        "demo/",
        "",
        "demo/a.jpg/x",
        f"med_{file.pk}",
        "a%00b",
        "a%1Fb",
        "..",
        "demo/../demo/a.jpg",
        "demo//a.jpg",
        "demo%2F%2Fa.jpg",
        "a" * 4_000,
        "a/" * 2_000,
        "%FF%FE",
        "%ED%A0%80",
        "demo/a.jpg%E2%80%AE",
    ):
        too_long = len(path) > 8192
        assert get(caller, path).status_code == (414 if too_long else 404), path[:100]
    unnamed = make_file(project=caller.project, folder="demo", content=DATA)
    assert content(get(caller, f"demo/{unnamed.public_id}")) == DATA


@pytest.mark.parametrize(
    ("type", "status", "shown"),
    [
        ("video/mp4", "ready", "video/mp4"),
        ("text/vtt", "ready", "text/vtt"),
        ("text/srt", "ready", "text/srt"),
        ("application/json", "ready", "application/json"),
        ("application/vnd.apple.mpegurl", "ready", "application/vnd.apple.mpegurl"),
        ("image/svg+xml", "ready", None),
        ("text/html", "ready", None),
        ("text/xml", "ready", None),
        ("application/javascript", "ready", None),
        ("application/pdf", "ready", None),
        ("video/mp4", "failed", None),
        ("video/mp4", "processing", None),
    ],
)
def test_nothing_that_could_run_in_a_browser_is_shown_there(caller, type, status, shown):
    make_file(project=caller.project, filename="a.html", content=b"<script>", type=type, status=status)
    answer = get(caller, "a.html")
    assert content(answer) == b"<script>"
    assert answer.headers["Content-Type"] == (shown or "application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_download_saves_under_the_files_name(caller, file):
    def disposition(path: str) -> str:
        answer = get(caller, path)
        assert content(answer) == DATA
        return answer.headers["Content-Disposition"]

    assert disposition("demo/a.jpg?download") == 'attachment; filename="a.jpg"'
    File.objects.filter(pk=file.pk).update(filename='b"ö.jpg')
    assert disposition(f"{file.public_id}?download=1") == "attachment; filename*=utf-8''b%22%C3%B6.jpg"
    File.objects.filter(pk=file.pk).update(filename="")
    assert disposition(f"{file.public_id}?download") == f'attachment; filename="{file.public_id}.jpg"'
    assert disposition(f"{file.public_id}?download=caf%C3%A9%22.jpg") == "attachment; filename*=utf-8''caf%C3%A9%22.jpg"


@pytest.mark.parametrize("name", ["a/b.jpg", "..", "a%0D%0ASet-Cookie:x", "a%00", "x" * 256, "/"])
def test_a_name_for_saving_is_held_to_the_rules_of_names(caller, file, name):
    answer = get(caller, f"demo/a.jpg?download={name}")
    assert (answer.status_code, answer.json()["error"]["message"].split()[0]) == (400, "download")


def test_what_an_id_leads_to_is_kept_for_good_once_it_is_ready(caller, file):
    def kept(path: str) -> str:
        answer = get(caller, path)
        content(answer)
        assert "Vary" not in answer.headers
        return answer.headers["Cache-Control"]

    unnamed = make_file(project=caller.project, folder="demo", content=DATA)
    assert kept(file.public_id) == "public, max-age=31536000, immutable"
    assert kept("demo/a.jpg") == kept(f"demo/{unnamed.public_id}") == "public, max-age=0, must-revalidate"
    File.objects.filter(pk=file.pk).update(status="processing")
    assert kept(file.public_id) == "public, max-age=0, must-revalidate"


def test_the_type_names_the_codecs(caller):
    type = 'video/mp4; codecs="avc1.64001E, mp4a.40.2"'
    file = make_file(project=caller.project, filename="a.mp4", content=DATA, type=type)
    answer = get(caller, "a.mp4")
    content(answer)
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == (type, 'inline; filename="a.mp4"')
    File.objects.filter(pk=file.pk).update(filename="")
    answer = get(caller, f"{file.public_id}?download")
    content(answer)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{file.public_id}.mp4"'


def test_another_projects_path_does_not_lead_here(caller, file):
    other = Caller()
    assert get(other, "demo/a.jpg").status_code == 404
    assert get(other, file.public_id).status_code == 404


def test_bytes_that_are_gone_are_not_found(caller, file):
    bucket().delete(file.key)
    assert get(caller, "demo/a.jpg").status_code == 404


def test_other_methods(caller, file):
    path = f"/delivery/{caller.project.public_id}/demo/a.jpg"
    answer = caller.http.post(path, headers={"Accept-Version": G4})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PUT")
    assert caller.http.options(path).status_code == 204


def test_cookies_and_forgery_tokens_play_no_part(caller):
    strict = Client(enforce_csrf_checks=True)
    path = f"/delivery/{caller.project.public_id}/a.jpg"
    answer = strict.put(path, DATA, content_type="image/jpeg", headers=bearer_header(caller.secret))
    assert answer.status_code == 201


# --- from an S3 bucket ---


@pytest.fixture
def s3_settings(s3_quick, settings) -> Any:
    for name, value in s3_quick.environment(s3_quick.new_bucket()).items():
        setattr(settings, name, value if name != "S3_PATH_STYLE" else True)
    settings.S3_PUBLIC_ENDPOINT_URL = settings.S3_ENDPOINT_URL
    yield settings
    bucket().close()


def test_a_file_in_s3_is_streamed_where_the_settings_say_so(caller, s3_settings):
    s3_settings.DELIVERY_FROM_S3 = "stream"
    make_file(project=caller.project, filename="a.jpg", content=DATA)
    assert content(get(caller, "a.jpg")) == DATA
    assert content(get(caller, "a.jpg", Range="bytes=10-19")) == DATA[10:20]


def test_a_file_in_s3_is_fetched_from_there(caller, s3_settings):
    s3_settings.DELIVERY_FROM_S3 = "redirect"
    assert put(caller, "a.jpg").status_code == 201
    file = File.objects.get()
    answer = get(caller, "a.jpg?download")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{s3_settings.S3_ENDPOINT_URL}/")
    assert "response-content-disposition=attachment" in answer.headers["Location"]
    assert "response-content-type=application%2Foctet-stream" in answer.headers["Location"]
    assert get(caller, "a.jpg", **{"If-None-Match": f'"{file.etag}"'}).status_code == 304
    head = caller.http.head(f"/delivery/{caller.project.public_id}/a.jpg")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "1024")
