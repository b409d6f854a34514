"""What the typed clients of PHP and Go fail on, by the types that the vendor's Python package declares.

All five SDKs are made of one definition. Python's does not check what it reads; PHP's and Go's do, and give nothing at
all when a value that must be there is missing or null, or when one has another type: a float where an integer is
declared, an array for an object, a literal by other letters, a time that is not RFC 3339.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ittybit.core.serialization import FieldMetadata
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_PLAIN: dict[Any, Any] = {str: str, int: int, float: int | float, bool: bool, NoneType: NoneType}


def faults(value: Any, declared: Any, path: str = "$") -> Iterator[str]:
    """What a strict client would fail on in a value of a declared type, each with its place; none when it reads it."""
    origin, arguments = get_origin(declared), get_args(declared)
    if declared is Any:
        return
    if declared is datetime:
        yield from _time(value, path)
    elif declared in _PLAIN:
        if not isinstance(value, _PLAIN[declared]) or (isinstance(value, bool) and declared is not bool):
            yield f"{path} is {value!r}, not {declared.__name__}"
    elif origin is Literal:
        if value not in arguments:
            yield f"{path} is {value!r}, not {' or '.join(map(repr, arguments))}"
    elif origin in (Union, UnionType):
        yield from _one_of(value, arguments, path)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path} is {value!r}, not an array"
            return
        for place, item in enumerate(value):
            yield from faults(item, arguments[0], f"{path}.{place}")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path} is {value!r}, not an object"
            return
        for name, item in value.items():
            yield from faults(item, arguments[1], f"{path}.{name}")
    elif isinstance(declared, type) and issubclass(declared, BaseModel):
        yield from _object(value, declared, path)
    else:
        raise TypeError(f"{path}: nothing is known of {declared!r}")


def _time(value: Any, path: str) -> Iterator[str]:
    try:
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            raise ValueError
        datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
    except ValueError:
        yield f"{path} is {value!r}, not a time by RFC 3339"


def _one_of(value: Any, allowed: tuple[Any, ...], path: str) -> Iterator[str]:
    if Any in allowed:
        # What Python declares as some words or anything is an enumeration elsewhere: any text passes, and nothing else.
        words = any(get_origin(one) is Literal for one in allowed)
        allowed = (str, *(one for one in allowed if one is NoneType)) if words else (Any,)
    found = [list(faults(value, one, path)) for one in allowed]
    if all(found):
        yield from min(found, key=len)


def _object(value: Any, model: type[BaseModel], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is {value!r}, not an object"
        return
    for attribute, field in model.model_fields.items():
        name = _written(attribute, field)
        # A literal has a default in Python, and must be there elsewhere.
        must = field.is_required() or get_origin(field.annotation) is Literal
        if value.get(name) is not None:
            yield from faults(value[name], field.annotation, f"{path}.{name}")
        elif must:
            yield f"{path}.{name} is {'null' if name in value else 'missing'}"


def _written(attribute: str, field: FieldInfo) -> str:
    """The name of a field in JSON."""
    return next((item.alias for item in field.metadata if isinstance(item, FieldMetadata)), attribute)
