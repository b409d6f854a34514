"""A bucket in any store that speaks S3, through boto3."""

import base64
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from media_app.storage.base import (
    CHUNK,
    Chunks,
    ObjectMissing,
    Reader,
    ShouldStop,
    Stat,
    StorageUnavailable,
    Stored,
    TransferStopped,
    check_stop,
    checked_key,
    checked_prefix,
    file_sha256,
)
from media_app.storage.crew import Crew
from media_app.storage.s3_client import Clients, S3Options

PART = 8 * 1024 * 1024  # at least 5 MiB by S3's rules
MAX_PARTS = 10_000
THREADS = 4  # parts at a time, of one object
IN_MEMORY = 1024 * 1024  # more of a part waits on disk: many slow uploads must not fill the memory
RESUMES = 3
DEFAULT_TYPE = "application/octet-stream"
TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(?:;[ -~]{0,200})?", re.ASCII)
GONE = {"404", "NoSuchKey", "NotFound"}
DELETED_TOGETHER = 100  # fewer than S3 allows: a slow store must answer an impatient client


@dataclass(frozen=True)
class SpooledPart:
    """One piece of an object, ready to be sent; `body` is closed by whoever sends it."""

    number: int
    body: io.BufferedIOBase | tempfile.SpooledTemporaryFile[bytes] | io.BytesIO
    size: int
    md5: bytes

    @property
    def content_md5(self) -> str:
        """As the header wants it: the store compares it with what it received, and refuses what differs."""
        return base64.b64encode(self.md5).decode()


class Body:
    """What is sent of a part, until its transfer is over."""

    def __init__(self, source: Any, crew: Crew) -> None:
        self._source = source
        self._crew = crew

    def read(self, size: int = -1, /) -> bytes:
        self._crew.proceed()
        data: bytes = self._source.read(size)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._source.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        at: int = self._source.tell()
        return at


