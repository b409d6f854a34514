"""Pictures to work on, made on the spot: as large and as hard to code as what a camera gives."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageFilter

CAMERA = (4000, 3000)  # 12 MP
ORIENTATION = 0x0112
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(path: Path, *, seed: int, size: tuple[int, int] = CAMERA, quality: int = 85, orientation: int = 1) -> Path:
    """A JPEG with slopes of light, soft and hard edges and a sensor's noise; marked as turned by EXIF if asked."""
    chance = random.Random(seed)
    width, height = size
    channels = []
    for _ in range(3):
        slope = Image.linear_gradient("L").rotate(chance.uniform(0, 360), expand=False).resize(size)
        glow = Image.radial_gradient("L").resize(size)
        channels.append(Image.blend(slope, glow, chance.uniform(0.2, 0.8)))
    picture = Image.merge("RGB", channels)
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y = chance.randrange(width), chance.randrange(height)
        across = chance.randrange(width // 100, width // 6)
        shape = draw.ellipse if chance.random() < 0.5 else draw.rectangle
        shape((x, y, x + across, y + across), fill=tuple(chance.randrange(256) for _ in range(3)))
    picture = picture.filter(ImageFilter.BoxBlur(max(1, width // 1500)))
    noise = Image.effect_noise((width // 4, height // 4), 8)
    texture = Image.new("L", size)
    for left in range(0, width, noise.width):  # in tiles: noise is slow to make
        for top in range(0, height, noise.height):
            texture.paste(noise, (left, top))
    picture = ImageChops.add(picture, Image.merge("RGB", [texture] * 3), scale=1.0, offset=-128)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    picture.save(path, "JPEG", quality=quality, exif=exif, icc_profile=_SRGB)
    return path


def photos(folder: Path, seeds: Iterable[int]) -> Iterator[Path]:
    """One camera picture after the other; every third was taken upright, as phones do."""
    for seed in seeds:
        yield photo(folder / f"photo-{seed:03}.jpg", seed=seed, orientation=6 if seed % 3 == 2 else 1)
