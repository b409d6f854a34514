"""Changing what is told of media and files: only what is given, and nothing where that is there already."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from events_app.services import event_record
from ittyhost.errors import NotFound
from media_app.models import File, Media
from media_app.services.indexing import media_index
from media_app.services.locks import media_lock, project_lock
from media_app.services.names import place_clean, ref_clean
from media_app.services.paths import path_take


@transaction.atomic
def media_update(*, media: Media, changes: Mapping[str, Any]) -> None:
    """Set a media's `title`, `alt` and `metadata`, whichever are given. Raises NotFound when it was deleted meanwhile.

    `updated` moves only when something changed, and only then there is an event.
    """
    row = Media.objects.select_for_update(no_key=True).filter(pk=media.pk).first()
    if row is None:
        raise NotFound("There is no media with this id.", param="id", code="media_not_found")
    new = _new(row, changes)
    if new:
        Media.objects.filter(pk=row.pk).update(**new, updated=timezone.now())
        if "title" in new or "alt" in new:
            media_index(media=row)
        event_record(project=media.project, type="media.updated", subject=row)


@transaction.atomic
def file_update(*, file: File, changes: Mapping[str, Any]) -> File:
    """The file with its `folder`, `filename`, `ref`, `label` and `metadata` set, whichever are given.

    A place that is given becomes the file's at once: it takes the path from whichever file has it, and has its own
    again if it had lost it. No bytes move; where it was, nothing is. One that is still to be fetched takes it when its
    bytes come, and one that could not be fetched never does. Raises Invalid for a name, NotFound when it was deleted
    meanwhile.
    """
    moves = "folder" in changes or "filename" in changes
    media_lock(file.media_id)
    if moves:
        project_lock(file.project_id)
    row = File.objects.select_for_update().filter(pk=file.pk).first()
    if row is None:
        raise NotFound("There is no file with this id.", param="id", code="file_not_found")
    row.project = file.project
    wanted = dict(changes)
    if moves:
        wanted["folder"], wanted["filename"] = _place(row, changes)
        wanted["holds_path"] = row.holds_path or bool(row.key)
    if "ref" in changes:
        wanted["ref"] = ref_clean(changes["ref"])
    new = _new(row, wanted)
    if not new:
        return row
    now = timezone.now()
    for name, value in (new | {"updated": now}).items():
        setattr(row, name, value)
    File.objects.filter(pk=row.pk).update(**new, updated=now)
    if moves and row.key:
        path_take(file=row)
    if row.original and "filename" in new:
        media_index(media=row.media)
    Media.objects.filter(pk=row.media_id).update(updated=now)
    event_record(project=file.project, type="file.updated", subject=row)
    return row


def _place(file: File, changes: Mapping[str, Any]) -> tuple[str, str]:
    """Folder and file name that are wanted. What is not given stays; but a name with slashes is a path from the root,
    so that asking for it twice is asking for it once."""
    filename = changes.get("filename", file.filename)
    stays = "" if "/" in filename else file.folder
    return place_clean(folder=changes.get("folder", stays), filename=filename)


def _new(row: Media | File, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of it the row does not have yet."""
    return {name: value for name, value in wanted.items() if not _same(getattr(row, name), value)}


def _same(first: Any, second: Any) -> bool:
    # As JSON: to Python true is 1, and 1 is 1.0.
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
