"""What an owner may keep with a media, a file or anything else: JSON of their own, within bounds."""

import json
from typing import Any

from ittyhost.errors import Invalid

MAX_METADATA_BYTES = 16 * 1024  # as JSON
MAX_METADATA_DEPTH = 8  # levels; the object itself is the first
MAX_METADATA_NAMES = 200  # in all levels together
MAX_METADATA_NAME = 100  # characters


def metadata_clean(metadata: dict[str, Any], *, param: str = "metadata") -> dict[str, Any]:
    """The same metadata. Raises Invalid naming the place in it that is too much."""
    names = 0
    rest: list[tuple[Any, tuple[str, ...]]] = [(metadata, (param,))]
    while rest:
        value, place = rest.pop()
        if not isinstance(value, dict | list):
            continue
        if len(place) > MAX_METADATA_DEPTH:
            raise _refused(place, f"is nested too deeply: {param} may have at most {MAX_METADATA_DEPTH} levels.")
        if isinstance(value, dict):
            names += len(value)
            if any(len(name) > MAX_METADATA_NAME for name in value):
                raise _refused(place, f"must have names of at most {MAX_METADATA_NAME} characters.")
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        rest += [(item, (*place, str(name))) for name, item in inner]
    if names > MAX_METADATA_NAMES:
        raise _refused((param,), f"must have at most {MAX_METADATA_NAMES} names, in all its levels together.")
    if len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_METADATA_BYTES:
        raise _refused((param,), f"must have at most {MAX_METADATA_BYTES} bytes.")
    return metadata


def _refused(place: tuple[str, ...], problem: str) -> Invalid:
    path = ".".join(place)
    return Invalid(f"{path} {problem}", param=path)
