"""Which things are seen in a picture or a video, where and when."""

from pydantic import Field

from workers.kinds.base import Kind, Output, Plan, Source, document_result, entry_document
from workers.seen.looks import LookOptions, LookResult, look_plan

MOST, SIZE = 120, 1280  # frames, pixels
SURE = 0.4  # what is told where nothing is asked for


class ObjectsOptions(LookOptions):
    """What is less sure than `confidence` is left out; 0.4 when not given."""


class ObjectsResult(LookResult):
    labels: tuple[str, ...] = Field(description="What was found, the surest first.")


def plan(options: ObjectsOptions, source: Source) -> Plan:
    """Decide which frames are looked at. Pure: no file is opened, no process started."""
    least = SURE if options.confidence is None else options.confidence
    return look_plan(source, "objects", "objects", {"least": least}, most=MOST, size=SIZE)


def result(plan: Plan, outputs: list[Output]) -> ObjectsResult:
    return document_result(ObjectsResult, entry_document(outputs))


KIND = Kind(
    name="objects",
    summary="Which things are seen in a picture or a video, where and when.",
    accepts=frozenset({"image", "video"}),
    options=ObjectsOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    examples=({}, {"confidence": 0.6}),
)
