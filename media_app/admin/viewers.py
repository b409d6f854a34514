"""What files of tracks and intelligence say, laid out for people: transcripts beside their player, scores as a plot.

What a document says may be anything that was spoken, written or made up: it is text here, and whatever has not the
form of its kind is left out. A page shows a bounded part of it.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html

from ittyhost.admin import html
from media_app.admin.plots import Moment, timeline_plot
from media_app.admin.previews import content_url, has_bytes, is_shown, preview
from media_app.models import File, FileMember
from media_app.storage import ObjectMissing, StorageUnavailable, bucket
from workers.providers.base import SAFETY
from workers.texts import cues_of

VIEWED = (
    *("description", "summary", "tags", "prompt", "speech", "subtitles", "chapters", "outline"),
    *("nsfw", "thumbnails", "objects", "faces", "text"),
)
LINES = 500  # on a page: two hours of speech are some 2,000
MOST_BYTES = 16 * 1024**2  # of a document that is read to be shown
RAW = 50_000  # characters of a document as it is
SHEETS = 12


def is_viewed(file: File) -> bool:
    """Whether there is more to show of it than a name."""
    return file.object != File.Object.SOURCE and file.kind in VIEWED and has_bytes(file)


def viewer_url(file: File) -> str:
    return reverse("admin:media_app_file_viewer", args=[file.pk])


def slot(file: File, *, has_player: bool = False) -> str:
    """Where the viewer of a file is loaded to, by the page's script; its own player is left out where there is one."""
    url = viewer_url(file) + ("?player=no" if has_player else "")
    return format_html('<div class="itty-viewer" data-load="{}">Reading …</div>', url)


def member_url(file: File, name: str) -> str:
    return reverse("admin:media_app_file_member", args=[file.pk, name])


@dataclass(frozen=True)
class Line:
    """Something that is said, written, or begins, at a time."""

    start: float
    end: float
    text: str
    who: str = ""
    sure: str = ""

    @property
    def clock(self) -> str:
        return clock(self.start)


def clock(seconds: float) -> str:
    """A moment for people: 0:01.9, 1:02:03.5."""
    minutes, rest = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    rest = math.floor(rest * 10) / 10
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def viewer_context(file: File, *, page: int = 1, has_player: bool = False) -> dict[str, Any]:
    """What the viewer's template shows of a file."""
    shown: dict[str, Any] = {"file": file, "kind": file.kind}
    if not has_player:
        shown["player"] = player_of(file)
    try:
        data = _read(file)
    except ObjectMissing:
        return shown | {"problem": "Its bytes are gone."}
    except StorageUnavailable:
        return shown | {"problem": "The storage does not answer at the moment."}
    if data is None:
        return shown | {"problem": f"It has more than {MOST_BYTES // 1024**2} MiB: too much to be shown here."}
    text = data.decode("utf-8", "replace")
    shown["raw"], shown["is_cut"] = text[:RAW], len(text) > RAW
    shown["content_url"] = content_url(file)
    if file.type.partition(";")[0] != "application/json":
        return shown | _track(file, data, page)
    try:
        document = json.loads(_encodable(json.dumps(json.loads(text), ensure_ascii=False)))
        shown["raw"] = json.dumps(document, indent=2, ensure_ascii=False)[:RAW]
    except (ValueError, RecursionError):
        return shown | {"problem": "It is no JSON."}
    if not isinstance(document, dict):
        return shown | {"problem": "It is no document."}
    return shown | _document(file, document, page)


def player_of(file: File) -> str:
    """What a file tells of, to be looked at or listened to: its media's original, else the newest variant that a
    browser can play."""
    sources = File.objects.filter(media=file.media_id, object=File.Object.SOURCE).defer("probe", "metadata")
    original = sources.filter(original=True).first()
    if original is not None and is_shown(original) and has_bytes(original):
        return preview(original)
    variants = sources.filter(kind__in=("video", "audio", "image")).order_by("-created", "-pk")[:20]
    best = next((each for each in variants if is_shown(each) and has_bytes(each)), None)
    return preview(best) if best else ""


