"""Resident memory of the service's processes: idle, and after many tasks."""

import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.figures import Figure, Report
from benchmarks.parts import Caller, Parts, Service, service
from benchmarks.pictures import photo
from ittyhost.launcher.processes import descendants

TASKS = 1000
FIRST = 50  # tasks after which everything that is loaded at first need is loaded
SETTLE = 6.0  # seconds without work before memory is read
AIM = 1.10
ROLES = {
    "granian": "web",
    "fast@": "worker-fast",
    "heavy@": "worker-heavy",
    "intelligence@": "worker-intelligence",
    "transfer@": "worker-transfer",
    "ittyhost beat": "scheduler",
}


def measure(of: Parts) -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name, service(of) as running:
        caller = running.caller()
        # Nothing was asked of it yet but whether it is healthy.
        time.sleep(SETTLE)
        idle = resident(running)
        source = caller.upload(photo(Path(name) / "small.jpg", seed=1, size=(800, 600)))
        work(caller, source, FIRST)
        first = resident(running)
        work(caller, source, TASKS - FIRST)
        last = resident(running)
    figures = [
        Figure(
            f"{role}: after {TASKS:,} image tasks / idle",
            of.title,
            f"{last[role]:.0f} MB",
            f"{idle[role]:.0f} MB",
            f"{last[role] / idle[role]:.2f} ×",
            f"≤ {AIM:.2f}",
            last[role] / idle[role] <= AIM,
        )
        for role in ("web", "worker-fast", "all")
    ]
    told = "; ".join(f"{role} {idle[role]:.0f}, {first[role]:.0f}, {last[role]:.0f}" for role in sorted(idle))
    return Report(
        tuple(figures),
        (
            f"{of.title}: MB idle, after {FIRST} and after {TASKS:,} tasks, by proportional shares and with children: "
            f"{told}.",
        ),
    )


def work(caller: Caller, source: str, count: int) -> None:
    for _ in range(count):
        caller.create(source, "image", width=320)
    caller.wait_for_all()
    time.sleep(SETTLE)


def resident(running: Service) -> dict[str, float]:
    """Megabytes by role, children included, shared pages by their share; `all` is their sum."""
    found: dict[str, float] = defaultdict(float)
    for role, pid in tops(running.pid).items():
        for each in (pid, *descendants(pid)):
            found[role] += share(each)
    return {**found, "all": sum(found.values())}


def tops(launcher: int) -> dict[str, int]:
    """The process at the top of each role."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    found = {}
    for pid in map(int, children):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for sign, role in ROLES.items():
            if sign in command:
                found[role] = pid
    return found


def share(pid: int) -> float:
    """Proportional set size, megabytes; 0 for a process that is gone."""
    try:
        told = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(told[1]) / 1024 if told else 0.0
