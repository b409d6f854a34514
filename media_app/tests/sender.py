"""What tests of uploads in pieces share: a client that sends them, and a look at what is left."""

import hashlib
from typing import Any

from media_app import jobs, services
from media_app.models import File
from media_app.storage import bucket
from orgs_app.models import Project
from orgs_app.tests.caller import G4, Caller
from orgs_app.tests.factories import bearer_header

DATA = hashlib.shake_128(b"pieces").digest(1000)


def send(caller: Caller, content_range: str, body: bytes = b"", path: str = "demo/a.bin", version: str = G4) -> Any:
    return caller.http.put(
        f"/delivery/{caller.project.public_id}/{path}",
        body,
        content_type="application/octet-stream",
        headers=bearer_header(caller.secret) | {"Accept-Version": version, "Content-Range": content_range},
    )


def piece(caller: Caller, start: int, end: int, data: bytes = DATA, **more: Any) -> Any:
    """Bytes `start` to `end - 1` of the data."""
    return send(caller, f"bytes {start}-{end - 1}/{len(data)}", data[start:end], **more)


def give_up(caller: Caller, path: str = "demo/a.bin", **headers: str) -> Any:
    place = f"/delivery/{caller.project.public_id}/{path}"
    return caller.http.delete(place, headers=bearer_header(caller.secret) | {"Accept-Version": G4} | headers)


def kept(file: File | None = None) -> bytes:
    return b"".join(bucket().open((file or File.objects.get()).key))


def clean_up() -> list[str]:
    """What is left in the bucket beside the objects of files, after a sweep and a clean-up."""
    jobs.uploads_sweep()
    services.objects_clean_up()
    owned = set(File.objects.values_list("key", flat=True))
    left = [key for project in Project.objects.all() for key, _ in bucket().list_prefix(f"{project.pk}/")]
    drafts = [path.name for path in (bucket().root / ".drafts").glob("*")]
    return [*sorted(set(left) - owned), *drafts]
