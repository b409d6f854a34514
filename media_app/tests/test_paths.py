"""Several files of one path: the last one is there, the others have the URLs of their ids."""

import io
from typing import Any

import pytest

from media_app.models import File, Media
from media_app.selectors import file_url
from media_app.services import file_delete, file_fail, output_publish, outputs_store
from media_app.services.files import SOURCE_NAME
from media_app.services.objects import objects_expect
from media_app.services.work import Fetched, file_claim, file_fetched
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, jpeg_facts
from orgs_app.tests.caller import G4, VERSIONS, Caller, is_2024
from orgs_app.tests.factories import bearer_header
from workers.kinds.base import Output

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(settings) -> Caller:
    settings.PROBE_WAIT_SECONDS = 0
    return Caller()


def put(caller: Caller, body: bytes, path: str = "demo/a.jpg") -> File:
    answer = caller.http.put(f"/delivery/{caller.project.public_id}/{path}", body, headers=bearer_header(caller.secret))
    return File.objects.get(pk=answer.json()["data"]["id"].removeprefix("file_"))


def ask_for(caller: Caller, **fields: Any) -> File:
    """A file that is to be fetched to the path."""
    body = {"url": "https://example.com/x.jpg", "folder": "demo", "filename": "a.jpg"} | fields
    return File.objects.get(pk=caller.data("post", "/files", G4, body)["id"].removeprefix("file_"))


def fetched(file: File, body: bytes) -> File:
    """The file once a worker has brought its bytes."""
    claimed = file_claim(lane="transfer")
    assert claimed == file
    prefix = objects_expect(project_id=file.project_id, file_id=file.pk, attempt=claimed.attempt)
    stored = bucket().put(f"{prefix}{SOURCE_NAME}", io.BytesIO(body), length=len(body))
    file_fetched(file=claimed, fetched=Fetched(stored, prefix, "x.jpg"))
    return File.objects.get(pk=file.pk)


def at(caller: Caller, path: str = "demo/a.jpg") -> bytes | int:
    answer = caller.http.get(f"/delivery/{caller.project.public_id}/{path}")
    return b"".join(answer.streaming_content) if answer.status_code == 200 else answer.status_code


def shown(caller: Caller, file: File, version: str) -> str:
    return caller.data("get", f"/files/{file.public_id}", version)["src" if is_2024(version) else "url"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_last_upload_is_at_the_path_and_the_others_at_their_ids(caller, version):
    first, second = put(caller, b"first"), put(caller, b"second")
    base = caller.project.delivery_url
    assert shown(caller, second, version) == f"{base}/demo/a.jpg"
    assert shown(caller, first, version) == f"{base}/{first.public_id}"
    assert caller.data("get", f"/files/{first.public_id}", version)["filename"] == "a.jpg"
    assert (at(caller), at(caller, first.public_id), at(caller, second.public_id)) == (b"second", b"first", b"second")
    media = caller.data("get", f"/media/{first.media.public_id}", version)
    url = media["original"] if is_2024(version) else media["urls"]["original"]
    assert url == f"{base}/{first.public_id}"


def test_the_path_of_a_deleted_file_leads_nowhere(caller):
    first, second = put(caller, b"first"), put(caller, b"second")
    file_delete(file=second)
    assert (at(caller), at(caller, first.public_id)) == (404, b"first")
    put(caller, b"third")
    assert at(caller) == b"third"


def test_other_paths_other_projects_and_files_without_names_are_left_alone(caller):
    others = [put(caller, b"x", path) for path in ("demo/b.jpg", "a.jpg", "demo/c/a.jpg")]
    others.append(put(Caller(), b"x"))
    others.append(ask_for(caller, filename=None))
    put(caller, b"y")
    assert File.objects.filter(pk__in=[file.pk for file in others], holds_path=True).count() == len(others)


def test_what_is_fetched_takes_its_path_when_it_is_there(caller):
    old, later = put(caller, b"old"), ask_for(caller)
    assert at(caller) == b"old"
    new = put(caller, b"new")
    assert at(caller) == b"new"
    later = fetched(later, b"fetched")
    assert at(caller) == b"fetched"
    assert file_url(later).endswith("/demo/a.jpg")
    for file in (old, new):
        file.refresh_from_db()
        assert file_url(file).endswith(file.public_id)


def test_what_cannot_be_fetched_never_has_its_path(caller):
    old, failing = put(caller, b"old"), ask_for(caller)
    assert file_claim(lane="transfer") == failing
    file_fail(file=File.objects.get(pk=failing.pk), message="It is gone.")
    failing.refresh_from_db()
    old.refresh_from_db()
    assert at(caller) == b"old"
    assert (file_url(failing).endswith(failing.public_id), file_url(old).endswith("/demo/a.jpg")) == (True, True)


def test_a_tasks_output_takes_its_path(caller, tmp_path):
    old = put(caller, b"old")
    picture = tmp_path / "a.jpg"
    picture.write_bytes(jpeg_bytes())
    output = Output(path=picture, name="a.jpg", entry=True, type="image/jpeg", probe=jpeg_facts())
    stored = outputs_store(project_id=caller.project.pk, file_id="0" * 16, attempt=1, outputs=[output])
    made = output_publish(
        project=caller.project,
        media=Media.objects.get(),
        file_id="0" * 16,
        object="source",
        kind="image",
        attempt=1,
        stored=stored,
        folder="demo",
        filename="a.jpg",
    )
    old.refresh_from_db()
    assert at(caller) == picture.read_bytes()
    assert (file_url(made).endswith("/demo/a.jpg"), file_url(old).endswith(old.public_id)) == (True, True)
    assert old.updated > old.created
