"""Objects that come in pieces to an S3 store: parts of one multipart upload, or small objects that are joined."""

import hashlib
import io
import json
import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from media_app.storage.base import ObjectMissing, Reader, ShouldStop, Stat, StorageUnavailable, Stored
from media_app.storage.crew import Crew
from media_app.storage.pieces import JOINED, MAX_PARTS, Part, Piece, PiecesLost, Written, tag_of, unit_of
from media_app.storage.s3 import DEFAULT_TYPE, PART, THREADS, Body, S3Bucket, SpooledPart, tag_in

AHEAD = 2  # parts of a piece in hand: one is sent while the next comes in
FORGOTTEN = {"NoSuchUpload", "NoSuchKey"}  # Ceph calls it the one or the other
# Names beside an object that was made too long: of the right one, and of the list of its ranges.
REARRANGED, LAYOUT = "-rearranged", "-layout"


class S3Pieces:
    """A handle is the store's UploadId, or for an object that is joined the prefix of its pieces."""

    def __init__(self, store: S3Bucket) -> None:
        self._store = store

    def begin(self, key: str, *, total: int, scratch: str) -> str:
        if total <= JOINED:
            return scratch
        with self._store.faults(key):
            made = self._store.client.create_multipart_upload(**self._place(key), ContentType=DEFAULT_TYPE)
        return str(made["UploadId"])

    def write(
        self,
        key: str,
        handle: str,
        *,
        total: int,
        start: int,
        length: int,
        source: Reader,
        should_stop: ShouldStop = None,
    ) -> Written:
        if total <= JOINED:
            # Under another name each time: whoever wrote the same piece before may still be at it.
            name = f"{handle}{start}-{secrets.token_hex(4)}"
            stored = self._store.put(name, source, length=length, should_stop=should_stop)
            return Written(stored.sha256, ((1, stored.size, name),))
        digest = hashlib.sha256()
        upload = self._place(key) | {"UploadId": handle}

        def cut() -> Iterator[SpooledPart]:
            for number, size in self._free(key, handle, parts_of(start=start, length=length, total=total), total):
                yield self._store.spooled(number, source, size, digest.update, should_stop)

        def send(part: SpooledPart) -> Part:
            with part.body:
                answer = self._store.client.upload_part(
                    **upload, PartNumber=part.number, Body=Body(part.body, crew), ContentLength=part.size,
                    ContentMD5=part.content_md5,
                )  # fmt: skip
            return part.number, part.size, tag_in(answer)

        try:
            with self._store.faults(key), Crew(AHEAD, should_stop) as crew:
                sent = tuple(crew.each(send, cut()))
        except StorageUnavailable as exc:
            if _code_of(exc.__cause__) in FORGOTTEN:
                raise PiecesLost(f"{key}: the store has forgotten the multipart upload") from exc
            raise
        return Written(digest.hexdigest(), sent)

    def _free(self, key: str, handle: str, parts: Sequence[tuple[int, int]], total: int) -> Iterator[tuple[int, int]]:
        """The same parts under numbers that no earlier try has taken."""
        tries, first, last = tries_of(total), parts[0][0], parts[-1][0]
        taken = {number for number, _, _ in self._listed(key, handle, after=first - 1, to=last + tries - 1)}
        for number, size in parts:
            free = [each for each in range(number, number + tries) if each not in taken]
            if not free:
                raise StorageUnavailable(f"{key}: a piece broke off {tries} times, and has no part numbers left")
            yield free[0], size

    def finish(
        self, key: str, handle: str, *, total: int, pieces: Sequence[Piece], should_stop: ShouldStop = None
    ) -> Stored:
        with Crew(THREADS, should_stop) as crew:
            found = crew.do(self._made, key, total) or crew.do(self._rearranged, key, total)
            if found is None and total <= JOINED:
                return self._join(key, total, pieces, should_stop)
            if found is None:
                found = crew.do(self._complete, key, handle, total, pieces)
            if found is None:
                found = self._rearrange(crew, key, handle, total, pieces)
        sha256 = pieces[0].written.sha256 if len(pieces) == 1 else ""
        return Stored(found.key, total, sha256, etag=found.etag or tag_of(pieces))

    def drop(self, key: str, handle: str) -> None:
        if handle.endswith("/"):
            self._store.delete_prefix(handle)
            return
        try:
            with self._store.faults(key):
                self._store.quick.abort_multipart_upload(**self._place(key), UploadId=handle)
        except StorageUnavailable as exc:
            if _code_of(exc.__cause__) not in FORGOTTEN:
                raise

    # --- an object that is joined ---

    def _join(self, key: str, total: int, pieces: Sequence[Piece], should_stop: ShouldStop) -> Stored:
        with closing(_Joined(self._store, pieces)) as joined:
            stored = self._store.put(key, joined, length=total, should_stop=should_stop)
        if stored.size != total:
            self._store.delete(key)
            raise StorageUnavailable(f"{key}: the pieces gave {stored.size} bytes, not {total}")
        return stored

    # --- a multipart upload ---

    def _complete(self, key: str, handle: str, total: int, pieces: Sequence[Piece]) -> Stat | None:
        """The object that the store made of the parts; None when it will not, for there are parts that no piece has.

        Raises PiecesLost.
        """
        listed = [(number, tag) for piece in pieces for number, _, tag in piece.written.parts]
        try:
            with self._store.faults(key):
                self._store.client.complete_multipart_upload(
                    **self._place(key) | {"UploadId": handle},
                    MultipartUpload={"Parts": [{"PartNumber": n, "ETag": f'"{tag}"'} for n, tag in listed]},
                )
        except StorageUnavailable as exc:
            # Made before, by whoever died after it: stores tell that in various ways.
            if found := self._made(key, total):
                return found
            if self._layout(key) is not None:
                return None
            self._check_parts(key, handle, pieces)
            if _code_of(exc.__cause__) != "InvalidPart":
                raise
            return None
        found = self._made(key, total)
        if found is None:
            raise StorageUnavailable(f"{key}: the store made something else than {total} bytes of its parts")
        return found

    def _check_parts(self, key: str, handle: str, pieces: Sequence[Piece]) -> None:
        """Raise PiecesLost with those of which the store has a part no more, or another in its place."""
        try:
            held = {number: (size, tag) for number, size, tag in self._listed(key, handle)}
        except StorageUnavailable as exc:
            if _code_of(exc.__cause__) in FORGOTTEN:
                raise PiecesLost(f"{key}: the store has forgotten the multipart upload") from exc
            raise
        lost = {
            piece.start
            for piece in pieces
            for number, size, tag in piece.written.parts
            if held.get(number) != (size, tag)
        }
        if lost:
            raise PiecesLost(f"{key}: parts of pieces are gone", frozenset(lost))

    def _rearrange(self, crew: Crew, key: str, handle: str, total: int, pieces: Sequence[Piece]) -> Stat:
        """Make the object where pieces that broke off left parts behind, and the store insists on every part it has.

        It gets its way with an object that is too long, of which the right ranges are copied, within the store.
        """
        joined = f"{key}{REARRANGED}"
        ranges = self._layout(key) or self._write_layout(key, handle, pieces)
        try:
            parts = [{"PartNumber": number, "ETag": f'"{tag}"'} for number, _, tag in self._listed(key, handle)]
            crew.do(
                self._store.client.complete_multipart_upload,
                **self._place(key) | {"UploadId": handle},
                MultipartUpload={"Parts": parts},
            )
        except (StorageUnavailable, BotoCoreError, ClientError):
            self._store.stat(key)  # made before, or else there is nothing to copy from
        with self._store.faults(joined):
            made = self._store.client.create_multipart_upload(**self._place(joined), ContentType=DEFAULT_TYPE)
            upload = self._place(joined) | {"UploadId": made["UploadId"]}

            def copy(numbered: tuple[int, list[int]]) -> dict[str, Any]:
                number, (first, end) = numbered
                answer = self._store.client.upload_part_copy(
                    **upload, PartNumber=number, CopySource=self._place(key), CopySourceRange=f"bytes={first}-{end - 1}"
                )
                return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

            try:
                copied = list(crew.each(copy, iter(enumerate(ranges, 1))))
                crew.do(self._store.client.complete_multipart_upload, **upload, MultipartUpload={"Parts": copied})
            except BaseException:
                with suppress(BotoCoreError, ClientError):
                    self._store.quick.abort_multipart_upload(**upload)
                raise
        found = crew.do(self._rearranged, key, total)
        if found is None:
            raise StorageUnavailable(f"{joined}: the store made something else than {total} bytes of the ranges")
        return found

    def _rearranged(self, key: str, total: int) -> Stat | None:
        """The object that was copied of ranges, if it is there; then nothing else is any more."""
        if found := self._made(f"{key}{REARRANGED}", total):
            for wrong in (key, f"{key}{LAYOUT}"):
                self._store.delete(wrong)
        return found

    def _write_layout(self, key: str, handle: str, pieces: Sequence[Piece]) -> list[list[int]]:
        """Before the wrong object is made: afterwards nothing tells its parts apart."""
        wanted = {number for piece in pieces for number, _, _ in piece.written.parts}
        ranges = ranges_of(self._listed(key, handle), wanted)
        self._store.put(f"{key}{LAYOUT}", io.BytesIO(json.dumps(ranges).encode()))
        return ranges

    def _layout(self, key: str) -> list[list[int]] | None:
        """The ranges that were written down for `_rearrange`; None when that has not begun."""
        try:
            with closing(self._store.open(f"{key}{LAYOUT}")) as opened:
                found: list[list[int]] = json.loads(b"".join(opened))
        except ObjectMissing:
            return None
        return found

    def _listed(self, key: str, handle: str, *, after: int = 0, to: int = MAX_PARTS) -> list[Part]:
        """The parts that the store has with a number above `after`, up to `to`, in order."""
        found: list[Part] = []
        asked = self._place(key) | {"UploadId": handle}
        with self._store.faults(key):
            while True:
                page = self._store.client.list_parts(**asked, PartNumberMarker=after, MaxParts=min(to - after, 1000))
                for part in page.get("Parts", ()):
                    found.append((int(part["PartNumber"]), int(part["Size"]), tag_in(part)))
                after = found[-1][0] if page.get("Parts") else to
                if not page.get("IsTruncated") or after >= to:
                    return [part for part in found if part[0] <= to]

    def _made(self, key: str, total: int) -> Stat | None:
        """The object, if it is there and has its size."""
        try:
            found = self._store.stat(key)
        except ObjectMissing:
            return None
        return found if found.size == total else None

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._store.name, "Key": self._store.full(key)}


