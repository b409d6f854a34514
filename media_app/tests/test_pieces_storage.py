"""Objects in pieces: one contract for the folder, an emulator of S3, and a real S3 server."""

import hashlib
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from media_app.storage import FolderBucket, FolderPieces, Piece, Pieces, PiecesLost, TransferStopped
from media_app.storage.base import Bucket
from media_app.storage.pieces import JOINED, MAX_PARTS, SMALLEST_PART, smallest_piece, unit_of
from media_app.storage.s3_pieces import S3Pieces, parts_of, ranges_of
from media_app.tests.test_storage import s3_bucket

MEGABYTE = 1024 * 1024
KEY, SCRATCH = "p/f/1/source", "p/f/0/"
TOTAL = JOINED + 6 * MEGABYTE  # a multipart upload


@pytest.fixture(params=["folder", "s3_quick", pytest.param("s3", marks=pytest.mark.services)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bucket]:
    if request.param == "folder":
        yield FolderBucket(tmp_path / "bucket")
        return
    made = s3_bucket(request.getfixturevalue(request.param), tmp_path)
    yield made
    made.close()


@pytest.fixture
def pieces(store: Bucket) -> Pieces:
    return FolderPieces(store) if isinstance(store, FolderBucket) else S3Pieces(store)


@pytest.fixture(scope="module")
def data() -> bytes:
    return hashlib.shake_128(b"pieces").digest(TOTAL)


class Upload:
    """One object in the making."""

    def __init__(self, pieces: Pieces, data: bytes) -> None:
        self.pieces, self.data = pieces, data
        self.handle = pieces.begin(KEY, total=len(data), scratch=SCRATCH)
        self.made: dict[int, Piece] = {}

    def write(self, start: int, end: int, source: Any = None, **more: Any) -> None:
        body = source or io.BytesIO(self.data[start:end])
        length, total = end - start, len(self.data)
        written = self.pieces.write(KEY, self.handle, total=total, start=start, length=length, source=body, **more)
        assert source or written.sha256 == hashlib.sha256(self.data[start:end]).hexdigest()
        # As the database gives it back.
        self.made[start] = Piece(start, end, written)

    def finish(self) -> Any:
        made = [self.made[start] for start in sorted(self.made)]
        return self.pieces.finish(KEY, self.handle, total=len(self.data), pieces=made)


def read(store: Bucket, key: str = KEY) -> bytes:
    return b"".join(store.open(key))


CUTS = (0, 20 * MEGABYTE, 25 * MEGABYTE + 1, 50 * MEGABYTE, TOTAL - 5, TOTAL)


def test_pieces_in_any_order_become_one_object(store: Bucket, pieces: Pieces, data: bytes):
    upload = Upload(pieces, data)
    for start, end in reversed([*itertools.pairwise(CUTS)]):
        upload.write(start, end)
    stored = upload.finish()

    assert (stored.key, stored.size, stored.sha256) == (KEY, TOTAL, "")
    assert read(store) == data
    assert stored.etag
    assert '"' not in stored.etag
    assert upload.finish() == stored  # found made
    assert store.drop_drafts(older_than=-60) == 0
    pieces.drop(KEY, upload.handle)
    assert read(store) == data


def test_a_small_object_is_joined_of_any_pieces(store: Bucket, pieces: Pieces):
    upload = Upload(pieces, b"0123456789")
    for start, end in ((9, 10), (0, 1), (1, 9)):
        upload.write(start, end)
    stored = upload.finish()
    assert (stored.key, stored.size, read(store)) == (KEY, 10, b"0123456789")
    assert upload.finish().size == 10
    pieces.drop(KEY, upload.handle)
    assert [key for key, _ in store.list_prefix("p/f/")] == [KEY]


def test_one_piece_is_the_whole(store: Bucket, pieces: Pieces):
    upload = Upload(pieces, b"0123456789")
    upload.write(0, 10)
    assert upload.finish().sha256 == hashlib.sha256(b"0123456789").hexdigest()


def test_a_piece_is_written_over_by_its_repetition(store: Bucket, pieces: Pieces, data: bytes):
    upload = Upload(pieces, data)
    upload.write(0, 10 * MEGABYTE, io.BytesIO(bytes(10 * MEGABYTE)))
    upload.write(0, 10 * MEGABYTE)
    upload.write(10 * MEGABYTE, TOTAL)
    assert read(store, upload.finish().key) == data


class Breaks(io.RawIOBase):
    """A body that breaks off."""

    def __init__(self, data: bytes) -> None:
        self.rest = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        chunk = self.rest.read(size)
        if not chunk:
            raise EOFError("the client went away")
        return chunk


def test_a_piece_that_broke_off_may_be_sent_with_other_bounds(store: Bucket, pieces: Pieces, data: bytes):
    """On S3 its first parts stay; stores that insist on every part get their way, and the right bytes are copied."""
    upload = Upload(pieces, data)
    with pytest.raises(EOFError):
        upload.write(0, 40 * MEGABYTE, Breaks(data[: 30 * MEGABYTE]))
    upload.write(0, 20 * MEGABYTE)
    upload.write(20 * MEGABYTE, TOTAL)
    stored = upload.finish()
    assert (stored.size, read(store, stored.key)) == (TOTAL, data)
    assert upload.finish().key == stored.key
    assert [key for key, _ in store.list_prefix("p/f/")] == [stored.key]
    assert store.drop_drafts(older_than=-60) == 0


@pytest.mark.parametrize("size", [10, TOTAL])
def test_what_is_dropped_leaves_nothing(store: Bucket, pieces: Pieces, data: bytes, size: int):
    upload = Upload(pieces, data[:size])
    upload.write(0, min(size, 10 * MEGABYTE) - 1)
    pieces.drop(KEY, upload.handle)
    pieces.drop(KEY, upload.handle)
    assert list(store.list_prefix("p/f/")) == []
    assert store.drop_drafts(older_than=-60) == 0


def test_pieces_for_what_was_dropped_are_lost(store: Bucket, pieces: Pieces, data: bytes):
    upload = Upload(pieces, data)
    upload.write(0, 10 * MEGABYTE)
    pieces.drop(KEY, upload.handle)
    with pytest.raises(PiecesLost):
        upload.write(10 * MEGABYTE, 20 * MEGABYTE)
    with pytest.raises(PiecesLost) as lost:
        upload.finish()
    assert lost.value.starts is None


def test_a_part_that_the_store_lost_is_told(s3_quick, tmp_path: Path, data: bytes):
    store = s3_bucket(s3_quick, tmp_path)
    upload = Upload(S3Pieces(store), data)
    upload.write(0, 10 * MEGABYTE)
    upload.write(10 * MEGABYTE, TOTAL)
    store.client.upload_part(
        Bucket=store.name,
        Key=store.full(KEY),
        UploadId=upload.handle,
        Body=b"x",
        PartNumber=upload.made[0].written.parts[0][0],
    )
    with pytest.raises(PiecesLost) as lost:
        upload.finish()
    assert lost.value.starts == {0}
    upload.write(0, 10 * MEGABYTE)
    assert read(store, upload.finish().key) == data
    store.close()


def test_a_writer_is_told_to_stop(store: Bucket, pieces: Pieces, data: bytes):
    upload = Upload(pieces, data)
    asked = iter([False] * 3)
    with pytest.raises(TransferStopped):
        upload.write(0, TOTAL, should_stop=lambda: next(asked, True))
    pieces.drop(KEY, upload.handle)


def test_drafts_that_are_kept_are_not_dropped(store: Bucket, pieces: Pieces, data: bytes):
    upload = Upload(pieces, data)
    upload.write(0, 10 * MEGABYTE)
    assert store.drop_drafts(older_than=-60, kept={upload.handle}) == 0
    upload.write(10 * MEGABYTE, TOTAL)
    assert upload.finish().size == TOTAL


# --- the rules ---


@pytest.mark.parametrize("total", [JOINED + 1, 100_000_000, 20 * 1024**3, 5 * 1024**4])
def test_parts_are_numbered_in_order_however_an_object_is_cut(total: int):
    unit = unit_of(total)
    assert unit >= SMALLEST_PART
    for size in (unit, unit + 1, 16 * MEGABYTE + unit, 1024 * MEGABYTE + unit):
        starts = range(0, min(total, size * 3000), size)
        numbers = []
        for start in starts:
            parts = parts_of(start=start, length=min(size, total - start), total=total)
            assert sum(length for _, length in parts) == min(size, total - start)
            assert all(length >= unit for _, length in parts) or start + size >= total
            assert all(length < 2 * max(unit, 8 * MEGABYTE) for _, length in parts)
            numbers += [number for number, _ in parts]
        assert numbers == sorted(set(numbers))
        assert numbers[0] >= 1
        assert numbers[-1] <= MAX_PARTS
    assert parts_of(start=total - 1, length=1, total=total)[0][0] <= MAX_PARTS


def test_the_smallest_piece():
    assert (smallest_piece(JOINED), smallest_piece(JOINED + 1)) == (1, SMALLEST_PART)
    assert smallest_piece(MAX_PARTS // 4 * SMALLEST_PART + 1) == SMALLEST_PART + 1


def test_ranges_of_wanted_parts():
    assert ranges_of([(1, 5, "a"), (3, 7, "b"), (4, 2, "c")], {1, 4}) == [[0, 5], [12, 14]]
