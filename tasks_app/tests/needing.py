"""Two small kinds for tests: one tells something of a source, the other needs to be told first; and their tasks."""

from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import Field

from tasks_app import control
from tasks_app.models import Task, TaskNeed
from workers import kinds as engine
from workers.documents import read_document, write_document
from workers.engine.errors import MediaError, SourceUnsupported
from workers.engine.probe import Probe
from workers.kinds.base import Expected, Kind, Need, Options, Output, Plan, Report, Result, Source


class TellingOptions(Options):
    words: bool = Field(False)
    language: str | None = Field(None)
    floor: float = Field(0.0)
    fails: bool = Field(False, description="When it is carried out.")
    refuses: bool = Field(False, description="When it is planned.")


class TellingResult(Result):
    language: str
    duration: float


def _telling_plan(options: TellingOptions, source: Source) -> Plan:
    if options.refuses:
        raise SourceUnsupported("Nothing can be told of this.")
    note = ("fails",) if options.fails else ()
    expected = Expected(name="telling.json", type="application/json", media_type=None)
    return Plan(steps=(), expected=(expected,), reads="nothing", notes=note)


def _telling_execute(plan: Plan, source: Source, workdir: Path, report: Report) -> list[Output]:
    if "fails" in plan.notes:
        raise MediaError("Nobody was there.")
    write_document(workdir / "telling.json", {"said": "good morning", "language": "en"})
    return [Output(workdir / "telling.json", True, "telling.json", "application/json")]


def _telling_result(plan: Plan, outputs: list[Output]) -> TellingResult:
    return TellingResult(language=read_document(outputs[0].path)["language"], duration=2.5)


class NeedyOptions(Options):
    words: bool = Field(False)
    language: str | None = Field(None)
    fails: bool = Field(False)
    refuses: bool = Field(False)
    required: bool = Field(True)


class NeedyResult(Result):
    format: str = "vtt"
    language: str
    label: str = "English"


def _needy_needs(options: NeedyOptions, facts: Probe) -> tuple[Need, ...]:
    asked = options.model_dump(include={"words", "language", "fails", "refuses"}, exclude_defaults=True)
    return (Need("telling", asked, required=options.required),)


def _needy_plan(options: NeedyOptions, source: Source) -> Plan:
    expected = Expected(name="needy.vtt", type="text/vtt", media_type=None)
    return Plan(steps=(), expected=(expected,), reads="nothing")


def _needy_execute(plan: Plan, source: Source, workdir: Path, report: Report) -> list[Output]:
    need = workdir / "telling.need.json"
    said = read_document(need)["said"] if need.exists() else "nothing"
    (workdir / "needy.vtt").write_text(f"WEBVTT\n\n00:00.000 --> 00:01.000\n{said}\n")
    return [Output(workdir / "needy.vtt", True, "needy.vtt", "text/vtt")]


TELLING = Kind(
    name="telling",
    summary="What is told of a source.",
    accepts=frozenset({"image", "video", "audio"}),
    options=TellingOptions,
    plan=_telling_plan,
    execute=_telling_execute,
    result=_telling_result,
    object="intelligence",
    lane="intelligence",
)
NEEDY = Kind(
    name="needy",
    summary="A track of what is told.",
    accepts=frozenset({"image", "video", "audio"}),
    options=NeedyOptions,
    plan=_needy_plan,
    execute=_needy_execute,
    result=lambda plan, outputs: NeedyResult(language="en"),
    object="track",
    needs=_needy_needs,
)


def add_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have these two among the kinds, as if each had a module."""
    ours = {kind.name: kind for kind in (NEEDY, TELLING)}
    of_engine = MappingProxyType({**engine.all_kinds(), **ours})
    of_tasks = MappingProxyType({**control.all_kinds(), **ours})
    monkeypatch.setattr(engine, "all_kinds", lambda: of_engine)
    monkeypatch.setattr(control, "all_kinds", lambda: of_tasks)


def now(task: Task) -> Task:
    task.refresh_from_db()
    return task


def maker(task: Task) -> Task:
    found = TaskNeed.objects.get(task=task).maker
    assert found is not None
    return found
