"""Plans over HTTP, the same in every version: what would be done, and what was done."""

from dataclasses import asdict
from typing import Any

from ittyhost.api.openapi import Components
from ittyhost.api.schemas import Schema, an_id, closed, described, nullable
from tasks_app.models import Attempt
from tasks_app.services import TaskPlan
from workers.kinds.probe import ProbeResult, probe_result


def plan_show(planned: TaskPlan) -> dict[str, Any]:
    """What a task would do."""
    return {
        "object": "plan",
        "kind": planned.kind.name,
        "input": {
            "id": planned.source.public_id,
            "facts": probe_result(planned.facts).model_dump(mode="json"),
        },
        "options": planned.options,
        "needs": [asdict(need) for need in planned.needs],
        **_work(planned.plan.to_json()),
        "estimate": {"seconds": planned.estimate.seconds, "filesize": planned.estimate.bytes},
        "warnings": list(planned.plan.notes),
    }


def attempt_show(attempt: Attempt, *, task_id: str) -> dict[str, Any]:
    """What an attempt of a task does, or did; measured values are in their places once it has ended."""
    plan = attempt.plan or {}
    took = (attempt.ended_at - attempt.started_at).total_seconds() if attempt.ended_at else None
    return {
        "object": "plan",
        "task_id": task_id,
        "kind": attempt.task.kind,
        "options": attempt.task.options,
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "seconds": None if took is None else round(took, 3),
        **_work(plan),
        "warnings": list(dict.fromkeys([*attempt.warnings, *plan.get("notes", ())])),
        "tool_warnings": attempt.tool_warnings,
    }


def _work(plan: dict[str, Any]) -> dict[str, Any]:
    return {
        "steps": plan.get("steps", []),
        "commands": plan.get("commands", []),
        "outputs": plan.get("expected", []),
        "files": plan.get("files", []),
    }


def plan_schema(components: Components) -> Schema:
    facts = components.model(ProbeResult, name="Facts")
    told = closed({"id": an_id("file"), "facts": facts})
    estimate = closed(
        {
            "seconds": {"type": "number", "description": "From start to end, roughly.", "examples": [2.4]},
            "filesize": nullable("integer")
            | {"description": "Bytes of the output; null where only the encoder will know.", "examples": [None]},
        }
    )
    return components.add(
        "Plan",
        closed(
            {
                "object": {"type": "string", "const": "plan"},
                "kind": {"type": "string", "description": "The kind of task."},
                "input": told,
                "options": _options("The options as they will be used: defaults and what follows from the input."),
                "needs": {
                    "type": "array",
                    "items": components.add("PlanNeed", _need_schema()),
                    "description": "What is needed of other kinds first.",
                },
                **_work_schema(components),
                "estimate": estimate,
                "warnings": _warnings(),
            }
        ),
    )


def _need_schema() -> Schema:
    words = described({"kind": "string", "required": "boolean", "exists": "boolean", "seconds": "number"})
    words["kind"] |= {"description": "The kind of task that makes it.", "examples": ["speech"]}
    words["required"] |= {"description": "Whether the task fails without it."}
    words["exists"] |= {"description": "Whether one that fits is there or under way; else one is made first."}
    words["seconds"] |= {"description": "What making it takes, roughly; 0 where it exists.", "examples": [31.5]}
    options = {"type": "object", "description": "The options it is made with.", "examples": [{"words": True}]}
    return closed(words | {"options": options})


def attempt_schema(components: Components, *, prefix: str) -> Schema:
    words = described({"attempt": "integer", "seconds": "number?", "tool_warnings": "integer"})
    words["attempt"] |= {"description": "Which attempt of the task this was, from 1.", "examples": [1]}
    words["seconds"] |= {"description": "What it took; null while it runs.", "examples": [2.4]}
    words["tool_warnings"] |= {"description": "Messages that the tools called a warning or an error.", "examples": [0]}
    outcome = {"type": "string", "enum": list(Attempt.Outcome.values), "description": "How it ended."}
    return components.add(
        "TaskPlan",
        closed(
            {
                "object": {"type": "string", "const": "plan"},
                "task_id": an_id(prefix),
                "kind": {"type": "string", "description": "The kind of task."},
                "options": _options("The options of the task, checked."),
                **words,
                "outcome": outcome | {"examples": ["ready"]},
                **_work_schema(components),
                "warnings": _warnings(),
            }
        ),
    )


def _options(meaning: str) -> Schema:
    return {"type": "object", "description": meaning, "examples": [{"width": 800, "format": "jpeg", "quality": 80}]}


def _warnings() -> Schema:
    return {
        "type": "array",
        "items": {"type": "string"},
        "description": "What is changed, left out or copied, in words.",
    }


def _work_schema(components: Components) -> Schema:
    step = {
        "type": "object",
        "description": "One run of ffmpeg, or one operation on pictures.",
        "properties": {"tool": {"type": "string", "description": "`ffmpeg`, `picture` or another operation."}},
        "required": ["tool"],
        "additionalProperties": True,
    }
    output = {
        "type": "object",
        "description": "What one file of the output must turn out to be, else the task fails.",
        "properties": {
            "name": {"type": "string", "description": "Its name in the work directory; `*` stands for many."},
            "type": {"type": "string", "description": "Its media type."},
            "entry": {"type": "boolean", "description": "Whether it stands for all."},
        },
        "required": ["name", "type", "entry"],
        "additionalProperties": True,
    }
    use = closed({name: {"type": "string"} for name in ("ref", "name", "param")})
    return {
        "steps": {"type": "array", "items": components.add("PlanStep", step), "description": "In their order."},
        "commands": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The exact commands: run in a folder with the input as `source`, they make the same files.",
        },
        "outputs": {"type": "array", "items": components.add("PlanOutput", output), "description": "What is made."},
        "files": {
            "type": "array",
            "items": components.add("PlanFile", use | {"description": "Another file that an option names."}),
            "description": "Other files that are fetched beside the input, and their names in the folder.",
        },
    }
