"""What an output says, in words: what it can be found by. The one place that reads every kind's document."""

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from workers.documents import read_document
from workers.engine.errors import SourceUnsupported
from workers.formats import text_of_type
from workers.tracks.captions import read_cues

MOST = 4 * 1024**2  # characters of its texts that are told; bytes of a track that are read
_TAG = re.compile(r"<[^<>]*>")  # what is no mark of WebVTT is escaped


def _strings(value: Any) -> Iterable[str]:
    """The texts of a field, be it one or a list of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def _of(*names: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    def read(document: Mapping[str, Any]) -> Iterable[str]:
        for name in names:
            yield from _strings(document.get(name))

    return read


def _of_each(name: str, *within: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """The texts of these fields in each item of a list, none of them twice in a row."""

    def read(document: Mapping[str, Any]) -> Iterable[str]:
        last = ""
        items = document.get(name)
        for item in items if isinstance(items, list) else ():
            found = " ".join(text for field in within for text in _strings(item.get(field))) if item else ""
            if found and found != last:
                yield found
            last = found

    return read


def _objects(document: Mapping[str, Any]) -> Iterable[str]:
    return dict.fromkeys(_of_each("timeline", "label")(document))


def _written(document: Mapping[str, Any]) -> Iterable[str]:
    """What stands in pictures: a caption that is seen for minutes counts once."""
    return dict.fromkeys((*_of("text")(document), *_of_each("timeline", "text")(document)))


_DOCUMENTS: dict[str, Callable[[Mapping[str, Any]], Iterable[str]]] = {
    "speech": _of("text"),
    "description": _of("title", "description", "tags"),
    "tags": _of("tags"),
    "prompt": _of("text"),
    "outline": _of_each("timeline", "title"),
    "chapters": _of_each("chapters", "title"),
    "subtitles": _of_each("cues", "text"),
    "objects": _objects,
    "text": _written,
}
_TRACKS = frozenset({"subtitles", "chapters"})  # cues with words; those of thumbnails are addresses


def text_of(kind: str, path: Path, type: str) -> str:
    """What the output of a kind says, a line for each text; empty for kinds that say nothing, and for what cannot be
    read: a document is of use without being found."""
    try:
        format = text_of_type(type)
        if format == "json" and kind in _DOCUMENTS:
            texts = _DOCUMENTS[kind](read_document(path))
        elif format in ("vtt", "srt") and kind in _TRACKS:
            with path.open("rb") as file:
                texts = [text for _, _, text in cues_of(file.read(MOST))]
        else:
            return ""
        return "\n".join(texts)[:MOST]
    except (ValueError, AttributeError, json.JSONDecodeError, RecursionError):
        return ""


def cues_of(track: bytes) -> list[tuple[float, float, str]]:
    """(start, end, text) of each cue of a WebVTT or SubRip file: seconds; text in one line and without marks."""
    try:
        cues = read_cues(track)
    except SourceUnsupported:
        return []
    texts = [" ".join(html.unescape(_TAG.sub("", cue.text)).split()) for cue in cues]
    return [(cue.start, cue.end, text) for cue, text in zip(cues, texts, strict=True) if text]
