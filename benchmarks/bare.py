"""What one would write without the service: Pillow alone, to the same rules of orientation, colour and size."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

QUALITY = 80
_SRGB = ImageCms.createProfile("sRGB")


def shrink(source: Path, target: Path, width: int) -> None:
    """A JPEG of that width: decoded no larger than needed, Lanczos, upright, in sRGB."""
    with Image.open(source) as image:
        upright = image.getexif().get(0x0112, 1) < 5
        across, down = image.size if upright else image.size[::-1]
        size = (width, round(down * width / across))
        stored = size if upright else size[::-1]
        profile = image.info.get("icc_profile")
        image.draft("RGB", stored)
        small = image.resize(stored, Image.Resampling.LANCZOS)
        small.info = {}
        small.getexif().update(image.getexif())
        small = ImageOps.exif_transpose(small)
    if profile and "srgb" not in ImageCms.getProfileDescription(opened := _opened(profile)).lower():
        small = ImageCms.profileToProfile(small, opened, _SRGB, outputMode="RGB") or small
    small.info = {}
    small.save(target, "JPEG", quality=QUALITY)


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(profile))
