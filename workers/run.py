"""One task from options to verified files."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.engine.errors import SourceUnsupported, Stopped
from workers.engine.probe import Probe, probe
from workers.engine.runner import Report, Silent
from workers.kinds.base import SOURCE, Kind, Options, Output, Plan, Result, Source
from workers.preview import preview
from workers.verify import verify

__all__ = ["Done", "Report", "Source", "check", "run", "source_from_path"]

_ARTICLES = {"image": "an image", "video": "a video", "audio": "an audio"}


@dataclass(frozen=True)
class Done:
    """What a task made. `plan` is JSON data: steps, commands, expected, reads, notes."""

    outputs: tuple[Output, ...]
    result: Result
    plan: dict[str, Any]
    warnings: tuple[str, ...] = ()


def run(
    kind: Kind,
    options: dict[str, Any] | Options,
    source: Source | Path,
    workdir: Path,
    *,
    report: Report | None = None,
) -> Done:
    """Probe, plan, fetch, execute and verify in `workdir`, which is the caller's to empty afterwards.

    Raises pydantic's ValidationError (bad options), MediaError (the source's or the options' fault), EngineUnavailable
    (this host's) and Stopped (the report said so); then no process is left running.
    """
    report = report or Silent()
    if not isinstance(options, Options):  # before the source is looked at: a typing error costs nothing
        options = kind.options.model_validate(options)
    if not isinstance(source, Source):
        source = source_from_path(source)
    plan = check(kind, options, source.probe)
    described = plan.to_json()
    report.planned(described)
    if report.should_stop():
        raise Stopped
    source.fetch(workdir / SOURCE, plan.reads)
    verified = verify(plan, kind.execute(plan, source, workdir, report), workdir / SOURCE, report=report)
    outputs = tuple(_looked_at(output, workdir, report) for output in verified)
    return Done(outputs, kind.result(plan, list(outputs)), described, plan.notes)


def _looked_at(output: Output, workdir: Path, report: Report) -> Output:
    """The output with its preview, if it is the entry; pictures have theirs already, of the pixels just written."""
    if not output.entry or output.preview or output.probe is None:
        return output
    return replace(output, preview=preview(output.path, output.probe, workdir, report=report))


def check(kind: Kind, options: dict[str, Any] | Options, facts: Probe) -> Plan:
    """The plan that `run` would carry out; nothing is opened or started.

    Raises pydantic's ValidationError (bad options) and MediaError when the kind can make nothing of such a source.
    """
    checked = options if isinstance(options, Options) else kind.options.model_validate(options)
    if facts.media_type not in kind.accepts:
        accepted = " or ".join(sorted(kind.accepts))
        raise SourceUnsupported(f"{kind.name} needs {accepted}; the input is {_ARTICLES[facts.media_type]} file.")
    return kind.plan(checked, Source(facts, _never))


def _never(target: Path, reads: str) -> None:
    raise AssertionError("a plan opens no file")


def source_from_path(path: Path) -> Source:
    """A file of this machine as a source; work directories get a link to it."""
    whole = Path(path).absolute()

    def fetch(target: Path, reads: str) -> None:
        os.symlink(whole, target)

    return Source(probe(whole), fetch)
