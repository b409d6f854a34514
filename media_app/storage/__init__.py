"""The bucket: where the bytes of files live. One small interface, in a folder or in an S3-compatible store.

Keys are made by us alone, `<project>/<file>/<attempt>/<name>`: no name that a user chose ever enters one.
"""

import contextlib
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from media_app.storage.base import (
    CHUNK,
    Bucket,
    Chunks,
    ObjectMissing,
    Reader,
    ShouldStop,
    Stat,
    StorageUnavailable,
    Stored,
    TransferStopped,
    file_sha256,
)
from media_app.storage.folder import FolderBucket
from media_app.storage.folder_pieces import FolderPieces
from media_app.storage.pieces import JOINED, MAX_JOINED, Piece, Pieces, PiecesLost, Written, smallest_piece
from media_app.storage.together import FileToPut, put_files
from workers.engine.confinement import Roots

__all__ = [
    "CHUNK",
    "JOINED",
    "MAX_JOINED",
    "Bucket",
    "Chunks",
    "FileToPut",
    "FolderBucket",
    "ObjectMissing",
    "Piece",
    "Pieces",
    "PiecesLost",
    "Reader",
    "S3Bucket",
    "S3Options",
    "ShouldStop",
    "Stat",
    "StorageUnavailable",
    "Stored",
    "TransferStopped",
    "Written",
    "attempt_prefix",
    "bucket",
    "check",
    "engine_roots",
    "file_prefix",
    "file_sha256",
    "pieces",
    "put_files",
    "smallest_piece",
    "warm",
]

KNOWN_KEYS = 20


def bucket() -> Bucket:
    """The bucket of the settings."""
    return _bucket(settings.BUCKET_URL, settings.S3_ENDPOINT_URL, settings.S3_PUBLIC_ENDPOINT_URL)


def pieces() -> Pieces:
    """Objects that come in pieces, in the bucket of the settings."""
    store = bucket()
    if isinstance(store, FolderBucket):
        return FolderPieces(store)
    from media_app.storage.s3 import S3Bucket
    from media_app.storage.s3_pieces import S3Pieces

    assert isinstance(store, S3Bucket)
    return S3Pieces(store)


@cache
def _bucket(url: str, endpoint: str, public_endpoint: str) -> Bucket:
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        if parts.netloc not in ("", "localhost") or not folder.is_absolute():
            raise ImproperlyConfigured(
                f"BUCKET_URL must name a folder by its whole path, as in file:///srv/media, not {url}."
            )
        return FolderBucket(folder, known_keys=_known_keys)
    # Only where the bucket is such a store: boto3 is a seventh of each process's start, and 7 MB of it.
    from media_app.storage.s3 import S3Bucket
    from media_app.storage.s3_client import S3Options

    return S3Bucket(
        parts.netloc,
        S3Options(
            endpoint=endpoint,
            public_endpoint=public_endpoint,
            region=settings.S3_REGION,
            path_style=settings.S3_PATH_STYLE,
            access_key_id=settings.S3_ACCESS_KEY_ID,
            secret_access_key=settings.S3_SECRET_ACCESS_KEY,
        ),
        prefix=unquote(parts.path.strip("/")),
        scratch=settings.WORK_DIR,
        largest=settings.MAX_FILE_BYTES,
    )


def _known_keys() -> list[str] | None:
    """Keys of objects that must be in the bucket, the newest first; none before the first file, None in doubt."""
    files = apps.get_model("media_app", "File")
    try:
        if files._meta.db_table not in connection.introspection.table_names():
            return []
        return list(files.objects.exclude(key="").order_by("-pk").values_list("key", flat=True)[:KNOWN_KEYS])
    except DatabaseError:
        return None


def warm() -> None:
    """Make ready, without asking the store anything, what the first transfer of a process would wait for."""
    bucket().warm()


def check() -> str | None:
    """None when the bucket works, else what is wrong in a few words."""
    return bucket().check()


def engine_roots() -> Roots:
    """Where the engine's helper finds what it works on: the work directories, and the bucket where it is a folder."""
    work = Path(settings.WORK_DIR)
    with contextlib.suppress(OSError):  # whoever makes a directory there will tell
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = bucket()
    return Roots(read=(str(store.root),) if isinstance(store, FolderBucket) else (), write=(str(work.absolute()),))


def file_prefix(*, project_id: str, file_id: str) -> str:
    """What the keys of all objects of one file begin with."""
    return f"{project_id}/{file_id}/"


def attempt_prefix(*, project_id: str, file_id: str, attempt: int) -> str:
    """What the keys of all objects begin with that one attempt wrote for a file."""
    return f"{project_id}/{file_id}/{attempt}/"
