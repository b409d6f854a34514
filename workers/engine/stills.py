"""Opening stills with Pillow. Runs only in the resident helper."""

import logging
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pillow_heif
from PIL import Image as Pillow
from PIL import ImageCms, TiffImagePlugin, UnidentifiedImageError

from workers.engine import headers, profiles
from workers.engine.errors import LimitExceeded, SourceUnreadable, SourceUnsupported
from workers.engine.probe import Image, Probe
from workers.formats import FORMATS

ORIENTATION = 0x0112
GPS = 0x8825
_BITS, _PLANES = 258, 284  # TIFF tags: bits of each sample, and whether these lie in planes (2)
# Pillow's name → ours. PPM and BMP also carry frames from ffmpeg to Pillow.
NAMES = {
    "JPEG": "jpeg",
    "MPO": "jpeg",
    "PNG": "png",
    "WEBP": "webp",
    "AVIF": "avif",
    "GIF": "gif",
    "HEIF": "heic",
    "TIFF": "tiff",
    "BMP": "bmp",
    "DIB": "bmp",
    "PPM": "ppm",
}
# By the numbers of ITU-T H.273: transfers that are HDR, and primaries in ffmpeg's words.
HDR = {16: "pq", 18: "hlg"}
PRIMARIES = {1: "bt709", 9: "bt2020", 11: "smpte431", 12: "smpte432"}
# What Pillow raises when it meets damage.
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError,
          RuntimeError, AssertionError, struct.error, zlib.error)  # fmt: skip
_BRANDS = {
    b"avif": ("AVIF",),
    b"avis": ("AVIF",),
    b"mif1": ("HEIF", "AVIF"),
    b"msf1": ("HEIF", "AVIF"),
    b"heic": ("HEIF",),
    b"heix": ("HEIF",),
    b"heim": ("HEIF",),
    b"heis": ("HEIF",),
    b"hevc": ("HEIF",),
    b"hevx": ("HEIF",),
}
# Types people send that are neither read nor mistaken for something else.
_REFUSED = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "an archive or office document"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"8BPS", "a Photoshop document"),
    (b"#EXTM3U", "a playlist"),
    (b"ffconcat", "a list of files"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)

pillow_heif.register_heif_opener(thumbnails=False)
# Budgets are checked on the header, before decoding; Pillow's own limit only knows megapixels.
Pillow.MAX_IMAGE_PIXELS = None
logging.getLogger("PIL").setLevel(logging.CRITICAL)


def plugins_for(head: bytes) -> tuple[str, ...]:
    """Pillow's names for what a file starting with `head` may be; empty when it is no still."""
    if head.startswith(b"\xff\xd8\xff"):
        return ("JPEG",)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ("PNG",)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return ("GIF",)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ("WEBP",)
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return ("TIFF",)
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return ("BMP",)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], ())
    return ()


def refuse_known(head: bytes) -> None:
    """Raise SourceUnsupported, naming what it is, for well-known files that are no media."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, words in _REFUSED:
        if head.startswith(magic) or start[: len(magic)].lower() == magic.lower():
            raise SourceUnsupported(f"The file is {words}; send an image, a video or a sound.")


def open_still(path: Path | BinaryIO, plugins: tuple[str, ...]) -> Pillow.Image:
    """The picture, its header read and its pixels not. Raises SourceUnreadable, SourceUnsupported."""
    try:
        image = Pillow.open(path, formats=plugins)
        _refuse_planes(image)
        _refuse_jpeg(getattr(image, "fp", None) or path, plugins)  # of some codings only the pixels would fail
        return image
    except UnidentifiedImageError as exc:
        _refuse_jpeg(path, plugins)
        _refuse_tiff(path, plugins)
        raise SourceUnreadable("The picture is damaged: its header cannot be read.") from exc
    except MemoryError as exc:
        raise LimitExceeded("The picture needs more memory than it may have.") from exc
    except DAMAGE as exc:
        raise SourceUnreadable("The picture is damaged: its header cannot be read.", log=repr(exc)) from exc


def _refuse_planes(image: Pillow.Image) -> None:
    """Pillow takes 16-bit samples that lie in planes for 8-bit ones."""
    tags: Any = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    if tags.get(_PLANES) == 2 and len(tags.get(_BITS, ())) > 1 and max(tags[_BITS]) > 8:
        image.close()
        raise SourceUnsupported("The TIFF holds more than 8 bits a colour in planes: save it interleaved.")


def _refuse_jpeg(source: Path | BinaryIO, plugins: tuple[str, ...]) -> None:
    """Raise SourceUnsupported for a sound file of a coding that is not read: nobody should search it for damage."""
    if "JPEG" not in plugins:
        return
    with _header(source) as file:
        coding = headers.jpeg_coding(file)
    if coding:
        raise SourceUnsupported(f"The JPEG is {coding}, which is not read: save it as a usual JPEG of 8 bits.")


def _refuse_tiff(source: Path | BinaryIO, plugins: tuple[str, ...]) -> None:
    if "TIFF" not in plugins:
        return
    try:
        with _header(source) as file:
            sound = _has_size(file)
    except DAMAGE:
        return
    if sound:
        raise SourceUnsupported(
            "The TIFF holds its pixels in a way that is not read: save it as RGB, grey or CMYK of 8 or 16 bits."
        )


def _has_size(file: BinaryIO) -> bool:
    """Whether a TIFF's first directory tells how large the picture is."""
    file.seek(0)
    head = file.read(8)
    if head[2:3] == b"+" or head[3:4] == b"+":  # of 64 bits
        head += file.read(8)
    tags = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(tags.next)
    tags.load(file)
    return {256, 257, _BITS} <= set(tags)


