"""Options that several kinds have in common."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from workers.engine.errors import SourceUnsupported
from workers.formats import ARTICLES, format_named, text_named
from workers.framing import Framing, Size, framing, side_at_fault
from workers.kinds.base import Options
from workers.layers import LAYERS, MovingLayers, StillLayers, file_refs, overlays_are_layers
from workers.options import Color, Extent, Fit, Language, Position, Seconds, anchor
from workers.sections.parts import MOST

# LUFS of `normalize: true`: within EBU R 128 s2 for streams (−20 to −16) and AES TD1008's figure for music. Services
# that even out by themselves (to −14, often) turn it up again, while speech at −14 would have its peaks squeezed.
LOUDNESS = -16.0
_QUIETEST, _LOUDEST = -40.0, -8.0
_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)


def _normalize(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and _QUIETEST <= value <= _LOUDEST:
        return float(value)
    raise ValueError(f"must be true, false, or a loudness from {_QUIETEST:g} to {_LOUDEST:g} LUFS")


def _track(value: Any) -> Any:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 100):
        return value
    if isinstance(value, str):
        text = value.strip().lower()
        if text.isascii() and text.isdigit() and int(text) < 100:
            return int(text)
        if 2 <= len(text) <= 20 and text.isascii() and text.replace("-", "").isalnum() and text[:2].isalpha():
            return text
    raise ValueError("must be a number from 0 on among the input's audio tracks, or a language such as en or eng")


def _one_of(numbers: tuple[int, ...]) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value is None or (value in numbers and not isinstance(value, bool)):
            return None if value is None else int(value)
        raise ValueError(f"must be one of {', '.join(map(str, numbers))}")

    return BeforeValidator(check)


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

    def framed(self, shown: Size, *, edge: int, even: bool = False) -> Framing:
        """Where a picture of display size `shown` goes. Raises LimitExceeded when that is longer than `edge` pixels."""
        return framing(
            shown,
            width=self.width,
            height=self.height,
            fit=self.fit,
            anchor=anchor(self.position),
            even=even,
            edge=edge,
        )

    def check_smallest(self, canvas: Size, least: int, name: str, *, param: str) -> None:
        """Raise SourceUnsupported where an output of size `canvas` is smaller than the codec or format `name` can be;
        it names the option of a size, else `param`."""
        width, height = canvas
        if min(canvas) < least:
            raise SourceUnsupported(
                f"{name} needs {least} × {least} pixels at least; the output would be {width} × {height}.",
                param=side_at_fault(self.width, self.height, taller=height < width) or param,
            )


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


class Tracked(Options):
    """Of what is heard: which of several tracks."""

    audio_track: Annotated[
        int | str | None,
        BeforeValidator(_track),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 99}, {"type": "string"}]}),
    ] = Field(
        None,
        description="Which of several audio tracks: its number among them from 0 on, or its language (en, eng). The "
        "input's default track, else the one with most channels, when not given.",
    )


class Written(Options):
    """Of what is text: in which of several formats it is written."""

    formats: ClassVar[tuple[str, ...]]  # of workers.formats.TEXTS, the usual one first

    format: str | None = None

    @field_validator("filename")
    @classmethod
    def _ending_is_no_mediums(cls, filename: str | None) -> str | None:
        medium = format_named(filename)
        if medium is not None:
            known = " or ".join(f".{name}" for name in cls.formats)
            raise ValueError(f"must end in {known}: .{medium.extension} is {ARTICLES[medium.media_type]}")
        return filename

    @field_validator("format")
    @classmethod
    def _format_suits_filename(cls, format: str | None, info: ValidationInfo) -> str | None:
        named = cls._named(info.data.get("filename"))
        if format and named and format != named:
            raise ValueError(f"must suit the filename, which ends in .{named}")
        return format

    @classmethod
    def _named(cls, filename: str | None) -> str | None:
        found = text_named(filename)
        return found if found in cls.formats else None

    @property
    def written(self) -> str:
        """The format asked for, else the filename's, else the usual one."""
        return self.format or self._named(self.filename) or self.formats[0]


class Spoken(Tracked):
    """Of what is said: in which language."""

    language: Language = Field(
        None,
        description="Which language is spoken: a code of ISO 639-1 (en), another tag (en-US, eng) or an English name. "
        "Found out when not given.",
    )


class Sectioned(Spoken):
    """Of what is told part by part."""

    count: int | None = Field(
        None,
        ge=1,
        le=100,
        description=f"How many parts at most; {MOST}, or all that the input itself names, when not given.",
    )


class Sounding(Tracked):
    """Of what is heard: which track, how many channels, what rate and how loud."""

    channels: Annotated[
        int | None, _one_of((1, 2, 6, 8)), WithJsonSchema({"type": "integer", "enum": [1, 2, 6, 8]})
    ] = Field(
        None,
        description="1 (mono), 2 (stereo), 6 (5.1) or 8 (7.1): what the input has more is mixed down, and none but the "
        "second of mono is made up. As the input but stereo at most when not given.",
    )
    sample_rate: Annotated[int | None, _one_of(_RATES), WithJsonSchema({"type": "integer", "enum": list(_RATES)})] = (
        Field(None, description="Hz; as the input, or the nearest that the codec knows, when not given.")
    )
    normalize: Annotated[
        bool | float | None,
        BeforeValidator(_normalize),
        WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": _QUIETEST, "maximum": _LOUDEST}]}),
    ] = Field(
        None,
        description=f"Bring the sound to one loudness over its whole length (EBU R 128, measured first): true is "
        f"{LOUDNESS:g} LUFS, a number another target in LUFS. True peaks stay below −1.5 dBTP.",
    )

    @property
    def loudness(self) -> float | None:
        """The loudness asked for, LUFS; None to leave it as it is."""
        if self.normalize is True:
            return LOUDNESS
        return float(self.normalize) if self.normalize else None
