"""One contract for every bucket: the folder, an emulator of S3, and a real S3 server."""

import hashlib
import io
import os
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from media_app.storage import FolderBucket, ObjectMissing, S3Bucket, S3Options, StorageUnavailable
from media_app.storage import s3 as s3_module
from media_app.storage.base import CHUNK, Bucket, checked_key, checked_prefix
from tests.services.s3 import S3Server

MEGABYTE = 1024 * 1024
SMALL_PART = 5 * MEGABYTE


def s3_bucket(server: S3Server, tmp_path: Path, prefix: str = "media") -> S3Bucket:
    options = S3Options(
        endpoint=server.endpoint_url,
        public_endpoint=server.endpoint_url,
        region=server.region,
        path_style=True,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
    )
    return S3Bucket(server.new_bucket(), options, prefix=prefix, scratch=tmp_path / "scratch")


@pytest.fixture(
    params=["folder", "s3_quick", pytest.param("s3", marks=pytest.mark.services)],
)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    if request.param == "folder":
        yield FolderBucket(tmp_path / "bucket")
        return
    monkeypatch.setattr(s3_module, "PART", SMALL_PART)
    made = s3_bucket(request.getfixturevalue(request.param), tmp_path)
    yield made
    made.close()


def pattern(size: int) -> bytes:
    """Bytes of which no two ranges are equal by chance."""
    return hashlib.shake_128(b"seed").digest(size)


class Trickle:
    """A reader that gives few bytes a call, as a socket does."""

    def __init__(self, data: bytes, step: int = 10_000, fail_at: int | None = None) -> None:
        self.source, self.step, self.fail_at = io.BytesIO(data), step, fail_at

    def read(self, size: int, /) -> bytes:
        if self.fail_at is not None and self.source.tell() >= self.fail_at:
            raise EOFError("the client went away")
        return self.source.read(min(size, self.step))


@pytest.mark.parametrize("size", [0, 1, 300_000, SMALL_PART, SMALL_PART * 2, SMALL_PART * 2 + 1])
def test_what_was_put_is_read_back(store: Bucket, size: int):
    data = pattern(size)

    stored = store.put("p/f/1/source", Trickle(data), type="video/mp4")

    assert (stored.key, stored.size, stored.sha256) == ("p/f/1/source", size, hashlib.sha256(data).hexdigest())
    assert stored.etag
    assert '"' not in stored.etag
    assert b"".join(store.open("p/f/1/source")) == data
    assert store.stat("p/f/1/source").size == size


def test_ranges_are_exact(store: Bucket):
    data = pattern(SMALL_PART + 1000)
    store.put("p/f/1/source", io.BytesIO(data), length=len(data))

    assert b"".join(store.open("p/f/1/source", 10, 1)) == data[10:11]
    assert b"".join(store.open("p/f/1/source", 0, 300_000)) == data[:300_000]
    assert b"".join(store.open("p/f/1/source", 300_001)) == data[300_001:]
    assert b"".join(store.open("p/f/1/source", len(data) - 7, 7)) == data[-7:]
    assert b"".join(store.open("p/f/1/source", 5, 0)) == b""


@pytest.mark.parametrize("size", [0, 1000, SMALL_PART * 3 + 5])
def test_a_file_is_put_and_fetched(store: Bucket, tmp_path: Path, size: int):
    made = tmp_path / "made"
    made.write_bytes(pattern(size))
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()

    stored = store.put_file("p/f/2/output.mp4", made, type="video/mp4")
    made.unlink()
    fetched = tmp_path / "fetched"
    store.fetch_to("p/f/2/output.mp4", fetched, sha256=stored.sha256)

    assert (stored.size, stored.sha256) == (size, sha256)
    assert fetched.read_bytes() == pattern(size)


def test_an_interrupted_write_leaves_nothing(store: Bucket):
    data = pattern(SMALL_PART * 2)

    with pytest.raises(EOFError):
        store.put("p/f/1/source", Trickle(data, fail_at=SMALL_PART + 100_000))

    with pytest.raises(ObjectMissing):
        store.stat("p/f/1/source")
    assert list(store.list_prefix("p/f/")) == []
    assert store.drop_drafts(older_than=-60) == 0


