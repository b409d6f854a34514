"""Animated pictures, one frame after the other: which are shown when, and the formats they are written in. Runs only
in the resident helper.

No more than two frames are decoded at a time, whatever the animation's length.
"""

import errno
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from workers.encoders.image import ENCODERS, gif_colors, still_settings
from workers.engine import apng, gif, rights
from workers.engine.errors import LimitExceeded, SourceUnsupported

Shown = tuple[int, int]  # a frame's number, milliseconds
Frames = Callable[[], Iterator[tuple[Pillow.Image, int]]]  # from the first one on, each time it is called


def shown_at(delays: Sequence[int], moment: float) -> int:
    """The number of the frame that is shown at a moment, seconds; the last one ever after."""
    end = 0
    for number, delay in enumerate(delays):
        end += delay
        if moment * 1000 < end:
            return number
    return len(delays) - 1


def chosen(delays: Sequence[int], start: float, end: float | None, fps: float | None) -> list[Shown]:
    """The frames shown from `start` to `end` (seconds), each for how long; at `fps`, those shown at its ticks."""
    begin, whole = round(start * 1000), sum(delays)
    stop = whole if end is None else min(whole, round(end * 1000))
    spans, now = [], 0
    for number, delay in enumerate(delays):
        first, last = max(now, begin), min(now + delay, stop)
        if first < last:
            spans.append((number, first - begin, last - begin))
        now += delay
    if not fps:
        return [(number, last - first) for number, first, last in spans]
    found: list[Shown] = []
    ticks = max(1, math.ceil((stop - begin) / 1000 * fps - 0.001))
    place = 0
    for tick in range(ticks):
        moment = tick * 1000 / fps
        while place + 1 < len(spans) and spans[place][2] <= moment:
            place += 1
        length = min(stop - begin, round((tick + 1) * 1000 / fps)) - round(moment)
        if found and found[-1][0] == spans[place][0]:
            found[-1] = (found[-1][0], found[-1][1] + length)
        else:
            found.append((spans[place][0], length))
    return found


def write(frames: Frames, target: Path, variant: dict[str, Any], plays: int, kept: dict[int, bytes]) -> int:
    """Write an animation in the variant's format; how many frames were handed to the encoder.

    Raises LimitExceeded, SourceUnsupported.
    """
    name, quality = variant["format"], variant["quality"]
    exif = rights.exif_with(kept) if kept else None
    survey = gif.Survey(gif_colors(quality)) if name == "gif" else None
    clear, count = _surveyed(frames, survey)
    mode = "RGBA" if clear else "RGB"

    def alike() -> Iterator[tuple[Pillow.Image, int]]:
        for picture, milliseconds in frames():
            yield (picture if picture.mode == mode else picture.convert(mode)), milliseconds

    try:
        if survey is not None:
            gif.write_film(alike(), target, survey.palette(), plays=plays, clear=clear)
        elif name == "png":
            apng.write_film(alike(), target, plays=plays, exif=exif)
        else:
            film = _Film(alike(), count)
            settings = still_settings(name, quality) | ({"exif": exif} if exif else {})
            film.save(target, ENCODERS[name], save_all=True, duration=film.lengths, loop=plays, **settings)
            if clear and name == "webp":
                say_clear(target)
    except MemoryError as exc:
        raise LimitExceeded("The animation needs more memory than it may have.") from exc
    except OSError as exc:
        if exc.errno == errno.EFBIG:
            raise LimitExceeded("The output grew beyond what it may have.") from exc
        raise
    except (ValueError, RuntimeError) as exc:
        raise SourceUnsupported(f"The animation cannot be written as {name}.", log=repr(exc)) from exc
    return count


def say_clear(target: Path) -> None:
    """Have a WebP's header say that it is transparent: where all that is lies outside of every frame's box, the encoder
    forgets to."""
    with target.open("r+b") as file:
        head = file.read(21)
        if head[12:16] == b"VP8X":
            file.seek(20)
            file.write(bytes([head[20] | 0x10]))


def _surveyed(frames: Frames, survey: gif.Survey | None) -> tuple[bool, int]:
    """Whether any pixel of any frame is transparent, and how many frames there are; each is shown to the survey."""
    clear, count = False, 0
    for picture, _ in frames():
        if not clear and picture.mode in ("LA", "RGBA"):
            lowest: Any = picture.getchannel("A").getextrema()
            clear = lowest[0] < 255
        if survey is not None:
            survey.add(picture)
        count += 1
    return clear, count


class _Film(Pillow.Image):
    """Frames as a picture that Pillow's encoders can step through, each made when it is wanted."""

    def __init__(self, frames: Iterator[tuple[Pillow.Image, int]], count: int) -> None:
        super().__init__()
        self.n_frames, self.is_animated = count, count > 1
        self.lengths: list[int] = []  # as far as they are known: encoders ask for a frame before its length
        self._frames, self._at = frames, -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError("no more frames")
        if frame <= self._at:  # the way back, once all is written
            return
        picture, milliseconds = next(self._frames)
        self.im, self._mode, self._size = picture.im, picture.mode, picture.size
        self.lengths.append(milliseconds)
        self._at = frame

    def tell(self) -> int:
        return max(0, self._at)
