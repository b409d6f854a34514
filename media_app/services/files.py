"""Making and deleting media and files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from events_app.services import event_record
from ittyhost import queue
from ittyhost.errors import Conflict, Invalid, LimitReached, PayloadTooLarge
from ittyhost.outbound import check_url
from ittyhost.records import new_id
from media_app.models import File, Media
from media_app.services.indexing import media_index, text_index
from media_app.services.joining import joining_end
from media_app.services.locks import media_lock, project_lock
from media_app.services.names import place_clean, ref_clean
from media_app.services.objects import connection_rest, objects_drop, objects_expect, objects_give_up, objects_keep
from media_app.services.paths import path_take
from media_app.storage import Reader, Stored, bucket, file_prefix
from orgs_app.models import Project
from orgs_app.services import storage_release, storage_reserve
from workers.formats import find_format

SOURCE_NAME = "source"  # in keys; the name a user gave stays in the row


@dataclass(frozen=True)
class Kept:
    """Bytes that are in the bucket and belong to no row yet: the id that their file will have, and their prefix."""

    file_id: str
    prefix: str
    stored: Stored


def wake(lane: str) -> None:
    """Tell the workers of a lane, once this transaction commits, that a file may be due."""
    queue.send("media_app.work", lane, lane=lane)


@transaction.atomic
def media_create(*, project: Project, title: str = "", alt: str = "", metadata: dict[str, Any] | None = None) -> Media:
    """An empty media, for files to come."""
    media = Media.objects.create(project=project, title=title, alt=alt, metadata=metadata or {})
    text_index(media=media, text="\n".join(filter(None, [title, alt])))
    return media


@transaction.atomic
def file_from_url(
    *,
    project: Project,
    url: str,
    media: Media | None = None,
    folder: str = "",
    filename: str = "",
    ref: str = "",
    label: str = "",
    metadata: dict[str, Any] | None = None,
    created_by: str = "",
    param: str = "url",
) -> File:
    """A file that a worker will fetch; its media too, unless one is given.

    When its bytes are there it takes its path from whichever file has it then. Raises Invalid (a URL, which the caller
    took from `param`; a name), Conflict.
    """
    check_url(url, param=param)
    folder, filename = place_clean(folder=folder, filename=filename)
    return _file_create(
        project=project,
        media=media,
        folder=folder,
        filename=filename,
        ref=ref_clean(ref),
        label=label,
        metadata=metadata or {},
        created_by=created_by,
        source_url=url,
        lane=queue.TRANSFER,
        kind=kind_of_name(filename or url.partition("?")[0].partition("#")[0]),
    )


def file_receive(
    *,
    project: Project,
    stream: Reader,
    length: int,
    folder: str = "",
    filename: str = "",
    media: Media | None = None,
    created_by: str = "",
) -> File:
    """Keep the bytes of an upload, then make its file and media and have them probed; it takes its path at once.

    Nothing is held in memory, no transaction is open meanwhile, and a crash leaves only what the clean-up deletes.
    Raises Invalid (a name, a body that ended early), PayloadTooLarge, LimitReached, Conflict, StorageUnavailable.
    """
    folder, filename = place_clean(folder=folder, filename=filename)

    def publish(kept: Kept) -> File:
        return file_publish(
            project=project, kept=kept, media=media, folder=folder, filename=filename, created_by=created_by
        )

    return file_keep(project=project, stream=stream, length=length, publish=publish)


def file_keep(
    *, project: Project, stream: Reader, length: int, publish: Callable[[Kept], File], whole: bool = True
) -> File:
    """The file that `publish` makes, in a transaction of its own, of the bytes that a stream gives once they are kept.

    `length` is what was announced; a stream that is not the `whole` of that ends where it ends. Raises what `publish`
    raises, Invalid (a body that ended early), PayloadTooLarge, LimitReached, StorageUnavailable.
    """
    room_check(project=project, size=length)
    file_id = new_id()
    prefix = objects_expect(project_id=project.pk, file_id=file_id, attempt=1)
    connection_rest()
    try:
        source = Announced(stream, length) if whole else stream
        stored = bucket().put(f"{prefix}{SOURCE_NAME}", source, length=length if whole else None)
        with transaction.atomic():
            return publish(Kept(file_id, prefix, stored))
    except BaseException:
        objects_give_up(prefix=prefix)
        raise


def file_publish(*, project: Project, kept: Kept, media: Media | None, filename: str, **about: Any) -> File:
    """The file of bytes that are kept, and its media, to be probed; it takes its path at once.

    Within the caller's transaction. Raises LimitReached, Conflict, StorageUnavailable (too late).
    """
    if media is not None:
        media_lock(media.pk)
    objects_keep(prefix=kept.prefix)
    storage_reserve(project=project, size=kept.stored.size)
    file = _file_create(
        project=project,
        media=media,
        id=kept.file_id,
        attempt=1,
        filename=filename,
        lane=queue.FAST,
        kind=kind_of_name(filename),
        key=kept.stored.key,
        etag=kept.stored.etag,
        sha256=kept.stored.sha256,
        entry_size=kept.stored.size,
        filesize=kept.stored.size,
        **about,
    )
    path_take(file=file)
    return file


def room_check(*, project: Project, size: int, beside: int = 0) -> None:
    """Refuse before the first byte what would be refused after the last; the count itself is made when it is kept.

    `beside` are bytes that are on their way already. Raises PayloadTooLarge, LimitReached.
    """
    if size > settings.MAX_FILE_BYTES:
        raise PayloadTooLarge(f"A file may have at most {settings.MAX_FILE_BYTES} bytes.")
    quota = Project.objects.only("storage_quota", "storage_used").get(pk=project.pk)
    if quota.storage_quota is not None and quota.storage_used + beside + size > quota.storage_quota:
        raise LimitReached(
            f"The project's storage quota has no room for {size} bytes more. Delete files, or ask for a larger quota."
        )


class Announced:
    """A body that must have the length it was announced with."""

    def __init__(self, stream: Reader, length: int) -> None:
        self._stream = stream
        self._length = self._left = length

    def read(self, size: int, /) -> bytes:
        if not self._left:
            return b""
        try:
            chunk = self._stream.read(min(size, self._left))
        except OSError:  # the client went away, or sent nothing for too long
            chunk = b""
        if not chunk:
            raise Invalid(
                f"The body ended after {self._length - self._left} of {self._length} bytes. Send it again.",
                code="body_incomplete",
            )
        self._left -= len(chunk)
        return chunk


def _file_create(*, project: Project, media: Media | None, **fields: Any) -> File:
    """The row of a file that a worker will make ready, its events and its wake-up; within the caller's transaction.

    The first file of a media is its original, and only with it the media counts as created.
    """
    is_original = media is None or lacks_original(media)
    is_new = media is None
    media = media or media_create(project=project)
    if media.project_id != project.pk:
        raise ValueError("a media of another project")
    file = File.objects.create(project=project, media=media, original=is_original, status=File.Status.WAITING, **fields)
    if is_new:
        text_index(media=media, text=file.filename)
    elif is_original and file.filename:
        media_index(media=media)
    if is_original:
        event_record(project=project, type="media.created", subject=media)
    event_record(project=project, type="file.created", subject=file)
    wake(file.lane)
    return file


def lacks_original(media: Media) -> bool:
    """Whether a media has no original yet. Its row is locked, so that of two first files one becomes it."""
    if not media_lock(media.pk):
        raise Conflict("The media was deleted meanwhile.", param="media_id")
    return not File.objects.filter(media=media, original=True).exists()


def kind_of_name(name: str) -> str:
    """The kind that a name's extension lets expect, until the content is known; empty when it says nothing."""
    _, dot, extension = name.rpartition(".")
    found = find_format(extension) if dot and len(extension) <= 5 else None
    return found.media_type if found else ""


