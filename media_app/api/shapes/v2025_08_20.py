"""Media, files and signed URLs in version 2025-08-20: a File object for all, and media that list theirs."""

import re
from dataclasses import asdict
from typing import Any

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from ittyhost.api.schemas import an_id, closed, described, one_of
from media_app.api import upload_shapes
from media_app.api.fields import FileBody, FileChangeBody, MediaBody, MediaChangeBody, SignatureBody
from media_app.models import File, FileMember, Media
from media_app.selectors import file_members, file_ref, file_url, media_face, member_url
from media_app.signatures import SignedUrl

FileCreate = FileBody
FileChange = FileChangeBody
MediaCreate = MediaBody
MediaChange = MediaChangeBody
UploadCreate = upload_shapes.UploadBody
upload_schema = upload_shapes.upload_schema
progress_show = upload_shapes.progress_show
SignatureCreate = SignatureBody

# Not shown of the files in a media.
OWN = ("media_id", "animated", "language", "label", "placeholder", "background", "created_by")


def file_show(file: File) -> dict[str, Any]:
    """A file. What typed SDKs require is never null: media_id, kind, type, filesize, url, status, created, updated.

    Pages of this version's tracks show their format, those of its files none.
    """
    shown = {
        "id": file.public_id,
        "media_id": f"{Media.prefix}_{file.media_id}",
        "object": file.object,
        "kind": file.kind or "unknown",
        "type": file.type,
        "codec": file.codec or None,
        "container": file.container or None,
        "width": file.width,
        "height": file.height,
        "orientation": file.orientation or None,
        "rotation": file.rotation,
        "transparency": file.transparency,
        "animated": file.animated,
        "frames": file.frames,
        "duration": file.duration,
        "fps": file.fps,
        "filesize": file.filesize,
        "bitrate": file.bitrate,
        "original": file.original,
        "language": file.language or None,
        "label": file.label or None,
        "ref": file_ref(file) or None,
        "folder": file.folder or None,
        "filename": file.filename or None,
        "url": file_url(file),
        "placeholder": file.placeholder or None,
        "background": file.background or None,
        "metadata": file.metadata,
        "created_by": _maker(file.created_by) or None,
        "created": instant(file.created),
        "updated": instant(file.updated),
        "status": file.status,
    }
    if file.object == File.Object.TRACK and file.format:
        shown["format"] = file.format
    if file.status == File.Status.FAILED:
        shown["error"] = file.error
    if members := [member_show(file, member) for member in file_members(file)]:
        shown["members"] = members
    return shown


def member_show(file: File, member: FileMember) -> dict[str, Any]:
    """A further object of a file, as the later pictures of a series."""
    return {"name": member.name, "type": member.type, "filesize": member.size, "url": member_url(file, member)}


def media_show(media: Media) -> dict[str, Any]:
    """A media with its files; reads `media.files`. Of several files of one ref the newest is in `urls`."""
    files = list(media.files.all())
    face = media_face(files)
    return {
        "id": media.public_id,
        "object": "media",
        "kind": media.kind or None,
        "title": media.title or None,
        "alt": media.alt or None,
        "width": media.width,
        "height": media.height,
        "duration": media.duration,
        "files": [{name: value for name, value in file_show(file).items() if name not in OWN} for file in files],
        "urls": {ref: file_url(file) for file in files if (ref := file_ref(file))},
        "background": (face.background or None) if face else None,
        "metadata": media.metadata,
        "created": instant(media.created),
        "updated": instant(media.updated),
    }


def signature_show(signed: SignedUrl) -> dict[str, Any]:
    """A signed URL; without `folder` where it has none."""
    return {name: value for name, value in asdict(signed).items() if value != "" or name != "folder"}


def _maker(id: str) -> str:
    """The id of a key or task, as this version writes it."""
    return re.sub("^tsk_", "task_", id)


FILE = {
    "id": "string",
    "media_id": "string",
    "object": "string",
    "kind": "string",
    "type": "string",
    "codec": "string?",
    "container": "string?",
    "width": "integer?",
    "height": "integer?",
    "orientation": "string?",
    "rotation": "number?",
    "transparency": "boolean?",
    "animated": "boolean?",
    "frames": "integer?",
    "duration": "number?",
    "fps": "number?",
    "filesize": "integer",
    "bitrate": "integer?",
    "original": "boolean",
    "language": "string?",
    "label": "string?",
    "ref": "string?",
    "folder": "string?",
    "filename": "string?",
    "url": "string",
    "placeholder": "string?",
    "background": "string?",
    "metadata": "object",
    "created_by": "string?",
    "created": "date-time",
    "updated": "date-time",
    "status": "string",
    "format": "string",
    "error": "string",
}
MEMBER = {"name": "string", "type": "string", "filesize": "integer", "url": "string"}
SIGNATURE = {
    "domain": "string",
    "filename": "string",
    "folder": "string",
    "expiry": "integer",
    "method": "string",
    "signature": "string",
    "url": "string",
}
MEDIA = {
    "id": "string",
    "object": "string",
    "kind": "string?",
    "title": "string?",
    "alt": "string?",
    "width": "integer?",
    "height": "integer?",
    "duration": "number?",
    "background": "string?",
    "metadata": "object",
    "created": "date-time",
    "updated": "date-time",
}


def file_schema(components: Components) -> dict[str, Any]:
    return components.add("File", _file(components, FILE))


def _file(components: Components, words: dict[str, str]) -> dict[str, Any]:
    member = components.add("Member", closed(described(MEMBER)))
    fixed = {
        "id": an_id(File.prefix),
        "object": one_of(File.Object.values),
        "status": one_of(File.Status.values, example=File.Status.READY),
    }
    properties = described(words) | fixed | {"members": {"type": "array", "items": member}}
    return closed(properties, optional={"format", "error", "members"})


def media_schema(components: Components) -> dict[str, Any]:
    inner = {name: word for name, word in FILE.items() if name not in OWN}
    files = components.add("MediaFile", _file(components, inner))
    properties = described(MEDIA) | {
        "id": an_id(Media.prefix),
        "object": {"type": "string", "const": "media"},
        "files": {"type": "array", "items": files},
        "urls": {"type": "object", "additionalProperties": {"type": "string"}},
    }
    return components.add("Media", closed(properties))


def signature_schema(components: Components) -> dict[str, Any]:
    return components.add("Signature", closed(described(SIGNATURE), optional={"folder"}))
