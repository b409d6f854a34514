"""Tasks in version 2025-08-20: flat options in; out, the input as an object, the options, and the output once made."""

from typing import Any

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from ittyhost.api.schemas import an_id, closed, described, one_of
from media_app.api.shapes.v2025_08_20 import file_schema, file_show
from orgs_app.models import Project
from tasks_app.api import kinds, plans
from tasks_app.api.fields import read_flat
from tasks_app.api.schemas import FILE_ID, flat_schema, pascal
from tasks_app.control import INGEST
from tasks_app.models import Attempt, Task

Status = Task.Status

config_schema = kinds.config_schema
plan_show, plan_schema = plans.plan_show, plans.plan_schema

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
        "options": {name: value for name, value in task.definition.items() if name != "kind"},
        "output": file_show(task.output) if task.status == Status.READY and task.output is not None else None,
        "status": STATUSES[Status(task.status)],
        "progress": task.progress,
        "created_by": task.created_by.replace("tsk_", "task_", 1) or None,
        "created": instant(task.created),
        "updated": instant(task.updated),
    }
    if task.status == Status.READY and task.result is not None and _tells(task):
        shown["results"] = task.result
    if task.status == Status.ERROR:
        shown["error"] = task.error
    if task.parent_id is not None:
        shown["parent_id"] = f"task_{task.parent_id}"
    return shown


task_created = task_listed = task_show


def _tells(task: Task) -> bool:
    """Whether its result is more than the facts of the file that it made."""
    return task.output_id is None or (task.output is not None and task.output.object != "source")


def _input(task: Task) -> dict[str, Any]:
    """An object, whatever was given: typed SDKs read nothing else."""
    if task.source is None or task.kind == INGEST.name:  # deleted, or the output: what was given stays
        return {"url": task.input} if task.input_is_url else {"id": task.input}
    shown = file_show(task.source)
    return {name: shown[name] for name in INPUT_FIELDS if shown.get(name) is not None}


def attempt_show(attempt: Attempt) -> dict[str, Any]:
    """What an attempt of a task did."""
    return plans.attempt_show(attempt, task_id=f"task_{attempt.task_id}")


def attempt_schema(components: Components) -> dict[str, Any]:
    return plans.attempt_schema(components, prefix="task")


def create_schema(components: Components) -> dict[str, Any]:
    return flat_schema(components, name=lambda kind: f"{pascal(kind)}Task", sources=("url", "file_id"))


def show_schema(components: Components) -> dict[str, Any]:
    words = {
        "input": "object",
        "options": "object",
        "progress": "integer",
        "error": "string",
        "created_by": "string?",
        "created": "date-time",
        "updated": "date-time",
        "parent_id": "string",
        "results": "object",
    }
    properties = {
        "id": an_id("task"),
        "object": {"type": "string", "const": "task"},
        "kind": {"type": "string", "description": "The kind of task."},
        "status": one_of(STATUSES.values(), example="completed"),
        **described(words),
        "output": {"anyOf": [file_schema(components), {"type": "null"}]},
    }
    properties["input"] |= {
        "description": "The file it works on, as far as it is known; `{url}` or `{id}` where it is gone.",
        "examples": [{"id": FILE_ID, "object": "source", "kind": "video", "type": "video/mp4"}],
    }
    properties["options"] |= {
        "description": "The options, as they were given.",
        "examples": [{"width": 800, "filename": "cover.jpg"}],
    }
    properties["results"] |= {
        "description": "What a track or a document says in short; of a kind without a file, as probe, what it found.",
        "examples": [{"is_nsfw": False, "confidence": 0.12}],
    }
    return components.add("Task", closed(properties, optional={"error", "parent_id", "results"}))


listed_schema = show_schema


def created_schema(components: Components) -> dict[str, Any]:
    return show_schema(components)


created_schema.example_changes = {"status": STATUSES[Status.QUEUED], "progress": 0, "output": None}  # type: ignore[attr-defined]
