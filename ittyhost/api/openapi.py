"""OpenAPI 3.1, one document per version, made from the views, their shapes and the kinds' own schemas."""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from django.urls import URLPattern, URLResolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.settings import patched_settings
from pydantic import BaseModel
from rest_framework import serializers

from ittyhost.api.idempotency import HEADER, MAX_KEY
from ittyhost.api.paging import MAX_PAGE, ORDERS
from ittyhost.api.shapes import Shapes
from ittyhost.api.versions import Version, default_version
from ittyhost.api.versions.base import Schema

Handler = TypeVar("Handler", bound=Callable[..., Any])

_version: ContextVar[Version] = ContextVar("the version whose document is being written")

SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "ittyhost",
    "POSTPROCESSING_HOOKS": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "",
}
INTRODUCTION = (
    "Turns media into other media and into data. Every request carries an API key: `Authorization: Bearer <API key>`. "
    "Every answer carries its request's id in `X-Request-Id`."
)
COMMON_REFUSALS = {
    400: "Something given is wrong; the message names it.",
    401: "No valid API key.",
    403: "Scope missing.",
    429: "Too many requests with this key; `Retry-After` says when to try again, in seconds.",
}
BODY_REFUSALS = {413: "The body is too large.", 415: "The body is not JSON."}
POST_REFUSALS = {
    409: "A request with the same `Idempotency-Key` is being done, or the state of things does not allow this now.",
    422: "The `Idempotency-Key` was used for another request.",
}


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
    models, anything with `openapi_schema(components)`, or functions: components → schema.

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


class Components:
    """The named schemas of the document being written; what `openapi_schema` methods get."""

    def __init__(self, registry: ComponentRegistry, version: Version) -> None:
        self._registry = registry
        self.version = version

    def add(self, name: str, schema: Schema) -> Schema:
        """Keep a schema under a name and give the reference to it. The first of a name stays."""
        component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema)
        self._registry.register_on_missing(component)
        return {"$ref": f"#/components/schemas/{name}"}

    def model(self, model: type[BaseModel], *, name: str | None = None) -> Schema:
        """A pydantic model as a named schema."""
        return self.add(name or model.__name__, self.inline(model))

    def inline(self, model: type[BaseModel]) -> Schema:
        """A pydantic model's schema; the models inside it become named ones."""
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, inner in schema.pop("$defs", {}).items():
            self.add(name, inner)
        schema.pop("title", None)
        return schema

    def one_per_kind(
        self,
        kinds: Mapping[str, type[BaseModel]],
        *,
        name: Callable[[str], str],
        more: Mapping[str, Schema] | None = None,
        required: Iterable[str] = (),
        tag: str = "kind",
    ) -> Schema:
        """One named schema for each kind, told apart by `tag`: its options, and `more` properties beside them."""
        references: dict[str, Schema] = {}
        for kind, model in kinds.items():
            options = self.inline(model)
            properties = {tag: {"type": "string", "const": kind}, **(more or {}), **options.get("properties", {})}
            schema = {
                "type": "object",
                "description": options.get("description", ""),
                "properties": properties,
                "required": [tag, *required, *options.get("required", [])],
                "additionalProperties": False,
            }
            references[kind] = self.add(name(kind), schema)
        mapping = {kind: reference["$ref"] for kind, reference in references.items()}
        return {"oneOf": list(references.values()), "discriminator": {"propertyName": tag, "mapping": mapping}}