@transaction.atomic
def file_delete(*, file: File) -> None:
    """Delete a file at once; a job deletes its objects. Whoever works on it notices, and writes nothing.

    Its path leads nowhere then, also when another file was there before.
    """
    media_lock(file.media_id)
    project_lock(file.project_id)
    rows = File.objects.filter(pk=file.pk)
    size = rows.select_for_update().values_list("filesize", flat=True).first()
    if size is None:
        return
    objects_drop(prefix=file_prefix(project_id=file.project_id, file_id=file.pk))
    rows.delete()
    if file.original and file.filename:
        media_index(media=file.media)
    storage_release(project=file.project, size=size)
    Media.objects.filter(pk=file.media_id).update(updated=timezone.now())
    event_record(project=file.project, type="file.deleted", subject=file)


@transaction.atomic
def media_delete(*, media: Media) -> None:
    """Delete a media with all its files at once; a job deletes their objects."""
    media_lock(media.pk, delete=True)
    joining_end(media_id=media.pk)
    project_lock(media.project_id)
    # Locked, so that none has bytes by now that were not counted here.
    files = list(
        File.objects.select_for_update().filter(media=media).order_by("pk").only("id", "project_id", "filesize")
    )
    for file in files:
        objects_drop(prefix=file_prefix(project_id=file.project_id, file_id=file.pk))
    Media.objects.filter(pk=media.pk).delete()
    storage_release(project=media.project, size=sum(file.filesize for file in files))
    for file in files:
        event_record(project=media.project, type="file.deleted", subject=file)
    event_record(project=media.project, type="media.deleted", subject=media)
