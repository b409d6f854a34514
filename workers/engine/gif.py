"""Writes GIFs: one palette for all frames, only what changes in each. Runs only in the resident helper."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import GifImagePlugin, ImageChops
from PIL import Image as Pillow

CLEAR = 255  # the index of what is transparent
OPAQUE = 128  # alpha from which on a pixel is seen: a GIF's are or are not
SHORTEST = 2  # hundredths of a second: what is shorter, players show for ten
LONGEST = 65_535  # hundredths of a second
_SAMPLE = 128  # pixels of the edges of a frame that colours are looked for in
MOST_SAMPLES = 32  # frames


Box = tuple[int, int, int, int]


class Palette:
    """The colours of all frames of a GIF, up to 255, and CLEAR."""

    def __init__(self, colors: list[int], *, exact: bool) -> None:
        """`colors` as r, g, b, r, g, b, …; `exact` when there are no others in any frame."""
        self.colors = colors or [0, 0, 0]
        # What is left repeats the first colour: the nearest of equals is the first, so that none of it is used.
        self.colors += self.colors[:3] * (256 - len(self.colors) // 3)
        self.exact = exact
        self.image = Pillow.new("P", (1, 1))
        self.image.putpalette(self.colors)

    def indexed(self, picture: Pillow.Image) -> Pillow.Image:
        """The picture in these colours, what is transparent as CLEAR."""
        # Errors are spread over neighbours: bands in skies become grain. Exact colours have no errors.
        dither = Pillow.Dither.NONE if self.exact else Pillow.Dither.FLOYDSTEINBERG
        made = picture.convert("RGB").quantize(palette=self.image, dither=dither)
        if picture.mode in ("RGBA", "LA"):
            made.paste(CLEAR, mask=_unseen(picture))
        return made


class Survey:
    """Looks at every frame, to choose `most` colours, one of them CLEAR, for all of them."""

    def __init__(self, most: int) -> None:
        self.most = most - 1
        self._colors: set[tuple[int, ...]] | None = set()  # None when there are too many
        self._tiles: list[Pillow.Image] = []
        self._seen, self._step = 0, 1

    def add(self, picture: Pillow.Image) -> None:
        if self._colors is not None:
            found = _opaque_colors(picture, self.most)
            self._colors = None if found is None else self._colors | found
            if self._colors is not None and len(self._colors) > self.most:
                self._colors = None
        if self._seen % self._step == 0:
            self._tiles.append(_tile(picture))
            if len(self._tiles) > MOST_SAMPLES:  # twice as far apart from now on
                self._tiles, self._step = self._tiles[::2], self._step * 2
        self._seen += 1

    def palette(self) -> Palette:
        """Exactly the colours there are, where they are few enough."""
        if self._colors is not None:
            return Palette([part for color in sorted(self._colors) for part in color], exact=True)
        return Palette(_reduced(self._tiles, self.most), exact=False)


def step_to(image: Any, frame: int) -> None:
    """Go to a frame of an opened animation, leaving clear what browsers leave clear: what was disposed of, and what is
    around a first frame smaller than the canvas. Pillow fills these with the background's colour, which no browser
    has shown since Netscape."""
    if frame < image.tell():
        image.seek(0)
    if image.tell() == 0:
        _clear_around(image)
    while image.tell() < frame:
        image.load()
        if image.disposal_method == 2 and image.dispose is not None:
            left, top, right, bottom = image.dispose_extent
            _compose_in(image, image.convert("RGBA"))
            image.dispose = Pillow.new("RGBA", (right - left, bottom - top)).im
        image.seek(image.tell() + 1)


def _clear_around(image: Any) -> None:
    extent = image.dispose_extent
    if extent in (None, (0, 0, *image.size)):
        return
    image.load()
    whole = Pillow.new("RGBA", image.size)
    whole.paste(image.convert("RGBA").crop(extent), extent[:2])
    _compose_in(image, whole)


def _compose_in(image: Any, whole: Pillow.Image) -> None:
    """From a frame of RGBA on, Pillow composes all others in it."""
    image.im, image._mode = whole.im, whole.mode
    image.info.pop("transparency", None)


def write_still(picture: Pillow.Image, target: Path, colors: int) -> None:
    """One picture as a GIF."""
    survey = Survey(colors)
    survey.add(picture)
    made = survey.palette().indexed(picture)
    clear = picture.mode in ("RGBA", "LA") and _unseen(picture).getbbox() is not None
    made.save(target, "GIF", **({"transparency": CLEAR} if clear else {}))


def write_film(
    frames: Iterable[tuple[Pillow.Image, int]], target: Path, palette: Palette, *, plays: int, clear: bool
) -> None:
    """Frames of one size with the milliseconds each is shown, as a GIF that is played `plays` times, 0 for ever.

    With `clear` some pixel of some frame is transparent: then every frame stands for itself.
    """
    with target.open("wb") as file:
        last: Pillow.Image | None = None
        for picture, hundredths in _in_parts(_in_hundredths(_changes(frames))):
            box: Box | None = (0, 0, *picture.size)
            made = palette.indexed(picture)
            settings: dict[str, Any] = {"duration": hundredths * 10, "disposal": 2 if clear else 1}
            if last is None:
                file.write(_head(made.size, palette, plays))
            elif not clear:
                mask = _unchanged(picture, last)
                made.paste(CLEAR, mask=mask)
                box = ImageChops.invert(mask).getbbox()
            box = box or (0, 0, 1, 1)
            if clear or last is not None:
                settings["transparency"] = CLEAR
            file.write(b"".join(GifImagePlugin.getdata(made.crop(box), box[:2], **settings)))
            last = picture
        file.write(b";")


def _changes(frames: Iterable[tuple[Pillow.Image, int]]) -> Iterator[tuple[Pillow.Image, int]]:
    """The frames, each that equals the one before giving it its time."""
    waiting, shown = None, 0
    for picture, milliseconds in frames:
        if waiting is not None and ImageChops.difference(picture, waiting).getbbox(alpha_only=False) is not None:
            yield waiting, shown
            waiting, shown = None, 0
        waiting = waiting or picture
        shown += milliseconds
    if waiting is not None:
        yield waiting, shown


def _head(size: tuple[int, int], palette: Palette, plays: int) -> bytes:
    """All that comes before the first frame. Source: GIF89a, and Netscape's extension for playing more than once."""
    head = b"GIF89a" + struct.pack("<2H3B", *size, 0xF7, 0, 0) + bytes(palette.colors)
    if plays == 1:
        return head
    return head + b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", max(0, plays - 1), 0)  # repetitions


