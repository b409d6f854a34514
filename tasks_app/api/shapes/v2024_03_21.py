"""Tasks in version 2024-03-21: an `input`, and an `output`: first a definition, later the object made of it."""

from typing import Any

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from ittyhost.api.schemas import an_id, closed, described, one_of
from ittyhost.errors import Invalid
from media_app.api.shapes.v2024_03_21 import made_schema, source_show
from orgs_app.models import Project
from tasks_app.api import kinds, plans
from tasks_app.api.fields import (
    as_given,
    check_input,
    made_aliases,
    read_flat,
    read_kind,
    read_object,
    read_options,
    read_source,
    read_url,
)
from tasks_app.api.schemas import MEDIA_ID, REMOTE, WEBHOOK_SCHEMA, fullest, loose_schema, pascal
from tasks_app.control import INGEST, all_kinds, get_kind
from tasks_app.models import Attempt, Task

Status = Task.Status

config_schema = kinds.config_schema
plan_show, plan_schema = plans.plan_show, plans.plan_schema

STATUSES = {
    Status.WAITING: "waiting",
    Status.QUEUED: "processing",
    Status.PROCESSING: "processing",
    Status.READY: "ready",
    Status.ERROR: "error",
    Status.CANCELLED: "error",
}
# What the words mean in a filter that this version writes itself.
STATUS_MEANS = {word: [state for state in STATUSES if STATUSES[state] == word] for word in STATUSES.values()}
LISTS_FILES = False  # a list shows what was asked for, not what came of it


def task_read(body: dict[str, Any], *, project: Project) -> dict[str, Any]:
    """`task_create`'s arguments from `{input, output: {kind, …options}}`, or from the flat form of later pages of the
    same year: `url` or `file_id`, `kind`, and options beside them. Raises Invalid or NotFound naming the field."""
    if "output" not in body and ("kind" in body or "file_id" in body or "url" in body):
        return read_flat(body, project=project, source_names=("file_id", "url", "input"))
    unknown = sorted(set(body) - {"input", "output", "webhook_url"})
    if unknown:
        raise Invalid(f"{unknown[0]} is not known here: a task has input and output.", param=unknown[0])
    source = read_source(body.get("input"), project=project, param="input")
    if body.get("output") is None:
        raise Invalid("output is required: an object with the kind and its options.", param="output")
    definition = dict(read_object(body["output"], param="output"))
    named = definition.pop("kind", None)
    kind = read_kind(named, param="output.kind")
    check_input(kind, source, param="input")
    return {
        "source": source,
        "input": body["input"],
        "kind": kind,
        "options": read_options(kind, definition, project=project, prefix=("output",)),
        "definition": as_given(named, kind, definition),
        "webhook_url": read_url(body.get("webhook_url"), param="webhook_url"),
    }


def task_created(task: Task) -> dict[str, Any]:
    """A task as the answer to its creation: `output` is its definition."""
    return {
        "id": f"tsk_{task.pk}",
        "object": "task",
        "input": task.input,
        "output": {"kind": task.kind, **task.definition},
        "status": STATUSES[Status(task.status)],
        "created": instant(task.created),
        "updated": instant(task.updated),
    }


def task_listed(task: Task) -> dict[str, Any]:
    """A task in a list: `output` is its definition, whatever came of it."""
    shown = task_created(task)
    status = shown.pop("status")  # the documented samples have it last here
    return {**shown, "status": status}


def task_show(task: Task) -> dict[str, Any]:
    """One task: `output` is the object it made; until then the definition, under the id which that object will have."""
    shown = task_created(task)
    if task.output_id is None:  # only a result is wanted
        shown["output"] = _facts_of_input(task)
    elif task.status == Status.READY and task.output is not None:
        shown["output"] = source_show(task.output) | told_of(task)
    else:
        shown["output"] = {
            "id": f"file_{task.output_id}",
            "object": get_kind(task.kind).object,
            "kind": task.kind,
            **task.definition,
        }
    if shown["status"] == "error":
        shown["error"] = task.error or "The task was cancelled."
    return shown


