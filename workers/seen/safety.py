"""The documents of `nsfw`, made of what models saw. Runs in the media helper; frames and scores are plain data.

    {"detected": false, "nudity": 0.03, "sexual": 0.01, "violence": null, "gore": null, "confidence": 0.03,
     "categories_checked": ["nudity", "sexual"], "thresholds": {"nudity": 0.5, "sexual": 0.8}, "frames": 12,
     "timeline": [{"index": 0, "start": 0.0, "end": 2.0, "detected": false, "nudity": 0.03, …, "confidence": 0.03}],
     "model": "…", "model_version": "…"}

A score is the highest of all frames; null where no model judges the category. The timeline has each frame of what
moves, until the next one.

LATER, beside it, says the same as versions from 2025-08-20 on have it: categories true, false or null, `categories`
those that are true, `severity` of each, `description` in words, and `timeline` of what is more than nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.documents import read_document, write_document
from workers.engine.limits import nsfw_threshold
from workers.providers.base import SAFETY
from workers.seen.findings import Moment, moments

LATER = "nsfw.2025.json"
USUAL, OPEN_NSFW = 0.5, 0.8  # thresholds of any model, and of open_nsfw's `sexual`
_WORDS = {"nudity": "nudity", "sexual": "sexual content", "violence": "violence", "gore": "gore"}
Scores = Mapping[str, float | None]


def write_nsfw(cwd: Path, operations: dict[str, Any]) -> None:
    """Write `target` and `later` of what `seen` tells of `frames`. `thresholds` are by category, None for the usual
    one; moments that score less than `least` are no part of the timeline."""
    seen = read_document(cwd / operations["seen"])
    shown = moments(cwd, operations)
    scored = [_scores(moment.seen["safety"]) for moment in shown]
    usual = thresholds(seen["models"]["safety"]["model"])
    limits = {name: operations["thresholds"].get(name) or usual[name] for name in SAFETY}
    document = nsfw_document(shown, scored, limits, operations["least"]) | seen["models"]["safety"]
    write_document(cwd / operations["target"], document)
    write_document(cwd / operations["later"], later_document(shown, scored, limits) | seen["models"]["safety"])


def thresholds(model: str) -> dict[str, float]:
    """From which score on a category counts where a task does not say: the setting, else what suits the model.

    open_nsfw's makers take scores above 0.8 for unsafe and those between 0.2 and 0.8 for uncertain; safe drawings and
    collages are among the latter.
    """
    if (asked := nsfw_threshold()) is not None:
        return dict.fromkeys(SAFETY, asked)
    return dict.fromkeys(SAFETY, USUAL) | ({"sexual": OPEN_NSFW} if "open_nsfw" in model else {})


def nsfw_document(
    shown: Sequence[Moment], scored: Sequence[Scores], limits: Mapping[str, float], least: float
) -> dict[str, Any]:
    """The document's own fields but the model."""
    most = _highest(scored)
    checked = [name for name in SAFETY if most[name] is not None]
    timeline = [
        {"start": moment.start, "end": moment.end, "detected": _unsafe(scores, limits), **scores, "confidence": surest}
        for moment, scores in zip(shown, scored, strict=True)
        if (surest := _surest(scores)) >= least and moment.end > moment.start
    ]
    return {
        "detected": any(_unsafe(scores, limits) for scores in scored),
        **most,
        "confidence": _surest(most),
        "categories_checked": checked,
        "thresholds": {name: limits[name] for name in checked},
        "frames": len(shown),
        "timeline": [{"index": index, **item} for index, item in enumerate(timeline)],
    }


def later_document(shown: Sequence[Moment], scored: Sequence[Scores], limits: Mapping[str, float]) -> dict[str, Any]:
    """The later shape's own fields but the model."""
    most = _highest(scored)
    severities = {name: severity(most[name], limits[name]) for name in SAFETY}
    found = [name for name in SAFETY if (most[name] or 0.0) >= limits[name]]
    timeline = [span for name in SAFETY for span in _spans(name, shown, scored, limits[name])]
    timeline.sort(key=lambda span: (span["start"], SAFETY.index(span["category"])))
    return {
        **{name: None if most[name] is None else name in found for name in SAFETY},
        "categories": found,
        "severity": severities,
        "description": _described(most, severities, found),
        "timeline": timeline,
    }


def severity(score: float | None, limit: float) -> str | None:
    """None, mild, moderate or severe: below half of the threshold, below it, up to half way from it to 1, above."""
    if score is None:
        return None
    return ("none", "mild", "moderate", "severe")[(score >= limit / 2) + (score >= limit) + (score >= (1 + limit) / 2)]


def _scores(told: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(told[name], 4) if name in told else None for name in SAFETY}


def _highest(scored: Sequence[Scores]) -> dict[str, float | None]:
    told = {name: [score for scores in scored if (score := scores[name]) is not None] for name in SAFETY}
    return {name: max(scores, default=None) for name, scores in told.items()}


def _surest(scores: Scores) -> float:
    return max((score for score in scores.values() if score is not None), default=0.0)


def _unsafe(scores: Scores, limits: Mapping[str, float]) -> bool:
    return any(score is not None and score >= limits[name] for name, score in scores.items())


def _spans(name: str, shown: Sequence[Moment], scored: Sequence[Scores], limit: float) -> list[dict[str, Any]]:
    """Moments of the same severity in one, but for none."""
    spans: list[dict[str, Any]] = []
    for moment, scores in zip(shown, scored, strict=True):
        how = severity(scores[name], limit)
        if moment.end <= moment.start or how in (None, "none"):
            continue
        if spans and spans[-1]["end"] == moment.start and spans[-1]["severity"] == how:
            spans[-1]["end"] = moment.end
        else:
            spans.append({"start": moment.start, "end": moment.end, "category": name, "severity": how})
    return spans


def _described(most: Scores, severities: Mapping[str, str | None], found: Sequence[str]) -> str:
    checked = [_WORDS[name] for name in SAFETY if most[name] is not None]
    others = [_WORDS[name] for name in SAFETY if most[name] is None]
    told = "; ".join(f"{_WORDS[name]} ({severities[name]})" for name in found)
    first = f"Found: {told}." if found else f"No {_listed(checked, 'or')} found."
    return f"{first} Not looked for: {_listed(others, 'and')}." if others else first


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
