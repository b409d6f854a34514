"""Frames made small, and whether they show anything: fades and leaders do not. Used only in the resident helper."""

from pathlib import Path

from PIL import Image

LOOKED_AT = 96  # pixels of the longest edge: a line of text still shows
FLAT = 24  # levels of 255 between the darkest part and the brightest: grain and compression stay below, titles do not


def small(path: Path) -> Image.Image:
    """A JPEG at LOOKED_AT, in colour; grain averages out."""
    with Image.open(path, formats=("JPEG",)) as image:
        image.draft("RGB", (LOOKED_AT, LOOKED_AT))
        ratio = LOOKED_AT / max(image.size)
        size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        return image.convert("RGB").resize(size, Image.Resampling.BOX)


def is_blank(picture: Image.Image) -> bool:
    """Whether a small picture is of one colour all over."""
    return all(most - least < FLAT for least, most in picture.getextrema())  # type: ignore[misc]