@pytest.mark.parametrize("taken", [0, 1])
def test_an_object_is_let_go_of_however_much_of_it_was_read(
    store: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
):
    store.put("p/f/1/source", io.BytesIO(pattern(CHUNK * 4)))
    held: list[Any] = []
    if isinstance(store, FolderBucket):
        real = Path.open
        monkeypatch.setattr(Path, "open", lambda *args, **kwargs: keep(held, real(*args, **kwargs)))
    else:
        ask = store._range
        monkeypatch.setattr(store, "_range", lambda *args, **kwargs: keep(held, ask(*args, **kwargs)))

    chunks = store.open("p/f/1/source")
    for _ in range(taken):
        next(chunks)
    chunks.close()

    opened = [each["Body"]._raw_stream if isinstance(each, dict) else each for each in held]
    assert [each.closed for each in opened] == [True]
    assert list(chunks) == []


def keep(held: list[Any], made: Any) -> Any:
    held.append(made)
    return made


def test_missing_objects_are_told_apart_from_faults(store: Bucket, tmp_path: Path):
    with pytest.raises(ObjectMissing):
        store.open("p/f/1/nothing")
    with pytest.raises(ObjectMissing):
        store.open("p/f/1/nothing", 5, 0)
    with pytest.raises(ObjectMissing):
        store.stat("p/f/1/nothing")
    with pytest.raises(ObjectMissing):
        store.fetch_to("p/f/1/nothing", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    assert store.local_path("p/f/1/nothing") is None
    store.delete("p/f/1/nothing")
    assert store.delete_prefix("p/none/") == 0


def test_prefixes_are_listed_and_deleted_whole_and_alone(store: Bucket):
    for key in ("p/a/1/x", "p/a/1/720p/segment-1.ts", "p/a/2/x", "p/ab/1/x"):
        store.put(key, io.BytesIO(key.encode()))

    assert list(store.list_prefix("p/a/")) == [("p/a/1/720p/segment-1.ts", 23), ("p/a/1/x", 7), ("p/a/2/x", 7)]
    assert store.delete_prefix("p/a/1/") == 2
    assert [key for key, _ in store.list_prefix("p/a/")] == ["p/a/2/x"]
    store.delete("p/a/2/x")
    assert list(store.list_prefix("p/a/")) == []
    assert [key for key, _ in store.list_prefix("p/")] == ["p/ab/1/x"]


def test_many_objects_are_deleted_together(store: Bucket):
    for number in range(30):
        store.put(f"p/f/1/segment-{number}.ts", io.BytesIO(b"x"))
    assert store.delete_prefix("p/f/") == 30


def test_a_working_bucket_checks_out(store: Bucket):
    assert store.check() is None


def test_eight_threads_share_a_bucket(store: Bucket):
    data, failures = pattern(400_000), []

    def work(number: int) -> None:
        try:
            store.put(f"p/f{number}/1/x", Trickle(data))
            assert b"".join(store.open(f"p/f{number}/1/x")) == data
            store.delete_prefix(f"p/f{number}/")
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a b", "a\0", "ä", "a\n"])
def test_a_key_that_is_not_ours_is_a_bug(key: str):
    with pytest.raises(ValueError, match="is not an object's key"):
        checked_key(key)


@pytest.mark.parametrize("prefix", ["", "/", "a", "../", "a/../"])
def test_a_prefix_never_means_more_than_it_says(prefix: str):
    with pytest.raises(ValueError, match="is not a"):
        checked_prefix(prefix)


# --- the folder alone ---


def test_the_folder_takes_files_over_and_hands_them_out_without_copying(tmp_path: Path):
    store = FolderBucket(tmp_path / "bucket")
    made = tmp_path / "made"
    made.write_bytes(b"bytes")

    store.put_file("p/f/1/x", made)
    store.fetch_to("p/f/1/x", tmp_path / "link")

    object_ = store.local_path("p/f/1/x")
    assert object_ is not None
    assert made.stat().st_ino == object_.stat().st_ino == (tmp_path / "link").stat().st_ino
    assert object_.stat().st_mode & 0o777 == 0o440


def test_what_a_crash_left_in_the_folder_is_dropped_when_it_is_old(tmp_path: Path):
    store = FolderBucket(tmp_path)
    (tmp_path / ".drafts").mkdir()
    (tmp_path / ".drafts" / "old").write_bytes(b"half")
    os.utime(tmp_path / ".drafts" / "old", (0, 0))
    (tmp_path / ".drafts" / "new").write_bytes(b"half")

    assert store.drop_drafts(older_than=3600) == 1
    assert os.listdir(tmp_path / ".drafts") == ["new"]


def test_deleting_the_last_object_removes_its_empty_folders(tmp_path: Path):
    store = FolderBucket(tmp_path)
    store.put("p/f/1/x", io.BytesIO(b"x"))
    store.delete("p/f/1/x")
    assert [entry for entry in os.listdir(tmp_path) if not entry.startswith(".")] == []


def test_a_folder_that_cannot_be_written_is_the_hosts_fault(tmp_path: Path):
    (tmp_path / "bucket").write_text("a file, not a folder")
    store = FolderBucket(tmp_path / "bucket")

    with pytest.raises(StorageUnavailable) as caught:
        store.put("p/f/1/x", io.BytesIO(b"x"))

    assert str(tmp_path) not in caught.value.message
    assert "cannot be used" in (store.check() or "")


# --- S3 alone ---


@pytest.fixture
def quick(s3_quick: S3Server, tmp_path: Path) -> Iterator[S3Bucket]:
    made = s3_bucket(s3_quick, tmp_path)
    yield made
    made.close()


def test_a_presigned_url_gives_the_object_under_the_type_and_name_asked_for(quick: S3Bucket):
    quick.put("p/f/1/x", io.BytesIO(b"picture"), type="image/jpeg")

    url = quick.presigned_get("p/f/1/x", seconds=60, type="image/png", disposition='attachment; filename="a.png"')

    with urllib.request.urlopen(url or "", timeout=5) as answer:
        assert answer.read() == b"picture"
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="a.png"'


def test_the_objects_lie_below_the_prefix_of_the_url(quick: S3Bucket, s3_quick: S3Server):
    quick.put("p/f/1/x", io.BytesIO(b"x"))
    client = s3_quick.client()
    listed = client.list_objects_v2(Bucket=quick.name)["Contents"]
    client.close()
    assert [each["Key"] for each in listed] == ["media/p/f/1/x"]


def test_a_missing_bucket_and_a_silent_server_are_named(quick: S3Bucket, s3_quick: S3Server):
    quick.name = "no-such-bucket"
    assert quick.check() == "the bucket does not exist"
    away = S3Bucket(
        "b", S3Options(endpoint="http://127.0.0.1:1", path_style=True, access_key_id="a", secret_access_key="b")
    )
    assert "does not answer" in (away.check() or "")
    away.close()


def test_bytes_that_changed_in_the_store_are_noticed(quick: S3Bucket, tmp_path: Path):
    stored = quick.put("p/f/1/x", io.BytesIO(b"x" * 1000))
    quick.put("p/f/1/x", io.BytesIO(b"y" * 1000))

    with pytest.raises(StorageUnavailable, match="not those that were stored"):
        quick.fetch_to("p/f/1/x", tmp_path / "x", sha256=stored.sha256)
    assert not (tmp_path / "x").exists()


def test_a_forked_child_makes_a_client_of_its_own(quick: S3Bucket):
    quick.put("p/f/1/x", io.BytesIO(b"x"))
    child = os.fork()
    if child == 0:
        try:
            code = 0 if b"".join(quick.open("p/f/1/x")) == b"x" and len(quick._clients) == 2 else 1
        except BaseException:
            code = 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(quick._clients) == 1
