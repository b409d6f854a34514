"""What tests of media arrange and watch. Files ask for it as a whole by `pytest.mark.usefixtures`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ittyhost import queue
from media_app.delivery import transfers
from orgs_app.tests.caller import Caller


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Nobody does what is sent, and no request waits for that."""
    monkeypatch.setattr(queue, "send", lambda job, *args, lane: None)
    monkeypatch.setattr("events_app.services.send", lambda *args, lane: None)
    monkeypatch.setattr(queue, "waiting", lambda lane: 0)
    settings.PROBE_WAIT_SECONDS = 0


@pytest.fixture
def bucket_of_its_own(settings: Any, tmp_path: Path) -> None:
    settings.BUCKET_URL = f"file://{tmp_path}/bucket"


@pytest.fixture
def no_transfer_is_left_behind() -> Iterator[None]:
    yield
    assert transfers.running == 0
