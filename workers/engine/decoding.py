"""A picture out of a file, as it is stored and as small as is wanted of it. Runs only in the resident helper."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageChops, ImageCms, JpegImagePlugin

from workers.engine import animated, deep, gif, headers, profiles, rights, stills
from workers.engine.errors import LimitExceeded, SourceUnreadable, SourceUnsupported
from workers.engine.limits import SourceLimits

Size = tuple[int, int]


@dataclass(frozen=True)
class Decoded:
    """A picture as it is stored, no larger than wanted; its size before, how it is to be turned, its colour profile,
    and who made and owns it."""

    picture: Pillow.Image
    original: Size
    orientation: int
    profile: bytes | None
    rights: dict[int, bytes] = field(default_factory=dict)
    indexed: bool = False  # whether it has a palette
    hdr: headers.Cicp | None = None  # whether it is lit as PQ or HLG says, and of which primaries


def read_picture(
    path: Path,
    type: str | None,
    limits: SourceLimits,
    *,
    orient: bool,
    wanted: Size | Callable[[Size], Size],
    moment: float = 0.0,
    fine: bool = False,
) -> Decoded:
    """The picture, decoded as small as `wanted` (pixels as shown, or told by the picture's own) allows; turned only
    where `orient` says so. With `fine` no bits are lost to a colour profile, for which its folder is written to."""
    with stills.open_still(path, (type,) if type else plugins_of(path)) as image:
        check_edge(image, limits)
        orientation = stills.turn_left(image) if orient else 1
        # Frames that ffmpeg wrote are tagged as their video was, and are what is shown already.
        profile = None if type else profile_of(path, image)
        stored, kept = image.size, rights.rights_of(image)
        indexed = image.mode == "P"
        if moment:
            seek(image, stills.first_of(image) + animated.shown_at(timing_of(path, image).delays, moment))
        hdr = None if type else _hdr(path, image)
        exact = fine and deep.is_deep(image) and not stills.has_alpha(image)
        transform = profiles.to_srgb(profile, "RGB") if exact and profile else None
        converted = deep.in_srgb(path, image, transform) if transform else None
        if converted is not None:
            turned = stills.orientation_of(image) if orient else 1
            return Decoded(converted, converted.size, turned, None, kept)
        size = wanted(swapped((stored[0], stored[1]), orientation)) if callable(wanted) else wanted
        decoded = pixels_of(image, swapped(size, orientation))
        return Decoded(decoded, stored, orientation, profile, kept, indexed, hdr)


def check_edge(image: Pillow.Image, limits: SourceLimits) -> None:
    """Raise LimitExceeded for a picture that is larger than one may be."""
    if reason := limits.too_large("picture", *image.size):
        raise LimitExceeded(reason)


def seek(image: Pillow.Image, frame: int) -> None:
    """Have an opened animation show one of its frames. Raises SourceUnreadable."""
    try:
        if getattr(image, "n_frames", 1) > 1:
            if image.format == "GIF":
                gif.step_to(image, frame)
            else:
                image.seek(frame)
    except stills.DAMAGE as exc:
        raise SourceUnreadable("The animation is damaged or cut short.", log=repr(exc)) from exc


def timing_of(path: Path, image: Pillow.Image) -> headers.Timing:
    """How long each frame of an opened animation is shown."""
    return stills.timing_of(path, stills.NAMES.get(image.format or "", ""), stills.frames_of(image))


def profile_of(path: Path, image: Pillow.Image) -> bytes | None:
    """The colour profile: what the file says in H.273's numbers, else its own, else made of a PNG's gamma."""
    name = stills.NAMES.get(image.format or "", "")
    own: bytes | None = image.info.get("icc_profile")
    if name == "png" or (name in ("avif", "heic") and not own):
        numbers = stills.cicp_of(path, name)
        if numbers is not None:
            return profiles.of_numbers(numbers)
    if name == "png" and not own and "srgb" not in image.info:
        return profiles.of_png(image.info.get("gamma"), image.info.get("chromaticity"))
    return own


def _hdr(path: Path, image: Pillow.Image) -> headers.Cicp | None:
    numbers = stills.cicp_of(path, stills.NAMES.get(image.format or "", ""))
    return numbers if numbers and numbers.transfer in stills.HDR else None


def plugins_of(path: Path) -> tuple[str, ...]:
    """What Pillow calls those of its readers that may open the file, by its content. Raises SourceUnreadable,
    SourceUnsupported."""
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


def pixels_of(image: Pillow.Image, wanted: Size) -> Pillow.Image:
    """All pixels, in a mode that can be resized: L, LA, RGB, RGBA or CMYK."""
    try:
        image.draft(image.mode, wanted)  # JPEG only: decodes at 1/2, 1/4 or 1/8, never below what is wanted
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            image.decodermaxblock = 4 * 1024 * 1024  # its decoder works on while there are bytes: 1 ms of 65 for 3 MB
        deeper = deep.is_deep(image)
        image.load()
        clear = image.info.get("transparency")
        if isinstance(clear, tuple) and deeper:  # the colour that is clear is told in 16 bits, and the pixels have 8
            image.info["transparency"] = tuple(part >> 8 for part in clear)
        if image.mode.startswith("I;16"):
            inverted = image.format == "TIFF" and image.tag_v2.get(262) == 0  # type: ignore[attr-defined]
            image = image.convert("I").convert("F").point(lambda value: value * (1 / 257) + 0.5).convert("L")
            if isinstance(clear, int):
                image.info["transparency"] = round(clear / 257)
            image = ImageChops.invert(image) if inverted else image  # zero is white, which Pillow knows of 8 bits only
        if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
            return ImageChops.invert(image)  # only Adobe writes it upside down, which Pillow takes for granted
        if image.mode == "LAB":
            image = ImageCms.applyTransform(image, profiles.from_lab()) or image
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


def swapped(size: Size, orientation: int) -> Size:
    """The size of an upright picture as it is stored, or the other way round."""
    return (size[1], size[0]) if orientation >= 5 else size
