"""What the wrapped versions have in common: their schemas' words, and errors."""

from collections.abc import Collection
from typing import Any

from ittyhost.api.versions.base import Problem, Schema


def closed(properties: dict[str, Schema], *, optional: Collection[str] = ()) -> Schema:
    """An object with these properties and no others; all are always there but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def nullable(type: str) -> Schema:
    return {"type": [type, "null"]}


def error_of(problem: Problem) -> dict[str, Any]:
    """`{message, code}`, and the field at fault where there is one."""
    error = {"message": problem.message, "code": problem.code}
    return error | {"param": problem.param} if problem.param else error


def error_schema(*, code: str = "code") -> Schema:
    """`code` is what the version calls the case."""
    words = {
        "message": "What is wrong and the way out, in a sentence for people.",
        code: "The case, for programs; docs/errors.md has them all.",
        "param": "The field at fault, where there is one.",
    }
    fields = {name: {"type": "string", "description": meaning} for name, meaning in words.items()}
    return closed(fields, optional={"param"})
