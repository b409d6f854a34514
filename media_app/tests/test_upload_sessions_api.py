"""Upload sessions: a URL that takes one file, from whoever has it."""

import hashlib
import time
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from ittyhost.leases import in_seconds
from media_app import jobs
from media_app.api import uploads
from media_app.models import File, Media, Upload, UploadSession
from media_app.services import sessions
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, make_file, make_media
from orgs_app.models import Project
from orgs_app.services import api_key_revoke
from orgs_app.tests.caller import G1, G4, VERSIONS, Caller, created, message

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("bucket_of_its_own", "no_workers", "no_transfer_is_left_behind"),
]

DATA = hashlib.shake_128(b"session").digest(1000)
stranger = Client()


def begin(caller: Caller, version: str = G4, **body: Any) -> str:
    """Path and query of a new session's URL."""
    url = caller.data("post", "/uploads", version, body)["url"]
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def post(url: str, body: bytes = DATA, version: str = G4, type: str = "video/mp4") -> Any:
    return stranger.post(url, body, content_type=type, headers={"Accept-Version": version})


def piece(url: str, start: int, end: int, data: bytes = DATA) -> Any:
    headers = {"Accept-Version": G4, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
    return stranger.put(url, data[start:end], content_type="application/octet-stream", headers=headers)


def kept(file: File | None = None) -> bytes:
    return b"".join(bucket().open((file or File.objects.get()).key))


# --- creating ---


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resumable", [False, True])
def test_a_session_is_a_url_with_a_key_that_is_kept_as_a_digest(caller, version, resumable):
    answer = caller.ask("post", "/uploads", version, {"resumable": resumable})
    assert answer.status_code == created(version)
    body = answer.json()
    shown = body if version == G4 else body["data"]
    assert list(shown) == ["url"]
    place, _, key = shown["url"].partition("?key=")
    assert place == f"{caller.project.delivery_url}/store/{'resumable' if resumable else 'single'}"
    assert len(key) == 43
    session = UploadSession.objects.get()
    assert (session.project, session.api_key, session.resumable) == (caller.project, caller.key, resumable)
    assert key not in str(vars(session))
    if version == G1:
        assert body["links"] == {"self": "/uploads", "parent": None}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"resumable": "perhaps"}, "resumable"),
        ({"alias": "no spaces"}, "alias"),
        ({"alias": "a/b"}, "alias"),
        ({"alias": "x" * 101}, "alias"),
        ({"alias": "a", "filename": "b"}, "alias"),
        ({"filename": ".."}, "filename"),
        ({"filename": 5}, "filename"),
        ({"folder": "a//b"}, "folder"),
        ({"media_id": "nope"}, "media_id"),
        ({"file_id": "nope"}, "file_id"),
        ({"metadata": {"a": {"b": 1}}}, "metadata"),
        ({"metadata": [1]}, "metadata"),
        ({"conditions": {"duration": "5"}}, "conditions"),
        ({"conditions": {"kind": 5}}, "conditions"),
        ({"conditions": []}, "conditions"),
        ({"timeout": 31}, "timeout"),
        ({"async": "perhaps"}, "async"),
        ({"title": 5}, "title"),
        ({"unheard": 1}, "unheard"),
    ],
)
def test_what_does_not_fit_is_named(caller, body, param):
    answer = caller.ask("post", "/uploads", G4, body)
    assert answer.status_code in (400, 404), answer.content
    assert answer.json()["param"] == param
    assert UploadSession.objects.count() == 0


def test_the_bounds_of_timeout_are_told_as_people_write_them(caller):
    told = [caller.ask("post", "/uploads", G4, {"timeout": value}).json()["message"] for value in (-1, 30.5)]
    assert told == ["timeout must be at least 0.", "timeout must be at most 30."]


def test_another_projects_media_and_files_do_not_exist(caller):
    media, file = make_media(), make_file()
    for body in ({"media_id": media.public_id}, {"file_id": file.public_id}):
        assert caller.ask("post", "/uploads", G4, body).status_code == 404
    assert UploadSession.objects.count() == 0


def test_a_media_and_a_file_of_another_are_not_both_meant(caller):
    media, file = make_media(project=caller.project), make_file(project=caller.project)
    body = {"media_id": media.public_id, "file_id": file.public_id}
    assert caller.ask("post", "/uploads", G4, body).json()["param"] == "file_id"


def test_unused_sessions_are_bounded(caller, monkeypatch):
    monkeypatch.setattr(sessions, "MAX_UNUSED", 1)
    begin(caller)
    assert caller.ask("post", "/uploads", G4, {}).status_code == 429


# --- one request ---


