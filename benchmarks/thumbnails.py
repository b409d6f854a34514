"""Sprite sheets of an hour of film: the plan's steps, and the one command that people use for it."""

import statistics
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Report, spread
from benchmarks.parts import Clock, quiet
from workers.engine.capabilities import ffmpeg_path
from workers.kinds import get_kind
from workers.run import run, source_from_path

ENGINE = True  # needs no service
RUNS = 3
SECONDS, CLIP = 3600, 20
INTERVAL, COLUMNS, ROWS = 15, 10, 24  # what the kind chooses for an hour
GAPS = (2, 10)  # seconds between key frames
PART = 300  # seconds of it that are decoded as a whole
AIM = 0.15
NOTES = (
    "ours chooses among three key frames for each picture, where there are so many, and is read back and checked.",
    f"everything was decoded for {PART // 60} minutes of the film, and the time multiplied.",
)


def measure() -> Report:
    figures = []
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        for gap in GAPS:
            film = _film(folder, gap)
            ours, whole, keys = [], [], []
            for number in range(RUNS):
                ours.append(_ours(film, folder / f"ours-{gap}-{number}"))
                keys.append(_bare(film, folder, "-skip_frame", "nokey"))
            # Minutes of decoding, which differ by little from one part to the next.
            whole.append(_bare(film, folder, "-t", str(PART)) * SECONDS / PART)
            label = f"720p of {SECONDS // 60} min, a key frame every {gap} s, to {COLUMNS * ROWS} pictures"
            for told, theirs, aim in (("fps, scale, tile", whole, AIM), ("the same of key frames alone", keys, None)):
                ratio = statistics.median(ours) / statistics.median(theirs)
                figures.append(
                    Figure(
                        label,
                        "engine",
                        spread(ours, " s", digits=1),
                        f"{spread(theirs, ' s', digits=1)} {told}",
                        f"{ratio:.2f} ×",
                        f"≤ {aim}" if aim else "",
                        ratio <= aim if aim else None,
                    )
                )
            film.unlink()
    return Report(tuple(figures), NOTES)


def _ours(film: Path, work: Path) -> float:
    """From the file to the checked outputs, the probe of the source left out."""
    work.mkdir()
    source = source_from_path(film)
    with Clock() as clock:
        done = run(get_kind("thumbnails"), {}, source, work)
    if (done.result.interval, done.result.columns, done.result.rows) != (INTERVAL, COLUMNS, ROWS):  # type: ignore[attr-defined]
        raise RuntimeError(f"Another sheet than the bare tool's: {done.result}")
    return clock.seconds


def _bare(film: Path, folder: Path, *how: str) -> float:
    sheet = f"fps=1/{INTERVAL},scale=160:90,tile={COLUMNS}x{ROWS}"
    args = ["-nostdin", "-v", "error", "-y", *how, "-i", str(film), "-an", "-vf", sheet, "-frames:v", "1", "-q:v", "4"]
    with Clock() as clock:
        quiet([ffmpeg_path(), *args, str(folder / "bare.jpg")])
    return clock.seconds


def _film(folder: Path, gap: int) -> Path:
    """A clip over and over again, copied."""
    clip, film = folder / f"clip-{gap}.mp4", folder / f"film-{gap}.mp4"
    picture = f"testsrc2=s=1280x720:r=25:d={CLIP},noise=alls=4:allf=t"
    begin = [ffmpeg_path(), "-nostdin", "-v", "error", "-y"]
    keys = ["-g", str(25 * gap), "-keyint_min", str(25 * gap), "-sc_threshold", "0"]
    encode = ["-c:v", "libx264", "-preset", "superfast", "-crf", "28", "-pix_fmt", "yuv420p", *keys]
    quiet([*begin, "-f", "lavfi", "-i", picture, *encode, str(clip)])
    quiet([*begin, "-stream_loop", str(SECONDS // CLIP - 1), "-i", str(clip), "-c", "copy", str(film)])
    return film
