"""What servers mean where they answer no: each has its own status for it, its own codes and its own words.

Read after OpenAI, vLLM, llama.cpp's server, Ollama, LM Studio, TGI, Mistral and OpenRouter. What none of them says is
what its status means.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

READ = 64 * 1024  # bytes of a refusal that are looked at
_SAYS = ("message", "msg", "code", "type", "param", "error", "detail", "loc", "errors")  # not what repeats the request

ROOM, MODEL, PICTURES, QUOTA, CONTENT, TURNS = "room", "model", "pictures", "quota", "content", "turns"
_MEANINGS = (  # the first that fits
    (TURNS, r"must alternate|alternate between|system role|role system|roles? .{0,40}not supported"),
    (
        PICTURES,
        r"(image|vision|multimodal|image_url)\b.{0,60}\b(not support|only supported|unsupported|expected `text`)",
    ),
    (
        PICTURES,
        r"not (a multimodal model|support(ed)? (image|vision|multimodal))|no endpoints found that support image",
    ),
    (QUOTA, r"insufficient_quota|exceeded your current quota|insufficient (balance|credits)|billing"),
    (CONTENT, r"content_filter|content management policy|content_policy|safety system"),
    (ROOM, r"context[ _](length|size|window)|prompt is too long|max_(completion_)?tokens.{0,20}(too large|at least 1)"),
    (ROOM, r"must have less than \d+ tokens|max_new_tokens`? must be|token count.{0,60}exceeds"),
    (MODEL, r"model_not_found|invalid_model|not a valid model|no such model|unknown model"),
    (MODEL, r"\bmodel\b.{0,120}\b(not found|not exist|not available|not loaded|not installed)"),
)
_KNOWN = tuple((meaning, re.compile(words, re.IGNORECASE | re.DOTALL)) for meaning, words in _MEANINGS)
# What is meant for good, whatever the status says: llama.cpp answers 500 to pictures, OpenAI 429 to an empty purse.
FOR_GOOD = {429: frozenset({QUOTA}), 500: frozenset({ROOM, PICTURES, TURNS})}
_LOADS = re.compile(r"\bloading\b", re.IGNORECASE)


def told(data: bytes) -> str:
    """What a refusal says itself, without what it repeats of the request: that may say anything."""
    text = data[:READ].decode("utf-8", "replace")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return " ".join(_sayings(content, 0))


def _sayings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 6:
        for item in value:
            yield from _sayings(item, depth + 1)
    elif isinstance(value, dict) and depth < 6:
        for name in _SAYS:
            if name in value:
                yield from _sayings(value[name], depth + 1)


def meaning(words: str) -> str:
    """One of the names above, "" where nothing is known to be meant."""
    return next((name for name, known in _KNOWN if known.search(words)), "")


def is_loading(words: str) -> bool:
    """Whether the server is there, and its model will be."""
    return bool(_LOADS.search(words))