class _Joined:
    """The bytes of small pieces, one after the other."""

    def __init__(self, store: S3Bucket, pieces: Sequence[Piece]) -> None:
        self._store = store
        self._pieces = pieces
        self._chunks = self._all()
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def close(self) -> None:
        self._chunks.close()

    def _all(self) -> Generator[bytes, None, None]:
        for piece in self._pieces:
            [(_, size, name)] = piece.written.parts
            try:
                with closing(self._store.open(name, 0, size)) as opened:
                    yield from opened
            except ObjectMissing as exc:
                raise PiecesLost(str(exc), frozenset({piece.start})) from exc


def tries_of(total: int) -> int:
    """How many part numbers each unit of an object has."""
    return MAX_PARTS // -(-total // unit_of(total))


def parts_of(*, start: int, length: int, total: int) -> list[tuple[int, int]]:
    """First number and size of each part of a piece: the same whenever the piece comes. The last one takes the rest."""
    unit, tries = unit_of(total), tries_of(total)
    size = max(PART, unit)
    count = max(1, length // size)
    sizes = [size] * (count - 1) + [length - size * (count - 1)]
    return [((start + size * index) // unit * tries + 1, each) for index, each in enumerate(sizes)]


def ranges_of(held: Sequence[Part], wanted: set[int]) -> list[list[int]]:
    """Where the wanted parts lie in an object of all parts: [first, end) of each."""
    at, ranges = 0, []
    for number, size, _ in held:
        if number in wanted:
            ranges.append([at, at + size])
        at += size
    return ranges


def _code_of(exc: BaseException | None) -> str:
    return str(exc.response.get("Error", {}).get("Code", "")) if isinstance(exc, ClientError) else ""
