"""Figures, and how they are written down: one Markdown table per benchmark."""

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PAPER = Path(__file__).with_name("README.md")
HEAD = "| figure | parts | ours | bare | | aim | |\n| --- | --- | ---: | ---: | ---: | ---: | --- |"


@dataclass(frozen=True)
class Figure:
    """One line of a table. `met` is None where no aim was set."""

    name: str
    parts: str
    ours: str
    bare: str
    result: str
    aim: str = ""
    met: bool | None = None

    def line(self) -> str:
        verdict = {True: "met", False: "**missed**", None: ""}[self.met]
        cells = (self.name, self.parts, self.ours, self.bare, self.result, self.aim, verdict)
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True)
class Report:
    """What one benchmark found: its lines, and what else is worth knowing, as sentences."""

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = field(default=())


def table(reports: Sequence[Report]) -> str:
    """The lines of one benchmark on all sets of parts, and its notes below."""
    lines = [HEAD, *(figure.line() for report in reports for figure in report.figures)]
    notes = [f"* {note}" for report in reports for note in report.notes]
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered) + 0.5) - 1))]


def spread(values: Sequence[float], unit: str = "", *, digits: int = 1) -> str:
    """Median, with the least and the greatest behind it."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f}{unit} ({low:,.{digits}f}–{high:,.{digits}f})"


def machine() -> str:
    """What these figures were taken on."""
    cpu = "unknown processor"
    try:
        if found := re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()):
            cpu = found[1].strip()
        cores = len(re.findall(r"^processor\s*:", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    except OSError:
        cores = 0
    load = f"load {os.getloadavg()[1]:.1f} in the last five minutes"
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {cores} × {cpu}, Python {platform.python_version()}, {load}"


def write(name: str, text: str) -> None:
    """Put a benchmark's table between its marks in README.md."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = PAPER.read_text().partition(begin)
    if not found:
        raise ValueError(f"{PAPER} has no place for {name}: a line {begin} and a line {end}.")
    PAPER.write_text(f"{before}{begin}\n_{machine()}_\n\n{text}{end}{rest.partition(end)[2]}")
