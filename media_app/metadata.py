"""What an owner keeps with a media or a file: any JSON object, within bounds."""

import json
from typing import Any

MAX_BYTES = 16 * 1024  # as compact JSON
MAX_DEPTH = 8  # the object itself is the first level
MAX_NAMES = 200  # in all levels together
MAX_NAME = 100  # characters
LIMITS = f"At most {MAX_BYTES} bytes, {MAX_DEPTH} levels and {MAX_NAMES} names."


def metadata_problem(data: dict[str, Any]) -> tuple[tuple[str, ...], str] | None:
    """What is too much of an object: the place within it, and a sentence without its subject; None when nothing is."""
    if len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_BYTES:
        return (), f"must have at most {MAX_BYTES} bytes."
    names = 0
    rest: list[tuple[Any, tuple[str, ...]]] = [(data, ())]
    while rest:
        value, place = rest.pop()
        if not isinstance(value, dict | list):
            continue
        if len(place) >= MAX_DEPTH:
            return place, f"is nested too deeply: at most {MAX_DEPTH} levels are kept."
        if isinstance(value, dict):
            names += len(value)
            if any(len(name) > MAX_NAME for name in value):
                return place, f"must have names of at most {MAX_NAME} characters."
        if names > MAX_NAMES:
            return (), f"must have at most {MAX_NAMES} names, in all its levels together."
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        rest += [(item, (*place, str(name))) for name, item in inner]
    return None
