"""JSON documents: written by one step and read by the next, or read back for what a task tells of itself."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.formats import TEXTS

TYPE = TEXTS["json"]
MOST = 64 * 1024**2  # bytes of a document; hours of speech with every word are a few


def write_document(path: Path, content: Mapping[str, Any]) -> None:
    """Write a new document. Raises FileExistsError."""
    with path.open("x", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_document(path: Path) -> dict[str, Any]:
    """The content of a document; raises ValueError for one that is none."""
    if path.stat().st_size > MOST:
        raise ValueError("The document is too large.")
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        raise ValueError("The document is no object.")
    return content


def stamp(path: Path, kind: str, given: Mapping[str, Any], *, object: str = "intelligence") -> None:
    """Complete a document with what every one of them has: `object` and `kind`, and of `given` the id in front and the
    rest (its dates) at the end."""
    content = read_document(path)
    head = {name: given[name] for name in ("id",) if name in given} | {"object": object, "kind": kind}
    tail = {name: value for name, value in given.items() if name not in head}
    whole = path.with_name(f"{path.name}.whole")
    write_document(whole, {**head, **{name: value for name, value in content.items() if name not in head}, **tail})
    os.replace(whole, path)
