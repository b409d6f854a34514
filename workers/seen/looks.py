"""What kinds that look at pictures have in common: options, results, and the plan. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from workers.documents import TYPE
from workers.options import Confidence, Options
from workers.plans import Expected, HelperStep, ModelStep, Plan, Source
from workers.results import Result
from workers.seen.sampling import FRAMES, sampled, sampling_notes

SEEN = "seen.json"  # what the model saw of each frame: workers.asking


class LookOptions(Options):
    confidence: Confidence = Field(None, description="What is less sure, 0 to 1, is left out.")


class LookResult(Result):
    """The document without its timeline."""

    detected: bool = Field(description="Whether anything was found.")
    confidence: float = Field(description="Of the surest, 0 to 1; 0 where nothing was found.")
    count: int = Field(description="How many there are in the timeline.")
    frames: int = Field(description="Pictures that were looked at.")
    model: str
    model_version: str


def look_plan(
    source: Source, look: str, document: str, settings: Mapping[str, Any], *, most: int, size: int, members: tuple = ()
) -> Plan:
    """Sample frames, have the model look, make the documents of what it saw: `document` names the operation of the
    helper, `settings` is what it is told besides. Raises SourceUnsupported, LimitExceeded."""
    target = f"{document}.json"
    displayed = source.probe.displayed
    operations = {
        "frames": FRAMES,
        "seen": SEEN,
        "look": look,
        "target": target,
        "size": list(displayed) if displayed else None,
        **settings,
    }
    steps = (
        *sampled(source, most=most, size=size),
        ModelStep("vision", {"frames": FRAMES, "looks": [look], "required": [look]}, SEEN, weight=4.0),
        HelperStep(f"document_{document}", operations, weight=0.05),
    )
    expected = (Expected(target, TYPE, None), *(Expected(name, TYPE, None, entry=False) for name in members))
    return Plan(steps, expected, notes=sampling_notes(source.probe))
