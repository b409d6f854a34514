"""How the wrapped versions write an error."""

from typing import Any

from ittyhost.api.schemas import Schema, closed
from ittyhost.api.versions.base import Problem


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
