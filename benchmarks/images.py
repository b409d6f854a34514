"""Many camera pictures at once, through two worker processes and through a pool of two with Pillow alone."""

import multiprocessing
import statistics
import tempfile
from multiprocessing.pool import Pool
from pathlib import Path

from benchmarks.bare import shrink
from benchmarks.figures import Figure, Report, spread
from benchmarks.parts import Caller, Clock, Parts, service
from benchmarks.pictures import photos

PICTURES = 200
DIFFERENT = 25  # each is sent several times: making them takes longer than working on them
WIDTH = 640
WORKERS = 2
RUNS = 3
AIM = 0.85


def measure(of: Parts) -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        pictures = list(photos(folder, range(DIFFERENT))) * (PICTURES // DIFFERENT)
        with (
            multiprocessing.get_context("spawn").Pool(WORKERS) as pool,
            service(of, WORKERS_FAST=str(WORKERS)) as running,
        ):
            caller = running.caller()
            sources = [caller.upload(picture, f"{number}.jpg") for number, picture in enumerate(pictures)]
            through_service(caller, sources[: 4 * WORKERS])
            through_pool(pool, pictures[: 4 * WORKERS], folder)
            ours, bare = [], []
            for _ in range(RUNS):
                ours.append(PICTURES / through_service(caller, sources))
                bare.append(PICTURES / through_pool(pool, pictures, folder))
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    return Report(
        (
            Figure(
                f"{PICTURES} JPEGs of 12 MP to {WIDTH} wide, pictures per second",
                of.title,
                spread(ours, " /s"),
                spread(bare, " /s"),
                f"{ratio:.2f} ×",
                f"≥ {AIM}",
                ratio >= AIM,
            ),
        )
    )


def through_service(caller: Caller, sources: list[str]) -> float:
    """Seconds from the first request to the last task's end."""
    with Clock() as clock:
        for source in sources:
            caller.create(source, "image", width=WIDTH)
        caller.wait_for_all()
    return clock.seconds


def through_pool(pool: Pool, pictures: list[Path], folder: Path) -> float:
    work = [(picture, folder / f"bare-{number}.jpg", WIDTH) for number, picture in enumerate(pictures)]
    with Clock() as clock:
        pool.starmap(shrink, work, chunksize=1)
    return clock.seconds