def orientation_of(image: Pillow.Image) -> int:
    """EXIF orientation, 1 to 8; 1 when there is none or it makes no sense."""
    value = exif_of(image).get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn_left(image: Pillow.Image) -> int:
    """The orientation that remains to be applied once Pillow has decoded the picture: it turns TIFF by itself."""
    return 1 if image.format == "TIFF" else orientation_of(image)


def icc_description(image: Pillow.Image) -> str | None:
    """What the embedded colour profile calls itself, "" when it cannot be read or is none for such pixels; None without
    one."""
    data = image.info.get("icc_profile")
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        if (profiles.space_of(profile) == "CMYK") != (image.mode == "CMYK"):
            return ""
        return ImageCms.getProfileDescription(profile).strip("\0 \n")[:200]
    except (ImageCms.PyCMSError, OSError, ValueError):
        return ""


def frames_of(image: Pillow.Image) -> int:
    """How many frames are shown one after the other; further pages and renderings of a still are none."""
    if NAMES.get(image.format or "", "jpeg") in ("jpeg", "tiff", "heic", "bmp", "ppm"):
        return 1
    return max(1, int(getattr(image, "n_frames", 1)) - first_of(image))


def first_of(image: Pillow.Image) -> int:
    """Pillow's number of the first frame: an animated PNG may hold a picture before it, for who knows no animations."""
    return 1 if getattr(image, "default_image", False) and getattr(image, "n_frames", 1) > 1 else 0


def has_alpha(image: Pillow.Image) -> bool:
    """Whether any pixel may be transparent, by mode and header."""
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


@contextmanager
def _header(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """The file to read from, left where it was: Pillow may be reading it as well."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
        return
    place = source.tell()
    try:
        yield source
    finally:
        source.seek(place)


def cicp_of(source: Path | BinaryIO, name: str) -> headers.Cicp | None:
    """The colours that a picture of this format tells in numbers; None where it has none, or none that can be read."""
    if name not in ("png", "avif", "heic"):
        return None
    try:
        with _header(source) as file:
            return headers.cicp(file, name)
    except DAMAGE:
        return None


def timing_of(source: Path | BinaryIO, name: str, frames: int) -> headers.Timing:
    """Of an animation with so many frames: how long each is shown. Raises SourceUnreadable."""
    try:
        with _header(source) as file:
            found = headers.timing(file, name)
    except DAMAGE as exc:
        raise SourceUnreadable("The animation is damaged.", log=repr(exc)) from exc
    delays = found.delays if found else ()
    return headers.shown(delays, frames, found.plays if found else 0)


def still_probe(image: Pillow.Image, size: int, source: Path | BinaryIO) -> Probe:
    """Facts about a picture opened from `source`, a file of `size` bytes; pixels are not decoded."""
    name = NAMES.get(image.format or "", "jpeg")
    try:
        frames = frames_of(image)
    except DAMAGE as exc:
        raise SourceUnreadable("The animation is damaged.", log=repr(exc)) from exc
    orientation = orientation_of(image)
    width, height = image.size
    if turn_left(image) >= 5:
        width, height = height, width
    coded = (height, width) if orientation >= 5 else (width, height)
    timing = timing_of(source, name, frames) if frames > 1 else None
    colors = cicp_of(source, name)
    facts = Image(
        format=name,
        mode=image.mode,
        coded_width=coded[0],
        coded_height=coded[1],
        orientation=orientation,
        alpha=has_alpha(image),
        frames=frames,
        animated=frames > 1,
        icc=icc_description(image),
        plays=timing.plays if timing else None,
        color_primaries=PRIMARIES.get(colors.primaries) if colors else None,
        hdr=HDR.get(colors.transfer) if colors else None,
    )
    known = FORMATS.get(name)
    return Probe(
        media_type="image",
        mime=known.mime if known else f"image/{name}",
        container=name,
        size=size,
        duration=sum(timing.delays) / 1000 if timing else None,
        width=width,
        height=height,
        image=facts,
        has_location=_has_gps(image),
    )


def exif_of(image: Pillow.Image) -> Any:
    """EXIF by tag, empty where there is none that can be read."""
    # Pillow decodes a whole PNG to look for EXIF behind the pixels; a probe must not.
    if image.format == "PNG" and "exif" not in image.info and "Raw profile type exif" not in image.info:
        return {}
    try:
        return image.getexif()
    except DAMAGE:
        return {}


def _has_gps(image: Pillow.Image) -> bool:
    return GPS in exif_of(image)
