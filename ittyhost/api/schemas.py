"""The few words in which shapes describe their answers for OpenAPI."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

Schema = dict[str, Any]

SAMPLE_IDS = {  # as everywhere in the documents
    "file": "q7w8e9r0t1y2u3i4",
    "med": "z8y7x6w5v4u3t2s1",
    "tsk": "c4v5b6n7m8a9s0d1",
    "task": "c4v5b6n7m8a9s0d1",
    "auto": "a1u2t3o4m5a6t7e8",
}


def an_id(prefix: str) -> Schema:
    """The id of an object: the prefix and sixteen characters."""
    example = f"{prefix}_{SAMPLE_IDS.get(prefix, 'k3v9q2m7x1ab4n5p')}"
    return {"type": "string", "pattern": f"^{prefix}_[0-9A-Za-z]+$", "examples": [example]}


def one_of(values: Iterable[str], *, example: str | None = None) -> Schema:
    """One of a few words; `example` is the one that samples show, instead of the first."""
    words = list(dict.fromkeys(values))
    return {"type": "string", "enum": words} | ({"examples": [example]} if example else {})


def described(words: Mapping[str, str]) -> dict[str, Schema]:
    """Schemas of properties from a type's name each; "?" after it allows null."""
    return {name: _one(word) for name, word in words.items()}


def _one(word: str) -> Schema:
    name = word.removesuffix("?")
    schema: Schema = {"type": "string", "format": name} if name == "date-time" else {"type": name}
    return schema | {"type": [schema["type"], "null"]} if word.endswith("?") else schema


def nullable(type: str) -> Schema:
    """A value of a type, or null."""
    return {"type": [type, "null"]}


def closed(properties: Mapping[str, Schema], *, optional: Collection[str] = ()) -> Schema:
    """An object with these properties and no others; all are always there but the optional ones."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
