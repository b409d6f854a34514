"""What must hold of what comes out, whatever went in: each check gives sentences on what does not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.corpus import tools
from tests.corpus.references import Likeness

Size = tuple[int, int]
LEAST_SSIM = 0.95
MOST_COLOR = 14.0  # of 255: chroma at half the resolution, and what an encoder rounds
MOST_COLOR_HDR = 24.0  # tone curves differ in taste
MOST_LEVEL = 1.5  # dB
# Encoders overshoot edges a little; a wrong range is off by 16 at once.
_UNIT = 0.0025  # seconds: WebM tells milliseconds
_SHIFT = 0.010
_LAST = 0.05
_DARKEST, _BRIGHTEST, _OVERSHOOT = 16, 235, 12


def size_of(shown: Size, width: int, *, even: bool) -> Size:
    """The size that a width asked for must give."""
    height = width * shown[1] / shown[0]
    return (width, max(2, round(height / 2) * 2) if even else max(1, round(height)))


def video_stream(stream: dict[str, Any], wanted: Size, *, alpha: bool = False) -> Iterator[str]:
    """Size, pixels and flags of an encoded video stream, from ffprobe's facts."""
    size = (stream["width"], stream["height"])
    if abs(size[0] - wanted[0]) > 0 or abs(size[1] - wanted[1]) > 2:
        yield f"is {size[0]} × {size[1]}, not {wanted[0]} × {wanted[1]}"
    if stream.get("sample_aspect_ratio", "1:1") not in ("1:1", "0:1"):
        yield f"its pixels are {stream['sample_aspect_ratio']}"
    if any("rotation" in data for data in stream.get("side_data_list", [])) or "rotate" in stream.get("tags", {}):
        yield "still has a flag of rotation"
    if stream.get("field_order", "progressive") not in ("progressive", "unknown"):
        yield f"is interlaced ({stream['field_order']})"
    if stream["pix_fmt"] == "yuv420p" and (size[0] % 2 or size[1] % 2):
        yield "has an odd side in 4:2:0"
    if stream["pix_fmt"] not in ("yuv420p", "yuva420p"):
        yield f"its pixels are {stream['pix_fmt']}"
    marked = {name.lower(): value for name, value in stream.get("tags", {}).items()}
    if alpha and marked.get("alpha_mode") != "1" and stream["pix_fmt"] != "yuva420p":
        yield "lost its transparency"
    missing = [
        name
        for name in ("color_primaries", "color_transfer", "color_space", "color_range")
        if stream.get(name, "unknown") == "unknown"
    ]
    if missing:
        yield f"is not told: {', '.join(missing)}"
    if stream.get("color_range") == "pc":
        yield "is in full range"
    if stream.get("color_transfer") in ("smpte2084", "arib-std-b67"):
        yield "is still HDR in 8 bits"


def luma_range(path: Path, source: Callable[[], dict[str, int]]) -> Iterator[str]:
    """Luma within 16 to 235: by a tenth of the pixels on either side strictly, by the extremes nearly; or no further
    out than the source's own, which is measured only then."""
    found = tools.luma(path)
    low, high = min(found["YLOW"] + 1, found["YMIN"] + _OVERSHOOT), max(found["YHIGH"] - 1, found["YMAX"] - _OVERSHOOT)
    if low >= _DARKEST and high <= _BRIGHTEST:
        return
    own = source()
    if low < min(_DARKEST, own["YMIN"]) or high > max(_BRIGHTEST, own["YMAX"]):
        yield f"its luma is {found['YMIN']}–{found['YMAX']}, a tenth beyond {found['YLOW']} and {found['YHIGH']} each"


def like(found: Likeness, *, hdr: bool = False, least: float = LEAST_SSIM) -> Iterator[str]:
    """Whether a frame looks as its reference does."""
    if found.ssim < least:
        yield f"a frame's SSIM to its reference is only {found.ssim:.3f}"
    if found.color > (MOST_COLOR_HDR if hdr else MOST_COLOR):
        yield f"its colours are off by up to {found.color:.0f} of 255"


def index_first(path: Path) -> Iterator[str]:
    """MP4 and MOV: `moov` before `mdat`."""
    names = tools.atoms(path)
    if "moov" not in names or "mdat" not in names:
        yield f"has the boxes {', '.join(names[:6])}"
    elif names.index("moov") > names.index("mdat"):
        yield "its index comes last"


def length(told: float, wanted: float, slack: float) -> Iterator[str]:
    """Seconds, by the container."""
    if abs(told - wanted) > slack:
        yield f"is {told:.2f} s long, not {wanted:.2f} s"


def timing(made: list[float], source: list[float], start: float, duration: float) -> Iterator[str]:
    """Every frame at the time that the source shows it, less `start`.

    `made` and `source` are the moments at which frames are shown. What was shown already when the span began may come
    at its beginning, or not at all: then the first that begins in the span is shown from the span's beginning on, so
    that no player shows nothing there. Near the end a frame may come again, so that it is shown until the end.
    """
    ends = [*source[1:], source[-1] + 1.0]
    wanted = [
        max(0.0, begin - start)
        for begin, end in zip(source, ends, strict=True)
        if end > start + _UNIT and begin < start + duration - _UNIT
    ]
    if made[-1] > duration - _LAST:
        made = made[:-1]
    # Where exactly a file's zero lies is a matter of some milliseconds; from there on frames keep their distances.
    shift = median(_nearest(moment, wanted) - moment for moment in made)
    if abs(shift) > _SHIFT:
        yield f"all frames come {-shift * 1000:+.0f} ms off"
    late = [moment for moment in made if abs(_nearest(moment + shift, wanted) - moment - shift) > _UNIT]
    if late:
        yield f"{len(late)} of {len(made)} frames are not at their time (first {late[0]:.3f} s)"
    gone = [moment for moment in wanted[1:-1] if abs(_nearest(moment - shift, made) - moment + shift) > _UNIT]
    if gone[:1] == [next(moment for moment in wanted if moment)] and not made[0]:
        gone = gone[1:]
    if gone:
        yield f"{len(gone)} of {len(wanted)} frames are missing (first {gone[0]:.3f} s)"


def _nearest(moment: float, others: list[float]) -> float:
    return min(others, key=lambda other: abs(other - moment))


def same_level(made: list[tuple[float, float]], wanted: list[tuple[float, float]]) -> Iterator[str]:
    """RMS of each channel as in the reference, dBFS; less by as much as that would clip."""
    if len(made) != len(wanted):
        yield f"has {len(made)} channels, not {len(wanted)}"
        return
    for number, ((here, _), (there, peak)) in enumerate(zip(made, wanted, strict=True)):
        least, most = there - max(0.0, peak) - MOST_LEVEL, there + MOST_LEVEL
        if max(here, there) > -60 and not least <= here <= most:
            yield f"channel {number + 1} is {here - there:+.1f} dB off"


def nothing_private(path: Path) -> Iterator[str]:
    """No place, serial number, owner or camera, by exiftool."""
    found = tools.private(path)
    if found:
        yield f"still tells {', '.join(found)}"
