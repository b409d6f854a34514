"""Title, description and tags of a file: of what is said, seen and written in it, and of what it is."""

from pydantic import Field

from workers.describing import WordsOptions, speech_need, telling_plan
from workers.kinds.base import Kind, Output, Plan, Result, Source, document_result, entry_document


class DescriptionOptions(WordsOptions):
    """Nothing has to be said."""


class DescriptionResult(Result):
    """What stands in the document, without how sure each tag is."""

    title: str
    description: str
    tags: tuple[str, ...] = Field(description="In lower case, the surest first where no language model wrote them.")
    language: str = Field(description="That it is written in, ISO 639-1.")
    languages: tuple[str, ...]
    confidence: float = Field(description="0 to 1; 0 where nothing but the facts of the file is told.")
    model: str = Field(description="Which model wrote it; extractive where none did.")
    model_version: str
    notes: tuple[str, ...] = Field((), description="What somebody who reads it should know.")


def plan(options: DescriptionOptions, source: Source) -> Plan:
    """Look, ask and write. Pure."""
    question = {"language": options.language, "confidence": options.confidence}
    return telling_plan("description", source, question, {"confidence": options.confidence})


def result(plan: Plan, outputs: list[Output]) -> DescriptionResult:
    """The document's own words."""
    return document_result(DescriptionResult, entry_document(outputs))


KIND = Kind(
    name="description",
    summary="Title, description and tags, of what is said, seen and written in a file.",
    accepts=frozenset({"image", "video", "audio"}),
    options=DescriptionOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    needs=speech_need,
    examples=({"language": "en"},),
)
