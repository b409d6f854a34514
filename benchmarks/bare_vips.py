"""libvips alone, run by another environment's Python: a line `source<TAB>target<TAB>width` in, a line out once it is
made. Upright, in sRGB, as a progressive JPEG with tables of its own and nothing of the source's metadata."""

import sys

import pyvips

QUALITY = 80


def shrink(source: str, target: str, width: int) -> None:
    # thumbnail decodes JPEG no larger than needed, turns by EXIF and converts by profile.
    image = pyvips.Image.thumbnail(source, width, height=100_000, export_profile="srgb")
    image.jpegsave(target, Q=QUALITY, interlace=True, optimize_coding=True, keep="none")


for line in sys.stdin:
    source, target, width = line.rstrip("\n").split("\t")
    shrink(source, target, int(width))
    sys.stdout.write("made\n")
    sys.stdout.flush()
