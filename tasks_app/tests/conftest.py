"""What tests of tasks watch and arrange."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks_app import services
from tasks_app.models import Task


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The messages that would be sent: (job, lane)."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr("ittyhost.queue._publish", lambda job, args, lane: sent.append((job, lane)))
    monkeypatch.setattr("ittyhost.queue.waiting", lambda lane: 0)
    return sent


@pytest.fixture
def work_dir(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Where attempts work; however one ends, its directory is gone."""
    work = settings.WORK_DIR = tmp_path / "work"
    yield work
    assert not work.exists() or list(work.iterdir()) == []


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Task], Any]], None]:
    """Has something done to the task in the middle of its attempt: when the plan is known and nothing is made yet."""

    def have(happen: Callable[[Task], Any]) -> None:
        write = services.attempt_planned

        def and_then(*, task: Task, plan: dict[str, Any], **told: Any) -> None:
            write(task=task, plan=plan, **told)
            happen(task)

        monkeypatch.setattr(services, "attempt_planned", and_then)

    return have
