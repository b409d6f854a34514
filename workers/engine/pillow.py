"""Makes pictures from a picture with Pillow. Runs only in the resident helper.

One source is decoded once, as small as the largest wanted picture allows, and every variant is made from that.
"""

import errno
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageCms

from workers.engine import preview, stills
from workers.engine.errors import LimitExceeded, OutputMismatch, SourceUnreadable, SourceUnsupported
from workers.engine.layers import draw_layers, put_over
from workers.engine.limits import SourceLimits
from workers.formats import FORMATS

Size = tuple[int, int]
Box = tuple[float, float, float, float]
SRGB = ImageCms.createProfile("sRGB")
# Decoding beyond this factor of the wanted size first averages blocks of pixels: as sharp to the eye, much faster.
REDUCING_GAP = 3.0
WEBP_METHOD = 2  # twice as fast as the default 4 for 3 % more bytes
AVIF_SPEED = 8
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoded:
    """A picture as it is stored, no larger than wanted; its size before, how it is to be turned, its colour profile."""

    picture: Pillow.Image
    original: Size
    orientation: int
    profile: bytes | None


def make_pictures(
    cwd: Path, operations: dict[str, Any], limits: SourceLimits, *, looked_at: str | None = None
) -> list[dict[str, Any]]:
    """Carry out a picture step in `cwd`; the facts of each file made, in order. Those of the file `looked_at`, one of
    the targets, have its `preview` among them (see preview.look).

    `operations`: `source` (a file name), `type` (Pillow's name for it; None to go by content), `orient` (apply EXIF)
    and `variants`, each with `target`, `format`, `quality`, `background` (r, g, b, a) or None, and the framing's
    `scaled`, `crop`, `size`, `place` and `canvas`.
    Raises SourceUnreadable, SourceUnsupported, LimitExceeded, OutputMismatch.
    """
    variants = operations["variants"]
    largest = tuple(max(variant["scaled"][side] for variant in variants) for side in (0, 1))
    source = _read(
        cwd / operations["source"],
        operations["type"],
        limits,
        orient=operations["orient"],
        wanted=(largest[0], largest[1]),
    )
    return [_variant(cwd, source, variant, limits, look=variant["target"] == looked_at) for variant in variants]


def read_layer(path: Path, wanted: Callable[[Size], Size], *, limits: SourceLimits) -> Pillow.Image:
    """A picture to be put over others, whole and upright in sRGB; no smaller than `wanted` of its size, if it can be.

    Raises SourceUnreadable, SourceUnsupported, LimitExceeded.
    """
    source = _read(path, None, limits, orient=True, wanted=wanted)
    turn = _TURNS.get(source.orientation)
    picture = source.picture if turn is None else source.picture.transpose(turn)
    return _in_srgb(picture, source.profile)


def look_at_picture(path: Path, type: str | None, limits: SourceLimits) -> dict[str, str | None]:
    """What preview.look tells of a picture file; of an animation, of its first frame.

    Raises SourceUnreadable, SourceUnsupported, LimitExceeded.
    """
    edge = preview.LOOKED_AT
    source = _read(path, type, limits, orient=True, wanted=(edge, edge))
    size = preview.fitted(_swapped(source.original, source.orientation), edge)
    small = _framed(source, {"scaled": size, "crop": (0, 0), "size": size})
    return preview.look(_in_srgb(small, source.profile))


def _read(
    path: Path, type: str | None, limits: SourceLimits, *, orient: bool, wanted: Size | Callable[[Size], Size]
) -> Decoded:
    """The picture, decoded as small as `wanted` (pixels as shown, or told by the picture's own) allows; turned only
    where `orient` says so."""
    with stills.open_still(path, (type,) if type else _plugins(path)) as image:
        if reason := limits.too_large("picture", *image.size):
            raise LimitExceeded(reason)
        orientation = stills.turn_left(image) if orient else 1
        profile, stored = image.info.get("icc_profile"), image.size
        size = wanted(_swapped(stored, orientation)) if callable(wanted) else wanted
        return Decoded(_decoded(image, _swapped(size, orientation)), stored, orientation, profile)


