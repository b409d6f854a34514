"""Draws layers and puts them over pictures with Pillow. Runs only in the resident helper.

A layer is drawn only where it is seen: however large it is, no more pixels are held than its canvas asks for.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageFilter

from workers.engine.errors import LimitExceeded, MediaError, SourceUnsupported
from workers.engine.text import draw_lines, set_lines
from workers.framing import Size

Box = tuple[int, int, int, int]  # left, top, right, bottom
Spec = Mapping[str, Any]  # as workers.layers.Placed.spec
# A picture's file, and the size wanted by its own → the whole picture upright in sRGB, at least that large if it is;
# and its own size.
Read = Callable[[Path, Callable[[Size], Size]], tuple[Pillow.Image, Size]]
_SMOOTHED = 2  # pixels around a turned layer that its edges fade into
_BLED = 3  # pixels that colours reach into what is transparent


@dataclass(frozen=True)
class Drawn:
    """A layer ready to be put over its canvas: RGBA, and where its top left corner comes to lie."""

    picture: Pillow.Image
    place: Size


@dataclass(frozen=True)
class _Content:
    """What a layer shows: `size` is its box's, `reach` how far it may stand out of it, `draw` a part of it as RGBA."""

    size: Size
    reach: int
    draw: Callable[[Box], Pillow.Image]


def draw_layers(cwd: Path, specs: Iterable[Spec], canvas: Size, read: Read) -> tuple[Drawn, ...]:
    """The layers that are seen on a canvas, drawn once for as many pictures as there are to put them over.

    Raises MediaError naming the layer's option.
    """
    drawn = (draw_layer(cwd, spec, canvas, read) for spec in specs)
    return tuple(layer for layer in drawn if layer is not None)


def put_over(picture: Pillow.Image, layers: Iterable[Drawn]) -> Pillow.Image:
    """The picture with the layers over it, in order: RGB, or RGBA where the picture has an alpha channel."""
    layers = tuple(layers)
    if not layers:
        return picture
    clear = picture.mode in ("LA", "RGBA", "PA") or "transparency" in picture.info
    made = picture.convert("RGBA" if clear else "RGB")
    if made is picture:
        made = picture.copy()
    for layer in layers:
        if clear:
            made.alpha_composite(layer.picture, layer.place)
        else:
            made.paste(layer.picture, layer.place, layer.picture)
    return made


def draw_layer(cwd: Path, spec: Spec, canvas: Size, read: Read) -> Drawn | None:
    """One layer, cut to the canvas; None when nothing of it is seen. Raises MediaError naming its option."""
    try:
        content = _text(spec) if spec["kind"] == "text" else _image(cwd, spec, read)
        return _seen(spec, content, canvas)
    except MemoryError as exc:
        raise LimitExceeded(f"{spec['param']} needs more memory than it may have.", param=spec["param"]) from exc


def write_layer(cwd: Path, operations: Mapping[str, Any], read: Read) -> dict[str, Any]:
    """Draw `layer` on its `canvas` into the PNG `target`, as far as its `cells` go (as workers.layers.Cell): an overlay
    at their place shows it where put_over does. Returns where the file begins on the canvas, and its size.

    What is transparent has the colours beside it, so that halving the colours' resolution brings in no others.
    """
    canvas = (operations["canvas"][0], operations["canvas"][1])
    drawn = draw_layer(cwd, operations["layer"], canvas, read)
    ends = (0, 0, 0, 0) if drawn is None else _box(drawn)
    left, right = _span(operations["cells"][0], canvas[0], ends[0], ends[2])
    top, bottom = _span(operations["cells"][1], canvas[1], ends[1], ends[3])
    whole = Pillow.new("RGBA", (right - left, bottom - top))
    if drawn is not None:
        whole.paste(drawn.picture, (drawn.place[0] - left, drawn.place[1] - top))
        whole = _bled(whole)
    whole.save(cwd / operations["target"], "PNG", compress_level=1)
    return {"size": list(whole.size), "place": [left, top]}


def _box(drawn: Drawn) -> Box:
    (left, top), (width, height) = drawn.place, drawn.picture.size
    return left, top, left + width, top + height


