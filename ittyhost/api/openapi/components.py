"""The named schemas of a document that is being written."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from pydantic import BaseModel

from ittyhost.api.schemas import Schema
from ittyhost.api.versions import Version

PREFIX = "#/components/schemas/"


class Components:
    """The named schemas of the document being written; what `openapi_schema` methods get."""

    def __init__(self, registry: ComponentRegistry, version: Version) -> None:
        self._registry = registry
        self.version = version

    def add(self, name: str, schema: Schema) -> Schema:
        """Keep a schema under a name and give the reference to it. The first of a name stays."""
        component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema)
        self._registry.register_on_missing(component)
        return {"$ref": f"{PREFIX}{name}"}

    def schemas(self) -> dict[str, Schema]:
        """All that are kept by now, by name."""
        kept: dict[str, Schema] = self._registry.build({}).get("schemas", {})
        return kept

    def model(self, model: type[BaseModel], *, name: str | None = None) -> Schema:
        """A pydantic model as a named schema."""
        return self.add(name or model.__name__, self.inline(model))

    def inline(self, model: type[BaseModel]) -> Schema:
        """A pydantic model's schema; the models inside it become named ones."""
        schema = deepcopy(_written(model))
        for name, inner in schema.pop("$defs", {}).items():
            self.add(name, _plain(inner))
        return _plain(schema)

    def one_per_kind(
        self,
        kinds: Mapping[str, type[BaseModel]],
        *,
        name: Callable[[str], str],
        more: Mapping[str, Schema] | None = None,
        required: Iterable[str] = (),
        tag: str = "kind",
        summaries: Mapping[str, str] | None = None,
        examples: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
        rules: Schema | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> Schema:
        """One named schema for each kind, told apart by `tag`: its options, and `more` properties beside them.

        `summaries` say what a kind is, `examples` are options of it, `rules` what else holds of all of them;
        `aliases` are further names, each of one kind.
        """
        references: dict[str, Schema] = {}
        for kind, model in kinds.items():
            options = self.inline(model)
            others = sorted(alias for alias, meant in (aliases or {}).items() if meant == kind)
            named = {"enum": [kind, *others]} if others else {"const": kind}
            chosen = {"type": "string", **named, "description": "The kind of task."}
            properties = {tag: chosen, **(more or {}), **options.get("properties", {})}
            schema = {
                "type": "object",
                "description": (summaries or {}).get(kind) or options.get("description", ""),
                "properties": properties,
                "required": [tag, *required, *options.get("required", [])],
                "additionalProperties": False,
                **(rules or {}),
            }
            if not schema["description"]:
                del schema["description"]
            if given := list((examples or {}).get(kind, ())):
                schema["examples"] = [{tag: kind, **example} for example in given]
            references[kind] = self.add(name(kind), schema)
        mapping = {kind: reference["$ref"] for kind, reference in references.items()}
        mapping |= {alias: mapping[kind] for alias, kind in (aliases or {}).items() if kind in mapping}
        return {"oneOf": list(references.values()), "discriminator": {"propertyName": tag, "mapping": mapping}}


@cache
def _written(model: type[BaseModel]) -> Schema:
    """As pydantic writes it. That is most of a document's work, and the same in each place and version."""
    return model.model_json_schema(ref_template=f"{PREFIX}{{model}}")


def _plain(schema: Schema) -> Schema:
    """As people would write it: without the titles that pydantic makes of names, of which generators of SDKs would make
    types, and with `X or null` as one type."""
    schema.pop("title", None)
    schema["properties"] = {name: _plain_field(inner) for name, inner in schema.get("properties", {}).items()}
    if not schema["properties"]:
        del schema["properties"]
    return schema


def _plain_field(field: Schema) -> Schema:
    field.pop("title", None)
    if field.get("default", "") is None:
        del field["default"]
    match field:
        case {"anyOf": [{"type": str()} as only, {"type": "null"}]} if "enum" not in only:
            del field["anyOf"]
            return {**only, **field, "type": [only["type"], "null"]}
    return field
