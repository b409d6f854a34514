"""A ladder of five renditions: one command that decodes once, and one ffmpeg after the other with the same settings."""

import os
import shlex
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Report, spread
from benchmarks.parts import Clock, quiet
from workers.engine.capabilities import ffmpeg_path
from workers.execution import execute_steps
from workers.kinds import get_kind
from workers.plans import FfmpegStep, Plan
from workers.run import Silent, check, source_from_path

ENGINE = True  # needs no service
RUNS = 3
SECONDS = 20
SIZE = "1920x1080"
AIM = 0.70


@dataclass(frozen=True)
class Output:
    """One output of a command: its options, but for those that choose streams and threads, and its size."""

    options: tuple[str, ...]
    width: int
    height: int


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        source = source_from_path(_clip(folder / "clip.mp4"))
        plan = check(get_kind("adaptive_video"), {}, source.probe)
        outputs = _outputs(plan)
        ours, bare, ours_cpu, bare_cpu = [], [], [], []
        for run in range(RUNS):
            work = folder / f"ours-{run}"
            work.mkdir()
            source.fetch(work / source.path, plan.reads)
            before = _processor_seconds()
            with Clock() as clock:
                execute_steps(plan, source, work, Silent())
            ours.append(clock.seconds)
            between = _processor_seconds()
            with Clock() as clock:
                for number, output in enumerate(outputs):
                    _alone(output, folder / "clip.mp4", folder / f"bare-{number}.mp4")
            bare.append(clock.seconds)
            ours_cpu.append(between - before)
            bare_cpu.append(_processor_seconds() - between)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    sizes = ", ".join(f"{output.width} × {output.height}" for output in outputs)
    return Report(
        (
            Figure(
                f"ladder of {len(outputs)} from {SIZE.replace('x', ' × ')}, {SECONDS} s: one command / one each",
                "engine",
                spread(ours, " s", digits=2),
                spread(bare, " s", digits=2),
                f"{ratio:.2f} ×",
                f"≤ {AIM}",
                ratio <= AIM,
            ),
            Figure(
                "the same, processor seconds",
                "engine",
                spread(ours_cpu, " s", digits=2),
                spread(bare_cpu, " s", digits=2),
                f"{statistics.median(mine / theirs for mine, theirs in zip(ours_cpu, bare_cpu, strict=True)):.2f} ×",
            ),
        ),
        (f"{sizes}; ours is cut into segments and listed in playlists as well, the others are five MP4 files.",),
    )


def _processor_seconds() -> float:
    """Of the commands that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _outputs(plan: Plan) -> list[Output]:
    """The pictures that the plan's command makes, with the settings of their encoders."""
    [step] = [step for step in plan.steps if isinstance(step, FfmpegStep)]
    found = []
    groups = " ".join(shlex.quote(arg) for arg in step.args).split(" -map ")[1:]
    sizes = [(item.width, item.height) for item in _pictures(plan)]
    for group in groups:
        words = shlex.split(group)[1:-1]  # less the stream before and the target behind
        options = dict(zip(words[::2], words[1::2], strict=True))
        if "-c:v" not in options:
            continue
        width, height = sizes[len(found)]
        for name in ("-threads", "-t", "-f", "-movflags", "-avoid_negative_ts"):
            options.pop(name, None)
        found.append(Output(tuple(word for pair in options.items() for word in pair), width, height))
    return found


def _pictures(plan: Plan) -> list:
    """The renditions' sizes, the widest first: those that are expected, each once."""
    seen: dict[tuple[int, int], object] = {}
    for item in plan.expected:
        if item.width and item.height:
            seen.setdefault((item.width, item.height), item)
    return [seen[key] for key in sorted(seen, reverse=True)]


def _alone(output: Output, clip: Path, target: Path) -> None:
    scale = f"scale={output.width}:{output.height}:flags=bicubic,format=yuv420p,setsar=1"
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-i", str(clip), "-map", "0:v:0", "-vf", scale]
    quiet([*command, *output.options, "-f", "mp4", str(target)])


def _clip(path: Path) -> Path:
    """Moving shapes with a little grain, no sound: what is compared are the pictures."""
    picture = f"testsrc2=s={SIZE}:r=30:d={SECONDS},noise=alls=6:allf=t"
    quiet(
        [
            *(ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture),
            *("-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-pix_fmt", "yuv420p", str(path)),
        ]
    )
    return path
