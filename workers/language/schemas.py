"""JSON schemas that answers are held to: which are taken, and whether a value is valid by one. Pure.

A part of draft 2020-12, without what takes long to check or what models cannot follow: patterns, formats as more than a
word to the model, references but to `$defs`.
"""

import json
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 16 * 1024  # of a schema as JSON
MOST_PARTS = 500  # schemas within one, with references put in
DEPTH = 10  # schemas within each other
_WORDS = frozenset(
    {"title", "description", "default", "examples", "format", "$schema", "$id", "$comment", "deprecated"}
)
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}


def resolved(schema: Any) -> dict[str, Any]:
    """The schema of an object, complete in itself: every reference replaced by what it refers to.

    Raises ValueError, a sentence without a subject, for what is no schema, too large, or more than is taken here.
    """
    if not isinstance(schema, dict):
        raise ValueError("must be a JSON schema, an object")
    if _depth(schema) > 4 * DEPTH or len(json.dumps(schema, ensure_ascii=False).encode()) > MOST_BYTES:
        raise ValueError(f"must be at most {MOST_BYTES // 1024} KiB and {DEPTH} schemas deep")
    if schema.get("type") != "object":
        raise ValueError('must be the schema of an object: its "type" must be "object"')
    return _Resolver(schema.get("$defs", {})).part(schema, "", 1)


def _depth(value: Any) -> int:
    """How deep lists and objects lie in each other, without calling itself as deep."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
    return depth


class _Resolver:
    def __init__(self, definitions: Any) -> None:
        if not isinstance(definitions, dict):
            raise ValueError("must have an object for $defs")
        self._definitions = definitions
        self._parts = 0

    def part(self, schema: Any, path: str, depth: int) -> dict[str, Any]:
        self._parts += 1
        if self._parts > MOST_PARTS or depth > DEPTH:
            raise ValueError(f"must have at most {MOST_PARTS} schemas within it, {DEPTH} deep, and none within itself")
        where = f" at {path[:100]}" if path else ""
        if not isinstance(schema, dict):
            raise ValueError(f"must have an object for every schema, also{where}")
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix("#/$defs/")
            if name not in self._definitions or not str(schema["$ref"]).startswith("#/$defs/"):
                raise ValueError(f"must refer to its own $defs only{where}")
            beside = {word: value for word, value in schema.items() if word != "$ref"}
            return self.part(self._definitions[name], path, depth + 1) | (
                {word: value for word, value in beside.items() if word in _WORDS}
            )
        return {
            word: self._keyword(word, value, path, where, depth) for word, value in schema.items() if word != "$defs"
        }

    def _keyword(self, word: str, value: Any, path: str, where: str, depth: int) -> Any:
        if word in _WORDS or word == "const":
            return value
        if word == "type":
            names = value if isinstance(value, list) else [value]
            if not names or not all(isinstance(name, str) and name in _TYPES for name in names):
                raise ValueError(f"must have types of {', '.join(_TYPES)}{where}")
            return value
        if word == "properties" and isinstance(value, dict):
            return {name: self.part(inner, f"{path}.{name}".lstrip("."), depth + 1) for name, inner in value.items()}
        if word == "items" or (word == "additionalProperties" and not isinstance(value, bool)):
            return self.part(value, f"{path}[]", depth + 1)
        if word == "anyOf" and isinstance(value, list) and value:
            return [self.part(inner, path, depth + 1) for inner in value]
        fits = {
            "additionalProperties": lambda: isinstance(value, bool),
            "uniqueItems": lambda: isinstance(value, bool),
            "required": lambda: isinstance(value, list) and all(isinstance(name, str) for name in value),
            "enum": lambda: isinstance(value, list) and bool(value),
            **dict.fromkeys(_COUNTS, lambda: _is_a("integer", value) and value >= 0),
            **dict.fromkeys(_NUMBERS, lambda: _is_a("number", value)),
        }
        if word not in fits:
            raise ValueError(f"has {word[:50]!r}{where}, which is not read here: use simpler words of JSON Schema")
        if not fits[word]():
            raise ValueError(f"has a value of {word!r}{where} that JSON Schema does not know")
        return value


def problem(value: Any, schema: Mapping[str, Any], path: str = "the answer") -> str:
    """What is wrong with a value by a resolved schema, in words; "" where nothing is."""
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(_is_a(name, value) for name in names):
            return f"{path} is not of type {' or '.join(names)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{path} is none of those that are allowed"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{path} is not what it must be"
    if "anyOf" in schema and all(problem(value, one, path) for one in schema["anyOf"]):
        return f"{path} fits none of its schemas"
    if isinstance(value, dict):
        return _of_object(value, schema, path)
    if isinstance(value, list):
        return _of_list(value, schema, path)
    if isinstance(value, str):
        return _of_length(len(value), schema, "Length", f"{path} has")
    if _is_a("number", value):
        return _of_number(value, schema, path)
    return ""


def _is_a(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _same(first: Any, second: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(first[name], second[name]) for name in first)
    return bool(first == second)


def _key(value: Any) -> str:
    """The same for two values that are the same as JSON has it: 1 is 1.0, and the order of names does not matter."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _of_object(value: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> str:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            return f"{path} has no {name!r}"
    for name, inner in value.items():
        if name not in properties and others is False:
            return f"{path} has {name[:50]!r}, which is not asked for"
        rule = properties.get(name, others if isinstance(others, dict) else {})
        if wrong := problem(inner, rule, f"{path}, {name[:50]!r},"):
            return wrong
    return ""


def _of_list(value: list[Any], schema: Mapping[str, Any], path: str) -> str:
    if wrong := _of_length(len(value), schema, "Items", f"{path} has"):
        return wrong
    if schema.get("uniqueItems") and len({_key(item) for item in value}) < len(value):
        return f"{path} has something twice"
    rule = schema.get("items", {})
    return next((wrong for item in value if (wrong := problem(item, rule, f"an item of {path}"))), "")


def _of_length(count: int, schema: Mapping[str, Any], what: str, told: str) -> str:
    if count < schema.get(f"min{what}", 0):
        return f"{told} {count}, fewer than {schema[f'min{what}']}"
    if count > schema.get(f"max{what}", count):
        return f"{told} {count}, more than {schema[f'max{what}']}"
    return ""


def _of_number(value: float, schema: Mapping[str, Any], path: str) -> str:
    if value < schema.get("minimum", value) or ("exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]):
        return f"{path} is too small"
    if value > schema.get("maximum", value) or ("exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]):
        return f"{path} is too large"
    return ""


def is_closed(schema: Mapping[str, Any]) -> bool:
    """Whether every object in it has all of its properties and no others: what servers' strict mode insists on."""
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema[word] for word in ("items", "additionalProperties") if isinstance(schema.get(word), dict)]
    if schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != names:
            return False
    return all(is_closed(part) for part in inner)
