"""The few words in which shapes describe their answers for OpenAPI."""

from collections.abc import Collection, Mapping
from typing import Any

Schema = dict[str, Any]

# Left out of version 2024-03-21's objects where they are not known, as its samples do.
OPTIONAL = frozenset(
    {"format", "width", "height", "duration", "fps", "codec", "bitrate", "orientation", "label", "folder"}
)


def described(words: Mapping[str, str]) -> dict[str, Schema]:
    """Schemas of properties from a type's name each; "?" after it allows null."""
    return {name: _one(word) for name, word in words.items()}


def _one(word: str) -> Schema:
    name = word.removesuffix("?")
    schema: Schema = {"type": "string", "format": name} if name == "date-time" else {"type": name}
    return schema | {"type": [schema["type"], "null"]} if word.endswith("?") else schema


def closed(properties: Mapping[str, Schema], *, optional: Collection[str] = ()) -> Schema:
    """An object with these properties and no others; all are always there but the optional ones."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
