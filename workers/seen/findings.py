"""The documents of `objects`, `faces` and `text`, made of what models saw. Runs in the media helper; frames and boxes
are plain data.

    {"detected": true, "labels": ["dog"], "confidence": 0.93, "width": 1920, "height": 1080, "frames": 12,
     "timeline": [{"index": 0, "start": 2.0, "end": 6.0, "label": "dog", "confidence": 0.93,
                   "box": {"x": 0.1, "y": 0.25, "width": 0.3, "height": 0.5}}], "model": "…", "model_version": "…"}

A box is left, top, width and height as shares of the displayed picture, whose pixels `width` and `height` are. What is
seen in frames that follow one another at much the same place is one entry, with the box and the confidence of where it
was surest. In a still everything is from 0 to 0. `faces` has how many are seen at one time, `text` the lines in order.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from workers.documents import read_document, write_document

NEAR = 0.3  # of what two boxes cover that is common, where they are the same thing's
COMPARED = 200  # characters of a line: a model may tell of many long ones at one place
SAME = 0.85  # of two lines that is alike, where they are one that was read twice


@dataclass(frozen=True)
class Moment:
    """One frame: from when until when it stands for the picture, and what was seen."""

    start: float
    end: float
    seen: dict[str, Any]


@dataclass
class Found:
    """Something seen in one frame, or in some that follow one another."""

    start: float
    end: float
    best: dict[str, Any]  # where it was surest
    last: dict[str, Any] = field(default_factory=dict)


def moments(cwd: Path, operations: dict[str, Any]) -> list[Moment]:
    """Every frame of `frames` with what `seen` tells of it."""
    listed = read_document(cwd / operations["frames"])
    seen = [item["seen"] for item in read_document(cwd / operations["seen"])["frames"]]
    starts = [float(frame["time"]) for frame in listed["frames"]]
    if listed["duration"] is None and len(starts) == 1:
        return [Moment(0.0, 0.0, seen[0])]
    starts[:1] = [float(listed.get("begin", 0.0))]
    last = max(starts[-1], listed["duration"] or starts[-1])
    return [Moment(*span) for span in zip(starts, [*starts[1:], last], seen, strict=True)]


def write_objects(cwd: Path, operations: dict[str, Any]) -> None:
    """Write `target` of what `seen` tells of `frames`; what is less sure than `least` is left out. `size` is the
    displayed picture's."""
    found = _kept(joined(moments(cwd, operations), "objects", _same_label), operations)
    labels = dict.fromkeys(item.best["label"] for item in sorted(found, key=lambda item: -item.best["confidence"]))
    _write(cwd, operations, found, {"labels": list(labels)}, "label")


def write_faces(cwd: Path, operations: dict[str, Any]) -> None:
    """The same of faces."""
    found = _kept(joined(moments(cwd, operations), "faces", _same_label), operations)
    # Each begins with a frame, and the most are seen in one with which something begins.
    at_once = max((sum(_shown(item, other.start) for item in found) for other in found), default=0)
    _write(cwd, operations, found, {"faces": at_once}, "label")


def write_text(cwd: Path, operations: dict[str, Any]) -> None:
    """The same of lines of text."""
    found = _kept(joined(moments(cwd, operations), "text", _same_text), operations)
    _write(cwd, operations, found, {"text": [item.best["text"] for item in found]}, "text")


def joined(shown: Iterable[Moment], look: str, same: Callable[[dict, dict], float]) -> list[Found]:
    """What was seen, in order of when it is first; `same` tells how well two boxes go together, 0 where they do not."""
    done: list[Found] = []
    going: list[Found] = []
    for moment in shown:
        boxes: list[dict[str, Any]] = moment.seen[look]
        pairs = [(fit, place, number) for place, item in enumerate(going) for number, box in enumerate(boxes)
                 if (fit := same(item.last, box)) > 0]  # fmt: skip
        met: dict[int, Found] = {}
        taken: set[int] = set()
        for _, place, number in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
            if place not in taken and number not in met:
                met[number] = going[place]
                taken.add(place)
        going = []
        for number, box in enumerate(boxes):
            item = met.get(number)
            if item is None:
                item = Found(moment.start, moment.end, box)
                done.append(item)
            item.end, item.last = moment.end, box
            if box["confidence"] > item.best["confidence"]:
                item.best = box
            going.append(item)
    return done


def _same_label(first: dict[str, Any], second: dict[str, Any]) -> float:
    shared = _overlap(first, second)
    return shared if first["label"] == second["label"] and shared >= NEAR else 0.0


def _same_text(first: dict[str, Any], second: dict[str, Any]) -> float:
    """The same line, wherever it has moved to; or nearly the same one at the same place."""
    shared = _overlap(first, second)
    if first["text"] == second["text"]:
        return 1.0 + shared
    if shared < NEAR:
        return 0.0
    matcher = SequenceMatcher(None, first["text"][:COMPARED], second["text"][:COMPARED], autojunk=False)
    if matcher.real_quick_ratio() < SAME or matcher.quick_ratio() < SAME:
        return 0.0
    alike = matcher.ratio()
    return alike if alike >= SAME else 0.0


def _overlap(first: dict[str, Any], second: dict[str, Any]) -> float:
    """What is common to two boxes as a share of what both cover."""
    common = 1.0
    for corner, side in (("y", "height"), ("x", "width")):
        end = min(first[corner] + first[side], second[corner] + second[side])
        shared = end - max(first[corner], second[corner])
        if shared <= 0:  # as most are, of a thousand lines of a page
            return 0.0
        common *= shared
    whole = first["width"] * first["height"] + second["width"] * second["height"] - common
    return common / whole if whole > 0 else 0.0


def _shown(item: Found, moment: float) -> bool:
    return item.start <= moment < item.end or moment == item.start


def _kept(found: Sequence[Found], operations: dict[str, Any]) -> list[Found]:
    return [item for item in found if item.best["confidence"] >= operations["least"]]


def _write(cwd: Path, operations: dict[str, Any], found: Sequence[Found], told: dict[str, Any], named: str) -> None:
    listed, seen = read_document(cwd / operations["frames"]), read_document(cwd / operations["seen"])
    width, height = operations["size"] or (None, None)
    timeline = [
        {
            "index": index,
            "start": item.start,
            "end": item.end,
            named: item.best[named],
            "confidence": round(item.best["confidence"], 4),
            "box": {side: round(item.best[side], 4) for side in ("x", "y", "width", "height")},
        }
        for index, item in enumerate(found)
    ]
    document = {
        "detected": bool(found),
        **told,
        "confidence": max((entry["confidence"] for entry in timeline), default=0.0),
        "width": width,
        "height": height,
        "frames": len(listed["frames"]),
        "timeline": timeline,
        **seen["models"][operations["look"]],
    }
    write_document(cwd / operations["target"], document)
