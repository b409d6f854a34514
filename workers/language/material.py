"""What is known of a file that words are wanted for: its facts, what is said in it, what is seen and written there."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.documents import read_document
from workers.language.facts import facts_of
from workers.providers.base import Label

__all__ = ["Line", "Material", "clock", "facts_of", "read_material", "sampled_lines", "weight"]

GAP = "[…]"  # stands where lines were left out
PASSAGE = 400  # of weight: lines that are kept or left out together
LINE = 2000  # characters of one line
LEGIBLE = 0.7  # how sure writing must be: below are leaves and wrinkles
WRITTEN = 200  # lines of writing that are looked at
# Letters that take a model several tokens: of most scripts but Latin one or two, of Chinese and the like one to three.
_BROAD, _WIDE = re.compile(r"[ɐ-⹿]"), re.compile(r"[⺀-􏿿]")


@dataclass(frozen=True)
class Line:
    """What somebody says at a time, seconds."""

    time: float
    text: str


@dataclass(frozen=True)
class Material:
    """`facts` as workers.language.facts tells them; `language` is that of what is said, "" where nobody speaks, and
    `heard` how sure the words are; `labels`, `written` and `captions` are what models see in the frames; `pictures` are
    the frames themselves with their times. `unseen` says why nothing was looked at, `missing` that the file ends before
    it says: then the facts have the length that can be read."""

    facts: Mapping[str, Any]
    said: tuple[Line, ...] = ()
    language: str = ""
    heard: float = 0.0
    labels: tuple[Label, ...] = ()
    written: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    pictures: tuple[tuple[float, Path], ...] = ()
    unseen: str = ""
    missing: str = ""


def read_material(request: Mapping[str, Any], workdir: Path) -> Material:
    """What the request names: `facts`, and the files `speech`, `seen`, `frames` and `readable`, each of which may be
    absent."""
    material = Material(request["facts"])
    if (readable := _document(request.get("readable"), workdir)) is not None:
        material = Material({**material.facts, "duration": readable["end"]}, missing=readable["note"])
    if (speech := _document(request.get("speech"), workdir)) is not None:
        lines = (Line(float(item["start"]), " ".join(str(item["text"]).split())[:LINE]) for item in speech["timeline"])
        material = replace(
            material,
            said=tuple(line for line in lines if line.text),
            language=speech.get("language") or "",
            heard=float(speech.get("confidence") or 0.0),
        )
    if (seen := _document(request.get("seen"), workdir)) is not None:
        material = replace(material, **_seen([frame["seen"] for frame in seen["frames"]]))
        if not seen["models"]:
            material = replace(material, unseen=next(iter(seen["missing"].values()), ""))
    if (frames := _document(request.get("frames"), workdir)) is not None:
        pictures = tuple((frame["time"], workdir / frame["file"]) for frame in frames["frames"])
        material = replace(material, pictures=pictures)
    return material


def _document(name: str | None, workdir: Path) -> dict[str, Any] | None:
    path = workdir / name if name else None
    return read_document(path) if path is not None and path.exists() else None


def _seen(frames: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each label with its surest frame, each written line once, in order."""
    labels: dict[str, float] = {}
    for frame in frames:
        for label in frame["labels"]:
            labels[label["name"]] = max(label["confidence"], labels.get(label["name"], 0.0))
    ranked = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    sure = (box for frame in frames for box in frame["text"] if box["confidence"] >= LEGIBLE)
    lines = (" ".join(box["text"].split())[:LINE] for box in sure)
    captions = (" ".join(frame["caption"].split())[:LINE] for frame in frames)
    return {
        "labels": tuple(Label(name, confidence) for name, confidence in ranked),
        "written": tuple(dict.fromkeys(line for line in lines if line))[:WRITTEN],
        "captions": tuple(dict.fromkeys(caption for caption in captions if caption))[:WRITTEN],
    }


def weight(text: str) -> int:
    """How much of a model's room a text takes: characters, with those counted more that take more tokens."""
    if text.isascii():
        return len(text)
    return len(text) + len(_BROAD.findall(text)) + 2 * len(_WIDE.findall(text))


def clock(seconds: float) -> str:
    """A time as people write it: 0:07, 12:30, 1:02:03."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def sampled_lines(lines: Sequence[str], room: int) -> list[str]:
    """The lines, where they weigh no more than `room`; else passages of them, evenly over the whole, with GAP between
    them."""
    if sum(weight(line) + 1 for line in lines) <= room:
        return list(lines)
    passages = _passages([line[: max(1, min(len(line), room // 3))] for line in lines])
    sizes = [sum(weight(line) + 1 for line in passage) + len(GAP) + 1 for passage in passages]
    count = max(1, min(len(passages), room * len(passages) // (sum(sizes) or 1)))
    while True:
        chosen = [place * (len(passages) - 1) // max(1, count - 1) for place in range(count)]
        if count == 1 or sum(sizes[place] for place in chosen) <= room:
            break
        count = min(count - 1, int(count * 0.95))
    kept: list[str] = []
    for before, place in zip([-1, *chosen], chosen, strict=False):
        kept += ([GAP] if place > before + 1 else []) + passages[place]
    return kept + ([GAP] if chosen[-1] < len(passages) - 1 else [])


def _passages(lines: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    size = 0
    for line in lines:
        if size >= PASSAGE:
            found.append([])
            size = 0
        found[-1].append(line)
        size += weight(line)
    return found


def quoted(content: Mapping[str, Any]) -> str:
    """Data for a model, as JSON: nothing in it can end the quotation that it stands in."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
