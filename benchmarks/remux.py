"""A clip that every player takes already, into another container: copied as the plan says, and encoded anew."""

import statistics
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Report, spread
from benchmarks.parts import Clock, quiet
from workers.engine.capabilities import ffmpeg_path
from workers.execution import execute_steps
from workers.kinds import get_kind
from workers.run import Silent, check, source_from_path

ENGINE = True  # needs no service
RUNS = 3
SECONDS = 30
COPIED = {"format": "mp4"}
ANEW = {"format": "mp4", "fps": 29}  # one frame fewer: nothing of the picture can be copied


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        clip = _clip(folder / "clip.mkv")
        copied, anew = [], []
        for run in range(RUNS):
            copied.append(_seconds(clip, COPIED, folder / f"copied-{run}", copies=True))
            anew.append(_seconds(clip, ANEW, folder / f"anew-{run}", copies=False))
    ratio = statistics.median(mine / theirs for mine, theirs in zip(copied, anew, strict=True))
    return Report(
        (
            Figure(
                f"720p of {SECONDS} s, Matroska to MP4: copied / encoded anew",
                "engine",
                spread(copied, " s", digits=2),
                spread(anew, " s", digits=2) + " anew",
                f"{ratio:.3f} ×",
            ),
        )
    )


def _seconds(clip: Path, options: dict, work: Path, *, copies: bool) -> float:
    """Of the plan's steps. Raises RuntimeError when the plan copies and should not, or the other way round."""
    work.mkdir()
    kind, source = get_kind("video"), source_from_path(clip)
    plan = check(kind, options, source.probe)
    if any("-c:v copy" in command or "-codec:v copy" in command for command in plan.commands()) is not copies:
        raise RuntimeError(f"{options} should {'' if copies else 'not '}be copied: {plan.commands()}")
    source.fetch(work / source.path, plan.reads)
    with Clock() as clock:
        execute_steps(plan, source, work, Silent())
    return clock.seconds


def _clip(path: Path) -> Path:
    """H.264 and AAC as our own MP4 has them, in Matroska."""
    picture = f"testsrc2=s=1280x720:r=30:d={SECONDS},noise=alls=4:allf=t"
    quiet(
        [
            *(ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture),
            *("-f", "lavfi", "-i", f"sine=440:d={SECONDS}:sample_rate=48000,aformat=channel_layouts=stereo"),
            *("-c:v", "libx264", "-preset", "superfast", "-crf", "28", "-pix_fmt", "yuv420p", "-g", "60"),
            *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"),
            *("-c:a", "aac", "-b:a", "128k", str(path)),
        ]
    )
    return path
