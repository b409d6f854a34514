"""docs/real-files.md out of what was found."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.corpus import checks, making, sync
from tests.corpus.cells import known_kinds
from tests.corpus.files import RealFile
from tests.corpus.making import Cell

PAGE = Path(__file__).resolve().parents[2] / "docs" / "real-files.md"
_NUMBERS = re.compile(r"SSIM [01]\.\d\d|only [01]\.\d+|up to \d+ of 255|[+-]\d+, [+-]\d+ ms")

HEAD = """# What real files become

Written by `make docs-corpus`: every source kind is run on every file of a folder of odd ones, which `ITTYHOST_CORPUS`
names, and what comes out is looked at by tools that are not the engine's: Debian's ffmpeg and ffprobe, exiftool and
Pillow. **✗** marks what one of them found wrong; nothing is left out. `–` stands where a kind takes no such files.

Pictures are {width} pixels wide, videos and sounds {seconds:g} s long (from half a second on, where they last that
long), at quality `very_high`: what is measured is the way through the engine and not the encoder. What is checked:

* **size** in pixels, worked out from what the file is known to show: after rotation, EXIF orientation and pixel aspect;
  no flag of rotation or orientation is left, pixels are square, no frame is interlaced, no side is odd in 4:2:0;
* **a frame** beside the same frame rendered from the source by Debian's ffmpeg, or by Pillow alone: SSIM of luma at
  least {ssim}, and the mean colour of each of 8 × 8 parts no further off than {color:g} of 255 ({hdr:g} for HDR, whose
  tone curves differ in taste: its reference is one plausible rendering, Reinhard's curve with white at 203 cd/m²).
  A GIF's 256 dithered colours cost SSIM, most of all in the dark;
* **colours**: primaries, transfer, matrix and range are written, luma stays within 16–235 (signalstats);
* **time**: each frame is shown when the source shows it; length within 0.12 s; `moov` comes first in MP4 and MOV;
* **sound**: each channel's level within {level:g} dB of the source's, or of a downmix by ITU-R BS.775 where there are
  more;
* **privacy**: exiftool finds no place, serial number, owner or camera.
"""

SYNC = """
## Sound and picture together

Clips of {fps} frames a second in which a flash and a beep come at once, made for this by Debian's ffmpeg. The numbers
are by how many milliseconds the flash comes later in relation to the beep than it did in the clip, for the first pair
and the last one; {most:g} are too many.
"""


def page(files: Mapping[RealFile, Mapping[str, Cell]], clips: Mapping[str, Mapping[str, Cell]]) -> str:
    """The whole text."""
    text = HEAD.format(
        width=making.WIDTH,
        seconds=making.SECONDS,
        ssim=checks.LEAST_SSIM,
        color=checks.MOST_COLOR,
        hdr=checks.MOST_COLOR_HDR,
        level=checks.MOST_LEVEL,
    )
    kinds = known_kinds()
    for media_type, title in (("video", "Videos"), ("audio", "Sounds"), ("image", "Pictures")):
        rows = {file: found for file, found in files.items() if file.media_type == media_type}
        columns = [name for name in kinds if any(str(found[name]) != "–" for found in rows.values())]
        text += f"\n## {title}\n\n" + _table(
            ["file", "what it is for", *columns],
            [[f"`{file.name}`", file.purpose, *(str(found[name]) for name in columns)] for file, found in rows.items()],
        )
    text += SYNC.format(fps=sync.FPS, most=sync.MOST)
    ways = list(sync.ways())
    rows = [[title, *(str(found[way]) for way in ways)] for title, found in clips.items()]
    return text + "\n" + _table(["clip", *ways], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def committed(first: str) -> dict[str, str] | None:
    """The row of the page that begins with this cell, by the heads of its table; None when there is none."""
    head: list[str] = []
    for line in PAGE.read_text().splitlines() if PAGE.exists() else []:
        parts = [part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]]
        if parts and parts[0] in ("file", "clip"):
            head = parts
        elif parts and parts[0] == first:
            return dict(zip(head, parts, strict=True))
    return None


def plain(text: str) -> str:
    """A cell without the numbers that another processor may round otherwise; the checks have judged them."""
    return _NUMBERS.sub("…", text)
