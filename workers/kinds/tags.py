"""Tags of a file: words that somebody would search for to find it."""

from pydantic import Field

from workers.describing import WordsOptions, speech_need, telling_plan
from workers.kinds.base import Kind, Output, Plan, Result, Source, document_result, entry_document


class TagsOptions(WordsOptions):
    """Nothing has to be said."""


class TagsResult(Result):
    """What stands in the document."""

    tags: tuple[str, ...] = Field(description="In lower case, the surest first where no language model wrote them.")
    confidences: dict[str, float] = Field(description="How sure each of them is, 0 to 1.")
    language: str = Field(description="That they are written in, ISO 639-1.")
    confidence: float = Field(description="Of all of them together, 0 to 1.")
    model: str = Field(description="Which model chose them; extractive where none did.")
    model_version: str
    notes: tuple[str, ...] = Field((), description="What somebody who reads them should know.")


def plan(options: TagsOptions, source: Source) -> Plan:
    """Look, ask and write. Pure."""
    question = {"language": options.language, "confidence": options.confidence}
    return telling_plan("tags", source, question, {"confidence": options.confidence})


def result(plan: Plan, outputs: list[Output]) -> TagsResult:
    """The document's own words."""
    return document_result(TagsResult, entry_document(outputs))


KIND = Kind(
    name="tags",
    summary="Tags of a file, of what is said, seen and written in it.",
    accepts=frozenset({"image", "video", "audio"}),
    options=TagsOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    needs=speech_need,
    examples=({"confidence": 0.5},),
)
