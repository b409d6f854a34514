"""Lists and single records of a project with 100,000 files and tasks, beside the same with 1,000."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Report, machine, spread
from benchmarks.load import CONNECTIONS, Load, press, tool
from benchmarks.parts import PRODUCTION, Parts, Service, web_only

MANY, FEW = 100_000, 1_000
SECONDS = 2.0
RUNS = 3
PLANS = Path(__file__).with_name("plans.md")
# For words that few, many and nearly all media have.
SEARCHES = (
    "/media?search=w15000",
    "/media?search=w300+w900",
    '/media?search="w3+w7"',
    "/media?search=w0",
    "/media?search=w10+w20&sort=created",
)
# What is asked, as requests of 2025-08-20 would write it; each once with its default page.
LISTS = (
    "/tasks",
    "/tasks?kind=image",
    "/tasks?status=completed",
    "/tasks?sort=filesize",
    "/files",
    "/files?sort=filesize",
    "/files?sort=updated&order=asc",
    "/media",
    *SEARCHES,
)
DEEP = ("/tasks?page=100", "/tasks?page=1000", "/tasks?page=5000")
PLANNED = (*LISTS, "/sources", "/files?kind=image", "/media?kind=video", "/automations", *DEEP)


def measure(of: Parts) -> Report:
    with web_only(of, "benchmarks.settings") as running:
        bare = _loads(running, FEW, ())
        ours = _loads(running, MANY, DEEP)
        if of.name == PRODUCTION:
            PLANS.write_text(_written(running.inside("explain", given=list(PLANNED))))
    figures = tuple(_figure(of, path, loads, bare.get(path)) for path, loads in ours.items())
    note = f"on {CONNECTIONS} connections ({tool()}), in version 2024-03-21 with 12 rows a page"
    return Report(figures, (f"{of.title}: {note}.",))


def _loads(running: Service, rows: int, more: Sequence[str]) -> dict[str, list[Load]]:
    """What the service bears once it has so many rows, by what is asked."""
    file_id = running.inside("library", given=rows)
    paths = {path: path.replace("completed", "ready") for path in LISTS}
    paths |= {"one task": f"/tasks/{_any_task(running)}", "one file": f"/files/{file_id}"} | {
        path: path for path in more
    }
    base, key = running.credentials["base_url"], running.credentials["test_key"]
    press(f"{base}/tasks", key=key, seconds=2)
    return {
        name: [press(f"{base}{path}", key=key, seconds=SECONDS) for _ in range(RUNS)] for name, path in paths.items()
    }


def _any_task(running: Service) -> str:
    caller = running.caller()
    try:
        return str(caller.call("GET", "/tasks?page=3")["data"][0]["id"])
    finally:
        caller.close()


def _figure(of: Parts, path: str, ours: list[Load], bare: list[Load] | None) -> Figure:
    rates = [load.rate for load in ours]
    p95 = statistics.median(load.p95 for load in ours)
    name = f"`GET {path}`" if path.startswith("/") else f"`GET` {path}"
    few = spread([load.rate for load in bare], digits=0) if bare else ""
    ratio = f"{statistics.median(rates) / statistics.median(load.rate for load in bare):.2f} ×" if bare else ""
    return Figure(f"{name}, requests per second, p95 {p95:.1f} ms", of.title, spread(rates, digits=0), few, ratio)


def _written(view: Mapping[str, Any]) -> str:
    """The plans as a page."""
    parts = [
        "# What the database does for each list",
        "PostgreSQL's `EXPLAIN (ANALYZE, BUFFERS)` of every query of a list in version 2025-08-20 (20 rows a page), in "
        f"a project with {MANY:,} files, media and tasks beside another with a tenth as many. Written by "
        "`python -m benchmarks lists --parts production`.",
        f"_{machine()}_",
    ]
    for path, queries in view.items():
        parts.append(f"## `GET {path}`")
        parts += [f"```sql\n{_short(query['sql'])}\n\n{query['plan']}\n```" for query in queries]
    return "\n\n".join(parts) + "\n"


def _short(sql: str) -> str:
    """The query without its hundred columns."""
    head, found, rest = sql.partition(" FROM ")
    columns = head.count(",") + 1
    return f"SELECT {f'… {columns} columns …' if columns > 3 else head.removeprefix('SELECT ')}{found}{rest}"
