"""Tasks in version 2025-08-20: flat options in; out, the input as an object, the options, and the output once made."""

from typing import Any

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from media_app.api.schemas import closed, described
from media_app.api.shapes.v2025_08_20 import file_schema, file_show
from orgs_app.models import Project
from tasks_app.api import kinds
from tasks_app.api.fields import read_flat
from tasks_app.control import INGEST, all_kinds
from tasks_app.models import Task

Status = Task.Status

config_schema = kinds.config_schema

STATUSES = {
    Status.WAITING: "waiting",
    Status.QUEUED: "pending",
    Status.PROCESSING: "processing",
    Status.READY: "completed",
    Status.ERROR: "failed",
    Status.CANCELLED: "cancelled",
}
# What the words mean in a filter that this version writes itself, or once wrote.
STATUS_MEANS = {word: [state] for state, word in STATUSES.items()} | {"ready": [Status.READY], "error": [Status.ERROR]}
LISTS_FILES = True

# What the snapshot of an input holds of a file, where it is known.
INPUT_FIELDS = (
    *("id", "object", "kind", "type", "width", "height", "duration", "fps"),
    *("filesize", "bitrate", "url", "ref", "metadata", "created", "updated"),
)


def task_read(body: dict[str, Any], *, project: Project) -> dict[str, Any]:
    """`task_create`'s arguments from `{url | file_id, kind, …options}`. Raises Invalid or NotFound naming the field."""
    return read_flat(body, project=project, source_names=("url", "file_id"))


def task_show(task: Task) -> dict[str, Any]:
    shown = {
        "id": f"task_{task.pk}",
        "object": "task",
        "kind": task.kind,
        "input": _input(task),
        "options": task.definition,
        "output": file_show(task.output) if task.status == Status.READY and task.output is not None else None,
        "status": STATUSES[Status(task.status)],
        "progress": task.progress,
        "created_by": task.created_by.replace("tsk_", "task_", 1) or None,
        "created": instant(task.created),
        "updated": instant(task.updated),
    }
    if task.status == Status.ERROR:
        shown["error"] = task.error
    if task.parent_id is not None:
        shown["parent_id"] = f"task_{task.parent_id}"
    return shown


task_created = task_listed = task_show


def _input(task: Task) -> dict[str, Any]:
    """An object, whatever was given: typed SDKs read nothing else."""
    if task.source is None or task.kind == INGEST.name:  # deleted, or the output: what was given stays
        return {"url": task.input} if task.input_is_url else {"id": task.input}
    shown = file_show(task.source)
    return {name: shown[name] for name in INPUT_FIELDS if shown.get(name) is not None}


def create_schema(components: Components) -> dict[str, Any]:
    more = {
        "url": {"type": "string", "format": "uri", "description": "Where the input is fetched from."},
        "file_id": {
            "type": "string",
            "description": "A file of this project as input. Either this or `url`, which ingest needs.",
        },
        "webhook_url": {"type": "string", "format": "uri", "description": "Kept; not called yet."},
        "options": {"type": "object", "description": "The options, where they do not stand beside `kind`."},
    }
    options = {kind.name: kind.options for kind in all_kinds().values()}
    return components.one_per_kind(options, name=lambda kind: f"{kind.title()}Task", more=more)


def show_schema(components: Components) -> dict[str, Any]:
    words = {
        "id": "string",
        "object": "string",
        "kind": "string",
        "input": "object",
        "options": "object",
        "status": "string",
        "progress": "integer",
        "error": "string",
        "created_by": "string?",
        "created": "date-time",
        "updated": "date-time",
        "parent_id": "string",
    }
    output = {"anyOf": [file_schema(components), {"type": "null"}]}
    return components.add("Task", closed({**described(words), "output": output}, optional={"error", "parent_id"}))


created_schema = listed_schema = show_schema
