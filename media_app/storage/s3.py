"""A bucket in any store that speaks S3, through boto3."""

import base64
import hashlib
import io
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from media_app.storage.base import (
    CHUNK,
    Chunks,
    ObjectMissing,
    Reader,
    Stat,
    StorageUnavailable,
    Stored,
    checked_key,
    checked_prefix,
    file_sha256,
)

PART = 8 * 1024 * 1024  # at least 5 MiB by S3's rules
MAX_PARTS = 10_000
THREADS = 4  # parts at a time, of one object
IN_MEMORY = 1024 * 1024  # more of a part waits on disk: many slow uploads must not fill the memory
RESUMES = 3
DEFAULT_TYPE = "application/octet-stream"
GONE = {"404", "NoSuchKey", "NotFound"}

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class S3Options:
    """Where the store is and who asks. Without a key boto3 looks in its own places (environment, profile, role)."""

    endpoint: str = ""
    public_endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = False
    access_key_id: str = ""
    secret_access_key: str = ""


@dataclass(frozen=True)
class Part:
    """One piece of an object, ready to be sent; `body` is closed by whoever sends it."""

    number: int
    body: io.BufferedIOBase | tempfile.SpooledTemporaryFile[bytes] | io.BytesIO
    size: int
    md5: bytes

    @property
    def content_md5(self) -> str:
        """As the header wants it: the store compares it with what it received, and refuses what differs."""
        return base64.b64encode(self.md5).decode()


