"""`GET /tasks` and `POST /tasks` beside an empty view of Django REST framework on the same server."""

import json
import statistics
from collections.abc import Callable

from benchmarks.figures import Figure, Report, spread
from benchmarks.load import CONNECTIONS, Load, press, tool
from benchmarks.parts import Parts, web_only

ROWS = 10_000
SECONDS = 5.0
RUNS = 3
GET_AIM, POST_AIM = 0.35, 0.25


def measure(of: Parts) -> Report:
    with web_only(of, "benchmarks.settings") as running:
        source = running.inside("fill", given=ROWS)
        base, key = running.credentials["base_url"], running.credentials["test_key"]
        body = json.dumps({"input": source, "output": {"kind": "image", "width": 320}})

        def ask(path: str, body: str | None = None, seconds: float = SECONDS) -> Load:
            return press(f"{base}{path}", key=key, seconds=seconds, body=body)

        ask("/tasks", seconds=2)
        listing = compare(lambda: ask("/tasks"), lambda: ask("/empty"))
        ask("/tasks", body, seconds=2)
        creating = compare(lambda: ask("/tasks", body), lambda: ask("/empty", body))
    figures = (
        figure(f"`GET /tasks`, 12 rows of {ROWS:,}, requests per second", of, listing, GET_AIM),
        figure("`POST /tasks`, requests per second", of, creating, POST_AIM),
    )
    notes = [
        f"{of.title}, {name}: median {statistics.median(load.p50 for load in ours):.1f} ms and p95 "
        f"{statistics.median(load.p95 for load in ours):.1f} ms on {CONNECTIONS} connections ({tool()}); "
        f"the empty view {statistics.median(load.p50 for load in bare):.1f} and "
        f"{statistics.median(load.p95 for load in bare):.1f} ms."
        for name, (ours, bare) in (("`GET /tasks`", listing), ("`POST /tasks`", creating))
    ]
    return Report(figures, tuple(notes))


def compare(ours: Callable[[], Load], bare: Callable[[], Load]) -> tuple[list[Load], list[Load]]:
    """Both, turn by turn."""
    pairs = [(ours(), bare()) for _ in range(RUNS)]
    return [mine for mine, _ in pairs], [theirs for _, theirs in pairs]


def figure(name: str, of: Parts, loads: tuple[list[Load], list[Load]], aim: float) -> Figure:
    ours, bare = ([load.rate for load in each] for each in loads)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    return Figure(
        name, of.title, spread(ours, digits=0), spread(bare, digits=0), f"{ratio:.2f} ×", f"≥ {aim}", ratio >= aim
    )
