"""Where and when faces are seen in a picture or a video. Whose they are is not told."""

from pydantic import Field

from workers.kinds.base import Kind, Output, Plan, Source, document_result, entry_document
from workers.seen.looks import LookOptions, LookResult, look_plan

MOST, SIZE = 120, 1280  # frames, pixels
SURE = 0.5  # what is told where nothing is asked for; MTCNN tells nothing below 0.9


class FacesOptions(LookOptions):
    """What is less sure than `confidence` is left out; 0.5 when not given."""


class FacesResult(LookResult):
    faces: int = Field(description="The most that are seen at one time.")


def plan(options: FacesOptions, source: Source) -> Plan:
    """Decide which frames are looked at. Pure: no file is opened, no process started."""
    least = SURE if options.confidence is None else options.confidence
    return look_plan(source, "faces", "faces", {"least": least}, most=MOST, size=SIZE)


def result(plan: Plan, outputs: list[Output]) -> FacesResult:
    return document_result(FacesResult, entry_document(outputs))


KIND = Kind(
    name="faces",
    summary="Where and when faces are seen in a picture or a video.",
    accepts=frozenset({"image", "video"}),
    options=FacesOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    examples=({}, {"confidence": 0.95}),
)
