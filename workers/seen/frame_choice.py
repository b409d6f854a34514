"""Which of the frames taken from a video or an animation stand for it, and the list of them. Runs only in the resident
helper; what opens files is bounded by the steps that made them (workers.seen.sampling)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from workers.documents import write_document
from workers.engine.errors import SourceUnreadable
from workers.engine.limits import SourceLimits
from workers.engine.pillow import animation_samples
from workers.engine.printed import read_printed
from workers.seen import CANDIDATES
from workers.seen.blank import is_blank, small

MOST_LINES = 1_000_000  # that are read of what was printed: two of each candidate
ALIKE = 10  # levels of 255 that a pixel may differ by, after compression, in small frames that show the same
NEAR = 0.001  # seconds: times are printed with less than their whole precision


@dataclass(frozen=True)
class Candidate:
    """A frame: its file, when it is shown (seconds), how much it differs from the one before (0 to 1), and whether it
    shows nothing."""

    file: str
    time: float
    score: float
    blank: bool = False


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
    """Keep `most` of the candidates that `scores` tells of, and list them in `target`. Which of them are due is told by
    `every`, `cut` and `more` as in workers.seen.sampling. Raises SourceUnreadable."""
    found = _candidates(cwd, operations["scores"])
    if not found:
        raise SourceUnreadable("No picture of the video can be decoded.")
    (cwd / operations["scores"]).unlink()
    _keep(cwd, _stretches(found, operations), operations)


def choose_of_animation(cwd: Path, operations: dict[str, Any], limits: SourceLimits) -> None:
    """The same of the frames of an animation: how much they differ is seen here."""
    found: list[Candidate] = []
    last: Image.Image | None = None
    for path, time in animation_samples(cwd, operations, limits):
        shown = small(path)
        found.append(Candidate(path.name, round(time, 3), _distance(shown, last) if last else 0.0))
        last = shown
    _keep(cwd, [[candidate] for candidate in found], operations)


def _keep(cwd: Path, found: Sequence[Sequence[Candidate]], operations: dict[str, Any]) -> None:
    """Of each of some candidates the one that shows something; name the chosen ones of those frame-00001.jpg and so on,
    remove all others, list them in `target`."""
    new = _unlike(cwd, found)
    kept = chosen(new, operations["most"], operations["duration"])
    for file in {candidate.file for some in found for candidate in some} - {candidate.file for candidate in kept}:
        (cwd / file).unlink()
    named = []
    for number, candidate in enumerate(kept, start=1):
        name = f"frame-{number:05}.jpg"
        (cwd / candidate.file).rename(cwd / name)
        named.append(Candidate(name, candidate.time, candidate.score))
    is_late = new[0].blank or new[0].file != found[0][0].file  # as what begins with nothing to be seen
    _write(cwd / operations["target"], named, operations["duration"], begin=named[0].time if is_late else 0.0)


def chosen(found: Sequence[Candidate], most: int, duration: float | None) -> list[Candidate]:
    """`most` of them or fewer, in order of time: of each even part of the time the one that begins the newest scene,
    and, where parts have none, the newest of the rest; blank ones last."""
    if len(found) <= most:
        return list(found)
    end = max(duration or 0.0, found[-1].time) or 1.0
    best: dict[int, Candidate] = {}
    for candidate in found:
        part = min(most - 1, int(candidate.time / end * most))
        if part not in best or _rank(candidate) < _rank(best[part]):
            best[part] = candidate
    kept = set(best.values())
    rest = sorted((item for item in found if item not in kept), key=_rank)
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


def _stretches(found: Sequence[Candidate], operations: dict[str, Any]) -> list[list[Candidate]]:
    """Each candidate that is due, with the spare ones until the next that is."""
    duration, most = operations["duration"], operations["most"]
    kept: list[list[Candidate]] = []
    for candidate in found:
        share = (duration or candidate.time) / most
        gone = candidate.time - kept[-1][0].time + NEAR if kept else math.inf
        is_cut = candidate.score > operations["cut"] and gone >= share / operations["more"]
        if is_cut or gone >= max(operations["every"], share):
            kept.append([candidate])
        else:
            kept[-1].append(candidate)
    return kept


def _unlike(cwd: Path, found: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """The first of each some that shows something, else the first; without those that look like the one before."""
    kept: list[Candidate] = []
    last: Image.Image | None = None
    for some in found:
        candidate, shown = _shows(cwd, some)
        if last is None or _differ(shown, last):
            kept.append(candidate)
            last = shown
    return kept


def _shows(cwd: Path, some: Sequence[Candidate]) -> tuple[Candidate, Image.Image]:
    first = small(cwd / some[0].file)
    if not is_blank(first):
        return some[0], first
    for spare in some[1:]:
        shown = small(cwd / spare.file)
        if not is_blank(shown):
            return replace(spare, score=max(spare.score, some[0].score)), shown
    return replace(some[0], blank=True), first


def _rank(candidate: Candidate) -> tuple[bool, float, float]:
    return candidate.blank, -candidate.score, candidate.time


def _differ(first: Image.Image, second: Image.Image) -> bool:
    if first.size != second.size:
        return True
    extrema = ImageChops.difference(first, second).getextrema()
    return max(most for _, most in extrema) > ALIKE  # type: ignore[misc]


def _distance(first: Image.Image, second: Image.Image) -> float:
    """The mean difference of all pixels, 0 to 1."""
    means = ImageStat.Stat(ImageChops.difference(first, second)).mean
    return sum(means) / len(means) / 255


def _write(path: Path, frames: Sequence[Candidate], duration: float | None, *, begin: float = 0.0) -> None:
    listed = [{"file": item.file, "time": item.time, "new": round(item.score, 4)} for item in frames]
    write_document(path, {"frames": listed, "begin": begin, "duration": duration})
