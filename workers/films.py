"""Animated pictures made from animated pictures: what may be asked for, and what people are told of it. Pure."""

import math

from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.probe import Image, Probe
from workers.formats import Format
from workers.framing import Framing
from workers.plans import Expected, Film, PictureStep, Plan, Variant

# Pixels of all frames together that one task may decode, and may write. The slowest encoders (PNG, GIF) do some four
# million a second on one core, and the helper has two minutes, perhaps on a busy host.
MOST_READ = 1_000_000_000
MOST_MADE = 150_000_000


def film_plan(
    probe: Probe,
    chosen: Format,
    framed: Framing,
    film: Film,
    variant: Variant,
    *,
    source: str,
    notes: tuple[str, ...] = (),
) -> Plan:
    """Every frame of an animated picture, framed like a still. Raises LimitExceeded, SourceUnsupported."""
    image, length = probe.image, probe.duration
    assert image is not None
    if image.hdr:
        raise SourceUnsupported("An HDR animation cannot be made into another: ask for its first frame, with start 0.")
    if length is None:
        raise SourceUnsupported("How long the frames of the animation are shown is not known.")
    end = length if film.end is None else min(film.end, length)
    frames = image.frames
    if film.fps:
        frames = min(frames, math.ceil((end - film.start) * film.fps))
    check_budget(image.frames, (image.coded_width, image.coded_height), MOST_READ, made=False)
    check_budget(frames, framed.canvas, MOST_MADE, made=True)
    width, height = framed.canvas
    # An animation that never changes may be written as a still, which is no mistake: so much is not asked of it.
    expected = Expected(
        variant.target,
        chosen.mime,
        "image",
        width=width,
        height=height,
        container=chosen.name,
        duration=end - film.start,
    )
    return Plan((PictureStep(source, (variant,), film=film),), (expected,), notes=notes)


def check_budget(frames: int, size: tuple[int, int], most: int, *, made: bool) -> None:
    """Raise LimitExceeded when so many frames of a size are too many pixels."""
    pixels = frames * math.prod(size)
    if pixels <= most:
        return
    words = f"{frames} frames of {size[0]} × {size[1]} pixels; at most {most // 1_000_000} megapixels in all are"
    if not made:
        raise LimitExceeded(f"The animation has {words} accepted.")
    raise LimitExceeded(
        f"The animation would have {words} made: make it smaller or shorter, or fps lower.", param="width"
    )


def still_notes(image: Image, chosen: Format, background: str | None, *, framed: Framing) -> tuple[str, ...]:
    """What becomes of a picture's colours and transparency, where it does not stay what it was."""
    notes = []
    if image.hdr:
        notes.append(f"HDR ({image.hdr.upper()}) was tone-mapped to SDR.")
    elif image.icc and "srgb" not in image.icc.lower():
        notes.append(f"Colours were converted to sRGB by the profile “{_printable(image.icc)}”.")
    elif image.color_primaries not in (None, "bt709") and not image.icc:
        notes.append("Colours were converted to sRGB from a wider gamut.")
    elif image.mode == "CMYK":
        notes.append("Colours were converted from CMYK without a profile.")
    if image.alpha and (background or not chosen.alpha):
        notes.append(f"Transparent parts were put on {background or '#000000'}.")
    if framed.pads and not chosen.alpha and not background:
        notes.append("The padding is black, as the format has no transparency.")
    return tuple(notes)


def film_notes(image: Image, chosen: Format, *, endless: bool) -> tuple[str, ...]:
    """What becomes of an animation's time."""
    if chosen.name == "avif" and image.plays and not endless:
        times = "once" if image.plays == 1 else f"{image.plays} times"
        return (f"The animation plays for ever, not {times}: AVIF files are written so.",)
    return ()


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:80]
