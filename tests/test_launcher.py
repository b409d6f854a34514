"""`python -m ittyhost.launcher`: starts once, keeps its data, stops cleanly, and leaves no process however it ends."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ittyhost.launcher import probe
from ittyhost.launcher.facts import FIELDS, curl_lines, describe
from ittyhost.launcher.processes import descendants
from tests.processes import command
from tests.services.server import free_port

ROOT = Path(__file__).resolve().parent.parent
KEYS = {"S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "key"}
pytestmark = pytest.mark.processes


class Launched:
    """A launcher on its own data folder."""

    def __init__(self, data: Path, **settings: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.data = data
        self.terminal = data / "terminal.log"
        data.mkdir(exist_ok=True)
        self.port = int(settings.pop("PORT", 0) or free_port())
        with self.terminal.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ittyhost.launcher"],
                cwd=ROOT,
                env={**kept, "ITTYHOST_DATA": str(data), "PORT": str(self.port), **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self.terminal.read_text(errors="replace")

    def wait_up(self) -> "Launched":
        deadline = time.monotonic() + 120
        while "ittyhost is up at" not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.1)
        return self

    def below(self) -> list[int]:
        return descendants(self.process.pid)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
        for pid in self.below():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie does not."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(pid)
    return found


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := alive(pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


class Place:
    """A data folder and the launchers that run on it, one after the other: a test goes on with what another leaves."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.service: Launched | None = None

    def launched(self) -> Launched:
        """One that is up: that of the test before, where it still runs."""
        if self.service is None or self.service.process.poll() is not None:
            self.end()
            self.service = Launched(self.data, **({"PORT": str(self.service.port)} if self.service else {}))
        return self.service.wait_up()

    def end(self) -> None:
        if self.service is not None:
            self.service.end()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("launched") / "data")
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
def launched(place: Place) -> Launched:
    return place.launched()


@pytest.mark.slow
def test_it_starts_stops_on_ctrl_c_and_starts_again_with_the_same_keys(launched: Launched, place: Place) -> None:
    facts = json.loads((launched.data / "credentials.json").read_text())
    assert set(facts) == set(FIELDS)
    assert facts["base_url"] == f"http://127.0.0.1:{launched.port}"
    for name in ("credentials.json", "secrets.json"):
        assert (launched.data / name).stat().st_mode & 0o777 == 0o600
    with urllib.request.urlopen(f"{facts['base_url']}/healthz", timeout=60) as answer:
        assert answer.status == 200
    for line in (*curl_lines(facts), facts["admin_password"], facts["live_key"]):
        assert line in launched.said

    below = launched.below()
    assert len(below) >= 8  # broker, guard, web and its two, three workers and their slots, scheduler
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(90) == 0
    assert wait_gone(below, 60) == []
    assert "Stopped." in launched.said
    assert "did not stop within" not in launched.said  # each by itself: none had to be killed

    again = place.launched()
    assert again is not launched
    assert json.loads((launched.data / "credentials.json").read_text()) == facts
    assert describe(facts, data=again.data, logs=again.data / "logs") in again.said


