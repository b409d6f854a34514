"""What tasks read and make: fetching a source, storing outputs, publishing them as a file, dropping them."""

from pathlib import Path

import pytest

from events_app.models import Event
from ittyhost.errors import Invalid, LimitReached
from media_app.models import DeadObject, File, FileMember
from media_app.selectors import file_find_by_path
from media_app.services import file_fetcher, output_publish, outputs_discard, outputs_store
from media_app.storage import ObjectMissing, StorageUnavailable, bucket
from media_app.tests.factories import jpeg_bytes, jpeg_facts, make_file, make_media
from orgs_app.models import Project
from workers.kinds.base import Output

pytestmark = pytest.mark.django_db

FILE_ID = "0" * 16


def made(folder: Path, name: str, data: bytes, **fields: object) -> Output:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Output(path=path, name=name, **{"entry": False, "type": "video/mp2t"} | fields)  # type: ignore[arg-type]


@pytest.fixture
def picture(tmp_path) -> Output:
    return made(tmp_path, "output.jpg", jpeg_bytes(), entry=True, type="image/jpeg", probe=jpeg_facts())


def store(media, *outputs: Output, attempt: int = 3):
    return outputs_store(project_id=media.project_id, file_id=FILE_ID, attempt=attempt, outputs=outputs)


def publish(media, stored, attempt: int = 3, **fields: object) -> File:
    return output_publish(
        project=media.project,
        media=media,
        file_id=FILE_ID,
        attempt=attempt,
        stored=stored,
        **{"object": "source", "kind": "image"} | fields,  # type: ignore[arg-type]
    )


def test_a_source_is_handed_over_as_it_was_stored(tmp_path):
    file = make_file(content=b"bytes")
    file_fetcher(file)(tmp_path / "source", "whole")
    assert (tmp_path / "source").read_bytes() == b"bytes"
    bucket().delete(file.key)
    with pytest.raises(ObjectMissing):
        file_fetcher(file)(tmp_path / "again", "seek")


def test_an_output_becomes_a_ready_file_under_its_reserved_id(picture):
    media = make_media()
    stored = store(media, picture)
    assert DeadObject.objects.get().pending
    file = publish(media, stored, ref="poster", folder="/out/", filename="sub/a.jpg", label="l", created_by="tsk_1")
    file = File.objects.get(pk=file.pk)
    size = picture.path.stat().st_size
    assert (file.pk, file.status, file.original, file.attempt) == (FILE_ID, "ready", False, 3)
    assert (file.object, file.kind, file.type, file.format) == ("source", "image", "image/jpeg", "jpeg")
    assert (file.width, file.height, file.filesize, file.entry_size) == (64, 48, size, size)
    assert (file.folder, file.filename, file.ref, file.label) == ("out/sub", "a.jpg", "poster", "l")
    assert (file.created_by, file.key) == ("tsk_1", f"{media.project_id}/{FILE_ID}/3/output.jpg")
    assert b"".join(bucket().open(file.key)) == picture.path.read_bytes()
    assert Project.objects.get().storage_used == size
    assert DeadObject.objects.count() == 0
    assert sorted(Event.objects.values_list("type", flat=True)) == ["file.created", "file.ready"]
    found = file_find_by_path(project=media.project, path="out/sub/a.jpg")
    assert found == file


def test_a_file_of_many_objects_keeps_its_members_and_their_sum(tmp_path):
    media = make_media()
    entry = made(tmp_path, "master.m3u8", b"#EXTM3U", entry=True, type="application/vnd.apple.mpegurl")
    parts = [made(tmp_path, f"720p/segment-{number}.ts", b"x" * number) for number in (1, 2)]
    file = publish(media, store(media, *parts, entry), object="track", kind="video")
    assert (file.kind, file.type, file.probe) == ("video", "application/vnd.apple.mpegurl", None)
    assert (file.entry_size, file.filesize) == (7, 10)
    prefix = f"{media.project_id}/{FILE_ID}/3/"
    assert list(FileMember.objects.order_by("name").values_list("name", "key", "size", "type")) == [
        ("720p/segment-1.ts", f"{prefix}720p/segment-1.ts", 1, "video/mp2t"),
        ("720p/segment-2.ts", f"{prefix}720p/segment-2.ts", 2, "video/mp2t"),
    ]


def test_an_attempt_that_was_dropped_cannot_be_published(picture):
    media = make_media()
    stored = store(media, picture)
    outputs_discard(project_id=media.project_id, file_id=FILE_ID, attempt=3)
    with pytest.raises(StorageUnavailable):
        publish(media, stored)
    assert list(DeadObject.objects.values_list("key", "pending")) == [(f"{media.project_id}/{FILE_ID}/3/", False)]


def test_attempts_write_beside_each_other(picture):
    media = make_media()
    store(media, picture, attempt=1)
    stored = store(media, picture, attempt=2)
    outputs_discard(project_id=media.project_id, file_id=FILE_ID, attempt=1)
    file = publish(media, stored, attempt=2)
    assert file.key.endswith("/2/output.jpg")
    assert DeadObject.objects.get().key.endswith("/1/")


def test_a_full_quota_publishes_nothing(picture):
    media = make_media()
    Project.objects.update(storage_quota=10)
    stored = store(media, picture)
    with pytest.raises(LimitReached):
        publish(media, stored)
    assert File.objects.count() == 0


def test_a_name_that_cannot_be_publishes_nothing(picture):
    media = make_media()
    stored = store(media, picture)
    with pytest.raises(Invalid):
        publish(media, stored, folder="..")
    assert File.objects.count() == 0
