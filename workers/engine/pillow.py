"""Makes pictures from a picture with Pillow. Runs only in the resident helper.

One source is decoded once, as small as the largest wanted picture allows, and every variant is made from that.
"""

import errno
import json
import math
import os
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageCms

from workers.encoders.image import ENCODERS, gif_colors, still_settings
from workers.engine import animated, gif, headers, light, preview, profiles, rights, stills
from workers.engine.decoding import (
    Decoded,
    Size,
    check_edge,
    pixels_of,
    plugins_of,
    profile_of,
    read_picture,
    seek,
    swapped,
    timing_of,
)
from workers.engine.errors import LimitExceeded, OutputMismatch, SourceUnreadable, SourceUnsupported
from workers.engine.layers import Drawn, draw_layers, put_over
from workers.engine.limits import SourceLimits
from workers.formats import FORMATS

Box = tuple[float, float, float, float]
# Decoding beyond this factor of the wanted size first averages blocks of pixels: as sharp to the eye, much faster.
REDUCING_GAP = 3.0
FEW = 256  # colours that fit into a palette
MOST_KEPT = 8_000_000  # pixels of layers, 32 MB, between one request and the next
_kept: dict[str, tuple[Drawn, ...]] = {}  # by all that they are drawn from; the helper has one thread
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}


def make_pictures(
    cwd: Path, operations: dict[str, Any], limits: SourceLimits, *, looked_at: str | None = None
) -> list[dict[str, Any]]:
    """Carry out a picture step in `cwd`; the facts of each file made, in order. Those of the file `looked_at`, one of
    the targets, have its `preview` among them (see preview.look).

    `operations`: `source` (a file name), `type` (Pillow's name for it; None to go by content), `orient` (apply EXIF),
    perhaps `moment` (seconds: the frame of an animation that is taken) or `film` (see plans.Film), and `variants`, each
    with `target`, `format`, `quality`, `background` (r, g, b, a) or None, and the framing's
    `scaled`, `crop`, `size`, `place` and `canvas`.
    Raises SourceUnreadable, SourceUnsupported, LimitExceeded, OutputMismatch.
    """
    variants = operations["variants"]
    if operations.get("film"):
        return [
            _animation(cwd, operations, variant, limits, look=variant["target"] == looked_at) for variant in variants
        ]
    largest = tuple(max(variant["scaled"][side] for variant in variants) for side in (0, 1))
    source = read_picture(
        cwd / operations["source"],
        operations["type"],
        limits,
        orient=operations["orient"],
        wanted=(largest[0], largest[1]),
        moment=operations.get("moment", 0.0),
        fine=True,
    )
    return [_variant(cwd, source, variant, limits, look=variant["target"] == looked_at) for variant in variants]


def read_layer(path: Path, wanted: Callable[[Size], Size], *, limits: SourceLimits) -> tuple[Pillow.Image, Size]:
    """A picture to be put over others, whole and upright in sRGB, no smaller than `wanted` of its size if it can be;
    and that size.

    Raises SourceUnreadable, SourceUnsupported, LimitExceeded.
    """
    source = read_picture(path, None, limits, orient=True, wanted=wanted)
    turn = _TURNS.get(source.orientation)
    picture = source.picture if turn is None else source.picture.transpose(turn)
    return _in_srgb(picture, source.profile, source.hdr), swapped(source.original, source.orientation)


def look_at_picture(path: Path, type: str | None, limits: SourceLimits) -> dict[str, str | None]:
    """What preview.look tells of a picture file; of an animation, of its first frame.

    Raises SourceUnreadable, SourceUnsupported, LimitExceeded.
    """
    edge = preview.LOOKED_AT
    source = read_picture(path, type, limits, orient=True, wanted=(edge, edge))
    size = preview.fitted(swapped(source.original, source.orientation), edge)
    small = _framed(source, {"scaled": size, "crop": (0, 0), "size": size})
    return preview.look(_in_srgb(small, source.profile, source.hdr))


def _variant(
    cwd: Path, source: Decoded, variant: dict[str, Any], limits: SourceLimits, *, look: bool
) -> dict[str, Any]:
    finished = made = _finished(source, variant, _layers(cwd, variant, limits))
    target = cwd / variant["target"]
    if source.indexed and variant["format"] == "png":
        made = _in_few_colors(made)
    _save(made, target, variant["format"], variant["quality"], source.rights)
    facts = _checked(target, variant)
    return facts | {"preview": preview.look(finished)} if look else facts


