"""What stands in for a picture until it is loaded: a tiny blurred copy, and its dominant colour. Runs only in the
resident helper.

Both are made from an upright picture in sRGB: whoever has one decoded already gets them for about a millisecond.
"""

import base64
from io import BytesIO
from math import dist
from typing import Any

from PIL import Image as Pillow
from PIL import ImageFilter

Size = tuple[int, int]
Color = tuple[int, ...]

LOOKED_AT = 64  # pixels of the longest edge: what colours are counted in, and all that is decoded where less will do
EDGE = 32  # pixels of the placeholder's longest edge; it is drawn as large as the picture, and more would not be seen
BLUR = 1.2  # of those pixels: drawn large, it shows no squares
# Of one 32 × 21 picture WebP makes 150 bytes, AVIF 370 in 25 times the time, JPEG 730, of which 600 are tables that no
# picture needs; and WebP knows transparency. Method 6 takes twice as long as 4, for no byte less.
FORMAT: dict[str, Any] = {"format": "WEBP", "quality": 40, "alpha_quality": 50, "method": 4}
COLORS = 32  # that a picture is reduced to
ALIKE = 64.0  # distance in RGB within which these count for each other, the less the farther: a sky has many blues
OPAQUE = 128  # alpha from which on a colour is seen


def look(picture: Pillow.Image) -> dict[str, str | None]:
    """`placeholder`, a picture as a data URI, and `background`, a colour as #rrggbb or None where all is transparent.

    `picture` is upright and in sRGB: L, LA, RGB or RGBA. Equal pixels give equal values.
    """
    small = _shrunk(picture)
    color = dominant(small)
    background = None if color is None else "#{:02x}{:02x}{:02x}".format(*color)
    return {"placeholder": placeholder(small), "background": background}


def fitted(size: Size, edge: int) -> Size:
    """The size that fits into a square of that edge, never larger than it was."""
    ratio = min(1.0, edge / max(size))
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def placeholder(picture: Pillow.Image) -> str:
    """A data URI of an RGB or RGBA picture, tiny and blurred; what is transparent stays so."""
    tiny = picture.resize(fitted(picture.size, EDGE), Pillow.Resampling.BOX)
    if tiny.mode == "RGBA":  # premultiplied: the colour of what is not seen must not run into what is
        tiny = tiny.convert("RGBa").filter(ImageFilter.GaussianBlur(BLUR)).convert("RGBA")
    else:
        tiny = tiny.filter(ImageFilter.GaussianBlur(BLUR))
    out = BytesIO()
    tiny.save(out, **FORMAT)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def dominant(picture: Pillow.Image) -> Color | None:
    """The colour (r, g, b) that most of an RGB or RGBA picture has or nearly has; None when all is transparent.

    Its own colours are counted in clusters, each cluster together with those that look like it: neither the mean of
    everything, a grey that is nowhere in the picture, nor whichever shade of a gradient is the most frequent by itself.
    """
    reduced = picture.quantize(COLORS, Pillow.Quantize.FASTOCTREE, dither=Pillow.Dither.NONE)
    palette: Any = reduced.getpalette("RGBA")
    counted: Any = reduced.getcolors()
    clusters = [(count, tuple(palette[4 * index : 4 * index + 4])) for count, index in counted]
    seen = [(count, color[:3]) for count, color in clusters if color[3] >= OPAQUE]
    if not seen:
        return None
    around = [[(count * max(0.0, 1 - dist(color, other) / ALIKE), other) for count, other in seen] for _, color in seen]
    best = max(around, key=lambda family: sum(weight for weight, _ in family))
    whole = sum(weight for weight, _ in best)
    return tuple(round(sum(weight * color[part] for weight, color in best) / whole) for part in range(3))


def _shrunk(picture: Pillow.Image) -> Pillow.Image:
    """The picture at the size it is looked at, as RGB or RGBA."""
    size = fitted(picture.size, LOOKED_AT)
    if size != picture.size:
        picture = picture.resize(size, Pillow.Resampling.BOX, reducing_gap=2.0)
    return picture.convert("RGBA" if picture.mode in ("LA", "RGBA") else "RGB")
