"""What dies in the middle of the work, and what comes of the task: real processes, killed for real.

The two services are hurt at the same time where a lease must run out, so that its 30 seconds are waited for once.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from ittyhost.leases import LEASE
from tests.client import LATER, Client
from tests.fleet import Fleet
from tests.processes import is_alive, until, working_in
from tests.stack import Service, Stack, bare, healthy

pytestmark = [
    pytest.mark.processes,
    pytest.mark.services,
    pytest.mark.ffmpeg,
    pytest.mark.slow,
]

# Ten seconds and more on two cores: time enough to be hurt in.
SLOW = {"kind": "video", "quality": 100}
AT_ONCE = 40.0  # seconds within which an ffmpeg is gone that was ended. It is held still first: by itself it never ends


@pytest.fixture(scope="module")
def told() -> Iterator[list[str]]:
    """Times that were measured; told at the end (-s shows them)."""
    lines: list[str] = []
    yield lines
    sys.stdout.write("\n".join(["", *lines, ""]))


class Running:
    """A slow task on one of the services, seen from its start."""

    def __init__(self, service: Service, source: str) -> None:
        self.service = service
        self.client = Client(service.credentials)
        self.id: str = self.client.create(source, **SLOW)["id"]

    def begun(self) -> "Running":
        """Once ffmpeg has encoded some of it."""
        self.client.wait_running(self.id)
        assert self.tools(), "a process works in the task's directory"
        return self

    def places(self) -> list[Path]:
        """Its work directories, and what belongs to them."""
        return [path for root in self.service.work_dirs() if root.exists() for path in root.glob(f"{bare(self.id)}-*")]

    def tools(self) -> list[int]:
        """The processes that work for it."""
        name = f"/{bare(self.id)}-"
        return [pid for root in self.service.work_dirs() for pid in working_in(root) if name in _cwd(pid)]

    def held(self) -> list[int]:
        """Its processes, stopped in the middle of their work: killed they end, by themselves never."""
        found = self.tools()
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        return found

    def answers_again(self) -> None:
        """Once no request meets a dead connection any more; those that do are asked to come again."""

        def works() -> bool:
            seen = {self.client.http.get(f"/tasks/{self.id}").status_code for _ in range(64)}
            assert seen <= {200, 503}
            return seen == {200}

        until(works, seconds=60, what="the API has new connections")

    def seconds(self) -> float:
        """How long its last attempt ran."""
        query = "SELECT started_at, ended_at FROM tasks_app_attempt WHERE task_id = %s ORDER BY number DESC LIMIT 1"
        begun, ended = (datetime.fromisoformat(str(value)) for value in self.service.rows(query, bare(self.id))[0])
        return (ended - begun).total_seconds()

    def ends_ready(self, outcomes: list[str], *, timeout: float = 150.0) -> None:
        """It becomes ready by itself, after these attempts, and leaves exactly one file and no trace of the others."""
        service, task = self.service, self.client.wait(self.id, timeout=timeout)
        assert task["status"] == "ready", (service.name, task)
        assert service.attempts(self.id) == outcomes, service.name
        assert service.task(self.id, "failures") == sum(outcome in {"lost", "fault"} for outcome in outcomes)
        output = task["output"]["id"]
        assert service.rows("SELECT status, attempt FROM media_app_file WHERE id = %s", bare(output)) == [
            ("ready", len(outcomes))
        ]
        file = self.client.http.get(f"/files/{output}", headers=LATER).json()
        assert bare(file["created_by"]) == bare(self.id)
        until(lambda: not self.tools(), seconds=60, what="no process works on it any more")
        until(lambda: not self.places(), seconds=60, what="no work directory is left")
        service.shell("from media_app.services.objects import objects_clean_up; objects_clean_up()")
        kept = {key.split("/")[-2] for key in service.objects() if f"/{bare(output)}/" in key}
        assert kept == {str(len(outcomes))}, "only the attempt that was published is in the bucket"


def _cwd(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


@pytest.fixture(scope="module")
def slow_source(noise: Path) -> Callable[[Service], str]:
    """The id of the slow video in a service, uploaded once."""
    known: dict[str, str] = {}

    def find(service: Service) -> str:
        if service.name not in known:
            with Client(service.credentials) as client:
                known[service.name] = client.upload(noise)["id"]
        return known[service.name]

    return find


@pytest.mark.timeout(600)  # both services are started, a lease runs out, then four slow videos are made two by two
def test_kill_minus_nine_of_a_slot_and_then_of_the_whole_worker(
    both: list[Service], slow_source: Callable[[Service], str], told: list[str]
) -> None:
    # Each is killed as soon as it has begun: on a fast machine it would end while the others are brought up.
    sources = [(service, slow_source(service)) for service in both]
    killed: dict[str, float] = {}
    first, second = [], []
    for service, source in sources:
        run = Running(service, source).begun()
        first.append(run)
        run.held()
        [slot] = run.service.slots("heavy")
        os.kill(slot, signal.SIGKILL)
        killed[run.id] = time.monotonic()
        gone = until(lambda run=run: not run.tools(), seconds=AT_ONCE, what="ffmpeg ends with its worker")
        told.append(f"{run.service.name}: slot killed, ffmpeg gone after {gone:.2f} s")

    # The worker has a new slot already: it takes the next task while the first one's lease runs.
    for service, source in sources:
        run = Running(service, source).begun()
        second.append(run)
        run.held()
        main, everyone = run.service.node("heavy"), run.service.slots("heavy")
        os.killpg(main, signal.SIGKILL)
        killed[run.id] = time.monotonic()
        gone = until(lambda run=run: not run.tools(), seconds=AT_ONCE, what="ffmpeg ends with its worker")
        told.append(f"{run.service.name}: worker killed, ffmpeg gone after {gone:.2f} s")
        until(lambda pids=everyone: not any(map(is_alive, pids)), seconds=40, what="its slots are gone")
    for run in second:
        run.service.start_again("heavy")

    lease, ready = LEASE.total_seconds(), {}
    for run in (*first, *second):
        run.client.wait(run.id, timeout=240)
        ready[run.id] = time.monotonic()
    for run in (*first, *second):
        run.ends_ready(["lost", "ready"])
    for one, two in zip(first, second, strict=True):
        # Both come due at about the same time, and the one slot does them one after the other.
        runs = one.seconds() + two.seconds()
        for run in (one, two):
            took = ready[run.id] - killed[run.id]
            told.append(f"{run.service.name}: killed to ready {took:.1f} s, of that {run.seconds():.1f} s its own run")
            assert took < lease + 40 + runs  # a sweep every five seconds, and a worker that starts on a busy machine


def test_sigterm_gives_the_work_back_at_once(
    service: Service, slow_source: Callable[[Service], str], told: list[str]
) -> None:
    run = Running(service, slow_source(service)).begun()
    main = service.node("heavy")
    tools = run.held()
    os.kill(main, signal.SIGTERM)
    query = "SELECT status, attempt FROM tasks_app_task WHERE id = %s"

    def given_back() -> bool:
        status, attempt = service.rows(query, bare(run.id))[0]
        return bool(status == "queued" or attempt > 1)

    # A worker that first does its work waits for good, one that dies leaves the task to the end of its lease: "lost".
    released = until(given_back, seconds=60, what="the task is queued again", every=0.02)
    gone = until(lambda: not any(map(is_alive, tools)), seconds=AT_ONCE, what="no ffmpeg is left", every=0.02)
    ended = until(lambda: not is_alive(main), seconds=60, what="the worker has ended")
    told.append(
        f"{service.name}: SIGTERM to released {released:.2f} s, ffmpeg gone {released + gone:.2f} s, "
        f"worker gone {released + gone + ended:.2f} s"
    )
    service.start_again("heavy")
    run.ends_ready(["released", "ready"])


CANCEL = """
import time
from tasks_app.models import Task
from tasks_app.services import task_cancel
task_cancel(task=Task.objects.get(pk={!r}))
print(time.time())
"""


def test_cancel_reaches_a_running_ffmpeg(
    service: Service, slow_source: Callable[[Service], str], told: list[str]
) -> None:
    run = Running(service, slow_source(service)).begun()
    tools, gone = run.held(), []

    def watch() -> None:
        until(lambda: not any(map(is_alive, tools)), seconds=200, what="ffmpeg ended", every=0.01)
        gone.append(time.time())

    watcher = threading.Thread(target=watch)
    watcher.start()
    cancelled = float(service.shell(CANCEL.format(bare(run.id))))
    watcher.join()
    told.append(f"{service.name}: cancel to ffmpeg gone {gone[0] - cancelled:.2f} s")
    assert gone[0] - cancelled < AT_ONCE
    until(lambda: not run.places(), seconds=40, what="no work directory is left")
    assert service.attempts(run.id) == ["cancelled"]
    task = run.client.show_later(run.id)
    assert (task["status"], task["output"]) == ("cancelled", None)
    assert run.client.show(run.id)["error"] == "The task was cancelled."
    service.shell("from media_app.services.objects import objects_clean_up; objects_clean_up()")
    assert not [key for key in service.objects() if service.task(run.id, "output_id") in key]


def test_a_broker_that_dies_and_comes_back_empty_loses_no_task(
    service: Service, slow_source: Callable[[Service], str], told: list[str]
) -> None:
    source = slow_source(service)
    run = Running(service, source).begun()
    with Client(service.credentials) as client:
        waiting = [client.create(source, "audio", format="mp3", duration=1 + number)["id"] for number in range(3)]
        service.broker_kill()
        begun = time.monotonic()
        during = [client.create(source, "image", width=32 + number)["id"] for number in range(3)]
        took = time.monotonic() - begun
        assert took < 20  # a client that waits for the broker to come back waits for good
        told.append(f"{service.name}: three POST /tasks without a broker {took:.2f} s")
        service.broker_start()
        ended = {task: client.wait(task)["status"] for task in (*waiting, *during)}
    assert set(ended.values()) == {"ready"}
    run.ends_ready(["ready"])
    assert [service.attempts(task) for task in ended] == [["ready"]] * len(ended)
    healthy(service)


def test_a_broker_that_hangs_delays_no_request(service: Service, tmp_path: Path, told: list[str]) -> None:
    with Client(service.credentials) as client:
        photo = client.upload(_photo(tmp_path / "photo.jpg"))["id"]
        broker = service.broker
        os.kill(broker, signal.SIGSTOP)
        try:
            times, tasks = [], []
            for number in range(3):
                begun = time.monotonic()
                tasks.append(client.create(photo, "image", width=20 + number)["id"])
                times.append(time.monotonic() - begun)
        finally:
            os.kill(broker, signal.SIGCONT)
        told.append(f"{service.name}: POST /tasks with a broker that hangs {max(times):.2f} s at most")
        assert max(times) < 20
        assert {client.wait(task)["status"] for task in tasks} == {"ready"}
    healthy(service)


def test_twenty_clients_at_once_on_sqlite(embedded: Stack, tmp_path: Path, told: list[str]) -> None:
    photo = _photo(tmp_path / "photo.jpg")

    def work(number: int) -> list[str]:
        with Client(embedded.credentials) as client:
            tasks = []
            for turn in range(4):
                source = client.upload(photo, f"{number}-{turn}.jpg")["id"]
                tasks.append(client.create(source, "image", width=16 + number)["id"])
            return [client.wait(task)["status"] for task in tasks]

    begun = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        ended = [status for statuses in pool.map(work, range(20)) for status in statuses]
    told.append(f"80 uploads and tasks of 20 clients at once on SQLite: {time.monotonic() - begun:.1f} s")
    assert ended == ["ready"] * 80
    said = "\n".join(embedded.logs().values())
    assert "database is locked" not in said


CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_the_databases_connections_are_cut_during_a_transcode(
    fleet: Fleet, slow_source: Callable[[Service], str], told: list[str]
) -> None:
    run = Running(fleet, slow_source(fleet)).begun()
    for _ in range(3):
        told.append(f"{fleet.rows(CUT)[0][0]} of the database's connections cut")
        time.sleep(1.2)
    run.answers_again()
    run.ends_ready(["ready"])  # not even the attempt was lost
    healthy(fleet)


def test_the_database_restarts_during_a_transcode(
    fleet: Fleet, slow_source: Callable[[Service], str], told: list[str]
) -> None:
    run = Running(fleet, slow_source(fleet)).begun()
    begun = time.monotonic()
    fleet.database_restart(away=2.0)
    told.append(f"the database was away for {time.monotonic() - begun:.1f} s")
    told.append(f"healthy again {healthy(fleet):.1f} s later")
    run.answers_again()
    run.ends_ready(["ready"])


def _photo(path: Path) -> Path:
    Image.effect_noise((320, 240), 60).convert("RGB").save(path)
    return path
