"""The whole document of a version."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import ComponentRegistry
from drf_spectacular.settings import patched_settings

from ittyhost.api.openapi.components import PREFIX, Components
from ittyhost.api.openapi.refusals import REFUSALS, header_schemas, refused
from ittyhost.api.openapi.schema import writing
from ittyhost.api.openapi.words import OWN_WORDS, TAGS, WORDS
from ittyhost.api.schemas import Schema
from ittyhost.api.versions import Version

SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "ittyhost",
    "POSTPROCESSING_HOOKS": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "",
}
INTRODUCTION = """\
Turns media into other media and into data, over the documented Ittybit API.

**Who asks.** Every request carries an API key: `Authorization: Bearer <API key>`. A key belongs to one project;
another project's objects do not exist for it.

**Versions.** This is version `{version}`. Ask for it with `Accept-Version: {version}`{aliases}; without the header an
SDK's own headers count, then the project's version, then the service's.

**Answers** are JSON, whatever `Accept` says, and carry their request's id in `X-Request-Id`. Refusals name the field
at fault and the way out, and a code for programs; a `429` or `503` says in `Retry-After` how many seconds to wait. A
method that a path does not have is answered with `405` and the header `Allow`.

**Again, safely.** A `POST` with an `Idempotency-Key` may be sent again, and is done once.

**Files** are put and fetched at the project's delivery address, `<delivery>/<folder>/<filename>`: see the tag
`delivery`, whose paths have a server of their own.
"""
SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "description": "The API key of a project, `sk_live_…` or `sk_test_…`: `Authorization: Bearer <API key>`.",
}


def document(version: Version, patterns: list[URLPattern | URLResolver] | None = None) -> Schema:
    """The whole document of a version. Its `servers` say "here"; who serves it puts the real address there."""
    token = writing.set(version)
    try:
        with patched_settings({**SETTINGS, "VERSION": version.name}):
            generator = SchemaGenerator(patterns=patterns)
            written: Schema = generator.get_schema(request=None, public=True)
    finally:
        writing.reset(token)
    # Paths are matched with and without their last slash; SDKs leave it out.
    paths = {path.rstrip("/") or "/": operations for path, operations in written["paths"].items()}
    registry = ComponentRegistry()
    for plain in _plain_paths(patterns if patterns is not None else get_resolver().url_patterns):
        paths |= plain(Components(registry, version))
    schemas = written.get("components", {}).get("schemas", {})
    schemas = dict(sorted({**registry.build({}).get("schemas", {}), **schemas}.items()))
    schemas.setdefault("Error", version.error_schema())
    _describe(schemas)
    aliases = "".join(f" or `{alias}`" for alias in version.aliases)
    return {
        "openapi": written["openapi"],
        "info": {
            "title": SETTINGS["TITLE"],
            "version": version.name,
            "summary": "A self-hosted media task service.",
            "description": INTRODUCTION.format(version=version.name, aliases=aliases),
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": "/"}],
        "security": [{"ApiKey": []}],
        "tags": _tags(paths),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": _responses(version, paths),
            "headers": header_schemas(),
            "securitySchemes": {"ApiKey": SECURITY},
        },
    }


def _plain_paths(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    """What plain Django views say of their paths: their attribute `openapi_paths`, components → paths, once each."""
    seen: list[Any] = []
    rest = list(patterns)
    while rest:
        pattern = rest.pop(0)
        if isinstance(pattern, URLResolver):
            rest += pattern.url_patterns
        elif (told := getattr(pattern.callback, "openapi_paths", None)) and told not in seen:
            seen.append(told)
            yield told


def _tags(paths: Schema) -> list[Schema]:
    """Those that are used, in the order in which people read of them."""
    used = {tag: None for operations in paths.values() for one in _operations(operations) for tag in one["tags"]}
    ordered = [tag for tag in TAGS if tag in used] + sorted(set(used) - set(TAGS))
    return [{"name": tag, "description": TAGS[tag]} if tag in TAGS else {"name": tag} for tag in ordered]


def _operations(item: Schema) -> list[Schema]:
    return [value for name, value in item.items() if name in {"get", "put", "post", "delete", "head", "patch"}]


def _responses(version: Version, paths: Schema) -> Schema:
    """The shared refusals that operations refer to."""
    error = {"$ref": f"{PREFIX}Error"}
    wanted = {
        reference
        for item in paths.values()
        for operation in _operations(item)
        for answer in operation["responses"].values()
        if (reference := answer.get("$ref"))
    }
    written: Schema = {}
    for refusal in REFUSALS.values():
        if f"#/components/responses/{refusal.name}" in wanted:
            written[refusal.name] = refused(refusal, error, version)
    return written


def _describe(schemas: dict[str, Schema]) -> None:
    """Give the fields of answers their meanings, where shapes do not."""
    for name, schema in schemas.items():
        for field, inner in schema.get("properties", {}).items():
            if field in WORDS and name not in OWN_WORDS and "description" not in inner and "$ref" not in inner:
                inner["description"] = WORDS[field].meaning
