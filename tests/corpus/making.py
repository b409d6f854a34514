"""How a kind is run on a file, and what every cell of the table needs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.corpus import checks, references, tools
from tests.corpus.files import RealFile
from workers.kinds import get_kind
from workers.run import run

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


def make(file: RealFile, name: str, work: Path, **options: Any) -> Path:
    """The entry of what a kind makes of the file, in `work`."""
    done = run(get_kind(name), options, file.path, work)
    return next(output.path for output in done.outputs if output.entry)


def span(file: RealFile) -> tuple[float, float]:
    """(start, duration) of what is taken of a video or a sound: a second from half a second on where it lasts."""
    whole = file.duration or 0.0
    return (0.5, SECONDS) if whole >= 2 * SECONDS else (0.0, min(whole, SECONDS))


def used_stream(file: RealFile) -> str:
    """The video stream that must be used, as ffmpeg's specifier: the default one, no cover."""
    found = [
        stream
        for stream in tools.streams(tools.ffprobe(file.path), "video")
        if not stream["disposition"].get("attached_pic")
    ]
    best = max(found, key=lambda one: (one["disposition"].get("default", 0), one["width"] * one["height"]))
    return str(best["index"])


def likened(told: Cell, file: RealFile, made: Path, reference: Path) -> Cell:
    """The cell, with how much a frame looks like its reference."""
    found = references.likeness(made, reference)
    told.says += f"; SSIM {found.ssim:.2f}"
    if not file.broken:
        told.problems += checks.like(found, hdr=file.transfer in ("smpte2084", "arib-std-b67"))
    return told


def picture_words(stream: dict[str, Any]) -> str:
    """A video stream of ffprobe's: H.264 160 × 90 yuv420p."""
    codec = _CODECS.get(stream["codec_name"], stream["codec_name"])
    return f"{codec} {stream['width']} × {stream['height']} {stream['pix_fmt']}"


def sound_words(stream: dict[str, Any]) -> str:
    """A sound stream of ffprobe's: AAC stereo."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(stream["channels"], f"{stream['channels']} channels")
    return f"{stream['codec_name'].upper()} {layout}"


def levels(file: RealFile, path: Path, start: float, duration: float, channels: int) -> list[str]:
    """Each channel as loud as in the source, or in a downmix by the book."""
    found = tools.streams(tools.ffprobe(file.path), "audio")
    best = max(found, key=lambda one: (one["disposition"].get("default", 0), one["channels"], int(one["sample_rate"])))
    mixed = DOWNMIX if best["channels"] > 2 and channels == 2 else "anull"
    before = ("-ss", f"{start}", "-t", f"{duration}")
    wanted = tools.levels(file.path, mixed, before=before, stream=str(best["index"]))
    return list(checks.same_level(tools.levels(path), wanted))
