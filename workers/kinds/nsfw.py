"""Whether a picture or a video is unsafe for work, by categories and over time."""

from pydantic import BaseModel, ConfigDict, Field

from workers.kinds.base import Kind, Options, Output, Plan, Result, Source
from workers.seen.looks import entry_document, look_plan
from workers.seen.safety import CATEGORIES, LATER

MOST, SIZE = 240, 640  # frames, pixels: the networks see 224 and 320 of them


class Thresholds(BaseModel):
    """From which score on a category counts, 0 to 1."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    nudity: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    sexual: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    violence: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    gore: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)


class NsfwOptions(Options):
    threshold: float | None = Field(
        None,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="From which score on anything counts as unsafe; as the service is set up when not given: 0.8 of "
        "`sexual` and 0.5 of the others usually.",
    )
    thresholds: Thresholds | None = Field(None, description="The same for single categories, which go before.")
    confidence: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="Moments of the timeline that score less are left out."
    )


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
    thresholds = {name: single.get(name) or options.threshold for name in CATEGORIES}
    settings = {"thresholds": thresholds, "least": options.confidence or 0.0, "later": LATER}
    return look_plan(source, "safety", "nsfw", settings, most=MOST, size=SIZE, members=(LATER,))


def result(plan: Plan, outputs: list[Output]) -> NsfwResult:
    document = entry_document(outputs)
    told = {name: document[name] for name in NsfwResult.model_fields if name in document}
    return NsfwResult(is_nsfw=document["detected"], **told)


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