def _unchanged(picture: Pillow.Image, last: Pillow.Image) -> Pillow.Image:
    """A mask of the pixels that stay as they were: left transparent, they neither flicker nor cost bytes."""
    red, green, blue = ImageChops.difference(picture.convert("RGB"), last.convert("RGB")).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue).point([255] + [0] * 255)


def _in_hundredths(frames: Iterable[tuple[Pillow.Image, int]]) -> Iterator[tuple[Pillow.Image, int]]:
    """Each frame with its length in 1/100 s; those too short to be shown give their time to the one before."""
    now, begin, waiting = 0, 0, None
    for picture, shown in frames:
        start = round(now / 10)
        if waiting is not None and start - begin >= SHORTEST:
            yield waiting, start - begin
            waiting = None
        if waiting is None:
            waiting, begin = picture, start
        now += shown
    if waiting is not None:
        yield waiting, max(SHORTEST, round(now / 10) - begin)


def _in_parts(frames: Iterable[tuple[Pillow.Image, int]]) -> Iterator[tuple[Pillow.Image, int]]:
    """Those longer than sixteen bits can say, several times over."""
    for picture, shown in frames:
        parts = -(-shown // LONGEST)
        for part in range(parts):
            yield picture, shown * (part + 1) // parts - shown * part // parts


def _unseen(picture: Pillow.Image) -> Pillow.Image:
    return picture.getchannel("A").point([255] * OPAQUE + [0] * (256 - OPAQUE))


def _opaque_colors(picture: Pillow.Image, most: int) -> set[tuple[int, ...]] | None:
    """All colours that are seen, None when there are more than `most`."""
    found = picture.getcolors(4 * most) if picture.mode in ("RGB", "RGBA") else picture.convert("RGB").getcolors(most)
    if found is None:
        return None
    colors: set[Any] = {color[:3] for _, color in found if len(color) < 4 or color[3] >= OPAQUE}  # type: ignore[arg-type,index]
    return colors if len(colors) <= most else None


def _tile(picture: Pillow.Image) -> Pillow.Image:
    """A part of the picture's pixels, what is not seen left grey."""
    size = (min(picture.width, _SAMPLE), min(picture.height, _SAMPLE))
    small = picture.resize(size, Pillow.Resampling.NEAREST)
    if small.mode in ("RGBA", "LA"):
        under = Pillow.new("RGB", size, (128, 128, 128))
        under.paste(small.convert("RGB"), mask=small.getchannel("A"))
        return under
    return small.convert("RGB")


def _reduced(tiles: list[Pillow.Image], most: int) -> list[int]:
    """The colours that stand best for all tiles together, as r, g, b, r, g, b, …"""
    sheet = Pillow.new("RGB", (max(tile.width for tile in tiles), sum(tile.height for tile in tiles)))
    top = 0
    for tile in tiles:
        sheet.paste(tile, (0, top))
        top += tile.height
    reduced = sheet.quantize(most, Pillow.Quantize.MEDIANCUT, kmeans=1, dither=Pillow.Dither.NONE)
    palette = reduced.getpalette("RGB") or []
    return palette[: 3 * most]