def _plugins(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as exc:
        raise SourceUnreadable("The file cannot be opened.", log=str(exc)) from exc
    plugins = stills.plugins_for(head)
    if not plugins:
        stills.refuse_known(head)
        raise SourceUnsupported("The file is no picture that can be read.")
    return plugins


def _decoded(image: Pillow.Image, wanted: Size) -> Pillow.Image:
    """All pixels, in a mode that can be resized: L, LA, RGB, RGBA or CMYK."""
    try:
        image.draft(image.mode, wanted)  # JPEG only: decodes at 1/2, 1/4 or 1/8, never below what is wanted
        image.load()
        if image.mode.startswith("I;16"):
            image = image.point(lambda value: value / 256, "L") if image.mode == "I;16" else image.convert("I")
        if image.mode in ("I", "F"):
            return _eight_bit(image)
        if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
            return image
        if image.mode == "1":
            return image.convert("L")
        return image.convert("RGBA" if stills.has_alpha(image) else "RGB")
    except MemoryError as exc:
        raise LimitExceeded("The picture needs more memory than it may have.") from exc
    except stills.DAMAGE as exc:
        raise SourceUnreadable(
            "The picture is damaged or cut short: not all of it can be decoded.", log=repr(exc)
        ) from exc


def _eight_bit(image: Pillow.Image) -> Pillow.Image:
    """Whole or real numbers brought to 0…255: 16-bit values by their range, others by their extremes."""
    low, high = image.getextrema()
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    if image.mode == "I" and low >= 0 and high <= 65535:
        low, high = 0, 65535 if high > 255 else 255
    span = (high - low) or 1
    return image.convert("F").point(lambda value: value * (255.0 / span) + (-low * 255.0 / span)).convert("L")


def _variant(
    cwd: Path, source: Decoded, variant: dict[str, Any], limits: SourceLimits, *, look: bool
) -> dict[str, Any]:
    made = _framed(source, variant)
    made = _in_srgb(made, source.profile)
    made = _on_canvas(made, variant)
    if variant.get("layers"):
        canvas = (variant["canvas"][0], variant["canvas"][1])
        made = put_over(made, draw_layers(cwd, variant["layers"], canvas, partial(read_layer, limits=limits)))
    target = cwd / variant["target"]
    _save(made, target, variant["format"], variant["quality"])
    facts = _checked(target, variant)
    return facts | {"preview": preview.look(made)} if look else facts


def _framed(source: Decoded, variant: dict[str, Any]) -> Pillow.Image:
    """Resized and cropped as planned, then turned upright: turning the small picture costs next to nothing."""
    picture, orientation = source.picture, source.orientation
    (scaled_w, scaled_h), (left, top), size = variant["scaled"], variant["crop"], tuple(variant["size"])
    shown = _swapped(picture.size, orientation)
    x, y = shown[0] / scaled_w, shown[1] / scaled_h
    box = (left * x, top * y, (left + size[0]) * x, (top + size[1]) * y)
    box = _stored_box((box[0], box[1], min(box[2], shown[0]), min(box[3], shown[1])), shown, orientation)
    stored = _swapped((size[0], size[1]), orientation)
    if picture.size != stored or box != (0, 0, *picture.size):
        gap = REDUCING_GAP if picture.size == source.original else None
        picture = picture.resize(stored, Pillow.Resampling.LANCZOS, box=box, reducing_gap=gap)
    turn = _TURNS.get(orientation)
    return picture.transpose(turn) if turn is not None else picture


def _stored_box(box: Box, shown: Size, orientation: int) -> Box:
    """A box of the upright picture where it lies in the stored one."""
    width, height = shown
    x0, y0, x1, y1 = box
    if orientation in (2, 3, 6, 7):  # what is left of the upright picture lies at the far side of the stored one
        x0, x1 = width - x1, width - x0
    if orientation in (3, 4, 7, 8):
        y0, y1 = height - y1, height - y0
    return (y0, x0, y1, x1) if orientation >= 5 else (x0, y0, x1, y1)


def _swapped(size: Size, orientation: int) -> Size:
    return (size[1], size[0]) if orientation >= 5 else size


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str, target: str) -> Any:
    """A colour transform to sRGB; None when the profile is sRGB already, or does not fit the pixels."""
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(opened).lower():
            return None
        space = opened.profile.xcolor_space.strip()
        if space != {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}.get(mode):
            return None
        return ImageCms.buildTransform(
            opened,
            SRGB,
            mode,
            target,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _in_srgb(image: Pillow.Image, profile: bytes | None) -> Pillow.Image:
    """The same colours in sRGB, which is what an untagged picture is taken for."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colors = image.convert(image.mode[:-1]) if alpha is not None else image
    transform = _transform(profile, colors.mode, "RGB") if profile else None
    if transform is not None:
        applied = ImageCms.applyTransform(colors, transform)
        colors = applied if applied is not None else colors
    elif colors.mode == "CMYK":
        colors = colors.convert("RGB")
    elif alpha is None:
        return image
    if alpha is not None:
        colors.putalpha(alpha)
    return colors


def _on_canvas(image: Pillow.Image, variant: dict[str, Any]) -> Pillow.Image:
    """Padded to the canvas, and over the background where the format has no transparency."""
    canvas, place = tuple(variant["canvas"]), tuple(variant["place"])
    background = tuple(variant["background"]) if variant["background"] else None
    can_be_clear = FORMATS[variant["format"]].alpha
    clear = image.mode in ("LA", "RGBA")
    if (clear and not can_be_clear) or (clear and background):
        under = Pillow.new("RGBA", image.size, background or (0, 0, 0, 255))
        under.alpha_composite(image.convert("RGBA"))
        image = under if can_be_clear and background and background[3] < 255 else under.convert("RGB")
    if canvas == image.size:
        return image
    filling = background or ((0, 0, 0, 0) if can_be_clear else (0, 0, 0, 255))
    see_through = can_be_clear and (filling[3] < 255 or image.mode in ("LA", "RGBA"))
    mode = "RGBA" if see_through else "RGB"
    padded = Pillow.new(mode, (canvas[0], canvas[1]), filling if see_through else filling[:3])
    padded.paste(image.convert(mode), (place[0], place[1]))
    return padded


def _save(image: Pillow.Image, target: Path, name: str, quality: int) -> None:
    image.info = {}  # profile, comments and whatever else would be written along
    if image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert(image.mode[:-1])
    if name in ("webp", "avif", "heic") and image.mode in ("L", "LA"):
        image = image.convert("RGBA" if image.mode == "LA" else "RGB")
    try:
        image.save(target, FORMATS[name].name.upper().replace("HEIC", "HEIF"), **_settings(name, quality))
    except MemoryError as exc:
        raise LimitExceeded("The picture needs more memory than it may have.") from exc
    except OSError as exc:
        if exc.errno == errno.EFBIG:
            raise LimitExceeded("The output grew beyond what it may have.") from exc
        raise
    except (ValueError, RuntimeError, SyntaxError) as exc:
        raise SourceUnsupported(f"The picture cannot be written as {name}.", log=repr(exc)) from exc


def _settings(name: str, quality: int) -> dict[str, Any]:
    """What Pillow's encoder is told. Equal `quality` looks about equal in every format."""
    if name == "jpeg":
        # Above 90 the eye is meant to see no loss: full colour resolution. Progressive costs 5 times the time for 6 %.
        return {"quality": max(1, quality), "subsampling": 0 if quality > 90 else 2}
    if name == "webp":
        return {"quality": quality, "method": WEBP_METHOD, "exact": False}
    if name == "avif":
        return {"quality": round(100 * (quality / 100) ** 1.9), "speed": AVIF_SPEED, "subsampling": "4:2:0"}
    if name == "heic":
        return {"quality": round(100 * (quality / 100) ** 1.9)}
    return {}


def _checked(target: Path, variant: dict[str, Any]) -> dict[str, Any]:
    """Facts of the file just made, read back from it, all pixels decoded."""
    plugin = {"heic": "HEIF"}.get(variant["format"], variant["format"].upper())
    try:
        with stills.open_still(target, (plugin,)) as image:
            facts = stills.still_probe(image, target.stat().st_size)
            image.draft(image.mode, (1, 1))  # every coded bit of a JPEG is read all the same
            image.load()
    except (SourceUnreadable, *stills.DAMAGE) as exc:
        _blame_short_write(target)
        raise OutputMismatch("The picture made cannot be read back.", log=repr(exc)) from exc
    if facts.displayed != tuple(variant["canvas"]):
        raise OutputMismatch(f"The picture made is {facts.displayed}, not {tuple(variant['canvas'])}, in size.")
    return facts.to_json()


def _blame_short_write(target: Path) -> None:
    """Raise what cut a file short: Pillow's encoders do not notice when the last of their bytes were not taken."""
    size = target.stat().st_size if target.exists() else 0
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if most != resource.RLIM_INFINITY and size >= most:
        raise LimitExceeded("The output grew beyond what it may have.")
    if os.statvfs(target.parent).f_bavail == 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
