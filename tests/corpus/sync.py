"""Sound and picture together: clips in which a flash and a beep come at once, made by Debian's ffmpeg, and what is
left of that in what the engine makes of them."""

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.corpus import tools
from tests.corpus.making import Cell
from workers.engine.errors import EngineUnavailable, MediaError
from workers.kinds import UnknownKind, get_kind
from workers.run import run

MOST = 40.0  # ms between flash and beep, beside what the clip itself has: ITU-R BT.1359 calls 45 early detectable
FPS = 20
_RATE = 2000
_LENGTH = 0.2  # seconds of a flash and a beep; one begins half a second into each second


@dataclass(frozen=True)
class Clip:
    """One clip: its name in the table, its file's ending, and how it is made."""

    title: str
    suffix: str
    seconds: float = 4.0
    filters: str = "null"
    late: float = 0.0  # how much later than the picture the sound begins, seconds
    options: tuple[str, ...] = ()
    often: bool = False  # in every run of the tests, not only when the page is written


CLIPS = (
    Clip("MP4, steady rate, B-frames", ".mp4", options=("-c:v", "libx264", "-bf", "3", "-c:a", "aac")),
    Clip(
        "MP4, uneven rate",
        ".mp4",
        # Two of five frames are left out, none with which a flash begins.
        filters="select=not(between(mod(n\\,5)\\,1\\,2))",
        options=("-fps_mode", "vfr", "-c:v", "libx264", "-c:a", "aac"),
        often=True,
    ),
    Clip(
        "MP4, sound from 0.3 s on",
        ".mp4",
        late=0.3,
        options=("-c:v", "libx264", "-c:a", "aac"),
    ),
    Clip(
        "MPEG-TS that begins at an hour",
        ".ts",
        options=("-c:v", "libx264", "-bf", "2", "-c:a", "aac", "-output_ts_offset", "3600"),
        often=True,
    ),
    Clip("WebM, VP8 and Opus", ".webm", options=("-c:v", "libvpx", "-b:v", "200k", "-c:a", "libopus")),
    Clip("AVI, MPEG-4 and MP3", ".avi", options=("-c:v", "mpeg4", "-c:a", "libmp3lame"), often=True),
    Clip("MP4, ten minutes, 44.1 kHz", ".mp4", seconds=600.0, options=("-c:v", "libx264", "-c:a", "aac")),
)
# What is asked for, by the heads of the table's columns.
WAYS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "video": ("video", {"width": 64}),
    "video, `fps: 30`": ("video", {"width": 64, "fps": 30}),
    "video, `start: 1.25`": ("video", {"width": 64, "start": 1.25}),
    "video, webm": ("video", {"width": 64, "format": "webm"}),
    "video, as it is": ("video", {}),
    "adaptive_video": ("adaptive_video", {}),
}
_LONG = ("video", "video, `fps: 30`")  # ten minutes: not in every way


def make(clip: Clip, path: Path) -> Path:
    """The clip at `path`."""
    now = f"between(mod({{}}\\,1)\\,0.5\\,{0.5 + _LENGTH - 0.001})"
    flash = now.format("t")
    picture = f"color=black:s=96x64:r={FPS}:d={clip.seconds},drawbox=c=white:t=fill:enable='{flash}'"
    picture += f",{clip.filters},format=yuv420p"
    heard = now.format(f"(t+{clip.late})")
    sound = f"aevalsrc=0.5*sin(2*PI*400*t)*{heard}:s=44100:d={clip.seconds - clip.late}"
    command = [tools.program("ffmpeg"), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture]
    command += ["-itsoffset", str(clip.late), "-f", "lavfi", "-i", sound, *clip.options, str(path)]
    subprocess.run(command, check=True, timeout=120)
    return path


def offsets(path: Path) -> tuple[float, float]:
    """By how many milliseconds the flash comes after the beep: at the first of them and at the last."""
    flashes, dark = [], True
    frames, sound = tools.seen_and_heard(path, _RATE)
    for moment, level in frames:
        if dark and level > 128:
            flashes.append(moment)
        dark = level <= 128
    beeps, silent_since = [], -1.0
    for place, sample in enumerate(sound):
        moment = place / _RATE
        if abs(sample) > 0.1:
            if moment - silent_since > _LENGTH:
                beeps.append(moment)
            silent_since = moment
    if not flashes or not beeps:
        raise ValueError(f"{len(flashes)} flashes and {len(beeps)} beeps")
    pairs = [(flash - min(beeps, key=lambda beep: abs(beep - flash))) * 1000 for flash in flashes]
    return pairs[0], pairs[-1]


def ways() -> dict[str, tuple[str, dict[str, Any]]]:
    """Those of WAYS whose kind this engine has."""
    found = {}
    for title, (name, options) in WAYS.items():
        try:
            get_kind(name)
        except UnknownKind:
            continue
        found[title] = (name, options)
    return found


def row(clip: Clip) -> dict[str, Cell]:
    """What becomes of the clip in each way."""
    with tempfile.TemporaryDirectory(prefix="sync-") as folder:
        source = make(clip, Path(folder) / f"clip{clip.suffix}")
        own = offsets(source)
        found = {}
        for number, (title, (name, options)) in enumerate(ways().items()):
            if clip.seconds > 60 and title not in _LONG:
                found[title] = Cell("–")
                continue
            work = Path(folder) / str(number)
            work.mkdir()
            found[title] = _cell(name, options, source, own, work)
    return found


def _cell(name: str, options: dict[str, Any], source: Path, own: tuple[float, float], work: Path) -> Cell:
    try:
        done = run(get_kind(name), options, source, work)
    except (MediaError, EngineUnavailable) as exc:
        return Cell("nothing", [exc.message])
    try:
        first, last = offsets(next(output.path for output in done.outputs if output.entry))
    except ValueError as exc:
        return Cell("no pair", [str(exc)])
    first, last = first - own[0], last - own[1]
    told = Cell(f"{first:+.0f}, {last:+.0f} ms")
    if max(abs(first), abs(last)) >= MOST:
        told.problems.append(f"more than {MOST:g} ms")
    return told
