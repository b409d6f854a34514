"""Rows of this app for everyone's tests, with bytes in the bucket where a test wants them."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

from media_app.models import File, Media
from media_app.services.facts import file_facts
from media_app.services.files import SOURCE_NAME
from media_app.storage import bucket
from orgs_app.models import Project
from orgs_app.tests.factories import make_project
from workers.engine.probe import Image as ImageFacts
from workers.engine.probe import Probe

Status = File.Status


def jpeg_facts(*, width: int = 64, height: int = 48, size: int = 1000) -> Probe:
    """What a probe says of a plain JPEG."""
    return Probe(
        media_type="image",
        mime="image/jpeg",
        container="jpeg",
        size=size,
        width=width,
        height=height,
        image=ImageFacts(format="jpeg", mode="RGB", coded_width=width, coded_height=height),
    )


def jpeg_bytes(*, width: int = 64, height: int = 48) -> bytes:
    """A real picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


def make_media(*, project: Project | None = None, **fields: Any) -> Media:
    """An empty media, in a project of its own unless one is given."""
    return Media.objects.create(project=project or make_project(), **fields)


def make_file(
    *, project: Project | None = None, media: Media | None = None, content: bytes | Path | None = None, **fields: Any
) -> File:
    """A ready JPEG, the original of a media of its own unless one is given; `fields` are set as they are.

    With another status it is as a fresh upload: nothing is known of it. Only with `content` it has bytes in the bucket.
    """
    project = project or (media.project if media else make_project())
    if media is None:
        media = make_media(project=project)
        fields.setdefault("original", True)
    status = fields.setdefault("status", Status.READY)
    known = file_facts(jpeg_facts()) if status == Status.READY else {}
    file = File(project=project, media=media, **{"filesize": 1000, "entry_size": 1000} | known | fields)
    if content is not None:
        data = content.read_bytes() if isinstance(content, Path) else content
        file.attempt = max(file.attempt, 1)
        key = f"{project.pk}/{file.pk}/{file.attempt}/{SOURCE_NAME}"
        stored = bucket().put(key, io.BytesIO(data), length=len(data), type=file.type)
        file.key, file.etag, file.sha256 = stored.key, stored.etag, stored.sha256
        file.entry_size = file.filesize = stored.size
    file.save(force_insert=True)
    if file.original and status == Status.READY:
        Media.objects.filter(pk=media.pk).update(
            kind=file.kind, width=file.width, height=file.height, duration=file.duration
        )
        media.refresh_from_db()
    return file