class S3Bucket:
    """Objects below an optional prefix of one bucket. Nothing is kept but connections."""

    copies = True

    def __init__(
        self, name: str, options: S3Options, *, prefix: str = "", scratch: Path | None = None, largest: int = 1 << 40
    ) -> None:
        self.name = name
        self.prefix = f"{prefix}/" if prefix else ""
        self.scratch = scratch
        self.largest = largest
        self._clients = Clients(options)

    # --- writing ---

    def put(
        self, key: str, source: Reader, *, length: int | None = None, type: str = "", should_stop: ShouldStop = None
    ) -> Stored:
        digest = hashlib.sha256()
        size = self._part_size(self.largest if length is None else length)
        with Crew(1, should_stop) as crew:
            return self._send(crew, key, self._parts_of(source, size, digest.update, should_stop), size, type, digest)

    def put_file(self, key: str, path: Path, *, type: str = "", should_stop: ShouldStop = None) -> Stored:
        length = path.stat().st_size
        size = self._part_size(length)
        digest = hashlib.sha256()

        def parts() -> Iterator[SpooledPart]:
            with path.open("rb") as opened:
                number = 1
                while (chunk := opened.read(size)) or number == 1:
                    digest.update(chunk)
                    yield SpooledPart(number, io.BytesIO(chunk), len(chunk), _md5(chunk).digest())
                    number += 1

        with Crew(THREADS, should_stop) as crew:
            stored = self._send(crew, key, parts(), size, type, digest)
        if stored.size != length:
            self.delete(key)
            raise StorageUnavailable(f"{path.name} changed while it was stored")
        return stored

    def _send(
        self, crew: Crew, key: str, parts: Iterator[SpooledPart], part_size: int, type: str, digest: "hashlib._Hash"
    ) -> Stored:
        """Write one object of its parts; one short part goes in one request. Then look at what the store made of it."""
        target = {"Bucket": self.name, "Key": self.full(key)}
        type = type if TYPE.fullmatch(type) else DEFAULT_TYPE
        try:
            with self.faults(key):
                first = next(parts)
                if first.size < part_size:
                    sent, md5s, tags = first.size, [first.md5], [crew.do(self._send_whole, crew, target, first, type)]
                else:
                    sent, md5s, tags = self._send_parts(crew, target, first, parts, type)
                found = crew.do(self.client.head_object, **target)
        except TransferStopped:
            crew.afterwards(lambda: self._forget(key))
            raise
        # A store that tags parts with their MD5 tags the whole with the MD5 of those; others have rules of their own.
        plain = all(tag == md5.hex() for tag, md5 in zip(tags, md5s, strict=True))
        expected = md5s[0].hex() if first.size < part_size else f"{_md5(b''.join(md5s)).hexdigest()}-{len(md5s)}"
        if found["ContentLength"] != sent or (plain and tag_in(found) != expected):
            self._forget(key)
            raise StorageUnavailable(
                f"{key}: sent {sent} bytes ({expected}), the store holds {found['ContentLength']} ({tag_in(found)})"
            )
        return Stored(key, sent, digest.hexdigest(), tag_in(found))

    def _send_whole(self, crew: Crew, target: dict[str, str], part: SpooledPart, type: str) -> str:
        """The store's tag."""
        with part.body:
            answer = self.client.put_object(
                **target, Body=Body(part.body, crew), ContentLength=part.size, ContentMD5=part.content_md5,
                ContentType=type,
            )  # fmt: skip
        return tag_in(answer)

    def _send_parts(
        self, crew: Crew, target: dict[str, str], first: SpooledPart, rest: Iterator[SpooledPart], type: str
    ) -> tuple[int, list[bytes], list[str]]:
        """Size, and per part its MD5 and the store's tag. Whatever goes wrong, the store forgets what it received."""

        def begin() -> dict[str, str]:
            made = self.client.create_multipart_upload(**target, ContentType=type)
            upload = target | {"UploadId": made["UploadId"]}
            try:
                crew.proceed()
            except BaseException:
                self._abort(upload)
                raise
            return upload

        def send(part: SpooledPart) -> tuple[int, bytes, str]:
            with part.body:
                answer = self.client.upload_part(
                    **upload, PartNumber=part.number, Body=Body(part.body, crew), ContentLength=part.size,
                    ContentMD5=part.content_md5,
                )  # fmt: skip
            return part.size, part.md5, tag_in(answer)

        upload = crew.do(begin)
        try:
            done = list(crew.each(send, _chained(first, rest)))
            parts = [{"PartNumber": n, "ETag": f'"{tag}"'} for n, (*_, tag) in enumerate(done, 1)]
            crew.do(self.client.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts})
        except BaseException:
            crew.afterwards(lambda: self._abort(upload))
            raise
        return sum(size for size, *_ in done), [md5 for _, md5, _ in done], [tag for *_, tag in done]

    def _forget(self, key: str) -> None:
        """Remove what should not have been written. A store that does not answer keeps it until it is cleaned up."""
        with suppress(StorageUnavailable):
            self.delete(key)

    def _abort(self, upload: dict[str, str]) -> None:
        with suppress(BotoCoreError, ClientError):
            self.quick.abort_multipart_upload(**upload)

    def _parts_of(
        self, source: Reader, size: int, saw: Callable[[bytes], object], should_stop: ShouldStop
    ) -> Iterator[SpooledPart]:
        """Cut a stream into parts of one size, at least one."""
        number, ended = 1, False
        while not ended:
            part = self.spooled(number, source, size, saw, should_stop)
            ended = part.size < size
            if part.size or number == 1:
                yield part
                number += 1
            else:
                part.body.close()

    def spooled(
        self, number: int, source: Reader, size: int, saw: Callable[[bytes], object], should_stop: ShouldStop
    ) -> SpooledPart:
        """A part of what a stream gives next, at most so much; beyond a megabyte it waits on disk."""
        if self.scratch:
            self.scratch.mkdir(parents=True, exist_ok=True)
        body = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(self.scratch) if self.scratch else None)  # noqa: SIM115  closed when sent
        md5, held = _md5(b""), 0
        try:
            while held < size and (chunk := source.read(min(CHUNK, size - held))):
                check_stop(should_stop)
                saw(chunk)
                md5.update(chunk)
                body.write(chunk)
                held += len(chunk)
            check_stop(should_stop)
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return SpooledPart(number, body, held, md5.digest())

    @staticmethod
    def _part_size(length: int) -> int:
        needed = -(-length // MAX_PARTS)
        return max(PART, -(-needed // CHUNK) * CHUNK)

    # --- reading ---

    def open(self, key: str, start: int = 0, length: int | None = None) -> Chunks:
        if length == 0:  # a range of nothing cannot be asked for
            self.stat(key)
            return Chunks((b"" for _ in range(0)), io.BytesIO())
        answer = self._range(key, start, length)
        left = int(answer["ContentLength"])

        def read() -> Generator[bytes, None, None]:
            nonlocal answer, start, left
            resumes = 0
            while True:
                try:
                    with answer["Body"] as body, self.faults(key):
                        while chunk := body.read(CHUNK):
                            start, left = start + len(chunk), left - len(chunk)
                            yield chunk
                    if left <= 0:
                        return
                    raise StorageUnavailable(f"{key}: the store ended {left} bytes early")
                except StorageUnavailable:
                    resumes += 1
                    if resumes > RESUMES:
                        raise
                answer = self._range(key, start, left, etag=tag_in(answer))

        return Chunks(read(), answer["Body"])

    def fetch_to(self, key: str, path: Path, *, sha256: str = "", should_stop: ShouldStop = None) -> None:
        with Crew(THREADS, should_stop) as crew:
            found = crew.do(self.stat, key)

            def fetch(start: int) -> None:
                # A handle of its own: one that hangs may end when the others are long closed.
                with path.open("r+b", buffering=0) as out:
                    self._fetch_range(crew, out, found, start, min(start + PART * 2, found.size))

            try:
                with path.open("xb") as out:
                    out.truncate(found.size)
                for _ in crew.each(fetch, iter(range(0, found.size, PART * 2))):
                    pass
                if sha256 and file_sha256(path, should_stop) != sha256:
                    raise StorageUnavailable(f"{key}: the bytes are not those that were stored")
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def _fetch_range(self, crew: Crew, out: io.FileIO, found: Stat, at: int, end: int) -> None:
        """Copy from `at` to `end`, going on where the store breaks off."""
        for attempt in range(RESUMES + 1):
            crew.proceed()
            try:
                with self._range(found.key, at, end - at, etag=found.etag)["Body"] as body, self.faults(found.key):
                    while chunk := body.read(CHUNK):
                        crew.proceed()
                        os.pwrite(out.fileno(), chunk, at)
                        at += len(chunk)
                if at == end:
                    return
                raise StorageUnavailable(f"{found.key}: the store ended a range early")
            except StorageUnavailable:
                if attempt == RESUMES:
                    raise

    def local_path(self, key: str) -> Path | None:
        return None

    def stat(self, key: str) -> Stat:
        with self.faults(key, may_miss=True):
            found = self.client.head_object(Bucket=self.name, Key=self.full(key))
        return Stat(key, int(found["ContentLength"]), tag_in(found))

    def _range(self, key: str, start: int, length: int | None, *, etag: str = "") -> dict[str, Any]:
        asked: dict[str, str] = {}
        if start or length is not None:
            asked["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        if etag:
            asked["IfMatch"] = f'"{etag}"'
        with self.faults(key, may_miss=True):
            return self.client.get_object(Bucket=self.name, Key=self.full(key), **asked)

    # --- removing and listing ---

    def delete(self, key: str) -> None:
        with suppress(ObjectMissing), self.faults(key, may_miss=True):
            self.quick.delete_object(Bucket=self.name, Key=self.full(key))

    def delete_prefix(self, prefix: str) -> int:
        count = 0
        for page in self._pages(prefix):
            keys = [{"Key": each["Key"]} for each in page]
            for start in range(0, len(keys), DELETED_TOGETHER):
                some = keys[start : start + DELETED_TOGETHER]
                with self.faults(prefix):
                    answer = self.quick.delete_objects(Bucket=self.name, Delete={"Objects": some, "Quiet": True})
                if answer.get("Errors"):
                    raise StorageUnavailable(f"{prefix}: not all was deleted: {answer['Errors'][0]}")
                count += len(some)
        return count

    def list_prefix(self, prefix: str) -> Iterator[tuple[str, int]]:
        for page in self._pages(prefix):
            for each in page:
                yield each["Key"].removeprefix(self.prefix), int(each["Size"])

    def _pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        full = self.prefix + checked_prefix(prefix)
        with self.faults(prefix):
            for page in self.quick.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=full):
                if page.get("Contents"):
                    yield page["Contents"]

    def drop_drafts(self, *, older_than: float, kept: Collection[str] = ()) -> int:
        count, before = 0, datetime.now(UTC) - timedelta(seconds=older_than)
        with self.faults(self.prefix):
            pages = self.quick.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=self.prefix)
            for page in pages:
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before and upload["UploadId"] not in kept:
                        self.quick.abort_multipart_upload(
                            Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        count += 1
        return count

    # --- the rest ---

    def presigned_get(self, key: str, *, seconds: int, type: str, disposition: str) -> str | None:
        params = {"Bucket": self.name, "Key": self.full(key), "ResponseContentType": type}
        if disposition:
            params["ResponseContentDisposition"] = disposition
        with self.faults(key):
            url: str = self._clients.get("public").generate_presigned_url(
                "get_object", Params=params, ExpiresIn=seconds
            )
        return url

    def check(self) -> str | None:
        try:
            self.quick.head_bucket(Bucket=self.name)
        except ClientError as exc:
            code = exc.response.get("Error", {}).get("Code", "")
            return {"404": "the bucket does not exist", "403": "the store refuses the key"}.get(code, f"answers {code}")
        except BotoCoreError as exc:
            return f"does not answer: {type(exc).__name__}"
        return None

    def warm(self) -> None:
        """Make this process's client now: it takes half a second, and its share of memory."""
        self._clients.get("work")

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        self._clients.close()

    @contextmanager
    def faults(self, key: str, *, may_miss: bool = False) -> Iterator[None]:
        """Errors of boto3 and of the connection below it as ours; ObjectMissing only where an object may be missed."""
        try:
            yield
        except ClientError as exc:
            code = str(exc.response.get("Error", {}).get("Code", ""))
            if may_miss and code in GONE and self._is_there():
                raise ObjectMissing(key) from None
            raise StorageUnavailable(f"{key}: {exc}") from exc
        except (BotoCoreError, HTTPError, OSError) as exc:
            raise StorageUnavailable(f"{key}: {exc}") from exc

    def _is_there(self) -> bool:
        """Whether there is a bucket: without one every object is missing, and none is. Raises StorageUnavailable."""
        try:
            self.quick.head_bucket(Bucket=self.name)
        except ClientError as exc:
            return str(exc.response.get("Error", {}).get("Code", "")) == "403"  # it may not be listed, but read
        except BotoCoreError as exc:
            raise StorageUnavailable(f"{self.name}: {exc}") from exc
        return True

    def full(self, key: str) -> str:
        return self.prefix + checked_key(key)

    @property
    def client(self) -> Any:
        return self._clients.get("work")

    @property
    def quick(self) -> Any:
        return self._clients.get("quick")


def _md5(data: bytes) -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)


def tag_in(answer: dict[str, Any]) -> str:
    return str(answer.get("ETag", "")).strip('"')


def _chained(first: SpooledPart, rest: Iterable[SpooledPart]) -> Iterator[SpooledPart]:
    yield first
    yield from rest