@pytest.mark.parametrize("version", VERSIONS)
def test_the_file_comes_in_one_request_without_an_api_key(caller, version):
    about = {"title": "Harbour", "alt": "Ships", "label": "l", "ref": "r", "metadata": {"user": "42", "n": None}}
    url = begin(caller, filename="in/harbour.mp4", **about)
    answer = post(url, version=version)
    assert answer.status_code == 201
    file = File.objects.get()
    assert kept(file) == DATA
    assert (file.folder, file.filename, file.label, file.ref) == ("in", "harbour.mp4", "l", "r")
    assert (file.metadata, file.created_by) == ({"user": "42", "n": None}, caller.key.public_id)
    assert (file.media.title, file.media.alt, file.original) == ("Harbour", "Ships", True)
    assert file.sha256 == hashlib.sha256(DATA).hexdigest()
    body = answer.json()
    shown = body if version == G4 else body["data"]
    assert (shown["id"], shown["filesize"]) == (file.public_id, 1000)
    assert Project.objects.get(pk=caller.project.pk).storage_used == 1000


def test_without_a_name_the_original_is_called_so_below_its_media(caller):
    post(begin(caller))
    file = File.objects.get()
    assert (file.folder, file.filename) == (file.media.public_id, "original")
    path = f"/delivery/{caller.project.public_id}/{file.media.public_id}/original"
    assert b"".join(stranger.get(path).streaming_content) == DATA


def test_an_alias_is_the_address_and_stands_for_one_file(caller):
    url = begin(caller, alias="my-cat")
    answer = caller.ask("post", "/uploads", G4, {"alias": "my-cat"})
    assert (answer.status_code, answer.json()["kind"], answer.json()["param"]) == (409, "alias_taken", "alias")
    begin(Caller(), alias="my-cat")  # another project's own
    post(url)
    assert (File.objects.get().folder, File.objects.get().filename) == ("my-cat", "original")
    assert caller.ask("post", "/uploads", G4, {"alias": "my-cat"}).status_code == 409
    assert caller.ask("delete", f"/files/{File.objects.get().public_id}", G4).status_code == 202
    begin(caller, alias="my-cat")


def test_it_joins_a_media_that_has_its_original(caller):
    first = make_file(project=caller.project)
    post(begin(caller, file_id=first.public_id, title="New"))
    file = File.objects.exclude(pk=first.pk).get()
    assert (file.media, file.original, file.filename) == (first.media, False, "")
    assert Media.objects.get().title == "New"


def test_a_key_is_used_once(caller):
    url = begin(caller)
    assert post(url).status_code == 201
    answer = post(url)
    assert (answer.status_code, answer.json()["kind"]) == (403, "session_invalid")
    assert File.objects.count() == 1


def test_a_key_that_does_not_work_is_refused_in_one_form(caller):
    good = begin(caller)
    place = good.partition("?")[0]
    resumable = begin(caller, resumable=True)
    other = Caller().project.public_id
    urls = [
        f"{place}?key=",
        f"{place}?key=x",
        f"{place}?key={'a' * 43}",
        resumable.replace("resumable", "single"),
        good.replace(caller.project.public_id, other),
    ]
    answers = [post(url) for url in urls]
    expired = begin(caller)
    UploadSession.objects.filter(pk=UploadSession.objects.order_by("-pk").first().pk).update(expires_at=in_seconds(-1))
    answers.append(post(expired))
    api_key_revoke(key=caller.key)
    answers.append(post(good))
    assert {answer.status_code for answer in answers} == {403}
    assert len({message(answer) for answer in answers}) == 1
    assert File.objects.count() == 0


def test_without_a_key_these_are_paths_as_any(caller):
    path = f"/delivery/{caller.project.public_id}/store/single"
    assert stranger.post(path, b"x", content_type="text/plain").status_code == 405
    assert caller.http.put(path, b"x", headers={"Authorization": f"Bearer {caller.secret}"}).status_code == 201
    assert b"".join(stranger.get(f"{path}?key=x").streaming_content) == b"x"
    assert stranger.put(begin(caller), b"x").status_code == 405


def form(*parts: tuple[str, str, bytes]) -> bytes:
    text = b""
    for name, filename, content in parts:
        told = f'; filename="{filename}"' if filename else ""
        text += f'--cut\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode() + content + b"\r\n"
    return text + b"--cut--\r\n"


TYPE = "multipart/form-data; boundary=cut"
LARGE = hashlib.shake_128(b"form").digest(1_000_000) + b"\r\n--cu\r\n--"


@pytest.mark.parametrize("content", [DATA, LARGE, b""], ids=["a few bytes", "a megabyte", "nothing"])
def test_a_browsers_form_is_taken(caller, content):
    answer = post(begin(caller), form(("note", "", b"hi"), ("file", "a.mp4", content), ("more", "", b"x")), type=TYPE)
    assert answer.status_code == 201
    assert kept() == content


@pytest.mark.parametrize(
    ("body", "type", "param"),
    [
        (form(("file", "", DATA)), TYPE, "file"),
        (form(("file", "a", DATA), ("file", "b", DATA)), TYPE, "file"),
        (form(("file", "a", DATA)), "multipart/form-data", "Content-Type"),
        (form(*[("n", "", b"x")] * 101, ("file", "a", DATA)), TYPE, "Content-Type"),
        (b"nothing of the kind", TYPE, "file"),
    ],
)
def test_a_form_that_is_none_is_refused_and_the_key_stays_good(caller, body, type, param):
    url = begin(caller)
    answer = post(url, body, type=type)
    assert (answer.status_code, answer.json()["param"]) == (400, param)
    assert File.objects.count() == 0
    assert post(url).status_code == 201