def _span(cell: Mapping[str, Any], side: int, first: int, last: int) -> tuple[int, int]:
    """The part of a side that the file covers: at the cell's place, in even numbers, with `first` to `last` inside."""
    if cell["rule"] == "start":
        start = cell["start"]
        return start, min(side, max(start + 2, last + last % 2))
    if last <= first:
        first = last = side // 2 if cell["rule"] == "center" else side
    if cell["rule"] == "end":
        return max(0, min(first, side - 2)) // 2 * 2, side
    edge = max(0, min(first, side - last, (side - 2) // 2)) // 2 * 2
    return edge, side - edge


def _bled(picture: Pillow.Image) -> Pillow.Image:
    # A blur of what is multiplied by alpha, divided by it again: the mean colour of what is seen near by.
    near = picture.convert("RGBa").filter(ImageFilter.BoxBlur(_BLED)).convert("RGBA")
    alpha = picture.getchannel("A")
    near.paste(picture, (0, 0), alpha.point(lambda value: 255 if value else 0))
    near.putalpha(alpha)
    return near


# --- where a layer lies ---


def _seen(spec: Spec, content: _Content, canvas: Size) -> Drawn | None:
    width, height = content.size
    angle = math.radians(spec["rotation"])
    cos, sin = math.cos(angle), math.sin(angle)
    if not spec["rotation"]:
        cos, sin = 1.0, 0.0
    outer = (
        math.ceil(abs(width * cos) + abs(height * sin) - 1e-6),
        math.ceil(abs(width * sin) + abs(height * cos) - 1e-6),
    )
    left, top = (_start(spec, side, canvas[side], outer[side]) for side in (0, 1))
    spill = 2 * content.reach + _SMOOTHED if spec["rotation"] else content.reach
    shown = _common((left - spill, top - spill, left + outer[0] + spill, top + outer[1] + spill), (0, 0, *canvas))
    if shown is None:
        return None
    reach = content.reach
    whole = (-reach, -reach, width + reach, height + reach)
    if not spec["rotation"]:
        part = _common((shown[0] - left, shown[1] - top, shown[2] - left, shown[3] - top), whole)
        return None if part is None else _faded(content.draw(part), (part[0] + left, part[1] + top), spec["opacity"])
    # From the canvas back into the layer, which lies unturned around the same middle.
    middle = (left + outer[0] / 2, top + outer[1] / 2)

    def back(x: float, y: float) -> tuple[float, float]:
        dx, dy = x - middle[0], y - middle[1]
        return cos * dx + sin * dy + width / 2, -sin * dx + cos * dy + height / 2

    corners = [back(x, y) for x in (shown[0], shown[2]) for y in (shown[1], shown[3])]
    edge = _SMOOTHED
    part = _common(
        (
            math.floor(min(x for x, _ in corners)) - edge,
            math.floor(min(y for _, y in corners)) - edge,
            math.ceil(max(x for x, _ in corners)) + edge,
            math.ceil(max(y for _, y in corners)) + edge,
        ),
        (whole[0] - edge, whole[1] - edge, whole[2] + edge, whole[3] + edge),
    )
    if part is None:
        return None
    x, y = back(shown[0], shown[1])
    turned = content.draw(part).transform(
        (shown[2] - shown[0], shown[3] - shown[1]),
        Pillow.Transform.AFFINE,
        (cos, sin, x - part[0], -sin, cos, y - part[1]),
        Pillow.Resampling.BICUBIC if spec["rotation"] % 90 else Pillow.Resampling.NEAREST,  # pixels on pixels
    )
    return _faded(turned, (shown[0], shown[1]), spec["opacity"])


def _start(spec: Spec, axis: int, side: int, size: int) -> int:
    offset, where = spec["offset"][axis], spec["anchor"][axis]
    if offset is not None:
        return int(offset)
    if where == 0.5:
        return (side - size) // 2
    return int(spec["margin"] if where == 0.0 else side - size - spec["margin"])


def _common(first: Box, second: Box) -> Box | None:
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right, bottom = min(first[2], second[2]), min(first[3], second[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _faded(picture: Pillow.Image, place: Size, opacity: float) -> Drawn | None:
    """With the opacity applied, and cut to what is not transparent."""
    if opacity < 1:
        picture.putalpha(picture.getchannel("A").point([round(value * opacity) for value in range(256)]))
    box = picture.getchannel("A").getbbox()
    if box is None:
        return None
    return Drawn(picture.crop(box), (place[0] + box[0], place[1] + box[1]))


# --- what a layer shows ---


def _text(spec: Spec) -> _Content:
    size, padding, room, stroke = spec["size"], spec["padding"], spec["room"], spec["stroke"]
    face = {"family": spec["family"], "weight": spec["weight"], "italic": spec["italic"]}
    lines, widest, height = set_lines(spec["text"], **face, size=size, width=room)
    width = room if spec["fixed"] else widest
    box = (max(1, width + 2 * padding), max(1, height + 2 * padding))

    def draw(part: Box) -> Pillow.Image:
        inner = (part[0] - padding, part[1] - padding, part[2] - padding, part[3] - padding)
        paints = [(spec["color"], 0)]
        if stroke:
            paints.insert(0, (spec["stroke_color"], stroke))
        made = None
        if spec["background"]:
            made = _plain(part, spec["background"][:3], 0)
            if under := _common(part, (0, 0, *box)):
                inside = (under[0] - part[0], under[1] - part[1], under[2] - part[0], under[3] - part[1])
                made.paste(tuple(spec["background"]), inside)
        for color, wide in paints:
            mask = draw_lines(lines, size, inner, width=width, align=spec["align"], stroke=wide)
            over = _plain(part, color[:3], 0)
            over.putalpha(mask if color[3] == 255 else mask.point([value * color[3] // 255 for value in range(256)]))
            if made is None:
                made = over
            else:
                made.alpha_composite(over)
        assert made is not None
        return made

    return _Content(box, spec["reach"], draw)


def _plain(part: Box, color: Iterable[int], alpha: int) -> Pillow.Image:
    red, green, blue = color
    return Pillow.new("RGBA", (part[2] - part[0], part[3] - part[1]), (red, green, blue, alpha))


def _image(cwd: Path, spec: Spec, read: Read) -> _Content:
    param = f"{spec['param']}.url"

    def wanted(own: Size) -> Size:
        return _scaled(own, spec["width"], spec["height"])

    try:
        picture, own = read(cwd / spec["source"], wanted)
    except MediaError as exc:
        exc.message = _named(exc, param)
        exc.param = param
        raise
    width, height = wanted(own)
    padding = spec["padding"]

    def draw(part: Box) -> Pillow.Image:
        made = Pillow.new("RGBA", (part[2] - part[0], part[3] - part[1]))
        inner = _common(part, (padding, padding, padding + width, padding + height))
        if inner is not None:
            x, y = picture.width / width, picture.height / height
            size = (inner[2] - inner[0], inner[3] - inner[1])
            ends = [(end - padding) * scale for end, scale in zip(inner, (x, y, x, y), strict=True)]
            box = (ends[0], ends[1], min(ends[2], picture.width), min(ends[3], picture.height))
            cut = picture if picture.mode == "RGBA" else picture.convert("RGBA")
            if size != picture.size or box != (0, 0, *picture.size):
                cut = cut.resize(size, Pillow.Resampling.LANCZOS, box)
            made.paste(cut, (inner[0] - part[0], inner[1] - part[1]))
        return made

    return _Content((width + 2 * padding, height + 2 * padding), 0, draw)


def _named(error: MediaError, param: str) -> str:
    words = f"{param}: {error.message[:1].lower()}{error.message[1:]}"
    if not isinstance(error, SourceUnsupported):
        return words
    what = words.partition("; send")[0].rstrip(".")
    return f"{what}; a layer needs a JPEG, PNG, WebP, AVIF, GIF, HEIC, TIFF or BMP picture."


def _scaled(own: Size, width: int | None, height: int | None) -> Size:
    """The size of a picture of size `own` where `width`, `height`, both or neither are given."""
    if width is None and height is None:
        return own
    if width is None:
        assert height is not None
        return max(1, round(height * own[0] / own[1])), height
    return width, max(1, round(width * own[1] / own[0])) if height is None else height
