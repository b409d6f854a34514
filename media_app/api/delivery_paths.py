"""What OpenAPI says of the delivery paths, which are plain Django views."""

from typing import Any

from ittyhost.api.openapi import Components
from ittyhost.api.openapi.refusals import answer, shared
from ittyhost.api.openapi.schema import version_parameter
from ittyhost.api.schemas import Schema, closed
from media_app.api.shapes import FILE_SHAPES
from media_app.api.stores import RESUMABLE, SINGLE
from media_app.api.upload_shapes import progress_schema

PATH = "/{folder}/{filename}"
REFUSED = (400, 403, 404, 409, 411, 413, 414, 415, 429, 431, 500, 503)
BODY = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
TEXT = {"type": "string"}


def delivery_paths(components: Components) -> Schema:
    """The paths below a project's delivery address: `GET`, `HEAD` and `PUT` of one file."""
    place = [
        _parameter("folder", "path", "Where the file lies; may hold slashes, and is left out where there is none."),
        _parameter("filename", "path", "What the file is called; without a name of its own, its id."),
    ]
    variables = {
        "delivery": {"default": "http://127.0.0.1:8000/delivery", "description": "The setting DELIVERY_URL."},
        "project": {"default": "prj_q1w2e3r4t5y6u7i8", "description": "The id of the project."},
    }
    servers = [
        {
            "url": "{delivery}/{project}",
            "description": "The project's delivery address; a domain of its own where it has one.",
            "variables": variables,
        }
    ]
    key = {**_parameter("key", "query", "The key of the session, as it stands in its URL."), "required": True}
    session = {"servers": servers, "parameters": [key]}
    return {
        PATH: {
            "servers": servers,
            "parameters": place,
            "get": _get(),
            "head": _head(),
            "put": _put(components),
            "delete": _delete(components),
        },
        f"/{SINGLE}": {**session, "post": _session_file(components)},
        f"/{RESUMABLE}": {
            **session,
            "put": _session_piece(components),
            "post": _session_completed(components),
            "delete": _delete(components, session=True),
        },
    }


def _get() -> Schema:
    conditions = [
        _parameter("download", "query", "To be saved, not shown; as what, where it is a name."),
        *_signature(),
        _parameter("Range", "header", "The parts that are wanted: `bytes=0-1023`, or several of them."),
        _parameter("If-Range", "header", "The ETag of the file that the range is meant of."),
        _parameter("If-None-Match", "header", "The ETag of what is there already."),
    ]
    return {
        "operationId": "delivery_get",
        "summary": "Download a file",
        "description": "Public unless the project's files are private; those want an API key that may read, or a URL "
        "that such a key signed.",
        "tags": ["delivery"],
        "security": [{}, {"ApiKey": []}],
        "parameters": conditions,
        "responses": {
            "200": {"description": "The file.", "headers": _headers("ETag", "Accept-Ranges"), "content": BYTES},
            "206": {"description": "The parts asked for.", "headers": _headers("Content-Range"), "content": BYTES},
            "302": {"description": "The file is at the store itself.", "headers": _headers("Location")},
            "304": {"description": "It is what is there already."},
            "412": {"description": "It is not what `If-Match` names."},
            "416": {"description": "No byte of the range is there.", "headers": _headers("Content-Range")},
            **shared(400, 403, 404, 414, 429, 431, 500, 503),
        },
    }


def _head() -> Schema:
    return {
        "operationId": "delivery_head",
        "summary": "Look at a file without its bytes",
        "tags": ["delivery"],
        "security": [{}, {"ApiKey": []}],
        "parameters": _signature(),
        "responses": {
            "200": {"description": "What GET would answer, without a body.", "headers": _headers("ETag")},
            "304": {"description": "It is what is there already."},
            **{code: {"description": "As GET answers it, without a body."} for code in ("403", "404", "503")},
        },
    }


