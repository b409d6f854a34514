"""Conditions: what must hold of a media and its file before the steps behind them run. Reads them; knows no HTTP."""

import json
from typing import Any

from ittyhost.errors import Invalid

MAX_CONDITIONS = 20  # in one place
MAX_VALUE = 500  # characters

OF_MEDIA = ("kind", "title", "width", "height", "duration")
OF_FILE = (
    *("kind", "type", "format", "container", "codec", "width", "height", "orientation", "duration", "fps"),
    *("bitrate", "filesize", "size", "folder", "filename", "ref", "label"),
)
# Written bare, the media's where it has one, else its file's.
PROPS = (
    *dict.fromkeys((*OF_MEDIA, *OF_FILE)),
    *(f"media.{name}" for name in OF_MEDIA),
    *(f"file.{name}" for name in OF_FILE),
)


def conditions_read(given: object, *, param: str) -> list[dict[str, str]]:
    """Conditions as they are kept, `{prop, value}` with the value as text, from one or more as a client writes them.

    Raises Invalid naming the place: `workflow.0.conditions.1.prop`.
    """
    if not isinstance(given, list):
        raise Invalid(f"{param} must be an array of conditions, each with prop and value.", param=param)
    if not given:
        raise Invalid(f"{param} must have at least one condition.", param=param)
    if len(given) > MAX_CONDITIONS:
        raise Invalid(f"{param} must have at most {MAX_CONDITIONS} conditions.", param=param)
    return [_condition(item, f"{param}.{place}") for place, item in enumerate(given)]


def _condition(given: object, param: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise Invalid(f"{param} must be an object with prop and value.", param=param)
    # A name that is not read could have been meant to turn the condition round.
    for name in given:
        if name not in ("prop", "value"):
            raise Invalid(f"{param}.{name} is not known here: a condition has prop and value.", param=f"{param}.{name}")
    return {
        "prop": _prop(given.get("prop"), f"{param}.prop"),
        "value": _value(given.get("value"), f"{param}.value"),
    }


def _prop(given: object, param: str) -> str:
    if not isinstance(given, str) or given not in PROPS:
        missing = "is required:" if given is None else "must be"
        raise Invalid(f"{param} {missing} one of {', '.join(PROPS)}.", param=param)
    return given


def _value(given: Any, param: str) -> str:
    """As text, which is what typed clients read: 5 is "5", true is "true"."""
    if given is None:
        raise Invalid(f"{param} is required: a text, number, true or false.", param=param)
    if not isinstance(given, str | int | float):  # a bool is an int
        raise Invalid(f"{param} must be a text, number, true or false.", param=param)
    text = given if isinstance(given, str) else json.dumps(given)
    if len(text) > MAX_VALUE:
        raise Invalid(f"{param} must have at most {MAX_VALUE} characters.", param=param)
    return text
