"""The kinds of task as data, the same in every version."""

from functools import cache
from typing import Any

from ittyhost.api.openapi import Components
from ittyhost.api.schemas import closed
from tasks_app.control import all_kinds


@cache
def kinds_show() -> dict[str, Any]:
    """Every kind by its name: what it makes of what, its options as a JSON Schema that stands alone, and examples."""
    return {
        kind.name: {
            "summary": kind.summary,
            "object": kind.object,
            "accepts": sorted(kind.accepts),
            "options": kind.options.model_json_schema(),
            "examples": list(kind.examples),
        }
        for kind in all_kinds().values()
    }


def config_schema(components: Components) -> dict[str, Any]:
    kind: dict[str, dict[str, Any]] = {
        "summary": {"type": "string"},
        "object": {
            "type": "string",
            "description": "What comes of it: a source, a track or intelligence; empty where only a result is wanted.",
        },
        "accepts": {"type": "array", "items": {"type": "string"}, "description": "What it is made of."},
        "options": {"type": "object", "description": "JSON Schema of its options."},
        "examples": {"type": "array", "items": {"type": "object"}, "description": "Options, as they may be given."},
    }
    described = components.add("Kind", closed(kind))
    return components.add("TaskConfig", {"type": "object", "additionalProperties": described})
