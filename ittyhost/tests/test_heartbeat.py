"""The heartbeat beside running work: when it writes, when it only looks, and how it says stop."""

import os
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError

from ittyhost import heartbeat
from ittyhost.heartbeat import Heartbeat
from ittyhost.stopping import StopSign


@pytest.fixture
def sign(monkeypatch) -> Iterator[StopSign]:
    """A worker's stop sign, as its pool children see it."""
    made = StopSign()
    made.open()
    monkeypatch.setattr(heartbeat, "worker_stop", made)
    yield made
    made.raise_()
    os.close(made.fileno() or -1)


class Lease:
    """A lease that counts what is asked of it."""

    def __init__(self) -> None:
        self.renewed = self.checked = 0
        self.holds = True

    def renew(self) -> bool:
        self.renewed += 1
        return self.holds

    def check(self) -> bool:
        self.checked += 1
        return self.holds


def wait_until(condition, seconds: float = 60.0) -> float:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.005)
    return time.monotonic() - begun


def test_short_work_asks_nothing_and_waits_for_nothing():
    lease = Lease()
    begun = time.monotonic()
    with Heartbeat(lease.renew, lease.check, every=240, watch=120) as beat:
        assert not beat.should_stop()
    assert time.monotonic() - begun < 40  # of the 120 until it looks
    assert (lease.renewed, lease.checked) == (0, 0)


def test_a_lease_is_looked_at_often_and_renewed_now_and_then():
    lease = Lease()
    with Heartbeat(lease.renew, lease.check, every=0.2, watch=0.02) as beat:
        wait_until(lambda: lease.renewed >= 2)
        assert not beat.should_stop()
    assert lease.checked > lease.renewed
    assert threading.active_count() == 1 or all(thread.name != "heartbeat" for thread in threading.enumerate())


def test_work_that_lost_its_lease_is_told_at_the_next_look():
    lease, told = Lease(), threading.Event()
    with Heartbeat(lease.renew, lease.check, watch=0.02) as beat:
        beat.on_stop(told.set)
        lease.holds = False
        wait_until(beat.should_stop)
        assert beat.reason == "lost"
        assert told.wait(60)


def test_a_stopping_worker_is_seen_at_once(sign):
    told = threading.Event()
    with Heartbeat(lambda: True, watch=120, every=240) as beat:
        beat.on_stop(told.set)
        assert not beat.should_stop()
        sign.raise_()
        assert told.wait(40)  # of the 120 until it looks
        assert beat.reason == "shutdown"


def test_whoever_comes_late_is_told_too(sign):
    told = threading.Event()
    sign.raise_()
    with Heartbeat(lambda: True) as beat:
        assert beat.should_stop()
        beat.on_stop(told.set)
        assert told.is_set()


def test_a_database_that_is_away_for_a_moment_stops_nothing_and_one_that_stays_away_does(monkeypatch):
    asked: list[float] = []

    def away() -> bool:
        asked.append(time.monotonic())
        raise OperationalError("gone")

    monkeypatch.setattr(heartbeat, "GIVE_UP_SECONDS", 120)
    with Heartbeat(away, away, every=0.05, watch=0.02) as beat:
        wait_until(lambda: len(asked) > 3)
        assert not beat.should_stop()
        monkeypatch.setattr(heartbeat, "GIVE_UP_SECONDS", 0.3)
        wait_until(beat.should_stop)
        assert time.monotonic() - asked[0] >= 0.25
        assert beat.reason == "lost"


def test_what_cannot_be_told_to_stop_still_stops(sign):
    def broken() -> None:
        raise RuntimeError

    with Heartbeat(lambda: True) as beat:
        beat.on_stop(broken)
        sign.raise_()
        wait_until(beat.should_stop)


def test_a_database_call_that_hangs_stops_the_work_before_the_lease_runs_out(monkeypatch):
    monkeypatch.setattr(heartbeat, "GIVE_UP_SECONDS", 0.3)
    answered = threading.Event()

    def hangs() -> bool:
        return answered.wait(120)

    with Heartbeat(hangs, hangs, every=0.05, watch=0.02) as beat:
        wait_until(beat.should_stop)  # half as long as the call hangs
        assert beat.reason == "lost"
        answered.set()
