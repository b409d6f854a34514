"""One file through one kind: what comes out, in words, and what is wrong with it."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from tests.corpus import checks, references, tools
from tests.corpus.files import RealFile
from tests.corpus.making import WIDTH, Cell, levels, likened, make, picture_words, sound_words, span, used_stream
from tests.corpus.packages import adaptive_video
from workers.engine.errors import EngineUnavailable, MediaError
from workers.kinds import UnknownKind, get_kind

KINDS = ("image", "video", "audio", "animation", "adaptive_video")


def known_kinds() -> list[str]:
    """Those of KINDS that this engine has."""
    found = []
    for name in KINDS:
        try:
            get_kind(name)
        except UnknownKind:
            continue
        found.append(name)
    return found


def row(file: RealFile, kinds: Iterable[str] = ()) -> dict[str, Cell]:
    """What each kind, or each of these, makes of the file, by the kinds' names."""
    return {name: cell(file, name) for name in kinds or known_kinds()}


def cell(file: RealFile, name: str) -> Cell:
    """What the kind makes of the file."""
    kind = get_kind(name)
    if file.media_type not in kind.accepts:
        return Cell("–")
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        try:
            return MAKERS[name](file, work)
        except MediaError as exc:
            return _refused(file, name, exc)
        except EngineUnavailable as exc:
            return Cell("nothing", [f"the engine failed: {exc.message}"])


def _refused(file: RealFile, name: str, exc: MediaError) -> Cell:
    possible = not file.broken
    if name == "audio":
        possible &= bool(file.channels)
    if name == "animation":
        possible &= file.media_type == "video" or file.frames > 1
    told = Cell(f"refused: {exc.message}")
    if possible:
        told.problems.append("could have been made")
    if str(file.path.parent) in exc.message:
        told.problems.append("the message names a folder of the host")
    return told


def image(file: RealFile, work: Path) -> Cell:
    options: dict[str, Any] = {"width": WIDTH, "quality": "very_high"}
    start, _ = span(file)
    if file.media_type == "video":
        options["start"] = start
    return _picture(file, make(file, "image", work, **options), start, work)


def animation(file: RealFile, work: Path) -> Cell:
    start, duration = span(file)
    options: dict[str, Any] = {"width": WIDTH, "quality": "very_high"}
    if file.media_type == "video":
        options |= {"start": start, "duration": duration}
    path = make(file, "animation", work, **options)
    told = _picture(file, path, start, work)
    if file.media_type == "video" and not file.broken:
        told.problems += checks.length(_played(path), duration, 0.12)
    return told


def _played(path: Path) -> float:
    """Seconds that an animation takes once, by its frames' own delays."""
    with Image.open(path) as picture:
        total = 0.0
        for frame in ImageSequence.Iterator(picture):
            frame.load()  # WebP's delays are known by then
            total += frame.info.get("duration", 0)
        return total / 1000


