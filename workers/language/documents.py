"""The documents of description, tags and prompt, out of what was answered. Run in the media helper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.documents import read_document, write_document


def write_words(cwd: Path, operations: Mapping[str, Any]) -> None:
    """Write `target`, the document of `kind`, of the `answer` to workers.language; tags that are less sure than
    `confidence` are left out."""
    answer = read_document(cwd / operations["answer"])
    write_document(cwd / operations["target"], _DOCUMENTS[operations["kind"]](answer, operations))


def _description(answer: Mapping[str, Any], operations: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": answer["title"],
        "description": answer["description"],
        **_tags(answer, operations),
    }


def _tags(answer: Mapping[str, Any], operations: Mapping[str, Any]) -> dict[str, Any]:
    kept = [tag for tag in answer["tags"] if tag["confidence"] >= (operations["confidence"] or 0.0)]
    return {
        "tags": [tag["tag"] for tag in kept],
        "confidences": {tag["tag"]: tag["confidence"] for tag in kept},
        "language": answer["language"],
        "languages": [answer["language"]],
        "confidence": answer["confidence"],
        **_made_by(answer),
    }


def _prompt(answer: Mapping[str, Any], operations: Mapping[str, Any]) -> dict[str, Any]:
    told = {"data": answer["data"]} if answer["text"] is None else {"text": answer["text"]}
    return {"prompt": operations["prompt"], **told, **_made_by(answer)}


def _made_by(answer: Mapping[str, Any]) -> dict[str, Any]:
    notes = [answer["note"]] if answer.get("note") else []
    return {"model": answer["model"], "model_version": answer["model_version"], "notes": notes}


_DOCUMENTS = {"description": _description, "tags": _tags, "prompt": _prompt}
