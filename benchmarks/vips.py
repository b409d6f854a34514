"""Camera pictures one after the other on one core: our picture step in its helper process, and libvips in its own."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from benchmarks.figures import Figure, Report, spread
from benchmarks.parts import Clock
from benchmarks.pictures import photos
from workers.engine import host
from workers.engine.probe import probe
from workers.kinds import get_kind
from workers.plans import HelperStep, PictureStep
from workers.run import check

ENGINE = True  # needs no service
PICTURES = 12
WIDTH = 640
RUNS = 5
AIM = 0.95
REQUIREMENTS = Path(__file__).with_name("requirements-vips.txt")


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        pictures = list(photos(folder, range(PICTURES)))
        with _vips(folder) as bare:
            ours, theirs = [], []
            for run in range(RUNS + 1):
                mine = [_ours(picture, folder / f"ours-{number}") for number, picture in enumerate(pictures)]
                other = [bare(picture, folder / f"vips-{number}.jpg") for number, picture in enumerate(pictures)]
                if run:  # the first one warms up
                    ours.append(PICTURES / sum(mine))
                    theirs.append(PICTURES / sum(other))
        sizes = [sum(path.stat().st_size for path in folder.glob(each)) for each in ("ours-*/*.jpg", "vips-*.jpg")]
        _same_sizes(folder)
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    return Report(
        (
            Figure(
                f"JPEGs of 12 MP to {WIDTH} wide, pictures per second and core",
                "engine",
                spread(ours, " /s"),
                spread(theirs, " /s") + " libvips",
                f"{ratio:.2f} ×",
                f"≥ {AIM}",
                ratio >= AIM,
            ),
        ),
        (
            "both upright, in sRGB, quality 80, progressive with tables of their own, one thread each; ours is also "
            "read back and checked.",
            f"bytes of the {PICTURES} pictures: ours {sizes[0]:,}, libvips {sizes[1]:,}.",
        ),
    )


def _ours(picture: Path, work: Path) -> float:
    """Seconds of the plan's step in the helper, which has been running; the preview of a task is left out."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    plan = check(get_kind("image"), {"width": WIDTH, "format": "jpeg", "quality": 80}, probe(picture))
    (work / "source").symlink_to(picture)
    [step] = plan.steps
    with Clock() as clock:
        if isinstance(step, PictureStep):
            host.call("picture", {"cwd": str(work), "operations": step.operations(), "looked_at": None})
        elif isinstance(step, HelperStep):
            host.call(step.op, {"cwd": str(work), "operations": dict(step.operations)})
        else:
            raise RuntimeError(f"a JPEG is made by {step}")
    return clock.seconds


@contextmanager
def _vips(folder: Path) -> Iterator:
    """`shrink(source, target)` → seconds, in a process of its own environment."""
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)], check=True, stdout=sys.stderr)
    process = subprocess.Popen(
        [python, str(Path(__file__).with_name("bare_vips.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "VIPS_CONCURRENCY": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def shrink(source: Path, target: Path) -> float:
        with Clock() as clock:
            process.stdin.write(f"{source}\t{target}\t{WIDTH}\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            if process.stdout.readline() != "made\n":  # type: ignore[union-attr]
                raise RuntimeError("libvips ended")
        return clock.seconds

    try:
        yield shrink
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def _same_sizes(folder: Path) -> None:
    """Both made the same: else the figures say nothing."""
    for number in range(PICTURES):
        sizes = []
        for path in (next((folder / f"ours-{number}").glob("*.jpg")), folder / f"vips-{number}.jpg"):
            with Image.open(path) as image:
                sizes.append((image.size, bool(image.info.get("progressive"))))
        if sizes[0] != sizes[1]:
            raise RuntimeError(f"ours is {sizes[0]}, libvips' is {sizes[1]}")
