"""Chapters of a video or a sound, as a track that players show: the file's own, else where topics and scenes change."""

from typing import Annotated, Literal

from pydantic import Field

from workers.engine.probe import Probe
from workers.formats import TEXTS
from workers.kinds.base import (
    Expected,
    HelperStep,
    Kind,
    Need,
    Output,
    Plan,
    Result,
    Source,
    document_beside,
    document_result,
)
from workers.kinds.groups import Sectioned, Written
from workers.options import any_case
from workers.sections.steps import SECTIONS, TITLES, section_reads, section_steps, speech_needs

FACTS = "facts.json"


class ChaptersOptions(Sectioned, Written):
    formats = ("vtt", "json")

    format: Annotated[Literal["vtt", "json"] | None, any_case()] = Field(
        None, description="vtt for players, json for programs; as the filename says, else vtt, when not given."
    )


class ChaptersResult(Result):
    format: str = Field(description="vtt or json.")
    language: str | None = Field(description="Of what is said, ISO 639-1; null where that is not known.")
    count: int = Field(description="Chapters.")
    duration: float = Field(description="Of the input, seconds: what the chapters cover.")
    source: str = Field(description="embedded where they are the input's own, else detected.")
    model: str | None = Field(description="What made the titles; null where they are the input's own, or numbers.")
    model_version: str | None = None
    notes: tuple[str, ...] = Field((), description="What a reader should know, in words.")


def plan(options: ChaptersOptions, source: Source) -> Plan:
    """Looks at picture and sound, where the file does not name its chapters itself, then one document. Pure."""
    target = f"chapters.{options.written}"
    written = {"sections": SECTIONS, "titles": TITLES, "word": "Chapter"}
    written |= {"format": options.written, "target": target, "facts": FACTS}
    steps = section_steps(
        source, count=options.count, language=options.language, least=None, audio_track=options.audio_track
    )
    return Plan(
        (*steps, HelperStep("chapters_document", written, weight=0.01)),
        (Expected(target, TEXTS[options.written], None),),
        reads=section_reads(source.probe),
    )


def needs(options: ChaptersOptions, facts: Probe) -> tuple[Need, ...]:
    return speech_needs(facts, {"language": options.language, "audio_track": options.audio_track})


def result(plan: Plan, outputs: list[Output]) -> ChaptersResult:
    """What was written beside the track."""
    return document_result(ChaptersResult, document_beside(outputs, FACTS), notes=plan.notes)


KIND = Kind(
    name="chapters",
    summary="Chapters with titles, for players and for programs: the input's own, else by topics, pauses and scenes.",
    accepts=frozenset({"video", "audio"}),
    options=ChaptersOptions,
    plan=plan,
    result=result,
    object="track",
    lane="intelligence",
    needs=needs,
    examples=({}, {"format": "json"}, {"count": 10, "language": "en"}),
)
