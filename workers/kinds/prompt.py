"""A question or task of the user's about a file, answered by a language model: in text, or in JSON by a schema."""

import warnings
from typing import Any

from pydantic import Field, field_validator

from workers.describing import speech_need, telling_plan
from workers.kinds.base import Kind, Options, Output, Plan, Result, Source, document_result, entry_document
from workers.language.schemas import MOST_BYTES, resolved

SHOWN = 2000  # characters of an answer that a task tells of itself; the document has all of it

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # `schema` is pydantic's old name for something that nobody uses here

    class PromptOptions(Options):
        """What to ask, and how the answer is to look."""

        prompt: str = Field(
            "Describe this file in one paragraph.",
            min_length=1,
            max_length=8000,
            description="A question about the file, or a task. What is said, seen and written in it is known.",
        )
        schema: dict[str, Any] | None = Field(  # type: ignore[assignment]
            None,
            description=f"JSON schema of an object, at most {MOST_BYTES // 1024} KiB: the answer is JSON by it.",
        )

        @field_validator("prompt")
        @classmethod
        def _says_something(cls, prompt: str) -> str:
            if not prompt.strip():
                raise ValueError("must not be empty")
            return prompt

        @field_validator("schema")
        @classmethod
        def _can_be_read(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
            if schema is not None:
                resolved(schema)
            return schema


class PromptResult(Result):
    """The answer, as far as it is short; all of it stands in the document."""

    prompt: str
    text: str | None = Field(None, description=f"The answer, {SHOWN} characters of it at most.")
    data: dict[str, Any] | None = Field(None, description="The answer by the schema, where it is as short.")
    model: str
    model_version: str
    notes: tuple[str, ...] = Field((), description="What somebody who reads it should know.")


def plan(options: PromptOptions, source: Source) -> Plan:
    """Look, ask and write. Pure."""
    schema = resolved(options.schema) if options.schema is not None else None
    return telling_plan("prompt", source, {"prompt": options.prompt, "schema": schema}, {"prompt": options.prompt})


def result(plan: Plan, outputs: list[Output]) -> PromptResult:
    """The document's own words, shortened."""
    document = entry_document(outputs)
    text, data = document.get("text"), document.get("data")
    return document_result(
        PromptResult,
        document,
        text=text[:SHOWN] if text is not None else None,
        data=data if len(repr(data)) <= SHOWN else None,
    )


KIND = Kind(
    name="prompt",
    summary="A question about a file, answered in text or in JSON by a schema. It needs a language model.",
    accepts=frozenset({"image", "video", "audio"}),
    options=PromptOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    needs=speech_need,
    examples=({"prompt": "What is this about?"},),
)
