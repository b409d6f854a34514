"""One task from options to verified files."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.asking import check_steps
from workers.budgets import check_source
from workers.documents import TYPE, stamp
from workers.engine.errors import LOG_TAIL, MediaError, SourceUnreadable, SourceUnsupported, Stopped
from workers.engine.limits import SourceLimits, TaskLimits, task_limits
from workers.engine.probe import Probe, probe
from workers.engine.runner import Report, Silent
from workers.kinds.base import Kind, Options, Result
from workers.measures import bind_all, measured_notes
from workers.plans import SOURCE, FileUse, Need, Output, Plan, Source
from workers.preview import preview
from workers.providers.local import local_providers
from workers.texts import text_of

__all__ = ["Done", "Report", "Source", "check", "run", "source_from_path"]

_ARTICLES = {"image": "an image", "video": "a video", "audio": "an audio", "text": "a subtitle"}


@dataclass(frozen=True)
class Done:
    """What a task made. `plan` is JSON data: steps, commands, expected, reads, notes; with measured values bound, so
    that its commands make the same files. `log` is the end of what the tools printed."""

    outputs: tuple[Output, ...]
    result: Result
    plan: dict[str, Any]
    warnings: tuple[str, ...] = ()
    log: str = ""
    words: str = ""  # what the output says, to be found by


def run(
    kind: Kind,
    options: dict[str, Any] | Options,
    source: Source | Path,
    workdir: Path,
    *,
    report: Report | None = None,
    limits: TaskLimits | None = None,
) -> Done:
    """Probe, plan, fetch, execute and verify in `workdir`, which is the caller's to empty afterwards.

    `limits` are the budgets of the work; without them, a source of one's own keeps those it came with.
    Raises pydantic's ValidationError (bad options), MediaError (the source's or the options' fault), EngineUnavailable
    (this host's) and Stopped (the report said so); then no process is left running.
    """
    report = report or Silent()
    if not isinstance(options, Options):  # before the source is looked at: a typing error costs nothing
        options = kind.options.model_validate(options)
    if not isinstance(source, Source):
        limits = limits or task_limits(kind.name, own=kind.limits)
        source = source_from_path(source)
    if limits is not None:
        source = source.within(limits)
    plan = check(kind, options, source.probe, source.limits)
    described = plan.to_json()
    report.planned(described)
    report = keeper = _Keeper(report)
    if report.should_stop():
        raise Stopped
    check_steps(plan.steps, source.providers)  # before anything is fetched, or made of what is needed
    if plan.reads != "nothing":
        source.fetch(workdir / SOURCE, plan.reads)
    for use in plan.files:
        fetch_file(source, use, workdir)
    for need in kind.needs(options, source.probe):
        keeper.values |= needed(need, source, workdir, report)
    verified = kind.verify(plan, kind.execute(plan, source, workdir, report), workdir / SOURCE, report=report)
    outputs = tuple(_looked_at(output, workdir, report) for output in verified)
    if kind.object in ("track", "intelligence"):
        for output in outputs:
            if output.type == TYPE:
                stamp(output.path, kind.name, source.stamp, object=kind.object)
    if keeper.values:
        plan = replace(plan, notes=(*plan.notes, *measured_notes(keeper.values)))
        described = bind_all(plan.to_json(), keeper.values)
    return Done(outputs, kind.result(plan, list(outputs)), described, plan.notes, keeper.log, _words(kind, outputs))


def _words(kind: Kind, outputs: tuple[Output, ...]) -> str:
    return next((text_of(kind.name, output.path, output.type) for output in outputs if output.entry), "")


class _Keeper:
    """Passes a report on, and keeps what the tools measured and printed."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.values: dict[str, str] = {}
        self.log = ""

    def progress(self, percent: float) -> None:
        self._report.progress(percent)

    def should_stop(self) -> bool:
        return self._report.should_stop()

    def planned(self, plan: dict) -> None:
        self._report.planned(plan)

    def ran(self, command: str, log: str, values: dict[str, str]) -> None:
        self.values |= values
        self.log = (self.log + log)[-LOG_TAIL:]
        self._report.ran(command, log, values)


def fetch_file(source: Source, use: FileUse, workdir: Path) -> None:
    """Have another file at its place. Raises MediaError naming the option."""
    try:
        source.fetch_file(use.ref, workdir / use.name)
    except MediaError as exc:
        exc.param = exc.param or use.param
        raise


def needed(need: Need, source: Source, workdir: Path, report: Report) -> dict[str, str]:
    """Have a need's document at its place: from where the source says, else made here. A note where it is not to be
    had and can be done without. Raises MediaError and what `run` raises."""
    target = workdir / need.name
    fetch = source.results.get(need.kind)
    try:
        if fetch is not None:
            fetch(target)
            return {}
        place = workdir / f"{need.kind}.need"
        place.mkdir()
        alone = replace(source, fetch=_linked(workdir / SOURCE, source.fetch), stamp={})
        done = run(_kind_named(need.kind), dict(need.options), alone, place, report=_Below(report))
        entry = next(output for output in done.outputs if output.entry)
        entry.path.rename(target)
        return {}
    except MediaError as exc:
        if need.required:
            raise
        return {f"{need.kind}.note": f"Made without {need.kind}: {exc.message}"}


def _kind_named(name: str) -> Kind:
    from workers.kinds import get_kind  # which imports every kind, and they what is here

    return get_kind(name)


def _linked(fetched: Path, fetch: Callable[[Path, str], None]) -> Callable[[Path, str], None]:
    def again(target: Path, reads: str) -> None:
        if fetched.exists():
            os.symlink(fetched.resolve(), target)
        else:
            fetch(target, reads)

    return again


class _Below:
    """The report of work that another waits for: it can be stopped, and tells nothing of its own."""

    def __init__(self, report: Report) -> None:
        self.should_stop = report.should_stop
        self.ran = report.ran

    def progress(self, percent: float) -> None: ...

    def planned(self, plan: dict) -> None: ...


def _looked_at(output: Output, workdir: Path, report: Report) -> Output:
    """The output with its preview, if it is the entry; pictures have theirs already, of the pixels just written."""
    if not output.entry or output.preview or output.probe is None:
        return output
    return replace(output, preview=preview(output.path, output.probe, workdir, report=report))


def check(kind: Kind, options: dict[str, Any] | Options, facts: Probe, limits: SourceLimits | None = None) -> Plan:
    """The plan that `run` would carry out; nothing is opened or started.

    Raises pydantic's ValidationError (bad options) and MediaError when the kind can make nothing of such a source.
    """
    checked = options if isinstance(options, Options) else kind.options.model_validate(options)
    if facts.media_type not in kind.accepts:
        texts = ("a subtitle file",) if "text" in kind.accepts else ()  # which is no medium
        accepted = " or ".join((*sorted(kind.accepts - {"text"}), *texts))
        raise SourceUnsupported(f"{kind.name} needs {accepted}; the input is {_ARTICLES[facts.media_type]} file.")
    if kind.object and facts.container in ("hls", "dash"):  # playlists name other files, and no demuxer may follow them
        raise SourceUnsupported("A streaming package is no input: use the file that it was made from.")
    budgets = limits or task_limits(kind.name, own=kind.limits).source
    check_source(facts, budgets)
    return kind.plan(checked, Source(facts, _never, limits=budgets))


def _never(target: Path, reads: str) -> None:
    raise AssertionError("a plan opens no file")


def source_from_path(path: Path) -> Source:
    """A file of this machine as a source; work directories get a link to it."""
    whole = Path(path).absolute()

    def fetch(target: Path, reads: str) -> None:
        os.symlink(whole, target)

    def fetch_file(ref: str, target: Path) -> None:
        if not Path(ref).is_file():
            raise SourceUnreadable(f"{ref} is no file of this machine.")
        os.symlink(Path(ref).absolute(), target)

    return Source(probe(whole), fetch, fetch_file, providers=local_providers())
