"""Options that several kinds have in common."""

from pydantic import Field, ValidationInfo, field_validator, model_validator

from workers.kinds.base import Options
from workers.layers import LAYERS, MovingLayers, StillLayers, file_refs, overlays_are_layers
from workers.options import Color, Extent, Fit, Position, Seconds


class Sized(Options):
    """Of a picture, still or moving: how large, and what becomes of what does not fit."""

    width: Extent = Field(None, description='Width in pixels, or a percentage of the input\'s such as "50%".')
    height: Extent = Field(
        None, description="Height likewise. With only one of the two, the other follows the aspect ratio."
    )
    fit: Fit = Field(
        "fill", description="With both sizes: fill exactly (may distort), cover (crops) or contain (pads)."
    )
    position: Position = Field("center", description="What the crop or the padding keeps in place: a side or a corner.")
    background: Color = Field(None, description="Hex colour behind the picture; transparent or #000000 when not given.")


class StillLayered(Options):
    """Of a picture: what is put over it."""

    layers: StillLayers = Field([], description=LAYERS)

    _overlays = model_validator(mode="before")(overlays_are_layers)

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        return (*super().file_refs(), *file_refs(self.layers))


class MovingLayered(Options):
    """Of a video: what is put over it, and when."""

    layers: MovingLayers = Field([], description=LAYERS)

    _overlays = model_validator(mode="before")(overlays_are_layers)

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        return (*super().file_refs(), *file_refs(self.layers))


class Spanned(Options):
    """Of what has a length: which part of it."""

    start: Seconds = Field(None, description="Where to begin, seconds.")
    end: Seconds = Field(None, description="Where to end, seconds; wins over duration.")
    duration: float | None = Field(None, gt=0, le=10_000_000, allow_inf_nan=False, description="How long, seconds.")

    @field_validator("end")
    @classmethod
    def _end_after_start(cls, end: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("start") or 0.0
        if end is not None and end <= start:
            raise ValueError(f"must be after start ({start:g})")
        return end
