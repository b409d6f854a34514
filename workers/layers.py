"""Layers: text and pictures put over a picture, still or moving. Their options, and where they come to lie.

Pure but for the fonts' own tables, which are read once. They are drawn by workers.engine.layers, for stills and videos
alike, so that the same options give the same pixels in both.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
)

from workers.engine.errors import LimitExceeded
from workers.framing import Size
from workers.options import (
    EDGE,
    Color,
    Extent,
    FileRef,
    Length,
    Offset,
    Position,
    Seconds,
    anchor,
    pixels_of,
    rgba,
)
from workers.plans import FileUse, Plan
from workers.typefaces import BOLD, DEFAULT, REGULAR, faces_for, families, find_family, missing

MOST = 20  # layers of one output
MOST_CHARACTERS = 2000
USUAL_SIZE = "5%"  # of the output's height
_EMBEDDINGS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # which way text runs is told by its letters
_SHOWN_MISSING = 20
_KINDS = ("text", "image")


def _kind(value: Any) -> Any:
    if value not in _KINDS:
        raise ValueError("must be text or image")
    return value


def _font(value: Any) -> Any:
    if value is None:
        return DEFAULT
    found = find_family(value) if isinstance(value, str) and len(value) <= 100 else None
    if found is None:
        raise ValueError(f"must be one of {', '.join(families())}")
    return found


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", value).replace("\t", "    ")
    if any(unicodedata.category(character) in ("Cc", "Cs") and character != "\n" for character in text):
        raise ValueError("must hold no control characters but line breaks")
    return text


class _Layer(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    position: Position = Field("center", description="Where it lies: a side, a corner or the center.")
    x: Offset = Field(
        None,
        description='Its left edge, pixels or a percentage of the output\'s width such as "10%"; instead of position.',
    )
    y: Offset = Field(None, description="Its top edge likewise, of the output's height.")
    margin: Length = Field(
        None, description="Distance from the sides it lies at, pixels or a percentage of the output's shorter side."
    )
    padding: Length = Field(None, description="Room around what it holds, within its background; as margin.")
    opacity: float = Field(1.0, ge=0, le=1, allow_inf_nan=False, description="0 (invisible) to 1.")
    rotation: float = Field(
        0.0, ge=-360, le=360, allow_inf_nan=False, description="Degrees clockwise, around its middle."
    )


class TextLayer(_Layer):
    """Words over the picture."""

    kind: Annotated[Literal["text"], BeforeValidator(_kind)] = Field(description="What it is.")
    text: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS), BeforeValidator(_text)] = Field(
        description="The words; line breaks are kept, and long lines broken."
    )
    # The default is checked as well: that reads the fonts, so that a plan finds them read.
    font: Annotated[str, BeforeValidator(_font)] = Field(
        DEFAULT,
        validate_default=True,
        description="A family: Inter, Source Serif 4, JetBrains Mono, or another that the server has.",
    )
    font_size: Extent = Field(USUAL_SIZE, description='Pixels, or a percentage of the output\'s height such as "5%".')
    color: Color = Field("#ffffff", description="Hex colour of the letters, with alpha as #rrggbbaa.")
    background: Color = Field(None, description="Hex colour of a box behind the text; none when not given.")
    align: Literal["left", "center", "right"] | None = Field(
        None, description="How lines of different lengths stand; as the position says when not given."
    )
    width: Extent = Field(
        None, description="Width of the box, pixels or a percentage of the output's: lines are broken to fit it."
    )
    bold: bool = Field(False, description="A bold face.")
    weight: int | None = Field(None, ge=100, le=900, description="100 to 900; the nearest face there is.")
    italic: bool = Field(False, description="An italic face, where the family has one.")
    stroke_color: Color = Field("#000000", description="Hex colour of the outline.")
    stroke_width: Length = Field(
        None,
        description="Width of an outline around them, pixels or a percentage of the font's size; at most half of it.",
    )


class ImageLayer(_Layer):
    """A picture over the picture. It is turned upright; of an animation the first frame is shown."""

    kind: Annotated[Literal["image"], BeforeValidator(_kind)] = Field(description="What it is.")
    url: FileRef = Field(description="The picture: an http(s) URL, or the id of a file or a media.")
    width: Extent = Field(
        None, description="Pixels, or a percentage of the output's width; the picture's own when neither is given."
    )
    height: Extent = Field(None, description="Likewise. With only one of the two, the other follows the aspect ratio.")


class _Timed(BaseModel):
    start: Seconds = Field(None, description="When it appears, seconds of the output.")
    end: Seconds = Field(None, description="When it is gone again, seconds of the output.")

    @field_validator("end")
    @classmethod
    def _end_after_start(cls, end: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("start") or 0.0
        if end is not None and end <= start:
            raise ValueError(f"must be after start ({start:g})")
        return end


class TimedTextLayer(TextLayer, _Timed):
    """Words over a video."""


class TimedImageLayer(ImageLayer, _Timed):
    """A picture over a video. It is turned upright; of an animation the first frame is shown."""


AnyLayer = TextLayer | ImageLayer


def _which(text: str, image: str) -> Discriminator:
    """Told apart by `kind`. What is neither is held against the first, whose `kind` then says what there is."""

    def which(value: Any) -> str:
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        return image if kind == "image" else text

    return Discriminator(which)


# The tags end up in the paths of errors: words with spaces, which no option's name has.
_STILL = ("a text layer of a picture", "an image layer of a picture")
_MOVING = ("a text layer of a video", "an image layer of a video")
StillLayer = Annotated[Annotated[TextLayer, Tag(_STILL[0])] | Annotated[ImageLayer, Tag(_STILL[1])], _which(*_STILL)]
MovingLayer = Annotated[
    Annotated[TimedTextLayer, Tag(_MOVING[0])] | Annotated[TimedImageLayer, Tag(_MOVING[1])], _which(*_MOVING)
]
LAYERS = f"Texts and pictures put over it, in this order; {MOST} at most."


def overlays_are_layers(data: Any) -> Any:
    """The same options with `overlays`, an older name, read as `layers`."""
    if isinstance(data, dict) and "overlays" in data and "layers" not in data:
        data = dict(data)
        data["layers"] = data.pop("overlays")
    return data


def _listed(value: Any) -> Any:
    return [] if value is None else value


StillLayers = Annotated[list[StillLayer], Field(max_length=MOST), BeforeValidator(_listed)]
MovingLayers = Annotated[list[MovingLayer], Field(max_length=MOST), BeforeValidator(_listed)]


def file_refs(layers: Iterable[AnyLayer]) -> tuple[tuple[str, str], ...]:
    """(option, id or URL) for each file that the layers name."""
    return tuple(
        (f"layers.{number}.url", layer.url) for number, layer in enumerate(layers) if isinstance(layer, ImageLayer)
    )


def file_uses(layers: Iterable[AnyLayer]) -> tuple[FileUse, ...]:
    """What a plan must have fetched; a picture that several layers show, once."""
    first: dict[str, FileUse] = {}
    for param, ref in file_refs(layers):
        first.setdefault(ref, FileUse(ref, f"layer-{len(first)}", param))
    return tuple(first.values())


@dataclass(frozen=True)
class Cell:
    """Where along one side of a canvas the file of a layer comes to lie: from `start` on, or, without one, as far from
    its beginning as from its end, or at its end. So the place is known before the layer's own size is."""

    rule: Literal["start", "center", "end"]
    start: int = 0

    def expression(self, side: str, *, pad: bool = False) -> str:
        """The place for ffmpeg's overlay filter, or its `pad`; `side` is "w" or "h"."""
        if self.rule == "start":
            return str(self.start)
        room = f"(o{side}-i{side})" if pad else f"(main_{side}-overlay_{side})"
        return room + ("/2" if self.rule == "center" else "")


