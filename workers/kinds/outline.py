"""What a video or a sound is about, part by part: titles with their times."""

from pydantic import Field

from workers.documents import TYPE
from workers.engine.probe import Probe
from workers.kinds.base import (
    Expected,
    HelperStep,
    Kind,
    Need,
    Output,
    Plan,
    Result,
    Source,
    document_result,
    entry_document,
)
from workers.kinds.groups import Sectioned
from workers.options import Confidence
from workers.sections.steps import SECTIONS, TITLES, section_reads, section_steps, speech_needs

TARGET = "outline.json"


class OutlineOptions(Sectioned):
    confidence: Confidence = Field(
        None, description="Parts that are less sure to begin where they do, 0 to 1, are joined to the one before."
    )


class OutlineResult(Result):
    """The document without its timeline."""

    detected: bool = Field(description="Whether anything is told: more parts than one, or a title.")
    language: str | None = Field(description="Of what is said, ISO 639-1; null where that is not known.")
    confidence: float = Field(description="Of all parts on average, 0 to 1.")
    count: int = Field(description="Parts.")
    duration: float = Field(description="Of the input, seconds: what the parts cover.")
    source: str = Field(description="embedded where they are the input's own chapters, else detected.")
    model: str | None = Field(description="What made the titles; null where they are the input's own, or numbers.")
    model_version: str | None = None
    notes: tuple[str, ...] = Field((), description="What a reader should know, in words.")


def plan(options: OutlineOptions, source: Source) -> Plan:
    """Looks at picture and sound, where the file does not name its parts itself, then the document. Pure."""
    steps = section_steps(
        source,
        count=options.count,
        language=options.language,
        least=options.confidence,
        audio_track=options.audio_track,
    )
    written = {"sections": SECTIONS, "titles": TITLES, "word": "Part", "target": TARGET}
    return Plan(
        (*steps, HelperStep("outline_document", written, weight=0.01)),
        (Expected(TARGET, TYPE, None),),
        reads=section_reads(source.probe),
    )


def needs(options: OutlineOptions, facts: Probe) -> tuple[Need, ...]:
    return speech_needs(facts, {"language": options.language, "audio_track": options.audio_track})


def result(plan: Plan, outputs: list[Output]) -> OutlineResult:
    """The document's own facts."""
    return document_result(OutlineResult, entry_document(outputs), notes=plan.notes)


KIND = Kind(
    name="outline",
    summary="What a video or a sound is about, part by part: titles with their times.",
    accepts=frozenset({"video", "audio"}),
    options=OutlineOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    needs=needs,
    examples=({}, {"confidence": 0.5}, {"count": 8}),
)
