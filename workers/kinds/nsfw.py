"""Whether a picture or a video is unsafe for work, by categories and over time."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from workers.kinds.base import Kind, Options, Output, Plan, Result, Source, document_result, entry_document
from workers.options import Confidence
from workers.providers.base import SAFETY
from workers.seen.looks import look_plan
from workers.seen.safety import LATER

MOST, SIZE = 240, 640  # frames, pixels: the networks see 224 and 320 of them


Threshold = Annotated[float | None, Field(gt=0, le=1, allow_inf_nan=False)]


class Thresholds(BaseModel):
    """From which score on a category counts, 0 to 1."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    nudity: Threshold = None
    sexual: Threshold = None
    violence: Threshold = None
    gore: Threshold = None


class NsfwOptions(Options):
    threshold: Threshold = Field(
        None,
        description="From which score on anything counts as unsafe; as the service is set up when not given: 0.8 of "
        "`sexual` and 0.5 of the others usually.",
    )
    thresholds: Thresholds | None = Field(None, description="The same for single categories, which go before.")
    confidence: Confidence = Field(None, description="Moments of the timeline that score less are left out.")


class NsfwResult(Result):
    """The document without its timeline."""

    is_nsfw: bool = Field(description="Whether any category reached its threshold.")
    confidence: float = Field(description="The highest score of all categories, 0 to 1.")
    nudity: float | None = Field(description="0 to 1; null where no model here judges it.")
    sexual: float | None = Field(description="0 to 1; null where no model here judges it.")
    violence: float | None = Field(description="0 to 1; null where no model here judges it.")
    gore: float | None = Field(description="0 to 1; null where no model here judges it.")
    categories_checked: tuple[str, ...] = Field(description="What was judged.")
    frames: int = Field(description="Pictures that were looked at.")
    model: str
    model_version: str


def plan(options: NsfwOptions, source: Source) -> Plan:
    """Decide which frames are looked at. Pure: no file is opened, no process started."""
    single = options.thresholds.model_dump() if options.thresholds else {}
    thresholds = {name: single.get(name) or options.threshold for name in SAFETY}
    settings = {"thresholds": thresholds, "least": options.confidence or 0.0, "later": LATER}
    return look_plan(source, "safety", "nsfw", settings, most=MOST, size=SIZE, members=(LATER,))


def result(plan: Plan, outputs: list[Output]) -> NsfwResult:
    document = entry_document(outputs)
    return document_result(NsfwResult, document, is_nsfw=document["detected"])


KIND = Kind(
    name="nsfw",
    summary="Whether a picture or a video is unsafe for work, by categories and over time.",
    accepts=frozenset({"image", "video"}),
    options=NsfwOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    examples=({}, {"threshold": 0.4, "thresholds": {"nudity": 0.6}}),
)
