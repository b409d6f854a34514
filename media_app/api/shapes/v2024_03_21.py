"""Media and files in version 2024-03-21: a file is a Source, Track or Intelligence object; a media lists them apart."""

from typing import Any

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from ittyhost.api.schemas import an_id, closed, described, one_of
from media_app.api import upload_shapes
from media_app.api.fields import FileBody, FileChangeBody, MediaBody, MediaChangeBody, SignatureBody
from media_app.api.shapes.v2025_08_20 import signature_schema, signature_show
from media_app.models import File, FileMember, Media
from media_app.selectors import file_members, file_url, media_face, member_url

__all__ = ["signature_schema", "signature_show"]  # later than this version, and the same in all that know it

FileCreate = FileBody
FileChange = FileChangeBody
MediaCreate = MediaBody
MediaChange = MediaChangeBody
UploadCreate = upload_shapes.UploadBody
upload_schema = upload_shapes.upload_schema
progress_show = upload_shapes.progress_show
SignatureCreate = SignatureBody

# Left out of objects where they are not known, as the documented samples do.
OPTIONAL = frozenset(
    {"format", "width", "height", "duration", "fps", "codec", "bitrate", "orientation", "language", "label", "folder"}
)

MEDIA_STATUSES = {
    File.Status.WAITING: "processing",
    File.Status.PROCESSING: "processing",
    File.Status.READY: "ready",
    File.Status.FAILED: "failed",
}
EMPTY = "pending"  # a media without a file


def source_show(file: File) -> dict[str, Any]:
    """The object a task made: what is documented of it always, the rest where it is known."""
    shown: dict[str, Any] = {
        "id": file.public_id,
        "object": file.object,
        "kind": file.kind or "unknown",
        "format": file.format or None,
        "type": file.type,
        "width": file.width,
        "height": file.height,
        "duration": file.duration,
        "fps": file.fps,
        "codec": file.codec or None,
        "bitrate": file.bitrate,
        "orientation": file.orientation or None,
        "filesize": file.filesize,
        "language": file.language or None,
        "label": file.label or None,
        "folder": file.folder or None,
        "filename": file.filename or None,
        "src": file_url(file),
        "created": instant(file.created),
        "updated": instant(file.updated),
    }
    if members := [member_show(file, member) for member in file_members(file)]:
        shown["members"] = members
    return {name: value for name, value in shown.items() if value is not None or name not in OPTIONAL}


def member_show(file: File, member: FileMember) -> dict[str, Any]:
    """A further object of a file, as the later pictures of a series."""
    return {"name": member.name, "type": member.type, "filesize": member.size, "src": member_url(file, member)}


def listed_show(file: File) -> dict[str, Any]:
    """One of a media's files: the same object, and what tells it from the others."""
    shown = source_show(file) | {"original": file.original}
    return shown | {"container": file.container} if file.container else shown


def file_show(file: File) -> dict[str, Any]:
    """A file by itself: the same object, its media and its state."""
    shown = listed_show(file) | {
        "media_id": f"{Media.prefix}_{file.media_id}",
        "ref": file.ref or None,
        "metadata": file.metadata,
        "status": file.status,
    }
    if file.status == File.Status.FAILED:
        shown["error"] = file.error
    return shown


def media_show(media: Media) -> dict[str, Any]:
    """A media with its files, by what they are; reads `media.files`."""
    files = list(media.files.all())
    original = next((file for file in files if file.original), None)
    face = media_face(files)

    def shown(object: File.Object) -> list[dict[str, Any]]:
        return [listed_show(file) for file in files if file.object == object]

    return {
        "id": media.public_id,
        "object": "media",
        "kind": media.kind or None,
        "type": original.type if original else None,
        "title": media.title or None,
        "alt": media.alt or None,
        "width": media.width,
        "height": media.height,
        "duration": media.duration,
        "filesize": sum(file.filesize for file in files if file.object == File.Object.SOURCE),
        "sources": shown(File.Object.SOURCE),
        "tracks": shown(File.Object.TRACK),
        "intelligence": shown(File.Object.INTELLIGENCE),
        "original": file_url(original) if original else None,
        "url": file_url(original) if original else None,
        "placeholder": face.placeholder if face else None,
        "background": (face.background or None) if face else None,
        "folder": (original.folder or None) if original else None,
        "filename": (original.filename or None) if original else None,
        "metadata": media.metadata,
        "created": instant(media.created),
        "updated": instant(media.updated),
        "status": MEDIA_STATUSES[File.Status(original.status)] if original else EMPTY,
    }


SOURCE = {
    "id": "string",
    "object": "string",
    "kind": "string",
    "format": "string",
    "type": "string",
    "width": "integer",
    "height": "integer",
    "duration": "number",
    "fps": "number",
    "codec": "string",
    "bitrate": "integer",
    "orientation": "string",
    "filesize": "integer",
    "language": "string",
    "label": "string",
    "folder": "string",
    "filename": "string?",
    "src": "string",
    "created": "date-time",
    "updated": "date-time",
}
LISTED = SOURCE | {"container": "string", "original": "boolean"}
MORE = {
    "media_id": "string",
    "ref": "string?",
    "metadata": "object",
    "status": "string",
    "error": "string",
}
MEMBER = {"name": "string", "type": "string", "filesize": "integer", "src": "string"}
MEDIA = {
    "id": "string",
    "object": "string",
    "kind": "string?",
    "type": "string?",
    "title": "string?",
    "alt": "string?",
    "width": "integer?",
    "height": "integer?",
    "duration": "number?",
    "filesize": "integer",
    "original": "string?",
    "url": "string?",
    "placeholder": "string?",
    "background": "string?",
    "folder": "string?",
    "filename": "string?",
    "metadata": "object",
    "created": "date-time",
    "updated": "date-time",
    "status": "string",
}


def source_schema(components: Components) -> dict[str, Any]:
    properties = described(SOURCE) | _fixed() | _members(components)
    return components.add("Source", closed(properties, optional={*OPTIONAL, "members"}))


def made_schema(components: Components) -> dict[str, Any]:
    """A source, track or document that a task made."""
    results = {
        "type": "object",
        "description": "Of a track or a document what it says in short, as its kind tells it.",
        "examples": [{"is_nsfw": False, "confidence": 0.12}],
    }
    properties = described(SOURCE) | _fixed() | _members(components) | {"results": results}
    return components.add("Made", closed(properties, optional={*OPTIONAL, "members", "results"}))


def file_schema(components: Components) -> dict[str, Any]:
    properties = described(LISTED | MORE) | _fixed() | _members(components)
    properties["status"] = one_of(File.Status.values, example=File.Status.READY)
    return components.add("File", closed(properties, optional={*OPTIONAL, "container", "error", "members"}))


def _fixed() -> dict[str, Any]:
    return {"id": an_id(File.prefix), "object": one_of(File.Object.values)}


def _members(components: Components) -> dict[str, Any]:
    member = components.add("Member", closed(described(MEMBER)))
    return {"members": {"type": "array", "items": member}}


def media_schema(components: Components) -> dict[str, Any]:
    properties = described(LISTED) | _fixed() | _members(components)
    listed = components.add("MediaFile", closed(properties, optional={*OPTIONAL, "container", "members"}))
    lists = {name: {"type": "array", "items": listed} for name in ("sources", "tracks", "intelligence")}
    fixed = {
        "id": an_id(Media.prefix),
        "object": {"type": "string", "const": "media"},
        "status": one_of([*MEDIA_STATUSES.values(), EMPTY], example="ready"),
    }
    return components.add("Media", closed(described(MEDIA) | fixed | lists))
