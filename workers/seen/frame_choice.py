"""Which of the frames taken from a video or an animation stand for it, and the list of them. Runs only in the resident
helper; what opens files is bounded by the steps that made them (workers.seen.sampling)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from workers.documents import write_document
from workers.engine.errors import SourceUnreadable
from workers.engine.limits import SourceLimits
from workers.engine.pillow import animation_samples
from workers.engine.printed import read_printed
from workers.seen import CANDIDATES

MOST_LINES = 1_000_000  # that are read of what was printed: two of each candidate
LOOKED_AT = 96  # pixels of the longest edge at which frames are compared: a line of text still shows
ALIKE = 10  # levels of 255 that a pixel may differ by, after compression, in frames that show the same


@dataclass(frozen=True)
class Candidate:
    """A frame: its file, when it is shown (seconds), and how much it differs from the one before (0 to 1)."""

    file: str
    time: float
    score: float


def list_still(cwd: Path, operations: dict[str, Any]) -> None:
    """`target`: a list of the one frame `file`. What it was made by way of goes: `remove`."""
    for name in operations.get("remove", ()):
        (cwd / name).unlink()
    _write(cwd / operations["target"], [Candidate(operations["file"], 0.0, 0.0)], None)


def few_candidates(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Whether there are fewer candidates than `least`: then they make room for others."""
    found = _candidates(cwd, operations["scores"])
    if len(found) >= operations["least"]:
        return {"few": ""}
    for candidate in found:
        (cwd / candidate.file).unlink()
    (cwd / operations["scores"]).unlink(missing_ok=True)
    return {"few": "yes"}


def choose_frames(cwd: Path, operations: dict[str, Any]) -> None:
    """Keep `most` of the candidates that `scores` tells of, and list them in `target`. Raises SourceUnreadable."""
    found = _candidates(cwd, operations["scores"])
    if not found:
        raise SourceUnreadable("No picture of the video can be decoded.")
    (cwd / operations["scores"]).unlink()
    keep_frames(cwd, found, operations["most"], operations["duration"], operations["target"])


def choose_of_animation(cwd: Path, operations: dict[str, Any], limits: SourceLimits) -> None:
    """The same of the frames of an animation: how much they differ is seen here."""
    found: list[Candidate] = []
    last: Image.Image | None = None
    for path, time in animation_samples(cwd, operations, limits):
        small = _small(path)
        found.append(Candidate(path.name, round(time, 3), _distance(small, last) if last else 0.0))
        last = small
    keep_frames(cwd, found, operations["most"], operations["duration"], operations["target"])


def keep_frames(cwd: Path, found: Sequence[Candidate], most: int, duration: float | None, target: str) -> None:
    """Name the chosen candidates frame-00001.jpg and so on, remove the others, list them in `target`."""
    new = _unlike(cwd, found)
    kept = chosen(new, most, duration)
    for candidate in set(found) - set(kept):
        (cwd / candidate.file).unlink()
    named = []
    for number, candidate in enumerate(kept, start=1):
        name = f"frame-{number:05}.jpg"
        (cwd / candidate.file).rename(cwd / name)
        named.append(Candidate(name, candidate.time, candidate.score))
    _write(cwd / target, named, duration)


def chosen(found: Sequence[Candidate], most: int, duration: float | None) -> list[Candidate]:
    """`most` of them or fewer, in order of time: of each even part of the time the one that begins the newest scene,
    and, where parts have none, the newest of the rest."""
    if len(found) <= most:
        return list(found)
    end = max(duration or 0.0, found[-1].time) or 1.0
    best: dict[int, Candidate] = {}
    for candidate in found:
        part = min(most - 1, int(candidate.time / end * most))
        if part not in best or candidate.score > best[part].score:
            best[part] = candidate
    kept = set(best.values())
    rest = sorted((item for item in found if item not in kept), key=lambda item: (-item.score, item.time))
    return sorted(kept | set(rest[: most - len(kept)]), key=lambda item: item.time)


def _candidates(cwd: Path, scores: str) -> list[Candidate]:
    """Those that were both told of and written."""
    times, values = read_printed(cwd / scores, "lavfi.scene_score", 0.0, lines=MOST_LINES)
    found, last = [], -math.inf
    for number, (time, score) in enumerate(zip(times, values, strict=True), start=1):
        file, moment = CANDIDATES % number, max(0.0, time)
        if moment > last and (cwd / file).is_file():
            found.append(Candidate(file, round(moment, 3), score))
            last = moment
    return found


def _unlike(cwd: Path, found: Sequence[Candidate]) -> list[Candidate]:
    """Without those that look like the one kept before them."""
    kept: list[Candidate] = []
    last: Image.Image | None = None
    for candidate in found:
        small = _small(cwd / candidate.file)
        if last is None or _differ(small, last):
            kept.append(candidate)
            last = small
    return kept


def _small(path: Path) -> Image.Image:
    with Image.open(path, formats=("JPEG",)) as image:
        image.draft("RGB", (LOOKED_AT, LOOKED_AT))
        ratio = LOOKED_AT / max(image.size)
        size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        return image.convert("RGB").resize(size, Image.Resampling.BOX)


def _differ(first: Image.Image, second: Image.Image) -> bool:
    if first.size != second.size:
        return True
    extrema = ImageChops.difference(first, second).getextrema()
    return max(most for _, most in extrema) > ALIKE  # type: ignore[misc]


def _distance(first: Image.Image, second: Image.Image) -> float:
    """The mean difference of all pixels, 0 to 1."""
    means = ImageStat.Stat(ImageChops.difference(first, second)).mean
    return sum(means) / len(means) / 255


def _write(path: Path, frames: Sequence[Candidate], duration: float | None) -> None:
    listed = [{"file": item.file, "time": item.time, "new": round(item.score, 4)} for item in frames]
    write_document(path, {"frames": listed, "duration": duration})
