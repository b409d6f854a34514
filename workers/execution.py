"""Carries out the steps of a plan."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workers import asking
from workers.documents import write_document
from workers.engine import capabilities, host, runner
from workers.engine.errors import EngineUnavailable, LimitExceeded, ProcessingFailed, SourceUnreadable
from workers.engine.limits import Limits
from workers.engine.probe import Probe
from workers.engine.runner import Report
from workers.measures import measured
from workers.plans import Expected, FfmpegStep, HelperStep, ModelStep, Output, PictureStep, Plan, Preview, Source

Made = tuple[Probe, Preview | None]


def execute_steps(plan: Plan, source: Source, workdir: Path, report: Report) -> list[Output]:
    """Carry out the steps in order; the expected files, those made by Pillow with their facts."""
    _check_build(plan)
    whole = sum(step.weight for step in plan.steps) or 1.0
    done = 0.0
    made: dict[str, Made] = {}
    entries = frozenset(expected.name for expected in plan.expected if expected.entry)
    values: dict[str, str] = {}
    ends = time.monotonic() + source.runs.wall
    for step in plan.steps:
        limits = _left(source, ends)
        share = (100.0 * done / whole, 100.0 * (done + step.weight) / whole)
        if isinstance(step, PictureStep):
            made |= _pictures(step, workdir, report, share, entries, limits)
        elif isinstance(step, HelperStep):
            values |= _helped(step, workdir, report, limits)
        elif isinstance(step, ModelStep):
            values |= _asked(step, workdir, report, share, limits)
        elif _wanted(step, workdir, values):
            values |= _ffmpeg(step.bound(values), workdir, report, share, limits.runs)
        done += step.weight
        report.progress(share[1])
    return [output for expected in plan.expected for output in _outputs(expected, workdir, made)]


def _left(source: Source, ends: float) -> Source:
    """The source with what is left of the time for all its work: many steps may take no longer than one."""
    left = ends - time.monotonic()
    if left <= 0:
        raise LimitExceeded(f"The work took longer than {source.runs.wall:.0f} seconds.")
    pictures = replace(source.pictures, wall=min(left, source.pictures.wall))
    return replace(source, runs=replace(source.runs, wall=left), pictures=pictures)


def _ffmpeg(
    step: FfmpegStep, workdir: Path, report: Report, share: tuple[float, float], limits: Limits
) -> dict[str, str]:
    """The values it measured, if it was to."""
    try:
        ran = runner.run(step.args, cwd=workdir, duration=step.duration, report=report, share=share, limits=limits)
    except (ProcessingFailed, SourceUnreadable) as exc:
        if step.attempts is None:
            raise
        (workdir / step.attempts).unlink(missing_ok=True)
        report.ran(step.command(), exc.log, {})
        return {}
    values = measured(step.measures, ran.log) if step.measures else {}
    report.ran(step.command(), ran.log, values)
    return values


def _helped(step: HelperStep, workdir: Path, report: Report, limits: Source) -> dict[str, str]:
    """The values it answered with, if it was to."""
    asked = {
        "cwd": str(workdir.absolute()),
        "operations": dict(step.operations),
        "limits": asdict(limits.limits),
    }
    timeout = min(step.timeout, limits.runs.wall) if step.timeout else None
    told = host.call(step.op, asked, timeout=timeout, report=report, limits=limits.pictures)
    values = {f"{step.measures}.{name}": value for name, value in told.items()} if step.measures else {}
    if values:
        report.ran(step.command(), "", values)
    return values


def _asked(
    step: ModelStep, workdir: Path, report: Report, share: tuple[float, float], limits: Source
) -> dict[str, str]:
    """A note, where the answer has one for people; nothing where the step is left out."""
    if step.when is not None and not (workdir / step.when).exists():
        return {}

    def progress(part: float) -> None:
        report.progress(share[0] + (share[1] - share[0]) * part)

    told = asking.ask(step.ability, step.request, workdir, limits.providers, report=report, progress=progress)
    write_document(workdir / step.target, told)
    values = {f"{step.target}.note": note for note in [told.get("note")] if note}
    report.ran(step.command(), "", values)
    return values


def _wanted(step: FfmpegStep, workdir: Path, values: dict[str, str]) -> bool:
    if step.when is not None and not values.get(step.when):
        return False
    return step.unless is None or not (workdir / step.unless).exists()


def _check_build(plan: Plan) -> None:
    needs = tuple(name for step in plan.steps if isinstance(step, FfmpegStep) for name in step.needs)
    missing = capabilities.capabilities().missing(needs) if needs else ()
    if missing:
        raise EngineUnavailable(f"This host's ffmpeg lacks {', '.join(missing)}; install a fuller build or set FFMPEG.")


def _pictures(
    step: PictureStep,
    workdir: Path,
    report: Report,
    share: tuple[float, float],
    entries: frozenset[str],
    limits: Source,
) -> dict[str, Made]:
    """What each file made is, by its name; and a look at the one that stands for all, as its pixels are at hand."""
    made: dict[str, Made] = {}
    operations = step.operations()
    looked_at = next((variant.target for variant in step.variants if variant.target in entries), None)
    if "*" not in step.source:
        return _made(workdir, operations, looked_at, report, limits)
    before, after = step.source.split("*")
    sources = sorted(workdir.glob(step.source))
    for count, path in enumerate(sources, start=1):
        text = path.name[len(before) : len(path.name) - len(after)]
        variants = [variant | {"target": variant["target"].replace("*", text)} for variant in operations["variants"]]
        first = looked_at.replace("*", text) if looked_at and count == 1 else None
        made |= _made(workdir, operations | {"source": path.name, "variants": variants}, first, report, limits)
        path.unlink()  # many frames take much room
        report.progress(share[0] + (share[1] - share[0]) * count / len(sources))
    return made


def _made(
    workdir: Path, operations: dict[str, Any], looked_at: str | None, report: Report, limits: Source
) -> dict[str, Made]:
    asked = {"cwd": str(workdir.absolute()), "operations": operations, "looked_at": looked_at}
    facts = host.call("picture", asked | {"limits": asdict(limits.limits)}, report=report, limits=limits.pictures)
    names = [variant["target"] for variant in operations["variants"]]
    seen = [Preview(**item["preview"]) if "preview" in item else None for item in facts]
    return {name: (Probe.from_json(item), look) for name, item, look in zip(names, facts, seen, strict=True)}


def _outputs(expected: Expected, workdir: Path, made: dict[str, Made]) -> list[Output]:
    paths = sorted(workdir.glob(expected.name)) if "*" in expected.name else [workdir / expected.name]
    return [
        Output(
            path,
            expected.entry and not place,
            str(path.relative_to(workdir)),
            expected.type,
            *made.get(path.name, (None, None)),
        )
        for place, path in enumerate(paths)
    ]