def _picture(file: RealFile, path: Path, start: float, work: Path) -> Cell:
    with Image.open(path) as picture:
        size, name, frames = picture.size, str(picture.format), int(getattr(picture, "n_frames", 1))
        clear, profile = picture.has_transparency_data, "icc_profile" in picture.info
    assert file.shown is not None
    told = Cell(f"{name} {size[0]} × {size[1]}{' clear' if clear else ''}{f', {frames} frames' if frames > 1 else ''}")
    wanted = checks.size_of(file.shown, WIDTH, even=False)
    # Frames of video come in twos of pixels on their way to an animation.
    if size[0] != wanted[0] or abs(size[1] - wanted[1]) > (frames > 1):
        told.problems.append(f"is not {wanted[0]} × {wanted[1]}")
    if tools.orientation(path) != 1:
        told.problems.append("has an orientation still to be applied")
    if profile:
        told.says += ", with a profile"
    told.problems += checks.nothing_private(path)
    if file.alpha and name in ("PNG", "WEBP", "GIF", "AVIF") and not clear:
        told.problems.append("lost its transparency")
    if file.frames > 1 and frames > 1:
        told.problems += checks.length(_played(path), _played(file.path), 0.05)
    made = references.plain(path, work / "made.png")
    one_bit = name == "GIF"
    if file.media_type == "image":
        reference = references.still(file.path, size, work / "reference.png", one_bit=one_bit)
        return likened(told, file, made, reference)
    stream = used_stream(file)
    moments = tools.times(file.path, stream, until=start + 3)
    number = max(place for place, moment in enumerate(moments) if moment <= start + 0.001)
    # The first frame of an animation stands for all that the source shows while it does.
    until = start + (_played(path) / frames if frames > 1 else 0)
    places = [number, *(place for place, moment in enumerate(moments) if start + 0.001 < moment < until - 0.001)]
    best = max(
        (
            references.moving(file, place, size, work / f"{place}.png", stream=stream, one_bit=one_bit)
            for place in places
        ),
        key=lambda reference: references.likeness(made, reference).ssim,
    )
    return likened(told, file, made, best)


def video(file: RealFile, work: Path) -> Cell:
    start, duration = span(file)
    path = make(file, "video", work, width=WIDTH, quality="very_high", start=start, duration=duration)
    facts = tools.ffprobe(path)
    [stream] = tools.streams(facts, "video")
    sounds = tools.streams(facts, "audio")
    seconds = float(facts["format"]["duration"])
    told = Cell(f"{picture_words(stream)}, {seconds:.1f} s, {sound_words(sounds[0]) if sounds else 'silent'}")
    assert file.shown is not None
    told.problems += checks.video_stream(stream, checks.size_of(file.shown, WIDTH, even=True), alpha=file.alpha)
    if path.suffix in (".mp4", ".mov"):
        told.problems += checks.index_first(path)
    told.problems += checks.nothing_private(path)
    if file.broken:
        return told
    told.problems += checks.luma_range(path, lambda: tools.luma(file.path))
    used = used_stream(file)
    moments = tools.times(file.path, used, until=start + duration + 1)
    made = tools.times(path, "v:0")
    told.problems += checks.length(seconds, duration, 0.12)
    told.problems += checks.timing(made, moments, start, duration)
    number = len(made) // 2
    source = max(place for place, moment in enumerate(moments) if moment <= start + made[number] + 0.0025)
    frame = references.shown(path, number, work / "made.png")
    size = (stream["width"], stream["height"])
    reference = references.moving(file, source, size, work / "reference.png", stream=used)
    if bool(sounds) != bool(file.channels):
        told.problems.append("has sound where there was none" if sounds else "lost its sound")
    elif sounds:
        told.problems += levels(file, path, start, duration, int(sounds[0]["channels"]))
    return likened(told, file, frame, reference)


def audio(file: RealFile, work: Path) -> Cell:
    start, duration = span(file)
    path = make(file, "audio", work, start=start, end=start + duration)
    facts = tools.ffprobe(path)
    [stream] = tools.streams(facts, "audio")
    seconds = float(facts["format"]["duration"])
    told = Cell(f"{sound_words(stream)} {int(stream['sample_rate']) / 1000:g} kHz, {seconds:.1f} s")
    pictures = tools.streams(facts, "video")
    told.says += ", with its cover" if pictures else ""
    if "cover" in file.other and not pictures:
        told.problems.append("lost its cover picture")
    told.problems += checks.nothing_private(path)
    if not file.broken:
        told.problems += checks.length(seconds, duration, 0.12)
        told.problems += levels(file, path, start, duration, int(stream["channels"]))
    return told


MAKERS: Mapping[str, Callable[[RealFile, Path], Cell]] = {
    "image": image,
    "video": video,
    "audio": audio,
    "animation": animation,
    "adaptive_video": adaptive_video,
}
