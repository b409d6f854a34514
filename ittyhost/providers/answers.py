"""What servers answer, read with care: JSON out of text, and text that can be kept."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from workers.language.schemas import problem

MOST = 256 * 1024  # characters of an answer that are looked at
BRACES = 20  # of an answer that are looked at, until one begins its JSON
DEEP = 50  # lists and objects within each other
# What models think before they answer, where their server does not set it apart. With some the mark that begins it
# stands in the question, and only its end is seen.
_THOUGHT = re.compile(
    r"\A\s*(?:<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)|\[THINK\].*?(?:\[/THINK\]|\Z)"
    r"|[^{\s].*?</think(?:ing)?>|<\|channel\|>(?:.*<\|channel\|>final<\|message\|>|final<\|message\|>))",
    re.DOTALL,
)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]"
)  # no database keeps these, no file of UTF-8 the last


class Unreadable(ValueError):
    """What is wrong with an answer, in words that a model understands as well."""


def clean_text(text: str) -> str:
    """The text without what cannot be kept or shown."""
    return _HIDDEN.sub("", text)


def spoken(text: str) -> str:
    """What a model said, without what it thought first."""
    return clean_text(_THOUGHT.sub("", text[:MOST], count=1)).strip()


def data_in(text: str, schema: Mapping[str, Any]) -> Any:
    """The JSON in what a model said, valid by the schema; words around it are ignored. Raises Unreadable."""
    said = spoken(text)
    start = said.find("{")
    for _ in range(BRACES):
        if start < 0:
            break
        try:
            value, _ = json.JSONDecoder(parse_constant=_no_number).raw_decode(said, start)
            value = _clean(value, 0)
        except Unreadable:
            raise
        except json.JSONDecodeError as exc:
            if said[start + 1 : exc.pos].strip():
                raise Unreadable("its JSON is broken") from None
            start = said.find("{", start + 1)  # that one was a brace in words
            continue
        except (ValueError, RecursionError):
            raise Unreadable("its JSON is broken") from None
        if wrong := problem(value, schema):
            raise Unreadable(wrong)
        return value
    raise Unreadable("it holds no JSON object")


def _no_number(name: str) -> Any:
    raise Unreadable(f"it holds {name}, which is no JSON")


def _clean(value: Any, depth: int) -> Any:
    if depth > DEEP:
        raise Unreadable("its JSON is too deep")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable("a number in it is too large")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        raise Unreadable("a number in it is too large")
    if isinstance(value, dict):
        return {clean_text(name): _clean(item, depth + 1) for name, item in value.items()}
    return [_clean(item, depth + 1) for item in value] if isinstance(value, list) else value