def told_of(task: Task) -> dict[str, Any]:
    """In `results` what a track or a document says in short; nothing of a source, whose own fields say all."""
    is_told = task.output is not None and task.output.object != "source" and task.result is not None
    return {"results": task.result} if is_told else {}


def _facts_of_input(task: Task) -> dict[str, Any]:
    """What stands for an output where none is made: the file that the facts are of, and once they are there, them."""
    shown = {
        "id": f"file_{task.source_id}",
        "object": task.source.object if task.source else "source",
        "kind": task.kind,
        **task.definition,
    }
    return shown | ({"results": task.result} if task.status == Status.READY else {})


def attempt_show(attempt: Attempt) -> dict[str, Any]:
    """What an attempt of a task did."""
    return plans.attempt_show(attempt, task_id=f"tsk_{attempt.task_id}")


def attempt_schema(components: Components) -> dict[str, Any]:
    return plans.attempt_schema(components, prefix="tsk")


def create_schema(components: Components) -> dict[str, Any]:
    known = all_kinds().values()
    output = components.one_per_kind(
        {kind.name: kind.options for kind in known},
        name=lambda kind: f"{pascal(kind)}Output",
        aliases=made_aliases(),
        summaries={kind.name: kind.summary for kind in known},
        examples={kind.name: kind.examples for kind in known},
    )
    source = {
        "type": "string",
        "description": "The id of a media or of a file, or the URL of one.",
        "examples": [MEDIA_ID],
    }
    properties = {"input": source, "output": output, "webhook_url": WEBHOOK_SCHEMA}
    nested = components.add("TaskCreate", closed(properties, optional={"webhook_url"}))
    return {"anyOf": [nested, components.add("TaskCreateFlat", loose_schema(("file_id", "url", "input")))]}


def _example_bodies() -> dict[str, Any]:
    """A body for each kind: of its examples the one that says most."""
    return {
        kind.name: {
            "input": REMOTE if kind is INGEST else MEDIA_ID,
            "output": {"kind": kind.name, **fullest(kind)},
        }
        for kind in all_kinds().values()
    }


create_schema.example_bodies = _example_bodies  # type: ignore[attr-defined]


def _schema(components: Components, name: str, output: dict[str, Any]) -> dict[str, Any]:
    given = {"description": "The input, as it was given.", "examples": [MEDIA_ID]}
    properties = {
        "id": an_id("tsk"),
        "object": {"type": "string", "const": "task"},
        "input": {"type": "string", **given},
        "output": output,
        "status": one_of(STATUSES.values(), example="ready"),
        **described({"created": "date-time", "updated": "date-time", "error": "string"}),
    }
    return components.add(name, closed(properties, optional={"error"}))


def listed_schema(components: Components) -> dict[str, Any]:
    definition = {
        "type": "object",
        "description": "What was asked for: the kind and its options.",
        "properties": {"kind": {"type": "string"}},
        "required": ["kind"],
        "examples": [{"kind": "image", "filename": "cover.jpg", "width": 800}],
    }
    return _schema(components, "TaskListed", components.add("Definition", definition))


def created_schema(components: Components) -> dict[str, Any]:
    return listed_schema(components)


created_schema.example_changes = {"status": STATUSES[Status.QUEUED]}  # type: ignore[attr-defined]


def show_schema(components: Components) -> dict[str, Any]:
    reserved = {
        "type": "object",
        "description": "Until it is made: what was asked for, and the id it will have.",
        "properties": {
            "id": an_id("file"),
            "object": {"type": "string"},
            "kind": {"type": "string"},
            "results": {
                "type": "object",
                "description": "Of a kind that makes no file, as probe: what it found of the input, whose id this is.",
            },
        },
        "required": ["id", "object", "kind"],
    }
    output = {"anyOf": [made_schema(components), components.add("Reserved", reserved)]}
    return _schema(components, "Task", output)
