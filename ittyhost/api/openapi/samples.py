"""Example values made from schemas, in the words of the API. What they are is tested: each fits its schema."""

from collections.abc import Mapping
from typing import Any

from ittyhost.api.calls import Call
from ittyhost.api.openapi.components import PREFIX
from ittyhost.api.openapi.words import BASE_URL, WORDS
from ittyhost.api.schemas import Schema

ORG = "org_p0o9i8u7y6t5r4e3"
PROJECT = "prj_q1w2e3r4t5y6u7i8"
REQUEST = "req_k3v9q2m7x1ab"
_PLAIN: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "null": None}


def call(method: str, path: str, data: Any) -> Call:
    """The request that an example answers. The last id in the path is that of the object."""
    public_id = data.get("id") if isinstance(data, Mapping) else None
    pieces = path.split("/")
    filled = [_filled(piece, public_id if piece == pieces[-1] else None) for piece in pieces]
    return Call(REQUEST, method, "/".join(filled), "", BASE_URL, org_id=ORG, project_id=PROJECT)


def _filled(piece: str, public_id: str | None) -> str:
    if not piece.startswith("{"):
        return piece
    return public_id or str(path_example(piece[1:-1]))


def path_example(name: str) -> Any:
    """An id, as a parameter of this name takes."""
    return WORDS[name].example if name in WORDS and WORDS[name].example else "x9y8z7w6v5u4t3s2"


def sample(schema: Schema, schemas: Mapping[str, Schema], name: str = "") -> Any:
    """A value of a schema; of a choice the first. Optional properties are there when a value for them is known."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].removeprefix(PREFIX)], schemas, name)
    for given in ("examples", "const", "enum"):
        if given in schema:
            return schema[given] if given == "const" else schema[given][0]
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if name in WORDS and _fits(WORDS[name].example, types):
        return WORDS[name].example
    for choice in ("anyOf", "oneOf"):
        if choice in schema and not types:
            return sample(schema[choice][0], schemas, name)
    if "null" in types:
        return None
    match types[:1]:
        case ["object"]:
            return _object(schema, schemas)
        case ["array"]:
            return [sample(schema["items"], schemas, name)] if "items" in schema else []
        case ["string"] if schema.get("format") == "date-time":
            return WORDS["created"].example
        case ["integer" | "number"] if "minimum" in schema:
            return schema["minimum"]
    return _PLAIN[types[0]] if types else {}


def _object(schema: Schema, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    required = schema.get("required", [])
    return {
        name: sample(inner, schemas, name)
        for name, inner in schema.get("properties", {}).items()
        if name in required or _known(name, inner)
    }


def _known(name: str, schema: Schema) -> bool:
    types = schema.get("type", [])
    return name in WORDS and _fits(WORDS[name].example, [types] if isinstance(types, str) else types)


def _fits(value: Any, types: list[str]) -> bool:
    if value is None:
        return False
    kinds: dict[str, Any] = {"string": str, "boolean": bool, "integer": int, "number": int | float, "object": dict}
    return any(name in kinds and isinstance(value, kinds[name]) for name in types)


def bodies(schema: Schema, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Example bodies by name: one for each kind where the schema tells kinds apart, at its top or in a property."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(PREFIX)]
    if "discriminator" in schema:
        kinds: dict[str, str] = {}
        for kind, name in schema["discriminator"]["mapping"].items():
            kinds.setdefault(name, kind)  # what comes after are other names of the same
        return {kind: _fullest(schemas[name.removeprefix(PREFIX)], schemas) for name, kind in kinds.items()}
    if "anyOf" in schema:
        return bodies(schema["anyOf"][0], schemas)
    if "examples" in schema:
        return {"example": schema["examples"][0]}
    whole = _object(schema, schemas)
    for name, inner in schema.get("properties", {}).items():
        if (found := bodies(inner, schemas)) and set(found) != {"example"}:
            return {kind: whole | {name: value} for kind, value in found.items()}
    return {"example": whole} if whole else {}


def _fullest(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """Of the examples of a kind the one that says most."""
    return max(schema["examples"], key=len) if "examples" in schema else sample(schema, schemas)
