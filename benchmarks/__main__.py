"""`python -m benchmarks [NAME …] [--parts embedded|production|both] [--write]`."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from benchmarks import figures
from benchmarks.parts import NAMES, load_average, parts
from tests.services.server import Unavailable

BENCHMARKS = (
    *("overhead", "transcode", "images", "requests", "lists", "slow_clients", "delivery", "memory", "uploads"),
    *("ladder", "remux", "vips", "quality", "speech", "speech_memory", "vision", "scenes"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all when none is given")
    parser.add_argument("--parts", choices=[*NAMES, "both"], default="both")
    parser.add_argument("--write", action="store_true", help="put the results into benchmarks/README.md")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(BENCHMARKS)):
        parser.error(f"{unknown[0]} is none of {', '.join(BENCHMARKS)}")
    if load_average() > (os.cpu_count() or 1) / 2:
        print(f"This machine is busy (load {load_average():.1f}): ratios may hold, times will not.", file=sys.stderr)
    for name in asked.names or BENCHMARKS:
        text = figures.table(_reports(name, NAMES if asked.parts == "both" else (asked.parts,)))
        print(f"\n## {name}\n\n{text}", flush=True)
        if asked.write:
            figures.write(name, text)
    return 0


def _reports(name: str, wanted: Sequence[str]) -> list[figures.Report]:
    """On each set of parts; once, and on none, where only the engine is measured."""
    module = importlib.import_module(f"benchmarks.{name}")
    if getattr(module, "ENGINE", False):
        return [module.measure()]
    reports = []
    for each in wanted:
        try:
            with parts(each) as ready:
                reports.append(module.measure(ready))
        except Unavailable as exc:
            print(f"{name} on {each} parts was left out: {exc}", file=sys.stderr)
    return reports


if __name__ == "__main__":
    sys.exit(main())
