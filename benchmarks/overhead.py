"""One small picture at a time on an idle service: from `POST /tasks` to `ready`, less the same work called directly."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.bare import shrink
from benchmarks.figures import Figure, Report, spread
from benchmarks.parts import EMBEDDED, Caller, Clock, Parts, Service, service
from benchmarks.pictures import photo
from workers.engine import host
from workers.engine.probe import probe
from workers.kinds import get_kind
from workers.run import Source, run

TASKS = 50
WARM_UP = 8
WIDTH = 320
POLL = 0.002
AIMS = {EMBEDDED: 150.0}  # milliseconds
AIM = 60.0


class Watched(NamedTuple):
    """Moments of one task as its client saw them, seconds since 1970."""

    id: str
    asked: float
    answered: float
    seen: float


def measure(of: Parts) -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name, service(of) as running:
        folder = Path(name)
        picture = photo(folder / "small.jpg", seed=1, size=(800, 600))
        caller = running.caller()
        source = caller.upload(picture)
        for _ in range(WARM_UP):
            watched(caller, source)
            engine(picture, folder)
        tasks, direct, bare = [], [], []
        for _ in range(TASKS):
            tasks.append(watched(caller, source))
            direct.append(engine(picture, folder) * 1000)
            bare.append(pillow(picture, folder) * 1000)
        quiet = unwatched(running, caller, source)
        host.end()
        whole = [(task.seen - task.asked) * 1000 for task in tasks]
        over = [ours - theirs for ours, theirs in zip(whole, direct, strict=True)]
        aim, found = AIMS.get(of.name, AIM), statistics.median(over)
        figures = (
            Figure(
                "POST to ready, less the engine called directly",
                of.title,
                spread(whole, " ms"),
                spread(direct, " ms"),
                f"{found:.1f} ms more",
                f"< {aim:.0f} ms",
                found < aim,
            ),
            Figure(
                "the same, less Pillow alone",
                of.title,
                spread(whole, " ms"),
                spread(bare, " ms"),
                f"{statistics.median(ours - theirs for ours, theirs in zip(whole, bare, strict=True)):.1f} ms more",
            ),
        )
        return Report(figures, (breakdown(running, tasks, of), unwatched_note(quiet, of)))


def watched(caller: Caller, source: str) -> Watched:
    """One task, asked after every 2 ms on the same connection."""
    asked = time.time()
    task = caller.create(source, "image", width=WIDTH)
    answered = time.time()
    caller.wait(task, every=POLL)
    return Watched(task, asked, answered, time.time())


def unwatched(running: Service, caller: Caller, source: str) -> list[float]:
    """Milliseconds from asking to publishing by the rows' own times, with nobody asking meanwhile."""
    made = []
    for _ in range(TASKS // 2):
        asked = time.time()
        made.append((asked, caller.create(source, "image", width=WIDTH)))
        time.sleep(0.3)
    spans = running.inside("spans", given=[task for _, task in made])
    return [(span["published"] - asked) * 1000 for span, (asked, _) in zip(spans, made, strict=True)]


def breakdown(running: Service, tasks: list[Watched], of: Parts) -> str:
    """Where the time of the watched tasks went, in medians."""
    spans = running.inside("spans", given=[task.id for task in tasks])
    both = list(zip(tasks, spans, strict=True))

    def middle(values: list[float]) -> str:
        return f"{statistics.median(values) * 1000:.1f} ms"

    return (
        f"{of.title}: the request is answered after {middle([task.answered - task.asked for task in tasks])}; "
        f"the task is claimed {middle([span['claimed'] - span['due'] for _, span in both])} after its row was written; "
        f"from claim to publishing {middle([span['published'] - span['claimed'] for _, span in both])}; "
        f"until the client sees it {middle([task.seen - span['published'] for task, span in both])} more."
    )


def unwatched_note(quiet: list[float], of: Parts) -> str:
    return f"{of.title}: with nobody asking meanwhile, {spread(quiet, ' ms')} from `POST` to publishing by the rows."


def engine(picture: Path, folder: Path) -> float:
    """Seconds that the engine alone takes in this warm process, its source probed already as the service's is."""
    kind, facts = get_kind("image"), probe(picture)
    place = Path(tempfile.mkdtemp(dir=folder))

    def fetch(target: Path, reads: str) -> None:
        target.hardlink_to(picture)

    with Clock() as clock:
        run(kind, {"width": WIDTH}, Source(facts, fetch), place)
    return clock.seconds


def pillow(picture: Path, folder: Path) -> float:
    with Clock() as clock:
        shrink(picture, folder / "bare.jpg", WIDTH)
    return clock.seconds