@dataclass(frozen=True)
class Placed:
    """One layer in pixels of its canvas: `spec` is what workers.engine.layers draws it from (JSON data).

    `canvas` is the output's size, `cells` are those of width and height; `start` and `end` are when it is seen,
    seconds, None without bound.
    """

    spec: dict[str, Any]
    canvas: Size
    cells: tuple[Cell, Cell]
    start: float | None = None
    end: float | None = None


def place(layers: Iterable[AnyLayer], canvas: Size) -> tuple[Placed, ...]:
    """The layers on an output of this size. Raises LimitExceeded naming the option that makes one too large."""
    layers = tuple(layers)
    names = {use.ref: use.name for use in file_uses(layers)}
    return tuple(_placed(layer, f"layers.{number}", canvas, names) for number, layer in enumerate(layers))


def _placed(layer: AnyLayer, param: str, canvas: Size, names: dict[str, str]) -> Placed:
    shorter = min(canvas)
    anchors = anchor(layer.position)
    offsets = [
        None if value is None else pixels_of(value, side)
        for value, side in zip((layer.x, layer.y), canvas, strict=True)
    ]
    margin = pixels_of(layer.margin or 0, shorter)
    spec: dict[str, Any] = {
        "param": param,
        "kind": layer.kind,
        "anchor": list(anchors),
        "offset": offsets,
        "margin": margin,
        "padding": pixels_of(layer.padding or 0, shorter),
        "opacity": layer.opacity,
        "rotation": layer.rotation % 360,
    }
    if isinstance(layer, ImageLayer):
        sizes = {
            name: None if value is None else _bounded(value, side, f"{param}.{name}")
            for name, value, side in zip(("width", "height"), (layer.width, layer.height), canvas, strict=True)
        }
        spec |= {"source": names[layer.url], **sizes}
        reach = 0
    else:
        spec |= _set(layer, spec, param, canvas)
        reach = spec["reach"]
    if spec["rotation"]:
        reach = 2 * reach + 2  # along the diagonal, and what is smoothed at the edges
    cells = [
        _cell(side, where, offset, margin, reach) for side, where, offset in zip(canvas, anchors, offsets, strict=True)
    ]
    return Placed(spec, canvas, (cells[0], cells[1]), getattr(layer, "start", None), getattr(layer, "end", None))


