"""A 1080p clip to 480p: the task, and the command it stored, run by hand in a shell."""

import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Report, spread
from benchmarks.parts import Clock, Parts, quiet, service
from workers.engine.capabilities import ffmpeg_path

RUNS = 3
AIM = 1.05
SECONDS = 30


def measure(of: Parts) -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name, service(of) as running:
        folder = Path(name)
        (folder / "ffmpeg").symlink_to(ffmpeg_path())
        clip = make_clip(folder / "clip.mp4")
        caller = running.caller()
        source = caller.upload(clip)
        clip.rename(folder / "source")  # as a task's work directory has it
        warm = caller.create(source, "video", height=48)
        caller.wait(warm, every=0.05)
        ours, bare, command = [], [], ""
        for _ in range(RUNS):
            task = caller.create(source, "video", height=480)
            # Asked now and then, as clients do: each question takes processor time from the encoder on a small machine.
            # How long it took is read from the rows: from the moment it was queued until it was published.
            caller.wait(task, every=0.5)
            [span] = running.inside("spans", given=[task])
            ours.append(span["published"] - span["due"])
            [command] = running.inside("commands", given=task)
            with Clock() as clock:
                quiet(
                    ["sh", "-c", command],
                    cwd=folder,
                    env={"PATH": f"{folder}:/usr/bin:/bin"},
                    stderr=subprocess.DEVNULL,
                )
            bare.append(clock.seconds)
        ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
        return Report(
            (
                Figure(
                    f"1080p to 480p, {SECONDS} s clip",
                    of.title,
                    spread(ours, " s", digits=2),
                    spread(bare, " s", digits=2),
                    f"{ratio:.3f} ×",
                    f"≤ {AIM}",
                    ratio <= AIM,
                ),
            )
        )


def make_clip(path: Path) -> Path:
    """Moving shapes with grain and a tone."""
    picture = f"testsrc2=s=1920x1080:r=30:d={SECONDS},noise=alls=6:allf=t"
    quiet(
        [
            *(ffmpeg_path(), "-v", "error", "-y"),
            *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=440:d={SECONDS}:sample_rate=48000"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
        ]
    )
    return path
