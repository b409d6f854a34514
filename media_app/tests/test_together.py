"""Many files at a time: in order, a few at once, and no more once it is to stop."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from media_app.storage import FileToPut, StorageUnavailable, Stored, TransferStopped, bucket, put_files
from media_app.storage.together import SMALL, THREADS
from tests.processes import until

pytestmark = pytest.mark.django_db


class Slow:
    """The real bucket, as far away as a store may be."""

    copies = True

    def __init__(self, seconds: float = 0.01, away: str = "") -> None:
        self.away = away
        self.seconds, self.begun, self.now, self.most = seconds, 0, 0, 0
        self.lock = threading.Lock()

    def put_file(self, key: str, path: Path, **more: Any) -> Stored:
        with self.lock:
            self.begun, self.now = self.begun + 1, self.now + 1
            self.most = max(self.most, self.now)
        try:
            time.sleep(self.seconds)
            if key == self.away:
                raise StorageUnavailable("away")
            return bucket().put_file(key, path, **more)
        finally:
            with self.lock:
                self.now -= 1


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[FileToPut]]:
    bucket().put("p/f/0/first", io.BytesIO(b"x"))  # it is looked at once, with the database, before threads use it
    made = []
    for number in range(40):
        path = tmp_path / f"{number}.ts"
        path.write_bytes(b"%d" % number * 100)
        made.append(FileToPut(f"p/f/1/{number}.ts", path, "video/mp2t"))
    yield made
    bucket().delete_prefix("p/f/")  # the bucket is that of other tests, too


def test_small_files_go_some_at_a_time_and_come_back_in_order(files):
    sizes = [file.path.stat().st_size for file in files]
    store = Slow()
    stored = put_files(store, files)  # type: ignore[arg-type]
    assert [(item.key, item.size) for item in stored] == [
        (file.key, size) for file, size in zip(files, sizes, strict=True)
    ]
    assert [b"".join(bucket().open(item.key)) for item in stored] == [b"%d" % number * 100 for number in range(40)]
    assert 1 < store.most <= THREADS


def test_large_files_go_one_by_one(files):
    for file in files[:3]:
        with file.path.open("r+b") as opened:
            opened.truncate(SMALL + 1)
    store = Slow()
    assert [item.size for item in put_files(store, files[:3])] == [SMALL + 1] * 3  # type: ignore[arg-type]
    assert store.most == 1


def begun_once_all_ended(store: Slow) -> int:
    """How many were begun, once none is on its way any more."""
    until(lambda: not store.now, seconds=60, what="those on their way have ended")
    return store.begun


def test_it_ends_soon_once_it_is_to_stop(files):
    store = Slow(0.2)
    began = time.monotonic()
    with pytest.raises(TransferStopped):
        put_files(store, files, should_stop=lambda: time.monotonic() > began + 0.3)  # type: ignore[arg-type]
    begun = begun_once_all_ended(store)
    assert begun < 40
    time.sleep(0.5)
    assert (store.begun, store.now) == (begun, 0)


def test_a_fault_of_the_store_is_told_and_the_rest_is_left(files):
    store = Slow(0.05, away=files[7].key)
    with pytest.raises(StorageUnavailable):
        put_files(store, files)  # type: ignore[arg-type]
    begun = begun_once_all_ended(store)
    assert begun < 40
    time.sleep(0.2)
    assert (store.begun, store.now) == (begun, 0)


def test_the_tests_own_bucket_is_a_folder_which_takes_one_after_the_other(files, monkeypatch):
    store = Slow()
    monkeypatch.setattr(store, "copies", bucket().copies)
    assert len(put_files(store, files)) == 40  # type: ignore[arg-type]
    assert store.most == 1
