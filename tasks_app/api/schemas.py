"""How the flat form of `POST /tasks` is described for OpenAPI: one schema for each kind, its options beside `kind`."""

from collections.abc import Callable, Sequence
from typing import Any

from ittyhost.api.openapi import Components
from tasks_app.api.fields import made_aliases
from tasks_app.control import INGEST, all_kinds
from workers.kinds.base import Kind

WEBHOOK_SCHEMA = {
    "type": ["string", "null"],
    "format": "uri",
    "maxLength": 2048,
    "description": "Kept; not called yet.",
}
_SOURCES: dict[str, dict[str, Any]] = {
    "url": {
        "type": ["string", "null"],
        "format": "uri",
        "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://",
        "description": "Where the input is fetched from; ingest needs it.",
    },
    "file_id": {
        "type": ["string", "null"],
        "description": "The input: the id of a file, or of a media, of this project.",
    },
    "input": {"type": ["string", "null"], "description": "The input: the id of a file or of a media, or a URL."},
}
FILE_ID = "file_q7w8e9r0t1y2u3i4"
MEDIA_ID = "med_z8y7x6w5v4u3t2s1"
REMOTE = "https://example.com/harbour.mp4"


def pascal(kind: str) -> str:
    """`adaptive_video` as a part of a type's name: AdaptiveVideo."""
    return kind.title().replace("_", "")


def fullest(kind: Kind) -> dict[str, Any]:
    """Of the examples of a kind the one that says most."""
    examples = [dict(example) for example in kind.examples]
    return max(examples, key=len) if examples else {}


def flat_schema(components: Components, *, name: Callable[[str], str], sources: Sequence[str]) -> dict[str, Any]:
    """One schema for each kind under the names that `name` gives them; exactly one of `sources` is to be given."""
    kinds = all_kinds().values()
    return components.one_per_kind(
        {kind.name: kind.options for kind in kinds},
        name=name,
        aliases=made_aliases(),
        more=_beside(sources),
        summaries={kind.name: kind.summary for kind in kinds},
        examples={kind.name: [{**_input(kind), **example} for example in kind.examples] for kind in kinds},
        rules=_exactly_one(sources),
    )


def loose_schema(sources: Sequence[str]) -> dict[str, Any]:
    """The same form in one schema, for versions in which it is the lesser one: the options are not spelled out."""
    names = sorted({*all_kinds(), *made_aliases()})
    kind = {"type": "string", "enum": names, "description": "The kind of task."}
    return {
        "type": "object",
        "description": "The same, flat: the options of the kind stand beside it.",
        "properties": {"kind": kind, **_beside(sources)},
        "required": ["kind"],
        "additionalProperties": {"description": "An option of the kind."},
        "examples": [{"kind": "image", "file_id": FILE_ID, "width": 800}],
        **_exactly_one(sources),
    }


def _input(kind: Kind) -> dict[str, str]:
    return {"url": REMOTE} if kind is INGEST else {"file_id": FILE_ID}


def _beside(sources: Sequence[str]) -> dict[str, Any]:
    """What may stand beside the kind and its options."""
    options = {
        "type": ["object", "null"],
        "description": "The options, where they do not stand beside `kind`; these win over those that do.",
    }
    return {source: _SOURCES[source] for source in sources} | {"webhook_url": WEBHOOK_SCHEMA, "options": options}


def _exactly_one(sources: Sequence[str]) -> dict[str, Any]:
    """One of them is a text; the others are not there, or null."""
    return {
        "oneOf": [{"required": [source], "properties": {source: {"type": "string"}}} for source in sources],
    }
