"""The contract of a kind. What it is made of (workers.options, workers.plans, workers.results) can be had from here as
well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers.engine.probe import Probe
from workers.engine.runner import Report, Silent
from workers.execution import execute_steps
from workers.options import Options
from workers.plans import (
    Expected,
    FfmpegStep,
    FileUse,
    Film,
    HelperStep,
    ModelStep,
    Need,
    Output,
    PictureStep,
    Plan,
    Preview,
    Source,
    Variant,
)
from workers.results import (
    Result,
    SourceResult,
    document_beside,
    document_result,
    entry_document,
    entry_of,
    facts_result,
    source_result,
)
from workers.verify import verify

__all__ = [
    "Expected",
    "FfmpegStep",
    "FileUse",
    "Film",
    "HelperStep",
    "Kind",
    "ModelStep",
    "Need",
    "Options",
    "Output",
    "PictureStep",
    "Plan",
    "Preview",
    "Report",
    "Result",
    "Silent",
    "Source",
    "SourceResult",
    "Variant",
    "document_beside",
    "document_result",
    "entry_document",
    "entry_of",
    "execute_steps",
    "facts_result",
    "source_result",
]


def _nothing(options: Any, facts: Probe) -> tuple[Need, ...]:
    return ()


@dataclass(frozen=True)
class Kind:
    """One kind of task: all that the rest of the service needs to know about it."""

    name: str
    summary: str
    accepts: frozenset[str]  # media types of the source
    options: type[Options]
    plan: Callable[[Any, Source], Plan]
    result: Callable[[Plan, list[Output]], Result] = source_result
    execute: Callable[[Plan, Source, Path, Report], list[Output]] = execute_steps
    verify: Callable[..., tuple[Output, ...]] = verify  # as workers.verify.verify, which the usual outputs are held to
    object: str = "source"  # of the output: "source", "track" or "intelligence"; "" where only the result is wanted
    lane: str = "fast"  # "fast", "heavy" or "intelligence"
    limits: Mapping[str, Any] = field(default_factory=dict)  # what it changes of the usual ones (TaskLimits.changed)
    needs: Callable[[Any, Probe], tuple[Need, ...]] = _nothing  # of other kinds, before this can begin; pure
    examples: tuple[dict[str, Any], ...] = ()
