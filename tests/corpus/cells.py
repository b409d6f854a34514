"""One file through one kind: what comes out, in words, and what is wrong with it."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from tests.corpus import checks, references, tools
from tests.corpus.files import RealFile
from workers.engine.errors import EngineUnavailable, MediaError
from workers.kinds import UnknownKind, get_kind
from workers.run import run

KINDS = ("image", "video", "audio", "animation", "adaptive_video")
WIDTH = 160  # pixels: small, so that all of it takes a minute
SECONDS = 1.0
_CODECS = {"h264": "H.264", "hevc": "H.265", "vp9": "VP9", "vp8": "VP8", "av1": "AV1"}
# Centre and surrounds 3 dB down, no low frequencies: ITU-R BS.775, annex 4.
DOWNMIX = "pan=stereo|FL=FL+0.7071*FC+0.7071*BL+0.7071*SL|FR=FR+0.7071*FC+0.7071*BR+0.7071*SR"


@dataclass
class Cell:
    """`says` what came out, or why nothing did; `problems` are sentences on what is wrong."""

    says: str
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.says + (f" **✗ {'; '.join(self.problems)}**" if self.problems else "")


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


def row(file: RealFile) -> dict[str, Cell]:
    """What each kind makes of the file, by the kinds' names."""
    return {name: cell(file, name) for name in known_kinds()}


def cell(file: RealFile, name: str) -> Cell:
    """What `kind` makes of the file."""
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
    possible = not file.broken and (name != "audio" or bool(file.channels))
    told = Cell(f"refused: {exc.message}")
    if possible:
        told.problems.append("could have been made")
    if str(file.path.parent) in exc.message:
        told.problems.append("the message names a folder of the host")
    return told


def _made(file: RealFile, name: str, work: Path, **options: Any) -> Path:
    done = run(get_kind(name), options, file.path, work)
    return next(output.path for output in done.outputs if output.entry)


def _span(file: RealFile) -> tuple[float, float]:
    """(start, duration) of what is taken of a video or a sound: a second from half a second on where it lasts."""
    whole = file.duration or 0.0
    return (0.5, SECONDS) if whole >= 2 * SECONDS else (0.0, min(whole, SECONDS))


def _stream(file: RealFile) -> str:
    """The video stream that must be used, as ffmpeg's specifier: the default one, no cover."""
    found = [
        stream
        for stream in tools.streams(tools.ffprobe(file.path), "video")
        if not stream["disposition"].get("attached_pic")
    ]
    best = max(found, key=lambda one: (one["disposition"].get("default", 0), one["width"] * one["height"]))
    return str(best["index"])


def image(file: RealFile, work: Path) -> Cell:
    options: dict[str, Any] = {"width": WIDTH, "quality": "very_high"}
    start, _ = _span(file)
    if file.media_type == "video":
        options["start"] = start
    path = _made(file, "image", work, **options)
    with Image.open(path) as picture:
        size, name, frames = picture.size, str(picture.format), int(getattr(picture, "n_frames", 1))
        clear, profile = picture.has_transparency_data, "icc_profile" in picture.info
    assert file.shown is not None
    told = Cell(f"{name} {size[0]} × {size[1]}{' clear' if clear else ''}{f', {frames} frames' if frames > 1 else ''}")
    wanted = checks.size_of(file.shown, WIDTH, even=False)
    if size != wanted:
        told.problems.append(f"is not {wanted[0]} × {wanted[1]}")
    if tools.orientation(path) != 1:
        told.problems.append("has an orientation still to be applied")
    if profile:
        told.says += ", with a profile"
    told.problems += checks.nothing_private(path)
    if file.alpha and name in ("PNG", "WEBP", "GIF", "AVIF") and not clear:
        told.problems.append("lost its transparency")
    made = references.plain(path, work / "made.png")
    if file.media_type == "video":
        stream = _stream(file)
        moments = tools.times(file.path, stream, until=start + 3)
        number = max(place for place, moment in enumerate(moments) if moment <= start + 0.001)
        reference = references.moving(file, number, size, work / "reference.png", stream=stream)
    else:
        reference = references.still(file.path, size, work / "reference.png")
    return _likened(told, file, made, reference)


def _likened(told: Cell, file: RealFile, made: Path, reference: Path) -> Cell:
    found = references.likeness(made, reference)
    told.says += f"; SSIM {found.ssim:.2f}"
    if not file.broken:
        told.problems += checks.like(found, hdr=file.transfer in ("smpte2084", "arib-std-b67"))
    return told


def video(file: RealFile, work: Path) -> Cell:
    start, duration = _span(file)
    path = _made(file, "video", work, width=WIDTH, quality="very_high", start=start, duration=duration)
    facts = tools.ffprobe(path)
    [stream] = tools.streams(facts, "video")
    sounds = tools.streams(facts, "audio")
    seconds = float(facts["format"]["duration"])
    told = Cell(f"{_CODECS.get(stream['codec_name'], stream['codec_name'])} {stream['width']} × {stream['height']}")
    told.says += f" {stream['pix_fmt']}, {seconds:.1f} s"
    told.says += f", {_sound(sounds[0])}" if sounds else ", silent"
    assert file.shown is not None
    told.problems += checks.video_stream(stream, checks.size_of(file.shown, WIDTH, even=True), alpha=file.alpha)
    if path.suffix in (".mp4", ".mov"):
        told.problems += checks.index_first(path)
    told.problems += checks.nothing_private(path)
    if file.broken:
        return told
    told.problems += checks.luma_range(path, lambda: tools.luma(file.path))
    used = _stream(file)
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
        told.problems += _level(file, path, start, duration, int(sounds[0]["channels"]))
    return _likened(told, file, frame, reference)


def _sound(stream: dict[str, Any]) -> str:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(stream["channels"], f"{stream['channels']} channels")
    return f"{stream['codec_name'].upper()} {layout}"


def _level(file: RealFile, path: Path, start: float, duration: float, channels: int) -> list[str]:
    """Each channel as loud as in the source, or in a downmix by the book."""
    found = tools.streams(tools.ffprobe(file.path), "audio")
    best = max(found, key=lambda one: (one["disposition"].get("default", 0), one["channels"], int(one["sample_rate"])))
    mixed = DOWNMIX if best["channels"] > 2 and channels == 2 else "anull"
    before = ("-ss", f"{start}", "-t", f"{duration}")
    wanted = tools.levels(file.path, mixed, before=before, stream=str(best["index"]))
    return list(checks.same_level(tools.levels(path), wanted))


def audio(file: RealFile, work: Path) -> Cell:
    start, duration = _span(file)
    path = _made(file, "audio", work, start=start, end=start + duration)
    facts = tools.ffprobe(path)
    [stream] = tools.streams(facts, "audio")
    seconds = float(facts["format"]["duration"])
    told = Cell(f"{_sound(stream)} {int(stream['sample_rate']) / 1000:g} kHz, {seconds:.1f} s")
    pictures = tools.streams(facts, "video")
    told.says += ", with its cover" if pictures else ""
    if "cover" in file.other and not pictures:
        told.problems.append("lost its cover picture")
    told.problems += checks.nothing_private(path)
    if not file.broken:
        told.problems += checks.length(seconds, duration, 0.12)
        told.problems += _level(file, path, start, duration, int(stream["channels"]))
    return told


MAKERS: dict[str, Callable[[RealFile, Path], Cell]] = {"image": image, "video": video, "audio": audio}