def _animation(
    cwd: Path, operations: dict[str, Any], variant: dict[str, Any], limits: SourceLimits, *, look: bool
) -> dict[str, Any]:
    """The animation made of one, every frame as a still would be."""
    path, film, target = cwd / operations["source"], operations["film"], cwd / variant["target"]
    with stills.open_still(path, plugins_of(path)) as image:
        check_edge(image, limits)
        timing = timing_of(path, image)
        if len(timing.delays) > limits.frames:
            raise LimitExceeded(f"The picture has {len(timing.delays)} frames; at most {limits.frames} are accepted.")
        shown = animated.chosen(timing.delays, film["start"], film["end"], film["fps"])
        over = _layers(cwd, variant, limits)  # drawn once for all frames
        frames = partial(_frames, image, _canvas(path, image), shown, variant, over)
        first, _ = next(frames())
        plays = 0 if film["endless"] else timing.plays
        animated.write(frames, target, variant, plays, rights.rights_of(image))
    facts = _checked(target, variant)
    return facts | {"preview": preview.look(first)} if look else facts


def animation_samples(cwd: Path, operations: dict[str, Any], limits: SourceLimits) -> Iterator[tuple[Path, float]]:
    """Write the frames of an animation that are shown at the ticks of `rate`, each once, as `variant` says, its `*`
    being their number from 1 on; each file, and since when it is shown, seconds."""
    path, variant = cwd / operations["source"], operations["variant"]
    with stills.open_still(path, plugins_of(path)) as image:
        check_edge(image, limits)
        shown = animated.chosen(timing_of(path, image).delays, 0.0, None, operations["rate"])
        time = 0.0
        frames = _frames(image, _canvas(path, image), shown, variant)
        for number, (picture, milliseconds) in enumerate(frames, start=1):
            target = cwd / variant["target"].replace("*", f"{number:05}")
            _save(picture, target, variant["format"], variant["quality"], {})
            yield target, time
            time += milliseconds / 1000


_Canvas = tuple[tuple[int, int], int, bytes | None]


def _canvas(path: Path, image: Pillow.Image) -> _Canvas:
    """Size, orientation and profile of an animation that was just opened: frames beyond the canvas of a GIF change what
    Pillow says of them later."""
    return (image.size[0], image.size[1]), stills.turn_left(image), profile_of(path, image)


def _frames(
    image: Pillow.Image,
    canvas: _Canvas,
    shown: list[animated.Shown],
    variant: dict[str, Any],
    over: tuple[Drawn, ...] = (),
) -> Iterator[tuple[Pillow.Image, int]]:
    """These frames of an opened animation, finished as a still would be, with their milliseconds."""
    stored, orientation, profile = canvas
    wanted = swapped(stored, orientation)
    for number, milliseconds in shown:
        seek(image, stills.first_of(image) + number)
        picture = pixels_of(image, wanted)
        # The opened picture itself becomes the next frame; what a GIF has beyond its canvas is not shown.
        picture = picture.crop((0, 0, *stored)) if picture.size != stored or picture is image else picture
        yield _finished(Decoded(picture, stored, orientation, profile), variant, over), milliseconds


def _layers(cwd: Path, variant: dict[str, Any], limits: SourceLimits) -> tuple[Drawn, ...]:
    """What is put over the picture; kept for the next of a series, each of which is a request of its own."""
    specs, canvas = variant.get("layers", ()), (variant["canvas"][0], variant["canvas"][1])
    if not specs:
        return ()
    asked = json.dumps([str(cwd), cwd.stat().st_ino, specs, canvas])
    if asked in _kept:
        return _kept[asked]
    _kept.clear()
    drawn = draw_layers(cwd, specs, canvas, partial(read_layer, limits=limits))
    if sum(math.prod(layer.picture.size) for layer in drawn) <= MOST_KEPT:
        _kept[asked] = drawn
    return drawn