@pytest.mark.slow
def test_a_killed_process_is_started_again(launched: Launched) -> None:
    web = next(pid for pid in launched.below() if "granian" in " ".join(command(pid)))
    os.kill(web, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while "web was killed by SIGKILL; it starts again in 0.5 s." not in launched.said:
        assert time.monotonic() < deadline, launched.said
        time.sleep(0.1)
    while not probe.answers(f"http://127.0.0.1:{launched.port}/livez"):
        assert time.monotonic() < deadline, launched.said
        time.sleep(0.1)
    assert alive([web]) == []


@pytest.mark.slow
def test_a_second_launcher_on_the_same_folder_is_refused(launched: Launched) -> None:
    said = refused(launched.data)
    holder = launched.process.pid
    assert said.startswith(f"ITTYHOST_DATA: {launched.data} is in use by another ittyhost (process {holder}).")


@pytest.mark.slow
def test_kill_minus_nine_of_the_launcher_leaves_no_process(launched: Launched) -> None:
    below = launched.below()
    launched.process.kill()
    launched.process.wait()
    assert wait_gone(below, 60) == []


def refused(data: Path, **settings: str) -> str:
    """What a launcher says that will not start."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "ittyhost.launcher"],
        cwd=ROOT,
        env={**kept, "ITTYHOST_DATA": str(data), "PORT": str(free_port()), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_taken_port_is_told_with_the_way_out(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(data, PORT=str(port)) == (
            f"PORT: {port} is taken on 127.0.0.1. Stop what uses it, or choose another: PORT={port + 1} make run\n"
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("HOST", "203.0.113.7"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("BROKER_URL", "amqp://localhost"),
        ("BUCKET_URL", "ftp://bucket"),
        ("PUBLIC_URL", "not a url"),
        ("WORKERS_FAST", "0"),
        ("OUTBOUND_ALLOW", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "everyone"),
        ("DEBUG", "perhaps"),
        ("DATABASE_POOL", "1"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(data: Path, name: str, value: str) -> None:
    assert refused(data, **{name: value}).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "API_DEFAULT_VERSION",
            "foo",
            "must be one of 2024-03-21, 2024-08-21, 2025-01-01, 2025-07-01, 2025-08-20, not 'foo'.",
        ),
        ("KEY_RING", "abc", "key 1 is not URL-safe base64."),
        ("WORK_DIR", "/proc/nope", "/proc/nope cannot be written (No such file or directory)."),
        ("LIVENESS_FILE", "/nonexistent/x", "/nonexistent/x cannot be written (No such file or directory)."),
        ("DATABASE_URL", "postgresql://u@127.0.0.1:1/x", "the database does not answer: "),
        ("DATABASE_URL", "sqlite:////nonexistent/x.sqlite3", "the database does not answer: "),
        ("BROKER_URL", "redis://127.0.0.1:1/0", "the broker does not answer: "),
        ("S3_ENDPOINT_URL", "http://127.0.0.1:1", "the S3 store cannot be used: "),
        ("FFMPEG", "/nonexistent/ffmpeg", "FFMPEG names '/nonexistent/ffmpeg', which is no program."),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_migrated(
    data: Path, name: str, value: str, message: str
) -> None:
    more = {"BUCKET_URL": "s3://bucket", **KEYS} if name == "S3_ENDPOINT_URL" else {}
    said = refused(data, **{name: value}, **more)
    assert said.startswith(f"{'BUCKET_URL' if more else name}: {message}")
    assert not (data / "credentials.json").exists()
    with contextlib.closing(sqlite3.connect(data / "ittyhost.sqlite3")) as base:
        assert base.execute("SELECT name FROM sqlite_master").fetchall() == []


@pytest.mark.slow
def test_a_web_process_that_never_starts_is_given_up_with_its_reason(data: Path, tmp_path: Path) -> None:
    broken = (
        "import os, sys, time\n"
        "role = os.environ.get('ITTYHOST_ROLE')\n"
        "if role == 'web':\n"
        "    sys.modules['ittyhost.stalls'] = None\n"  # importing it fails
        "elif role:\n"
        "    time.sleep(600)\n"  # the others are not what is looked at, and would cost most of the time
    )
    (tmp_path / "sitecustomize.py").write_text(broken)
    service = Launched(data, PYTHONPATH=str(tmp_path))
    try:
        assert service.process.wait(160) == 1, service.said
        assert "web ended 2 times right after its start. The end of" in service.said
        assert "import of ittyhost.stalls halted" in service.said
    finally:
        service.end()


def test_a_single_role_refuses_what_its_machine_cannot_use(data: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "ittyhost.launcher.roles", "worker-heavy"],
        cwd=ROOT,
        env={**kept, "ITTYHOST_DATA": str(data), "LIVENESS_FILE": "/nonexistent/x"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    said = "LIVENESS_FILE: /nonexistent/x cannot be written (No such file or directory).\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "data", SECRET_KEY="x" * 50, KEY_RING="eA==").startswith("ITTYHOST_DATA: ")
