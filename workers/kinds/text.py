"""What is written in a picture or a video, where and when."""

from pydantic import Field

from workers.kinds.base import Kind, Output, Plan, Source, document_result, entry_document
from workers.seen.looks import LookOptions, LookResult, look_plan

MOST, SIZE = 60, 1920  # frames, pixels: small print is lost in smaller pictures, and each takes a second or two
SURE = 0.7  # what is told where nothing is asked for: below, patterns are taken for letters


class TextOptions(LookOptions):
    """Lines that are less sure than `confidence` are left out; 0.7 when not given."""


class TextResult(LookResult):
    text: tuple[str, ...] = Field(description="The first lines, as many as go into 2,000 characters.")


def plan(options: TextOptions, source: Source) -> Plan:
    """Decide which frames are read. Pure: no file is opened, no process started."""
    least = SURE if options.confidence is None else options.confidence
    return look_plan(source, "text", "text", {"least": least}, most=MOST, size=SIZE)


def result(plan: Plan, outputs: list[Output]) -> TextResult:
    document = entry_document(outputs)
    return document_result(TextResult, document, text=_first(document["text"], 2000))


def _first(lines: list[str], most: int) -> tuple[str, ...]:
    """As many lines as have that many characters together."""
    kept: list[str] = []
    for line in lines:
        most -= len(line)
        if most < 0:
            break
        kept.append(line)
    return tuple(kept)


KIND = Kind(
    name="text",
    summary="What is written in a picture or a video, where and when.",
    accepts=frozenset({"image", "video"}),
    options=TextOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    examples=({}, {"confidence": 0.9}),
)