def _put(components: Components) -> Schema:
    version = components.version
    return {
        "operationId": "delivery_put",
        "summary": "Upload a file",
        "description": "The body is the file, as it is. It becomes the file at this path, in place of one that was "
        "there; the answer waits a few seconds for what is found out about it. Wants an API key that may write, or a "
        "URL that such a key signed.",
        "tags": ["delivery"],
        "security": [{}, {"ApiKey": []}],
        "parameters": [_length(), _piece(), *_signature(), version_parameter(version)],
        "requestBody": BODY,
        "responses": {**_file(components), **_progress(components), **shared(401, 402, *REFUSED)},
    }


def _delete(components: Components, *, session: bool = False) -> Schema:
    version = components.version
    message = {"message": {"type": "string", "description": "Which upload was given up."}}
    return {
        "operationId": "session_delete" if session else "delivery_delete",
        "summary": "Give up an upload in pieces",
        "description": "A file that is there already stays.",
        "tags": ["delivery"],
        **({"security": []} if session else {}),
        "parameters": [version_parameter(version)],
        "responses": {
            "202": answer("It is given up.", version.object_schema(closed(message))),
            **shared(*(() if session else (401,)), *REFUSED),
        },
    }


def _session_file(components: Components) -> Schema:
    return {
        "operationId": "session_single",
        "summary": "Upload the file of a session",
        "description": "The body is the file as it is, or a form with one file in it. The URL is good for one file.",
        "tags": ["delivery"],
        "security": [],
        "parameters": [_length(), version_parameter(components.version)],
        "requestBody": BODY,
        "responses": {**_file(components), **shared(402, *REFUSED)},
    }


def _session_piece(components: Components) -> Schema:
    return {
        "operationId": "session_piece",
        "summary": "Upload a piece of the file of a session",
        "tags": ["delivery"],
        "security": [],
        "parameters": [_length(), {**_piece(), "required": True}, version_parameter(components.version)],
        "requestBody": BODY,
        "responses": {**_file(components), **_progress(components), **shared(402, *REFUSED)},
    }


def _session_completed(components: Components) -> Schema:
    return {
        "operationId": "session_complete",
        "summary": "Complete the upload of a session",
        "description": "Asked when all pieces are there; takes no body.",
        "tags": ["delivery"],
        "security": [],
        "parameters": [version_parameter(components.version)],
        "responses": {**_file(components), **shared(402, *REFUSED)},
    }


def _file(components: Components) -> Schema:
    file: Any = FILE_SHAPES[components.version].file_schema(components)
    return {"201": answer("The new file.", components.version.object_schema(file))}


def _progress(components: Components) -> Schema:
    progress = progress_schema(components)
    return {"202": answer("The piece is kept; more are missing.", components.version.object_schema(progress))}


def _length() -> Schema:
    return {
        "name": "Content-Length",
        "in": "header",
        "required": True,
        "description": "The bytes of the body, which is not taken without it.",
        "schema": {"type": "integer", "minimum": 0},
    }


def _piece() -> Schema:
    meaning = (
        "Which bytes of the file the body is, where it is sent in pieces: `bytes 0-5242879/73400320`; "
        "`bytes */73400320` asks which are missing."
    )
    return _parameter("Content-Range", "header", meaning)


def _signature() -> list[Schema]:
    """What `POST /signatures` puts into a URL."""
    expiry = _parameter("expiry", "query", "Of a signed URL: until when it holds, unix seconds.")
    method = _parameter("method", "query", "Of a signed URL: what it allows.")
    return [
        {**expiry, "schema": {"type": "integer"}},
        {**method, "schema": {"type": "string", "enum": ["get", "put"]}},
        _parameter("signature", "query", "Of a signed URL: HMAC-SHA256 under the API key, URL-safe base64."),
    ]


def _parameter(name: str, place: str, meaning: str) -> Schema:
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, **required, "description": meaning, "schema": TEXT}


def _headers(*names: str) -> Schema:
    return {name: {"schema": TEXT} for name in names}
