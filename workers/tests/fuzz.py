"""Damaged media by the thousand: whatever a file is, it ends in outputs or in a sentence.

python -m workers.tests.fuzz    FUZZ_CASES (2000) damaged files of FUZZ_SEED (1); the exit status is 1 for defects.
                                ITTYHOST_CORPUS adds a folder of real files, FUZZ_KEEP names one for what failed,
                                FUZZ_KINDS the kinds that are tried, all when not given.

Models are asked as they are installed, the small one for speech; without them, their kinds say what they need.

Each case damages one file and has it probed and turned by one kind, with tight limits. Told apart: what was made, what
was refused and how, and defects: an exception that is no MediaError, a refusal that is no sentence or names a path of
this host, work past its time, processes, files or descriptors that stay, memory that grows.
"""

import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.speech import CARDS
from workers.engine import host, runner
from workers.engine.errors import MediaError
from workers.engine.limits import MIB, Limits, PictureLimits, SourceLimits, TaskLimits
from workers.engine.probe import probe
from workers.kinds import all_kinds
from workers.providers import host as models
from workers.run import run
from workers.tests import media

WALL = 10.0  # seconds of one case's work
GRACE = 100.0  # beyond it: a model that is loaded, and helpers that start, on a busy machine
LIMITS = TaskLimits(
    SourceLimits(edge=2048, pixels=2048 * 2048, frames=1000, duration=3600.0),
    Limits(wall=WALL, cpu=20, memory=1024 * MIB, output=64 * MIB, idle=WALL, processes=256),
    PictureLimits(wall=WALL, memory=2048 * MIB, output=64 * MIB),
)
# Probing has no limits of its own; a model's first request loads it.
ENVIRONMENT = {"PICTURE_TIMEOUT": f"{WALL:.0f}", "SPEECH_MODEL": "tiny.en", "MODEL_THREADS": "1", "MODEL_TIMEOUT": "60"}
GROWTH = 48 * MIB  # of this process, between the first hundred cases and the end
SETTLED = 100  # cases after which memory is looked at: imports and caches are done by then
LARGEST = 700_000  # bytes of a file of the corpus that is used
EXTREMES = (0, 1, 0x7F, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
SUBTITLES = {
    "vtt": "WEBVTT\n\nSTYLE\n::cue {{ color: red }}\n\n"
    "{0}.000 --> {1}.300 line:10% align:start\n<v Ann>A &amp; <b>b</b>\n",
    "srt": "1\n{0},000 --> {1},300\n<i>One</i> {{\\an8}}two\n\n2\n{1},400 --> {1},900\nthree\n",
    "ass": "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: D,Arial,20\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:00.00,0:00:00.30,D,,0,0,0,,{{\\b1}}One\\Ntwo\n",
}
SMALL: dict[str, dict] = {"image": {"width": 24}, "video": {"width": 32, "end": 0.3}, "audio": {"end": 0.3}}


@dataclass
class Findings:
    """How many cases ended how, and what must not have happened."""

    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)  # what was said, with # for numbers
    defects: list[str] = field(default_factory=list)
    slowest: float = 0.0
    grown: int = 0  # bytes


