"""Pictures as models behind HTTP take them: small JPEGs, made in the media helper, as any other picture is."""

from pathlib import Path

from workers.engine import host
from workers.engine.probe import Probe
from workers.engine.runner import Stops
from workers.framing import framing
from workers.plans import PictureStep, Variant

EDGE = 1024  # pixels at most: models see no more, and are paid by the pixel
BYTES = 2 * 1024**2  # of a JPEG that is sent as it is
QUALITY = 85


def jpeg_of(picture: Path, report: Stops) -> bytes:
    """The picture as a JPEG of at most EDGE pixels. Raises MediaError, EngineUnavailable, Stopped."""
    facts = Probe.from_json(host.call("probe", {"path": str(picture.absolute())}, report=report))
    shown = facts.displayed
    small = shown is not None and max(shown) <= EDGE
    if small and facts.image and facts.image.format == "jpeg" and facts.image.orientation == 1 and facts.size <= BYTES:
        return picture.read_bytes()
    assert shown is not None
    side = {"width": EDGE} if shown[0] >= shown[1] else {"height": EDGE}
    whole = framing(shown) if small else framing(shown, width=side.get("width"), height=side.get("height"))
    target = picture.with_name(f"{picture.name}.sent.jpg")
    variant = Variant(target.name, "jpeg", whole, quality=QUALITY, background=(255, 255, 255, 255))
    step = PictureStep(picture.name, (variant,))
    try:
        asked = {"cwd": str(picture.parent.absolute()), "operations": step.operations()}
        host.call("picture", asked, report=report)
        return target.read_bytes()
    finally:
        target.unlink(missing_ok=True)