def _finished(source: Decoded, variant: dict[str, Any], over: tuple[Drawn, ...]) -> Pillow.Image:
    """The picture as it is written."""
    made = _framed(source, variant)
    made = _in_srgb(made, source.profile)
    made = _on_canvas(made, variant)
    return put_over(made, over)


def _framed(source: Decoded, variant: dict[str, Any]) -> Pillow.Image:
    """Resized and cropped as planned, then turned upright: turning the small picture costs next to nothing."""
    picture, orientation = source.picture, source.orientation
    (scaled_w, scaled_h), (left, top), size = variant["scaled"], variant["crop"], tuple(variant["size"])
    shown = swapped(picture.size, orientation)
    x, y = shown[0] / scaled_w, shown[1] / scaled_h
    box = (left * x, top * y, (left + size[0]) * x, (top + size[1]) * y)
    box = _stored_box((box[0], box[1], min(box[2], shown[0]), min(box[3], shown[1])), shown, orientation)
    stored = swapped((size[0], size[1]), orientation)
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


def _in_srgb(image: Pillow.Image, profile: bytes | None, hdr: headers.Cicp | None = None) -> Pillow.Image:
    """The same colours in sRGB, which is what an untagged picture is taken for."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colors = image.convert(image.mode[:-1]) if alpha is not None else image
    transform = profiles.to_srgb(profile, colors.mode) if profile else None
    if hdr is not None:
        colors = light.in_sdr(colors.convert("RGB"), hdr)
    elif profile and transform is None and colors.mode == "L" and (of_rgb := profiles.to_srgb(profile, "RGB")):
        grey = colors.convert("RGB")  # as a PNG's gamma is told, whatever its pixels
        colors = (ImageCms.applyTransform(grey, of_rgb) or grey).convert("L")
    elif transform is not None:
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


def _save(image: Pillow.Image, target: Path, name: str, quality: int, kept: dict[int, bytes]) -> None:
    image.info = {}  # profile, comments and whatever else would be written along
    if name == "heic":
        image = image.copy()  # the encoder takes what EXIF it can find, and an opened picture has its own read
    if image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert(image.mode[:-1])
    if name in ("webp", "avif", "heic") and image.mode in ("L", "LA"):
        image = image.convert("RGBA" if image.mode == "LA" else "RGB")
    settings = still_settings(name, quality)
    if kept and name != "gif":
        settings["exif"] = rights.exif_with(kept)
    try:
        if name == "gif":
            gif.write_still(image, target, gif_colors(quality))
            return
        image.save(target, ENCODERS[name], **settings)
    except MemoryError as exc:
        raise LimitExceeded("The picture needs more memory than it may have.") from exc
    except OSError as exc:
        if exc.errno == errno.EFBIG:
            raise LimitExceeded("The output grew beyond what it may have.") from exc
        raise
    except (ValueError, RuntimeError, SyntaxError) as exc:
        raise SourceUnsupported(f"The picture cannot be written as {name}.", log=repr(exc)) from exc


def _in_few_colors(image: Pillow.Image) -> Pillow.Image:
    """The same pixels through a palette, where they have so few colours: a third of the bytes, and nothing is lost."""
    found = image.getcolors(FEW) if image.mode in ("RGB", "RGBA") else None
    if found is None:
        return image
    pixels = image.convert("RGBA")
    colors: list[Any] = [color for _, color in pixels.getcolors(FEW) or ()]
    numbers = {int.from_bytes(bytes(color), sys.byteorder): number for number, color in enumerate(colors)}
    indexed = bytes(map(numbers.__getitem__, memoryview(pixels.tobytes()).cast("I")))
    small = Pillow.frombytes("P", image.size, indexed)
    depth = len(image.getbands())
    small.putpalette([part for color in colors for part in color[:depth]], image.mode)
    return small


def _checked(target: Path, variant: dict[str, Any]) -> dict[str, Any]:
    """Facts of the file just made, read back from it, all pixels decoded."""
    plugin = {"heic": "HEIF"}.get(variant["format"], variant["format"].upper())
    try:
        with stills.open_still(target, (plugin,)) as image:
            facts = stills.still_probe(image, target.stat().st_size, target)
            image.draft(image.mode, (1, 1))  # every coded bit of a JPEG is read all the same
            seek(image, (facts.frames or 1) - 1)  # by way of all others
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