def test_the_answer_waits_as_long_as_the_session_says(caller, settings, monkeypatch):
    settings.PROBE_WAIT_SECONDS = 5
    waited: list[float] = []
    monkeypatch.setattr("media_app.api.uploads.settled", lambda file, seconds: waited.append(seconds) or file)
    for body in ({}, {"timeout": 2.5}, {"async": True}, {"async": False, "timeout": 1}):
        post(begin(caller, **body))
    assert waited == [5, 2.5, 0, 1]


def test_so_many_answers_wait_and_the_threads_of_the_others_stay_free(caller, monkeypatch):
    monkeypatch.setattr("media_app.api.uploads._waiting", BoundedSemaphore(1))

    def seconds(timeout: float) -> float:
        begun = time.monotonic()
        assert post(begin(caller, timeout=timeout)).status_code == 201
        return time.monotonic() - begun

    assert seconds(0.5) >= 0.5
    with uploads._waiting:  # as while another answer waits
        assert seconds(30) < 20
    assert seconds(0.5) >= 0.5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("conditions", "error"),
    [
        ({"kind": "image"}, ""),
        ({"kind": "image", "type": "image/jpeg", "format": "JPEG"}, ""),
        ({"kind": "video"}, "The upload session takes files whose kind is 'video'. This one's is 'image'."),
        (
            {"type": "image/png"},
            "The upload session takes files whose type is 'image/png'. This one's is 'image/jpeg'.",
        ),
    ],
)
def test_a_file_that_is_not_as_wanted_has_failed(caller, conditions, error):
    post(begin(caller, conditions=conditions), jpeg_bytes())
    jobs.work("fast")
    file = File.objects.get()
    assert (file.status, file.error) == ("failed" if error else "ready", error)


# --- in pieces ---


def test_pieces_and_a_post_to_finish(caller):
    url = begin(caller, resumable=True, filename="a.mp4")
    answer = post(url, b"")
    assert (answer.status_code, answer.json()["kind"]) == (409, "pieces_missing")
    assert piece(url, 400, 500).status_code == 202
    answer = post(url, b"")
    assert (answer.status_code, answer.json()["kind"]) == (409, "pieces_missing")
    assert "The bytes 0-399, 500-999 of 1000 are missing" in message(answer)
    assert piece(url, 0, 400).status_code == 202
    last = piece(url, 500, 1000)
    assert last.status_code == 201
    for _ in range(2):
        answer = post(url, b"")
        assert (answer.status_code, answer.json()["id"]) == (201, last.json()["id"])
    assert (kept(), File.objects.get().filename) == (DATA, "a.mp4")
    assert piece(url, 500, 1000).json()["id"] == last.json()["id"]
    assert piece(url, 500, 1000, bytes(1000)).status_code == 403
    assert (File.objects.count(), Upload.objects.count()) == (1, 1)


def test_post_completes_what_the_last_piece_could_not(caller):
    url = begin(caller, resumable=True)
    piece(url, 0, 400)
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=10)
    assert piece(url, 400, 1000).status_code == 402
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=None)
    assert post(url, b"").status_code == 201
    assert kept() == DATA


def test_sessions_do_not_meet(caller):
    urls = [begin(caller, resumable=True, filename="same") for _ in range(2)]
    for url, data in zip(urls, (DATA, DATA[::-1]), strict=True):
        assert piece(url, 0, 400, data).status_code == 202
    for url, data in zip(urls, (DATA, DATA[::-1]), strict=True):
        assert piece(url, 400, 1000, data).status_code == 201
    assert sorted(kept(file) for file in File.objects.all()) == sorted([DATA, DATA[::-1]])


def test_bytes_go_by_put_and_tell_their_place(caller):
    url = begin(caller, resumable=True)
    assert post(url, b"x").status_code == 400
    assert stranger.put(url, b"x").json()["error"]["param"] == "Content-Range"
    assert Upload.objects.count() == 0


def test_a_session_can_be_given_up_and_begun_anew(caller):
    url = begin(caller, resumable=True)
    piece(url, 0, 400)
    assert stranger.delete(url).status_code == 202
    assert stranger.delete(url).status_code == 404
    assert [piece(url, *span).status_code for span in ((0, 500), (500, 1000))] == [202, 201]
    assert stranger.delete(url).status_code == 404
    assert kept() == DATA


def test_pieces_keep_a_session_alive_and_unused_ones_are_forgotten(caller):
    url = begin(caller, resumable=True)
    UploadSession.objects.update(expires_at=in_seconds(5))
    piece(url, 0, 400)
    begin(caller)
    unused = UploadSession.objects.order_by("-pk").first()
    UploadSession.objects.filter(pk=unused.pk).update(expires_at=in_seconds(-1))
    jobs.uploads_sweep()
    [session] = UploadSession.objects.all()
    assert session.expires_at == Upload.objects.get().expires_at
    assert piece(url, 400, 1000).status_code == 201
