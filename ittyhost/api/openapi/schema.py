"""One view's operations, as drf-spectacular asks for them."""

from contextvars import ContextVar
from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry
from pydantic import BaseModel
from rest_framework import serializers

from ittyhost.api.idempotency import HEADER, MAX_KEY, REPLAYED
from ittyhost.api.openapi import refusals, samples
from ittyhost.api.openapi.components import Components
from ittyhost.api.openapi.operations import Operation
from ittyhost.api.paging import MAX_PAGE, ORDERS
from ittyhost.api.schemas import Schema
from ittyhost.api.versions import PageInfo, Version, default_version

writing: ContextVar[Version] = ContextVar("the version whose document is being written")


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
        version = writing.get(None) or default_version()
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
            written["requestBody"] = self._body(getattr(operation.shapes[version], operation.request))
        return written

    def _operation_id(self, path: str, operation: Operation) -> str:
        if operation.operation_id:
            return operation.operation_id
        parts = [part for part in path.strip("/").split("/") if not part.startswith("{")]
        verbs = {"GET": "list" if operation.many else "get", "POST": "create", "PATCH": "update", "PUT": "replace"}
        return "_".join([*parts, verbs.get(self.method, self.method.lower())]).replace("-", "_")

    # --- what is given ---

    def _parameters(self, names: list[str], operation: Operation, version: Version) -> list[Schema]:
        found: list[Schema] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": f"The id of the {name.removesuffix('_id').replace('_', ' ')}.",
                "schema": {"type": "string"},
                "example": samples.path_example(name),
            }
            for name in names
        ]
        if operation.many:
            found += self._list_parameters(version)
        found.append(version_parameter(version))
        if self.method == "POST":
            found.append(
                {
                    "name": HEADER,
                    "in": "header",
                    "description": "A text of your own, such as a UUID: the same request sent again with it within 24 "
                    "hours is not done again, and answered as it was the first time.",
                    "schema": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": MAX_KEY,
                        "pattern": "^[ -~]*[!-~][ -~]*$",  # spaces around it do not count
                    },
                }
            )
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
            schemas[filter.name] = (filter.schema(), filter.description)
        return [
            {"name": name, "in": "query", "description": description, "schema": schema}
            for name, (schema, description) in schemas.items()
        ]

    def _body(self, shape: Any) -> Schema:
        schema = self._shape(shape, "request")
        schemas = self.components.schemas()
        content: Schema = {"schema": schema}
        own = getattr(shape, "example_bodies", None)
        if examples := own() if own else samples.bodies(schema, schemas):
            content["examples"] = {name: {"value": value} for name, value in examples.items()}
        return {"required": not _may_be_empty(schema, schemas), "content": {"application/json": content}}

    # --- what is answered ---

    def _responses(self, names: list[str], operation: Operation, version: Version) -> Schema:
        changes: dict[str, Any] = {}  # what the example of this answer has in place of what its schema suggests
        if operation.response is None:
            data = self.components.add("Message", _message())
        else:
            shape = getattr(operation.shapes[version], operation.response)
            data, changes = self._shape(shape, "response"), getattr(shape, "example_changes", changes)
        status = operation.status or (202 if operation.response is None else 200)
        if operation.creates and operation.status is None:
            status = version.created_status
        statuses = [*refusals.ALWAYS, *(refusals.WITH_ID if names else ())]
        statuses += refusals.WITH_BODY if operation.request else ()
        statuses += refusals.WITH_IDEMPOTENCY if self.method == "POST" else ()
        error = self.components.add("Error", version.error_schema())
        written: Schema = refusals.shared(*statuses)
        for code, meaning in operation.refusals.items():
            written[str(code)] = refusals.refused(refusals.REFUSALS[code], error, version, meaning=meaning)
        value = samples.sample(data, self.components.schemas())
        if changes:
            value = value | changes
        return {str(status): self._success(operation, data, value, status), **dict(sorted(written.items()))}

    def _success(self, operation: Operation, data: Schema, value: Any, status: int) -> Schema:
        version = self.components.version
        call = samples.call(self.method, self.path.rstrip("/"), value)
        if operation.many:
            headers = {
                name: {"description": meaning, "required": True, "schema": {"type": "string"}}
                for name, meaning in version.list_headers.items()
            }
            page = PageInfo(number=1, limit=version.default_limit, total=1)
            body = version.list(call, [value], page).body
            wrapped = self._named(data, version.list_schema(data), "List")
            answer = refusals.answer("A page of the list.", wrapped, headers=headers)
        else:
            place = call.path
            if self.method == "POST" and isinstance(value, dict) and "id" in value:
                place = f"{call.path}/{value['id']}"
            parent = place.rpartition("/")[0] or None
            body = version.object(call, value, status=status, path=place, parent=parent).body
            headers = {REPLAYED: refusals.header(REPLAYED)} if self.method == "POST" else {}
            wrapped = self._named(data, version.object_schema(data), "Answer")
            answer = refusals.answer(_meaning(operation, status), wrapped, headers=headers)
        answer["content"]["application/json"]["example"] = body
        return answer

    def _named(self, data: Schema, wrapped: Schema, what: str) -> Schema:
        """An envelope under a name, as `TaskAnswer` around a Task: generators of SDKs make one type of it."""
        if wrapped.get("type") != "object" or "$ref" not in data:
            return wrapped
        return self.components.add(data["$ref"].removeprefix(samples.PREFIX) + what, wrapped)

    # --- shapes ---

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

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Schema:
        """A serializer that is stricter than its fields tell (`openapi_refined(schema)`) is asked for the rest."""
        mapped: Schema = super()._map_serializer(serializer, direction, bypass_extensions)
        refined = getattr(serializer, "openapi_refined", None)
        return refined(mapped) if refined else mapped

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Schema:
        """A field that knows its own schema (`openapi_schema(components)`) is asked for it."""
        if hasattr(field, "openapi_schema") and not isinstance(field, serializers.ListSerializer):
            own: Schema = field.openapi_schema(self.components)
            return own
        mapped: Schema = super()._map_serializer_field(field, direction, bypass_extensions)
        return mapped

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        if not hasattr(field, "openapi_schema"):
            super()._insert_field_validators(field, schema)


def version_parameter(version: Version) -> Schema:
    """The header that asks for the version."""
    return {
        "name": "Accept-Version",
        "in": "header",
        "description": "The version to be answered in. Without it, the project's or the service's own choice.",
        "schema": {"type": "string", "enum": [version.name, *version.aliases]},
    }


def _meaning(operation: Operation, status: int) -> str:
    if operation.response is None:
        return "Done; the message says what."
    return {200: "The object.", 201: "The new object.", 202: "Taken on; it is not done yet."}.get(status, "Done.")


def _message() -> Schema:
    message = {"type": "string", "description": "What was done."}
    return {"type": "object", "properties": {"message": message}, "required": ["message"]}


def _may_be_empty(schema: Schema, schemas: dict[str, Schema]) -> bool:
    """Whether `{}`, which an empty body stands for, is a body of this schema."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(samples.PREFIX)]
    return not schema.get("required") and not any(choice in schema for choice in ("oneOf", "anyOf"))