def _set(layer: TextLayer, spec: dict[str, Any], param: str, canvas: Size) -> dict[str, Any]:
    """How a text is set: everything in pixels. `reach` is how far letters may stand out of their box."""
    size = _bounded(layer.font_size or USUAL_SIZE, canvas[1], f"{param}.font_size")
    width = None if layer.width is None else _bounded(layer.width, canvas[0], f"{param}.width")
    # What fits no line is broken, so that no text grows beyond the picture.
    room = width or max(1, canvas[0] - 2 * spec["margin"] * (spec["offset"][0] is None))
    stroke = min(pixels_of(layer.stroke_width or 0, size), size // 2)  # more would only fill the gaps
    usual = {0.0: "left", 0.5: "center", 1.0: "right"}[spec["anchor"][0]]
    family, weight, italic = _face(layer)
    return {
        "text": unicodedata.normalize("NFC", _EMBEDDINGS.sub("", layer.text)),
        "family": family,
        "weight": weight,
        "italic": italic,
        "size": size,
        "room": max(1, room - 2 * spec["padding"]),
        "fixed": width is not None,
        "align": layer.align or usual,
        "color": rgba(layer.color or "#ffffff"),
        "background": rgba(layer.background),
        "stroke": stroke,
        "stroke_color": rgba(layer.stroke_color or "#000000"),
        "reach": size + stroke,
    }


def _face(layer: TextLayer) -> tuple[str, int, bool]:
    return layer.font, layer.weight or (BOLD if layer.bold else REGULAR), layer.italic


def _bounded(value: int | str, whole: int, param: str) -> int:
    """A size in pixels, 1 at least. Raises LimitExceeded."""
    size = max(1, pixels_of(value, whole))
    if size > EDGE:
        raise LimitExceeded(f"{param} would be {size} pixels; at most {EDGE}.", param=param)
    return size


def _cell(side: int, where: float, offset: int | None, margin: int, reach: int) -> Cell:
    """Even places, as 4:2:0 has one colour for two pixels: overlay would move an odd one."""
    if offset is None and where == 1.0:
        return Cell("end")
    if offset is None and where == 0.5:
        return Cell("center")
    start = (margin if offset is None else offset) - reach
    return Cell("start", max(0, min(start, side - 2)) // 2 * 2)


def with_files(plan: Plan, layers: Iterable[AnyLayer]) -> Plan:
    """The plan with the files that the layers on its output need, and with notes on what a viewer will miss of them."""
    layers, first = tuple(layers), plan.expected[0]
    missed = _notes(layers, (first.width or EDGE, first.height or EDGE), first.duration)
    return replace(plan, files=(*plan.files, *file_uses(layers)), notes=(*plan.notes, *missed))


def _notes(layers: tuple[AnyLayer, ...], canvas: Size, duration: float | None) -> list[str]:
    found = []
    for number, layer in enumerate(layers):
        if isinstance(layer, TextLayer):
            family, weight, italic = _face(layer)
            text = unicodedata.normalize("NFC", _EMBEDDINGS.sub("", layer.text))
            absent = missing(text, faces_for(family, weight=weight, italic=italic))
            if absent:
                shown = " ".join(absent[:_SHOWN_MISSING]) + (" …" if len(absent) > _SHOWN_MISSING else "")
                found.append(f"layers.{number}: no font has {shown}, so that is left out.")
        offsets = zip((layer.x, layer.y), canvas, strict=True)
        if any(value is not None and pixels_of(value, side) >= side for value, side in offsets):
            found.append(f"layers.{number} lies outside the picture.")
        start = getattr(layer, "start", None) or 0.0
        if duration is not None and start >= duration:
            found.append(f"layers.{number} begins at {start:g} s, and the output ends at {duration:g} s.")
    return found