class VersionedSchema(AutoSchema):
    """One view's operations, in the shapes and the envelope of the version being written."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        """None for what is not documented, or not part of the version."""
        self.registry, self.path, self.path_regex, self.path_prefix = registry, path, path_regex, path_prefix
        self.method = method.upper()
        handler = getattr(self.view, method.lower())
        operation: Operation | None = getattr(handler, "operation", None)
        version = _version.get(None) or default_version()
        if operation is None or (operation.versions is not None and version.name not in operation.versions):
            return None
        self.components = Components(registry, version)
        summary, _, description = (handler.__doc__ or "").strip().partition("\n")
        names = [part[1:-1] for part in path.strip("/").split("/") if part.startswith("{")]
        written: Schema = {
            "operationId": self._operation_id(path, operation),
            "summary": summary.rstrip("."),
            "description": " ".join(description.split()),
            "tags": [path.strip("/").split("/")[0]],
            "parameters": self._parameters(names, operation, version),
            "responses": self._responses(names, operation, version),
        }
        if not written["description"]:
            del written["description"]
        if operation.request:
            body = self._shape(getattr(operation.shapes[version], operation.request), "request")
            written["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        return written

    def _operation_id(self, path: str, operation: Operation) -> str:
        if operation.operation_id:
            return operation.operation_id
        parts = [part for part in path.strip("/").split("/") if not part.startswith("{")]
        verbs = {"GET": "list" if operation.many else "get", "POST": "create", "PATCH": "update", "PUT": "replace"}
        return "_".join([*parts, verbs.get(self.method, self.method.lower())]).replace("-", "_")

    def _parameters(self, names: list[str], operation: Operation, version: Version) -> list[Schema]:
        found: list[Schema] = [
            {
                "name": "Accept-Version",
                "in": "header",
                "description": "The version to be answered in.",
                "schema": {"type": "string", "enum": [version.name, *version.aliases]},
            }
        ]
        if self.method == "POST":
            found.append(
                {
                    "name": HEADER,
                    "in": "header",
                    "description": (
                        "A text of your own, such as a UUID: the same request sent again with it within 24 hours is "
                        "not done again, and answered as it was the first time."
                    ),
                    "schema": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": MAX_KEY,
                        "pattern": "^[ -~]*[!-~][ -~]*$",
                    },
                }
            )
        found += [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
        if operation.many:
            found += self._list_parameters(version)
        return found

    def _list_parameters(self, version: Version) -> list[Schema]:
        view: Any = self.view  # a ProjectView, which knows its sorts and filters
        sorts = list(view.sorts)
        limits = {"type": "integer", "minimum": 1, "maximum": version.max_limit, "default": version.default_limit}
        schemas: dict[str, tuple[Schema, str]] = {
            "page": ({"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 1}, "Which page, from 1."),
            "limit": (limits, "How many on a page."),
            "sort": ({"type": "string", "enum": sorts, "default": sorts[0]}, "What to sort by."),
            "order": ({"type": "string", "enum": list(ORDERS), "default": ORDERS[0]}, "Which end comes first."),
        }
        for filter in view.filters:
            words = filter.words()
            schema: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
            schemas[filter.name] = ({"type": "string", "enum": list(words)} if words else schema, filter.description)
        return [
            {"name": name, "in": "query", "description": description, "schema": schema}
            for name, (schema, description) in schemas.items()
        ]

    def _responses(self, names: list[str], operation: Operation, version: Version) -> Schema:
        if operation.response is None:
            data = self.components.add("Message", _message())
        else:
            data = self._shape(getattr(operation.shapes[version], operation.response), "response")
        wrapped = version.list_schema(data) if operation.many else version.object_schema(data)
        status = operation.status or (202 if operation.response is None else 200)
        if operation.creates and operation.status is None:
            status = version.created_status
        refused = self.components.add("Error", version.error_schema())
        refusals = COMMON_REFUSALS | ({404: "No such object in this project."} if names else {})
        refusals |= BODY_REFUSALS if operation.request else {}
        refusals |= POST_REFUSALS if self.method == "POST" else {}
        refusals |= operation.refusals
        written = {str(status): _answer("Done.", wrapped, headers=version.list_headers if operation.many else {})}
        written |= {str(code): _answer(meaning, refused) for code, meaning in sorted(refusals.items())}
        return written | {"default": _answer("Any other refusal.", refused)}

    def _shape(self, shape: Any, direction: Literal["request", "response"]) -> Schema:
        if hasattr(shape, "openapi_schema"):
            schema: Schema = shape.openapi_schema(self.components)
            return schema
        if not isinstance(shape, type):
            described: Schema = shape(self.components)
            return described
        if issubclass(shape, BaseModel):
            return self.components.model(shape)
        serializer: Any = shape
        reference: Schema = self.resolve_serializer(serializer, direction).ref
        return reference

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Schema:
        """A field that knows its own schema (`openapi_schema(components)`) is asked for it."""
        if hasattr(field, "openapi_schema") and not isinstance(field, serializers.ListSerializer):
            own: Schema = field.openapi_schema(self.components)
            return own
        mapped: Schema = super()._map_serializer_field(field, direction, bypass_extensions)
        return mapped


def _message() -> Schema:
    return {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}


def _answer(meaning: str, schema: Schema, *, headers: Mapping[str, str] | None = None) -> Schema:
    described = {"X-Request-Id": "This request's id.", **(headers or {})}
    return {
        "description": meaning,
        "headers": {
            name: {"schema": {"type": "string"}, "description": description} for name, description in described.items()
        },
        "content": {"application/json": {"schema": schema}},
    }


def document(version: Version, patterns: list[URLPattern | URLResolver] | None = None) -> Schema:
    """The whole document of a version."""
    token = _version.set(version)
    try:
        with patched_settings({**SETTINGS, "VERSION": version.name, "DESCRIPTION": INTRODUCTION}):
            written: Schema = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    finally:
        _version.reset(token)
    # Paths are matched with and without their last slash; SDKs leave it out.
    written["paths"] = {path.rstrip("/") or "/": operations for path, operations in written["paths"].items()}
    components = written.setdefault("components", {})
    components["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": written["openapi"],
        "info": written["info"],
        "servers": [{"url": "/"}],
        "security": [{"ApiKey": []}],
        "paths": written["paths"],
        "components": components,
    }