def _encodable(text: str) -> str:
    """A text without halves of surrogate pairs, which JSON can name and no page can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _read(file: File) -> bytes | None:
    if file.entry_size > MOST_BYTES:
        return None
    chunks = bucket().open(file.key)
    try:
        return b"".join(chunks)
    finally:
        chunks.close()


def _track(file: File, data: bytes, page: int) -> dict[str, Any]:
    if file.kind == "thumbnails":
        return _sheets(file, data)
    return _paged([Line(start, end, said) for start, end, said in cues_of(data)], page)


def _sheets(file: File, data: bytes) -> dict[str, Any]:
    members = FileMember.objects.filter(file=file, type__startswith="image/").order_by("id")
    sheets = [(member_url(file, member.name), member.name) for member in members[: SHEETS + 1]]
    return {"sheets": sheets[:SHEETS], "has_more_sheets": len(sheets) > SHEETS, "pictures": data.count(b"#xywh=")}


def _document(file: File, document: Mapping[str, Any], page: int) -> dict[str, Any]:
    """What each kind of document shows."""
    shown = {
        "facts": html.facts(
            (name.replace("_", " "), _plain(document.get(name)))
            for name in (
                *("detected", "language", "speakers", "confidence", "categories_checked", "frames"),
                *("model", "model_version", "notes"),
            )
        )
    }
    if file.kind == "nsfw":
        return shown | _scores(document)
    if file.kind in ("description", "summary", "tags", "prompt"):
        words = document.get("text")
        return shown | {
            "title": _text(document.get("title")),
            "words": _text(document.get("description")) or _text(words),
            "asked": _text(document.get("prompt")),
            "tags": [tag for tag in map(_text, _list(document.get("tags"))) if tag],
            "data": "" if words is None or isinstance(words, str) else html.pretty(words),
        }
    named = {"chapters": ("chapters", "title"), "outline": ("timeline", "title"), "subtitles": ("cues", "text")}
    several = document.get("speakers") not in (None, 0, 1)
    place, field = named.get(file.kind, ("timeline", "label" if file.kind == "objects" else "text"))
    lines = list(_lines(_list(document.get(place)), field, file.kind, with_speaker=several))
    return shown | _paged(lines, page)


def _scores(document: Mapping[str, Any]) -> dict[str, Any]:
    given = document.get("thresholds")
    limits: Mapping[str, Any] = given if isinstance(given, dict) else {}
    scores = {name: _number(document.get(name)) for name in SAFETY}
    bars = [
        (name, "not judged" if score is None else html.bar(score * 100, f"{score:.2f}"), _number(limits.get(name)))
        for name, score in scores.items()
    ]
    moments = [
        Moment(start, end, {name: score for name in SAFETY if (score := _number(item.get(name))) is not None})
        for item in _list(document.get("timeline"))
        if isinstance(item, dict) and (start := _number(item.get("start"))) is not None
        if (end := _number(item.get("end"))) is not None and end > start >= 0
    ]
    known = {name: limit for name in SAFETY if (limit := _number(limits.get(name))) is not None}
    return {"bars": bars, "plot": timeline_plot(moments, known) if moments else ""}


def _lines(items: Iterable[Any], field: str, kind: str, *, with_speaker: bool) -> Iterable[Line]:
    for item in items:
        start = _number(item.get("start")) if isinstance(item, dict) else None
        if start is None:
            continue
        end, sure, speaker = (_number(item.get(name)) for name in ("end", "confidence", "speaker"))
        who = f"speaker {speaker + 1:.0f}" if with_speaker and speaker is not None else ""
        text = _text(item.get(field)) or ("a face" if kind == "faces" else "")
        yield Line(start, start if end is None else end, text, who, "" if sure is None else f"{sure:.2f}")


def _paged(lines: list[Line], page: int) -> dict[str, Any]:
    pages = max(1, -(-len(lines) // LINES))
    page = min(max(page, 1), pages)
    return {
        "lines": lines[(page - 1) * LINES : page * LINES],
        "is_empty": not lines,
        "count": len(lines),
        "page": page,
        "pages": [(number, number == page) for number in range(1, pages + 1)] if pages > 1 else [],
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_one and abs(value) < 1e9 else None  # neither is NaN, nor what no float can hold


def _plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value[:20]) or None
    return None if value is None or isinstance(value, dict) else str(value)[:500]
