"""One contract for every bucket: the folder, an emulator of S3, and a real S3 server."""

import hashlib
import io
import os
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from media_app import storage
from media_app.storage import (
    FileToPut,
    FolderBucket,
    ObjectMissing,
    StorageUnavailable,
    TransferStopped,
    put_files,
)
from media_app.storage import folder as folder_module
from media_app.storage import s3 as s3_module
from media_app.storage.base import CHUNK, Bucket, checked_key, checked_prefix
from media_app.storage.s3 import S3Bucket
from media_app.storage.s3_client import S3Options
from media_app.tests.factories import make_file
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


def after(calls: int) -> Callable[[], bool]:
    """A `should_stop` that says so from a certain call on."""
    asked = iter(range(10**9))
    return lambda: next(asked) >= calls


@pytest.mark.parametrize("calls", [0, 3, 25])
def test_a_write_can_be_stopped_and_leaves_nothing(store: Bucket, calls: int):
    data = pattern(SMALL_PART * 2)

    with pytest.raises(TransferStopped):
        store.put("p/f/1/source", Trickle(data, step=CHUNK), should_stop=after(calls))

    with pytest.raises(ObjectMissing):
        store.stat("p/f/1/source")
    assert store.drop_drafts(older_than=-60) == 0


def test_a_files_way_into_the_bucket_and_out_can_be_stopped(store: Bucket, tmp_path: Path):
    made, fetched = tmp_path / "made", tmp_path / "fetched"
    made.write_bytes(pattern(SMALL_PART * 3))

    with pytest.raises(TransferStopped):
        store.put_file("p/f/1/x", made, should_stop=after(1))
    with pytest.raises(ObjectMissing):
        store.stat("p/f/1/x")
    assert store.drop_drafts(older_than=-60) == 0

    store.put_file("p/f/1/x", made, should_stop=lambda: False)
    with pytest.raises(TransferStopped):
        store.fetch_to("p/f/1/x", fetched, should_stop=lambda: True)
    assert not fetched.exists()
    store.fetch_to("p/f/1/x", fetched, should_stop=lambda: False)
    assert fetched.read_bytes() == pattern(SMALL_PART * 3)


@pytest.mark.parametrize(
    "type", ["", "video/mp4; codecs=größe", "video", "a/b\r\nX: y", "vidéo/mp4", "a/" + "b" * 3000]
)
def test_a_type_that_a_server_made_up_is_no_obstacle(store: Bucket, type: str):
    assert store.put("p/f/1/x", io.BytesIO(b"x"), type=type).size == 1


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


def away(root: Path) -> None:
    """What unmounting looks like: the folder is there, and empty."""
    root.rename(root.with_name("elsewhere"))
    root.mkdir()


