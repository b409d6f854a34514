"""What a handler says of itself for OpenAPI."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ittyhost.api.shapes import Shapes

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """What a handler takes and answers, by the names of its shapes."""

    shapes: Shapes
    request: str | None = None
    response: str | None = None
    many: bool = False
    status: int | None = None  # None: 200, or what the version answers to a creation
    creates: bool = False
    refusals: Mapping[int, str] = field(default_factory=dict)
    versions: frozenset[str] | None = None  # None: every version has it
    operation_id: str | None = None  # None: made of the path and the method


def documented(
    shapes: Shapes,
    *,
    request: str | None = None,
    response: str | None = None,
    many: bool = False,
    status: int | None = None,
    creates: bool | None = None,
    refusals: Mapping[int, str] | None = None,
    versions: Iterable[str] | None = None,
    operation_id: str | None = None,
) -> Callable[[Handler], Handler]:
    """Put a handler into OpenAPI. `request` and `response` name what the version's shapes hold: serializers, pydantic
    models, anything with `openapi_schema(components)`, or functions: components → schema, whose `example_changes` say
    what is different in the example of this answer, and whose `example_bodies()` are the examples of a request.

    A handler named `post` creates unless told otherwise; `refusals` adds statuses with their meaning; `response` None
    is a message, as after a deletion; `versions` names those that have the operation, None when all have it;
    `operation_id` is given where another path would make the same of itself.
    """

    def decorate(handler: Handler) -> Handler:
        handler.operation = Operation(  # type: ignore[attr-defined]
            shapes=shapes,
            request=request,
            response=response,
            many=many,
            status=status,
            creates=handler.__name__ == "post" if creates is None else creates,
            refusals=dict(refusals or {}),
            versions=None if versions is None else frozenset(versions),
            operation_id=operation_id,
        )
        return handler

    return decorate