class S3Bucket:
    """Objects below an optional prefix of one bucket. One client per process: clients do not survive a fork."""

    def __init__(
        self, name: str, options: S3Options, *, prefix: str = "", scratch: Path | None = None, largest: int = 1 << 40
    ) -> None:
        self.name = name
        self.options = options
        self.prefix = f"{prefix}/" if prefix else ""
        self.scratch = scratch
        self.largest = largest
        self._clients: dict[tuple[int, str], Any] = {}
        self._lock = threading.Lock()

    # --- writing ---

    def put(self, key: str, source: Reader, *, length: int | None = None, type: str = "") -> Stored:
        digest = hashlib.sha256()
        size = self._part_size(self.largest if length is None else length)
        parts = self._parts_of(source, size, digest.update)
        return self._send(key, parts, size, type, digest.hexdigest, threads=1)

    def put_file(self, key: str, path: Path, *, type: str = "") -> Stored:
        length, sha256 = path.stat().st_size, file_sha256(path)
        size = self._part_size(length)

        def parts() -> Iterator[Part]:
            with path.open("rb") as opened:
                number = 1
                while (chunk := opened.read(size)) or number == 1:
                    yield Part(number, io.BytesIO(chunk), len(chunk), _md5(chunk).digest())
                    number += 1

        stored = self._send(key, parts(), size, type, lambda: sha256, threads=THREADS)
        if stored.size != length:
            self.delete(key)
            raise StorageUnavailable(f"{path.name} changed while it was stored")
        return stored

    def _send(
        self, key: str, parts: Iterator[Part], part_size: int, type: str, sha256: Callable[[], str], *, threads: int
    ) -> Stored:
        """Write one object of its parts; one short part goes in one request. Then look at what the store made of it."""
        target = {"Bucket": self.name, "Key": self._full(key)}
        with _faults(key):
            first = next(parts)
            if first.size < part_size:
                with first.body:
                    answer = self._client.put_object(
                        **target, Body=first.body, ContentLength=first.size, ContentMD5=first.content_md5,
                        ContentType=type or DEFAULT_TYPE,
                    )  # fmt: skip
                sent, md5s, tags = first.size, [first.md5], [_tag(answer)]
            else:
                sent, md5s, tags = self._send_parts(target, first, parts, type, threads)
            found = self._client.head_object(**target)
        # A store that tags parts with their MD5 tags the whole with the MD5 of those; others have rules of their own.
        plain = all(tag == md5.hex() for tag, md5 in zip(tags, md5s, strict=True))
        expected = md5s[0].hex() if first.size < part_size else f"{_md5(b''.join(md5s)).hexdigest()}-{len(md5s)}"
        if found["ContentLength"] != sent or (plain and _tag(found) != expected):
            with suppress(StorageUnavailable):
                self.delete(key)
            raise StorageUnavailable(
                f"{key}: sent {sent} bytes ({expected}), the store holds {found['ContentLength']} ({_tag(found)})"
            )
        return Stored(key, sent, sha256(), _tag(found))

    def _send_parts(
        self, target: dict[str, str], first: Part, rest: Iterator[Part], type: str, threads: int
    ) -> tuple[int, list[bytes], list[str]]:
        """Size, and per part its MD5 and the store's tag. Whatever goes wrong, the store forgets what it received."""
        upload = target | {
            "UploadId": self._client.create_multipart_upload(**target, ContentType=type or DEFAULT_TYPE)["UploadId"]
        }

        def send(part: Part) -> tuple[int, bytes, str]:
            with part.body:
                answer = self._client.upload_part(
                    **upload, PartNumber=part.number, Body=part.body, ContentLength=part.size,
                    ContentMD5=part.content_md5,
                )  # fmt: skip
            return part.size, part.md5, _tag(answer)

        try:
            done = list(_in_order(send, _chained(first, rest), threads))
            self._client.complete_multipart_upload(
                **upload,
                MultipartUpload={
                    "Parts": [{"PartNumber": n, "ETag": f'"{tag}"'} for n, (*_, tag) in enumerate(done, 1)]
                },
            )
        except BaseException:
            with suppress(BotoCoreError, ClientError):
                self._client.abort_multipart_upload(**upload)
            raise
        return sum(size for size, *_ in done), [md5 for _, md5, _ in done], [tag for *_, tag in done]

    def _parts_of(self, source: Reader, size: int, saw: Callable[[bytes], object]) -> Iterator[Part]:
        """Cut a stream into parts of one size, at least one; each waits on disk beyond a megabyte."""
        number, ended = 1, False
        while not ended:
            if self.scratch:
                self.scratch.mkdir(parents=True, exist_ok=True)
            body = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(self.scratch) if self.scratch else None)  # noqa: SIM115  closed when sent
            md5, held = _md5(b""), 0
            try:
                while held < size:
                    chunk = source.read(min(CHUNK, size - held))
                    if not chunk:
                        ended = True
                        break
                    saw(chunk)
                    md5.update(chunk)
                    body.write(chunk)
                    held += len(chunk)
            except BaseException:
                body.close()
                raise
            if held or number == 1:
                body.seek(0)
                yield Part(number, body, held, md5.digest())
                number += 1
            else:
                body.close()

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
                    with answer["Body"] as body, _faults(key):
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
                answer = self._range(key, start, left, etag=_tag(answer))

        return Chunks(read(), answer["Body"])

    def fetch_to(self, key: str, path: Path, *, sha256: str = "") -> None:
        found = self.stat(key)
        starts = range(0, found.size, PART * 2)

        def fetch(start: int) -> None:
            at, wanted = start, min(PART * 2, found.size - start)
            for attempt in range(RESUMES + 1):
                try:
                    with self._range(key, at, start + wanted - at, etag=found.etag)["Body"] as body, _faults(key):
                        while chunk := body.read(CHUNK):
                            os.pwrite(out.fileno(), chunk, at)
                            at += len(chunk)
                    if at == start + wanted:
                        return
                    raise StorageUnavailable(f"{key}: the store ended a range early")
                except StorageUnavailable:
                    if attempt == RESUMES:
                        raise

        try:
            with path.open("xb") as out:
                out.truncate(found.size)
                for _ in _in_order(fetch, iter(starts), THREADS):
                    pass
            if sha256 and file_sha256(path) != sha256:
                raise StorageUnavailable(f"{key}: the bytes are not those that were stored")
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def local_path(self, key: str) -> Path | None:
        return None

    def stat(self, key: str) -> Stat:
        with _faults(key):
            found = self._client.head_object(Bucket=self.name, Key=self._full(key))
        return Stat(key, int(found["ContentLength"]), _tag(found))

    def _range(self, key: str, start: int, length: int | None, *, etag: str = "") -> dict[str, Any]:
        asked: dict[str, str] = {}
        if start or length is not None:
            asked["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        if etag:
            asked["IfMatch"] = f'"{etag}"'
        with _faults(key):
            return self._client.get_object(Bucket=self.name, Key=self._full(key), **asked)

    # --- removing and listing ---

    def delete(self, key: str) -> None:
        with _faults(key), suppress(ObjectMissing):
            self._client.delete_object(Bucket=self.name, Key=self._full(key))

    def delete_prefix(self, prefix: str) -> int:
        count = 0
        for page in self._pages(prefix):
            keys = [{"Key": each["Key"]} for each in page]
            with _faults(prefix):
                answer = self._client.delete_objects(Bucket=self.name, Delete={"Objects": keys, "Quiet": True})
            if answer.get("Errors"):
                raise StorageUnavailable(f"{prefix}: not all was deleted: {answer['Errors'][0]}")
            count += len(keys)
        return count

    def list_prefix(self, prefix: str) -> Iterator[tuple[str, int]]:
        for page in self._pages(prefix):
            for each in page:
                yield each["Key"].removeprefix(self.prefix), int(each["Size"])

    def _pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        full = self.prefix + checked_prefix(prefix)
        with _faults(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=full):
                if page.get("Contents"):
                    yield page["Contents"]

    def drop_drafts(self, *, older_than: float) -> int:
        count, before = 0, datetime.now(UTC) - timedelta(seconds=older_than)
        with _faults(self.prefix):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=self.prefix)
            for page in pages:
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before:
                        self._client.abort_multipart_upload(
                            Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        count += 1
        return count

    # --- the rest ---

    def presigned_get(self, key: str, *, seconds: int, type: str, disposition: str) -> str | None:
        params = {"Bucket": self.name, "Key": self._full(key), "ResponseContentType": type}
        if disposition:
            params["ResponseContentDisposition"] = disposition
        with _faults(key):
            url: str = self._new("public").generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
        return url

    def check(self) -> str | None:
        try:
            self._new("check").head_bucket(Bucket=self.name)
        except ClientError as exc:
            code = exc.response.get("Error", {}).get("Code", "")
            return {"404": "the bucket does not exist", "403": "the store refuses the key"}.get(code, f"answers {code}")
        except BotoCoreError as exc:
            return f"does not answer: {type(exc).__name__}"
        return None

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        with self._lock:
            for place in [place for place in self._clients if place[0] == os.getpid()]:
                self._clients.pop(place).close()

    def _full(self, key: str) -> str:
        return self.prefix + checked_key(key)

    @property
    def _client(self) -> Any:
        return self._new("work")

    def _new(self, purpose: str) -> Any:
        """This process's client for one purpose, made at its first use."""
        place = (os.getpid(), purpose)
        client = self._clients.get(place)
        if client is None:
            with self._lock:
                client = self._clients.get(place)
                if client is None:
                    client = self._clients[place] = self._make(purpose)
        return client

    def _make(self, purpose: str) -> Any:
        options = self.options
        quick = purpose == "check"
        return boto3.session.Session().client(
            "s3",
            endpoint_url=(options.public_endpoint if purpose == "public" else options.endpoint) or None,
            region_name=options.region,
            aws_access_key_id=options.access_key_id or None,
            aws_secret_access_key=options.secret_access_key or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if options.path_style else "virtual"},
                connect_timeout=2 if quick else 5,
                read_timeout=3 if quick else 60,
                retries={"mode": "standard", "total_max_attempts": 1 if quick else 4},
                max_pool_connections=64,
                tcp_keepalive=True,
                proxies={},
                # Stores that are not Amazon's know Content-MD5 far more often than the newer checksum headers.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


def _md5(data: bytes) -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)


def _tag(answer: dict[str, Any]) -> str:
    return str(answer.get("ETag", "")).strip('"')


def _chained(first: Part, rest: Iterable[Part]) -> Iterator[Part]:
    yield first
    yield from rest


def _in_order(work: Callable[[Given], Made], given: Iterator[Given], threads: int) -> Iterator[Made]:
    """What `work` makes of each, in their order, several at a time; never more are taken than are being worked on."""
    if threads == 1:
        yield from map(work, given)
        return
    running: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="s3") as pool:
        try:
            for each in given:
                running.append(pool.submit(work, each))
                if len(running) >= threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for late in running:
                late.cancel()


@contextmanager
def _faults(key: str) -> Iterator[None]:
    """Errors of boto3 and of the connection below it as ours."""
    try:
        yield
    except ClientError as exc:
        if str(exc.response.get("Error", {}).get("Code", "")) in GONE:
            raise ObjectMissing(key) from None
        raise StorageUnavailable(f"{key}: {exc}") from exc
    except (BotoCoreError, HTTPError, OSError) as exc:
        raise StorageUnavailable(f"{key}: {exc}") from exc