def gone(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


CALLS: dict[str, Callable[[FolderBucket, Path], object]] = {
    "put": lambda store, _: store.put("p/f/1/y", io.BytesIO(b"y")),
    "put_file": lambda store, path: store.put_file("p/f/1/y", Path(__file__)),
    "open": lambda store, _: store.open("p/f/1/x"),
    "fetch_to": lambda store, path: store.fetch_to("p/f/1/x", path / "fetched"),
    "local_path": lambda store, _: store.local_path("p/f/1/x"),
    "stat": lambda store, _: store.stat("p/f/1/x"),
    "delete": lambda store, _: store.delete("p/f/1/x"),
    "delete_prefix": lambda store, _: store.delete_prefix("p/f/"),
    "list_prefix": lambda store, _: list(store.list_prefix("p/f/")),
    "drop_drafts": lambda store, _: store.drop_drafts(older_than=0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("lose", [away, gone])
@pytest.mark.parametrize("again", [False, True], ids=["running", "restarted"])
def test_a_bucket_whose_disk_is_away_is_unavailable_and_misses_nothing(
    tmp_path: Path, call: str, lose: Callable[[Path], None], again: bool
):
    root = tmp_path / "bucket"
    store = FolderBucket(root)
    store.put("p/f/1/x", io.BytesIO(b"x"))
    lose(root)
    if again:
        store = FolderBucket(root, known_keys=lambda: ["p/f/1/x"])

    with pytest.raises(StorageUnavailable):
        CALLS[call](store, tmp_path)

    assert "mount its disk" in (store.check() or "")
    assert not root.exists() or os.listdir(root) == []
    shutil.rmtree(root, ignore_errors=True)
    (tmp_path / "elsewhere").rename(root)
    assert store.check() is None
    assert b"".join(store.open("p/f/1/x")) == b"x"


def test_a_disk_that_goes_away_while_bytes_come_is_noticed(tmp_path: Path):
    root = tmp_path / "bucket"
    store = FolderBucket(root)
    source = Trickle(pattern(100_000))
    read = source.read

    def read_and_lose(size: int) -> bytes:
        if source.source.tell() == 50_000:
            away(root)
        return read(size)

    source.read = read_and_lose  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable):
        store.put("p/f/1/x", source)
    assert os.listdir(root) == []


def test_a_bucket_from_before_there_were_markers_is_known_by_its_objects(tmp_path: Path):
    FolderBucket(tmp_path).put("p/f/1/x", io.BytesIO(b"x"))
    (tmp_path / ".bucket").unlink()

    assert FolderBucket(tmp_path, known_keys=lambda: None).check() is not None
    assert FolderBucket(tmp_path, known_keys=lambda: ["p/g/1/x"]).check() is not None
    assert FolderBucket(tmp_path, known_keys=lambda: ["p/g/1/x", "p/f/1/x"]).check() is None
    assert FolderBucket(tmp_path, known_keys=lambda: None).check() is None


def test_two_that_use_a_new_bucket_at_once_both_find_it(tmp_path: Path):
    store = FolderBucket(tmp_path / "bucket")

    class Late(type(tmp_path)):  # type: ignore[misc]
        """A marker that another makes between the look at it and what becomes of that."""

        def stat(self, **options: Any) -> os.stat_result:
            try:
                return super().stat(**options)
            except FileNotFoundError:
                store._marker = Path(self)
                store.need()
                raise

    store._marker = Late(store._marker)
    store.need()
    assert store.check() is None


@pytest.mark.django_db
def test_the_settings_bucket_is_new_until_a_file_is_in_it(settings, tmp_path: Path):
    settings.BUCKET_URL = f"file://{tmp_path}/one"
    file = make_file(content=b"x")
    assert (tmp_path / "one" / file.key).read_bytes() == b"x"

    settings.BUCKET_URL = f"file://{tmp_path}/two"
    assert "mount its disk" in (storage.check() or "")
    with pytest.raises(StorageUnavailable):
        storage.bucket().fetch_to(file.key, tmp_path / "fetched")
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize("url", ["file://x", "file://data/bucket", "file:x/y"])
def test_a_folder_is_named_by_its_whole_path(settings, url: str):
    settings.BUCKET_URL = url
    with pytest.raises(ImproperlyConfigured, match="whole path"):
        storage.bucket()


def test_links_lead_to_the_objects_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folder_module, "_linked", lambda *_: False)
    store = FolderBucket(Path("bucket"))
    store.put("p/f/1/x", io.BytesIO(b"x"))
    (tmp_path / "work").mkdir()
    store.fetch_to("p/f/1/x", tmp_path / "work" / "x")
    assert (tmp_path / "work" / "x").read_bytes() == b"x"


def test_a_folder_may_vanish_at_any_moment_before_its_object_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = FolderBucket(tmp_path)
    real, left = Path.mkdir, [3]

    def mkdir(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.name == "1" and left[0]:  # a clean-up removed the folder above just now
            left[0] -= 1
            shutil.rmtree(path.parent, ignore_errors=True)
        real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    store.put("p/f/1/x", io.BytesIO(b"x"))
    assert store.stat("p/f/1/x").size == 1


def test_a_file_from_another_disk_is_copied_and_that_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder_module, "_linked", lambda *_: False)
    store, made = FolderBucket(tmp_path / "bucket"), tmp_path / "made"
    made.write_bytes(pattern(CHUNK * 8))

    with pytest.raises(TransferStopped):
        store.put_file("p/f/1/x", made, should_stop=after(9))  # eight pieces are read for the checksum
    assert store.drop_drafts(older_than=-60) == 0
    store.put_file("p/f/1/x", made)
    assert b"".join(store.open("p/f/1/x")) == pattern(CHUNK * 8)


# --- S3 alone ---


@pytest.fixture
def quick(s3_quick: S3Server, tmp_path: Path) -> Iterator[S3Bucket]:
    made = s3_bucket(s3_quick, tmp_path)
    yield made
    made.close()


def test_many_files_are_put_together(quick: S3Bucket, tmp_path: Path):
    files = []
    for number in range(60):
        path = tmp_path / str(number)
        path.write_bytes(b"%d" % number)
        files.append(FileToPut(f"p/f/1/{number}", path, "video/mp2t"))
    stored = put_files(quick, files)
    assert [b"".join(quick.open(item.key)) for item in stored] == [b"%d" % number for number in range(60)]
    assert len(list(quick.list_prefix("p/f/1/"))) == 60
    again = [FileToPut(file.key.replace("/f/1/", "/f/2/"), file.path) for file in files]
    with pytest.raises(TransferStopped):
        put_files(quick, again, should_stop=lambda: True)
    time.sleep(0.5)
    assert len(list(quick.list_prefix("p/f/2/"))) == 0


def test_a_presigned_url_gives_the_object_under_the_type_and_name_asked_for(quick: S3Bucket):
    quick.put("p/f/1/x", io.BytesIO(b"picture"), type="image/jpeg")

    url = quick.presigned_get("p/f/1/x", seconds=60, type="image/png", disposition='attachment; filename="a.png"')

    with urllib.request.urlopen(url or "", timeout=60) as answer:
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


@pytest.mark.parametrize("server", ["s3_quick", pytest.param("s3", marks=pytest.mark.services)])
def test_without_its_bucket_an_object_is_not_missing(request: pytest.FixtureRequest, server: str, tmp_path: Path):
    store = s3_bucket(request.getfixturevalue(server), tmp_path)
    store.name = "no-such-bucket"

    for ask in (
        lambda: store.stat("p/f/1/x"),
        lambda: store.open("p/f/1/x"),
        lambda: store.open("p/f/1/x", 0, 0),
        lambda: store.fetch_to("p/f/1/x", tmp_path / "x"),
        lambda: store.put("p/f/1/x", io.BytesIO(b"x")),
        lambda: store.put_file("p/f/1/x", Path(__file__)),
        lambda: store.delete("p/f/1/x"),
        lambda: store.delete_prefix("p/f/"),
    ):
        with pytest.raises(StorageUnavailable):
            ask()
    store.close()


@pytest.fixture
def odd_store() -> Iterator[tuple[S3Bucket, dict[str, Any]]]:
    """A bucket in a store that answers each method with the status, or the function, it is given."""
    answers: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = answers.get(self.command, 200)
            if self.command == "HEAD" and self.path.rstrip("/") == "/odd":
                status = 200
            if callable(status):
                status = status()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("ETag", '"x"')
            self.end_headers()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  http.server's names

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    store = S3Bucket("odd", S3Options(endpoint=endpoint, path_style=True, access_key_id="a", secret_access_key="b"))
    yield store, answers
    store.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_store_that_misses_what_it_deletes_has_deleted_it(odd_store):
    store, answers = odd_store
    answers["DELETE"] = 404
    store.delete("p/f/1/x")


def test_a_store_that_loses_what_was_put_is_at_fault(odd_store):
    store, answers = odd_store
    answers["HEAD"] = 404
    with pytest.raises(StorageUnavailable):
        store.put("p/f/1/x", io.BytesIO(b"x"))
    with pytest.raises(ObjectMissing):
        store.stat("p/f/1/x")


def test_a_store_that_hangs_holds_a_clean_up_for_seconds_and_a_stopped_write_for_less(odd_store):
    store, answers = odd_store
    over = threading.Event()
    answers.update(dict.fromkeys(("DELETE", "GET", "PUT"), lambda: over.wait(120) and 500))

    begun = time.monotonic()
    with pytest.raises(TransferStopped):
        store.put("p/f/1/x", io.BytesIO(b"x"), should_stop=lambda: time.monotonic() - begun > 0.5)
    assert time.monotonic() - begun < 40  # a write waits for an answer for 60 s, and tries again

    for clean_up in (lambda: store.delete("p/f/1/x"), lambda: store.delete_prefix("p/f/")):
        begun = time.monotonic()
        with pytest.raises(StorageUnavailable):
            clean_up()
        assert time.monotonic() - begun < 40
    over.set()


def test_a_store_that_takes_bytes_slowly_can_be_left(tmp_path: Path):
    """It accepts the connection and reads nothing: what is sent waits for room."""
    made = tmp_path / "made"
    made.write_bytes(pattern(SMALL_PART * 2))
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        store = S3Bucket("b", S3Options(endpoint=endpoint, path_style=True, access_key_id="a", secret_access_key="b"))
        begun = time.monotonic()
        with pytest.raises(TransferStopped):
            store.put_file("p/f/1/x", made, should_stop=lambda: time.monotonic() - begun > 0.5)
        assert time.monotonic() - begun < 40
    store.close()
