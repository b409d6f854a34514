"""Resident memory of an intelligence worker, the process that holds its models included, over many tasks of all kinds
that ask local models."""

import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from benchmarks.figures import Figure, Report
from benchmarks.memory import SETTLE, resident
from benchmarks.parts import Caller, Parts, service
from benchmarks.pictures import photo
from tests.speech import spoken

TASKS, FIRST = 200, 30  # after the first ones every model is loaded and every buffer has its size
AIM = 1.05
ROLE = "worker-intelligence"
PICTURE_KINDS = ("nsfw", "objects", "faces", "text", "tags")


def measure(of: Parts) -> Report:
    """Raises FileNotFoundError where there is no recorded speech."""
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name, service(of) as running:
        caller = running.caller()
        clips = [caller.upload(clip.path) for clip in spoken(Path(name)).clips]
        pictures = [caller.upload(photo(Path(name) / f"{seed}.jpg", seed=seed, size=(800, 600))) for seed in range(3)]
        wanted = cycle(
            [*((clip, "speech") for clip in clips), *((one, kind) for one in pictures for kind in PICTURE_KINDS)]
        )
        time.sleep(SETTLE)
        sizes = [resident(running)[ROLE]]
        for count in (FIRST, *([(TASKS - FIRST) // 2] * 2)):
            work(caller, list(islice(wanted, count)))
            sizes.append(resident(running)[ROLE])
    idle, first, _, last = sizes
    figure = Figure(
        f"{ROLE}: after {TASKS} tasks / after {FIRST}",
        of.title,
        f"{last:.0f} MB",
        f"{first:.0f} MB",
        f"{last / first:.3f} ×",
        f"≤ {AIM:.2f}",
        last / first <= AIM,
    )
    told = ", ".join(f"{size:.0f}" for size in sizes[1:])
    return Report((figure,), (f"{of.title}: MB idle {idle:.0f}; after {FIRST}, half of the rest and {TASKS}: {told}.",))


def work(caller: Caller, wanted: list[tuple[str, str]]) -> None:
    for source, kind in wanted:
        caller.create(source, kind)
    caller.wait_for_all()
    time.sleep(SETTLE)
