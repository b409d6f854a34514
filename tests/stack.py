"""The whole service on a throw-away data folder, started the way `make run` starts it."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.folders import SHORT
from tests.processes import command, parent, until
from tests.services.server import free_port

ROOT = Path(__file__).resolve().parent.parent


def environment(data: Path, port: int, **more: str) -> dict[str, str]:
    """What the service is started with: this test's own settings and nothing of the caller's."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return {**kept, "ITTYHOST_DATA": str(data), "PORT": str(port), **more}


class Service:
    """A running service and what a test may do to it beside its HTTP interface."""

    name = "service"
    credentials: dict[str, str]
    settings: Mapping[str, str]  # the environment of one of its processes

    # --- What it wrote ---

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of its database, `%s` for each value."""
        raise NotImplementedError

    def objects(self) -> list[str]:
        """The keys of all objects in its bucket."""
        raise NotImplementedError

    def work_dirs(self) -> list[Path]:
        """The folders under which its workers work."""
        raise NotImplementedError

    def logs(self) -> dict[str, str]:
        """What its processes have said, by name."""
        raise NotImplementedError

    def attempts(self, task_id: str) -> list[str]:
        """The outcomes of a task's attempts."""
        query = "SELECT outcome FROM tasks_app_attempt WHERE task_id = %s ORDER BY number"
        return [outcome for (outcome,) in self.rows(query, bare(task_id))]

    def task(self, task_id: str, column: str) -> Any:
        """One column of a task's row."""
        [(value,)] = self.rows(f"SELECT {column} FROM tasks_app_task WHERE id = %s", bare(task_id))
        return value

    def shell(self, code: str) -> str:
        """What Python code says that runs in a process of its own with the service's settings."""
        begin = "import django\ndjango.setup()\n"
        done = subprocess.run(
            [sys.executable, "-c", begin + code],
            cwd=ROOT,
            env={**self.settings, "DJANGO_SETTINGS_MODULE": "ittyhost.settings"},
            capture_output=True,
            text=True,
            timeout=150,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    # --- Its processes ---

    def node(self, lane: str) -> int:
        """The main process of the worker of a lane; 0 while there is none."""
        raise NotImplementedError

    def slots(self, lane: str) -> list[int]:
        """The pool children of the worker of a lane."""
        main = self.node(lane)
        return [pid for pid in _pids() if parent(pid) == main and f"{lane}@%h" in command(pid)] if main else []

    def start_again(self, lane: str) -> None:
        """Start a worker that was killed, where nothing else does."""

    @property
    def broker(self) -> int:
        """The broker's process."""
        raise NotImplementedError

    def broker_kill(self) -> None:
        os.kill(self.broker, signal.SIGKILL)

    def broker_start(self) -> None:
        """Start an empty broker where it was killed, where nothing else does."""


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def bare(public_id: str) -> str:
    return public_id.rpartition("_")[2]


class Stack(Service):
    """The launcher with everything it starts, on embedded defaults."""

    name = "embedded"

    def __init__(self, process: "subprocess.Popen[bytes]", data: Path, settings: Mapping[str, str]) -> None:
        self.process = process
        self.data = data
        self.credentials = json.loads((data / "credentials.json").read_text())
        self.settings = {**settings, "BROKER_URL": f"redis+socket://{data}/run/broker.sock"}

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        file = f"file:{self.data}/ittyhost.sqlite3?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True, timeout=20)) as base:
            return base.execute(query.replace("%s", "?"), values).fetchall()

    def objects(self) -> list[str]:
        root = self.data / "bucket"
        files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        return sorted(str(path) for path in files if not path.parts[0].startswith("."))  # drafts are no objects

    def work_dirs(self) -> list[Path]:
        return [self.data / "work"]

    def logs(self) -> dict[str, str]:
        return {path.name: path.read_text(errors="replace") for path in (self.data / "logs").iterdir()}

    def node(self, lane: str) -> int:
        return next((pid for pid in _pids() if parent(pid) == self.process.pid and f"{lane}@%h" in command(pid)), 0)

    @property
    def broker(self) -> int:
        mine = (pid for pid in _pids() if parent(pid) == self.process.pid)
        return next((pid for pid in mine if "broker.sock" in "".join(command(pid))), 0)


@contextlib.contextmanager
def running(
    more: Mapping[str, str] | None = None, *, data: Path | None = None, timeout: float = 160.0
) -> Iterator[Stack]:
    """Start the launcher and wait until it says that the service is up; stop it by SIGINT, as Ctrl-C does."""
    with contextlib.ExitStack() as cleanup:
        place = data or Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="ittyhost-", dir=SHORT)))
        place.mkdir(parents=True, exist_ok=True)
        log = place / "terminal.log"
        settings = environment(place, free_port(), **(more or {}))
        with log.open("wb") as terminal:
            process = subprocess.Popen(
                [sys.executable, "-m", "ittyhost.launcher"],
                cwd=ROOT,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + timeout
            while b"ittyhost is up at" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the service did not start:\n{log.read_text(errors='replace')}")
                time.sleep(0.1)
            yield Stack(process, place, settings)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def healthy(service: Service, *, seconds: float = 120.0) -> float:
    """Wait until a service says that all of it works; how long that took."""
    import httpx

    url = f"{service.credentials['base_url']}/healthz"

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=30, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    return until(answers, seconds=seconds, what=f"{service.name} is healthy", every=0.2)