def sources(folder: Path) -> Iterator[Path]:
    """One tiny file of every format that is read."""
    for suffix, arguments in (
        (".jpg", {"orientation": 6, "gps": True, "icc": "sRGB"}),
        (".png", {"alpha": 9, "icc": "sRGB"}),
        (".gif", {"frames": 4}),
        (".webp", {"frames": 3}),
        (".avif", {"alpha": 100}),
        (".heic", {"orientation": 3}),
        (".tiff", {"mode": "CMYK"}),
        (".bmp", {}),
    ):
        yield media.make_image(folder / f"image{suffix}", **arguments)
    for name, arguments in (
        ("turned.mp4", {"rotate": 90, "tags": {"title": "x"}}),
        ("h265.mov", {"codec": "libx265"}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("h264.mkv", {"channels": 6}),
        ("mpeg4.avi", {"codec": "mpeg4", "audio_codec": "libmp3lame"}),
        ("fields.ts", {"codec": "mpeg2video", "audio_codec": "mp2", "interlaced": True}),
        ("h263.flv", {"codec": "flv", "audio_codec": "libmp3lame"}),
        ("mpeg1.mpg", {"codec": "mpeg1video", "audio_codec": "mp2"}),
        ("prores.mov", {"codec": "prores_ks", "pix_fmt": "yuva444p10le", "audio": None}),
    ):
        yield media.make_video(folder / name, seconds=0.4, **arguments)
    for name, codec in (
        ("pcm.wav", None),
        ("mp3.mp3", None),
        ("flac.flac", None),
        ("vorbis.ogg", "libvorbis"),
        ("opus.opus", "libopus"),
        ("aac.m4a", "aac"),
        ("alac.m4a", "alac"),
        ("aac.aac", "aac"),
        ("pcm.aiff", None),
    ):
        yield media.make_audio(folder / name, seconds=0.4, codec=codec)
    yield from worded(folder)


def worded(folder: Path) -> Iterator[Path]:
    """What has words in it: subtitles, chapters, speech."""
    for suffix, text in SUBTITLES.items():
        path = folder / f"subtitles.{suffix}"
        path.write_text(text.format("00:00:00", "00:00:00"))
        yield path
    parts = [(0.0, 1.1, "One --> <b>"), (1.1, 2.4, "Two")]
    for name, codec in (("parts.m4a", "aac"), ("parts.mka", "libopus"), ("parts.mp3", None)):
        yield media.make_audio(folder / name, seconds=2.4, codec=codec, chapters=parts)
    for name, codec in (("captioned.mkv", "srt"), ("captioned.mp4", "mov_text"), ("styled.mkv", "ass")):
        source = ("-i", folder / "h264.mkv", "-i", folder / "subtitles.srt", "-map", "0", "-map", "1")
        media.ffmpeg(*source, "-c", "copy", "-c:s", codec, folder / name)
        yield folder / name
    if CARDS.is_file():
        yield CARDS


def corpus() -> Iterator[Path]:
    folder = os.environ.get("ITTYHOST_CORPUS", "").strip()
    for path in sorted(Path(folder).iterdir()) if folder else ():
        if path.is_file() and path.suffix not in (".tsv", ".md", ".txt") and 0 < path.stat().st_size <= LARGEST:
            yield path


def damaged(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """The bytes with one to three things wrong."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        ways = (_cut, _flip, _scribble, _extreme, _erase, _repeat)
        chance.choice(ways)(changed, chance)
    if chance.random() < 0.08:  # the head of one on the body of another
        place = chance.randrange(1, len(changed) + 1)
        changed[place:] = other[min(place, len(other)) :]
    return bytes(changed)


def _place(changed: bytearray, chance: random.Random) -> int:
    """Anywhere, but most often where headers are."""
    return chance.randrange(min(len(changed), chance.choice((32, 256, 2048, len(changed)))) or 1)


def _cut(changed: bytearray, chance: random.Random) -> None:
    del changed[max(1, chance.randrange(len(changed) + 1)) :]


def _flip(changed: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 3, 30))):
        changed[_place(changed, chance) % len(changed)] ^= 1 << chance.randrange(8)


def _scribble(changed: bytearray, chance: random.Random) -> None:
    place = _place(changed, chance)
    changed[place : place + chance.choice((1, 8, 64))] = chance.randbytes(chance.choice((1, 8, 64)))


def _extreme(changed: bytearray, chance: random.Random) -> None:
    width = chance.choice((1, 2, 4))
    value = chance.choice(EXTREMES) % (1 << 8 * width)
    place = _place(changed, chance)
    changed[place : place + width] = value.to_bytes(width, chance.choice(("big", "little")))


def _erase(changed: bytearray, chance: random.Random) -> None:
    place = _place(changed, chance)
    length = min(chance.choice((4, 100, 4000)), len(changed) - place)
    if chance.random() < 0.5 and length < len(changed) - 1:
        del changed[place : place + length]
    else:
        changed[place : place + length] = bytes(length)


def _repeat(changed: bytearray, chance: random.Random) -> None:
    place = _place(changed, chance)
    changed[place:place] = changed[place : place + chance.choice((8, 200, 4000))]


def fuzz(folder: Path, *, seed: int, cases: int, tell: bool = False) -> Findings:
    """Try so many cases in a folder; equal seeds give equal files."""
    made, work = folder / "made", folder / "work"
    made.mkdir()
    work.mkdir()
    whole = [path.read_bytes() for path in (*sources(made), *corpus())]
    shutil.rmtree(made)
    found, settled = Findings(), 0
    others = _children()
    host.call("ping", {})
    models.call("ping", {})
    for number in range(cases):
        chance = random.Random(f"{seed}-{number}")
        data = damaged(chance.choice(whole), chance.choice(whole), chance)
        path = work / "file"
        path.write_bytes(data)
        before = _left(work, others)
        try:
            _case(path, work, number, chance, found)
        except Exception as exc:  # all others are what is looked for
            _defect(found, seed, number, data, f"{type(exc).__name__}: {exc} {getattr(exc, 'log', '')[-2000:]}")
        left = _left(work, others)
        # Fewer than before is what earlier work of this process let go of meanwhile.
        if left[0] > before[0] or left[1] > before[1] or left[2] != before[2]:
            _defect(found, seed, number, data, f"left behind: {before} → {left}")
        if number == min(SETTLED, cases - 1):
            settled = runner.resident_bytes(os.getpid())
        if tell and number % 100 == 99:
            sys.stderr.write(f"{number + 1} cases, {dict(found.outcomes)}, {len(found.defects)} defects\n")
    found.grown = runner.resident_bytes(os.getpid()) - settled
    if found.grown > GROWTH:
        found.defects.append(f"memory grew by {found.grown // MIB} MiB")
    return found


def _case(path: Path, work: Path, number: int, chance: random.Random, found: Findings) -> None:
    place = Path(tempfile.mkdtemp(prefix="case-", dir=work))
    kind, only = "", os.environ.get("FUZZ_KINDS", "").replace(",", " ").split()
    started = time.monotonic()
    try:
        facts = probe(path)
        kinds = [one for one in all_kinds().values() if facts.media_type in one.accepts and one.object]
        kinds = [one for one in kinds if not only or one.name in only] or kinds
        one = kinds[number % len(kinds)]
        kind = one.name
        usual = SMALL.get(kind) if chance.random() < 0.5 else None
        run(one, usual or chance.choice(one.examples or ({},)), path, place, limits=LIMITS)
        outcome, words = "made", kind
    except MediaError as exc:
        outcome, words = type(exc).__name__, re.sub(r"[\d.,]*\d", "#", exc.message)
        if not exc.message.endswith(".") or str(work) in exc.message or "/" in exc.message.replace("/s", ""):
            raise AssertionError(f"no sentence for people: {exc.message!r}") from exc
    finally:
        shutil.rmtree(place)
    found.outcomes[outcome] += 1
    found.words[f"{outcome}: {words}"] += 1
    found.kinds[kind or "refused by probe"] += 1
    took = time.monotonic() - started
    found.slowest = max(found.slowest, took)
    if took > 2 * WALL + GRACE:  # probing and making have a limit each
        raise AssertionError(f"took {took:.1f} s")


def _children() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def _left(work: Path, others: set[int]) -> tuple[int, int, list[str]]:
    """Processes below this one, open descriptors, files. Not counted are the helper, the process that holds models, and
    `others`, which were there before, with whatever they start and end meanwhile."""
    helpers = set()
    for kept in (host._HOST, models._HOST):
        kept.warm()  # its successor may have taken over just now
        if kept._helper is not None:
            helpers.add(kept._helper.process.pid)
    own = _children() - others - helpers
    children = [pid for child in own for pid in runner.family(child)]
    return len(children), len(os.listdir("/proc/self/fd")), sorted(entry.name for entry in work.iterdir())


def _defect(found: Findings, seed: int, number: int, data: bytes, text: str) -> None:
    found.outcomes["defect"] += 1
    found.defects.append(f"FUZZ_SEED={seed} case {number}: {text}")
    keep = os.environ.get("FUZZ_KEEP", "").strip()
    if keep:
        Path(keep).mkdir(parents=True, exist_ok=True)
        (Path(keep) / f"{seed}-{number}").write_bytes(data)


def main() -> int:
    os.environ |= ENVIRONMENT
    seed, cases = int(os.environ.get("FUZZ_SEED") or 1), int(os.environ.get("FUZZ_CASES") or 2000)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        found = fuzz(Path(folder), seed=seed, cases=cases, tell=True)
    took = time.monotonic() - started
    for defect in found.defects:
        sys.stdout.write(f"{defect}\n")
    sys.stdout.write(f"{cases} cases from seed {seed} in {took:.0f} s; the slowest took {found.slowest:.1f} s\n")
    sys.stdout.write(f"outcomes: {dict(found.outcomes.most_common())}\n")
    sys.stdout.write(f"by kind: {dict(found.kinds.most_common())}\n")
    for words, count in found.words.most_common():
        sys.stdout.write(f"{count:6} {words}\n")
    sys.stdout.write(f"memory grew by {found.grown / MIB:.1f} MiB; {len(found.defects)} defects\n")
    return bool(found.defects)


if __name__ == "__main__":
    sys.exit(main())
