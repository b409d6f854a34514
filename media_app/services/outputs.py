"""The files that tasks read and make."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from events_app.services import event_record
from media_app.manifests import DASH_TYPE, is_manifest
from media_app.models import File, FileMember, Media
from media_app.services.facts import file_facts
from media_app.services.indexing import passages_index
from media_app.services.locks import media_lock
from media_app.services.names import place_clean, ref_clean
from media_app.services.objects import objects_drop, objects_expect, objects_keep
from media_app.services.paths import path_take
from media_app.storage import FileToPut, attempt_prefix, bucket, put_files
from orgs_app.models import Project
from orgs_app.services import storage_reserve
from workers.engine.probe import Probe
from workers.kinds.base import Output
from workers.preview import Preview

MEMBERS_LISTED = 1000  # of a file, in its own record
MAX_MEMBER_NAME = 255
# Below the file's id and below the attempt's prefix: neither up nor out of it, and nothing that a URL would escape.
_MEMBER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class StoredObject:
    """One object of an output, in the bucket. `probe` is None for what is no picture, video or sound."""

    name: str
    key: str
    type: str
    entry: bool
    size: int
    sha256: str
    etag: str
    probe: Probe | None
    preview: Preview | None = None  # of the entry, where it can be seen


def file_fetcher(file: File, *, should_stop: Callable[[], bool] | None = None) -> Callable[[Path, str], None]:
    """How the engine gets a file's bytes: called with a path that does not exist, it makes them readable there.

    Calls raise ObjectMissing, StorageUnavailable, TransferStopped.
    """
    key, sha256 = file.key, file.sha256

    def fetch(target: Path, reads: str) -> None:
        bucket().fetch_to(key, target, sha256=sha256, should_stop=should_stop)

    return fetch


def outputs_store(
    *,
    project_id: str,
    file_id: str,
    attempt: int,
    outputs: Iterable[Output],
    should_stop: Callable[[], bool] | None = None,
) -> tuple[StoredObject, ...]:
    """Bring an attempt's outputs into the bucket, under names of its own. Raises StorageUnavailable, TransferStopped.

    Until they are published they count as rubbish: a worker that dies leaves nothing behind for long.
    """
    outputs = tuple(outputs)
    if not outputs:  # a kind that makes no file
        return ()
    for output in outputs:
        if not _MEMBER_NAME.fullmatch(output.name) or len(output.name) > MAX_MEMBER_NAME:
            raise ValueError(f"{output.name!r} is no name of an output")  # the engine makes them: a bug of ours
    prefix = objects_expect(project_id=project_id, file_id=file_id, attempt=attempt)
    files = [FileToPut(f"{prefix}{output.name}", output.path, output.type) for output in outputs]
    return tuple(
        StoredObject(
            name=output.name,
            key=stored.key,
            type=output.type,
            entry=output.entry,
            size=stored.size,
            sha256=stored.sha256,
            etag=stored.etag,
            probe=output.probe,
            preview=output.preview,
        )
        for output, stored in zip(outputs, put_files(bucket(), files, should_stop=should_stop), strict=True)
    )


def output_publish(
    *,
    project: Project,
    media: Media,
    file_id: str,
    object: str,
    kind: str,
    attempt: int,
    stored: Sequence[StoredObject],
    ref: str = "",
    folder: str = "",
    filename: str = "",
    label: str = "",
    language: str = "",
    facts: Mapping[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    created_by: str = "",
    created: datetime | None = None,
    passages: Sequence[Sequence[str]] = (),
) -> File:
    """The file of a task's output, ready and under its reserved id; within the transaction that ends the task.

    `facts` are told of it where its entry was not probed: format, duration, width and height. `created` is when it says
    itself that it was made, by default now. Its media is found by the words of `passages`. It takes its path from
    whichever file has it. Raises LimitReached when the quota has no room, Invalid for a name, StorageUnavailable when
    it comes too late.
    """
    [entry] = [item for item in stored if item.entry]
    folder, filename = place_clean(folder=folder, filename=filename)
    known: dict[str, Any] = {**(facts or {}), "kind": kind, "type": entry.type}
    is_package = is_manifest(entry.type)
    if entry.probe:
        known = file_facts(entry.probe, entry.preview)
    if is_package:  # what its renditions are is told of it, but for what it is itself
        known |= {"type": entry.type, "format": "dash" if entry.type == DASH_TYPE else "hls"}
    size = sum(item.size for item in stored)
    media_lock(media.pk)
    objects_keep(prefix=attempt_prefix(project_id=project.pk, file_id=file_id, attempt=attempt))
    storage_reserve(project=project, size=size)
    now = created or timezone.now()
    file = File.objects.create(
        id=file_id,
        project=project,
        media=media,
        object=object,
        status=File.Status.READY,
        original=False,
        attempt=attempt,
        folder=folder,
        filename=filename,
        ref=ref_clean(ref),
        label=label,
        language=language,
        metadata=metadata or {},
        created_by=created_by,
        key=entry.key,
        etag=entry.etag,
        sha256=entry.sha256,
        entry_size=entry.size,
        filesize=size,
        created=now,
        updated=now,
        **known,
    )
    path_take(file=file)
    members = [item for item in stored if not item.entry]
    FileMember.objects.bulk_create(
        [
            FileMember(
                file=file,
                name=item.name,
                key=item.key,
                type=item.type,
                size=item.size,
                sha256=item.sha256,
                etag=item.etag,
                # A player finds the segments of a package by its playlists; a series of pictures has no other list.
                listed=is_manifest(item.type) if is_package else place < MEMBERS_LISTED,
            )
            for place, item in enumerate(members)
        ],
        batch_size=1000,
    )
    passages_index(media=media, file=file, passages=passages)
    Media.objects.filter(pk=media.pk).update(updated=timezone.now())
    event_record(project=project, type="file.created", subject=file)
    event_record(project=project, type="file.ready", subject=file)
    return file


def outputs_discard(*, project_id: str, file_id: str, attempt: int) -> None:
    """Have whatever an attempt stored deleted."""
    objects_drop(prefix=attempt_prefix(project_id=project_id, file_id=file_id, attempt=attempt), linger=0)
