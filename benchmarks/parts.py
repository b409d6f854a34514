"""The service on the parts it is measured on, and a client that adds as little as possible."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from ittyhost.launcher.broker import EmbeddedBroker, broker_socket
from ittyhost.launcher.processes import terminate
from tests.services.postgres import Postgres
from tests.services.redis import Redis
from tests.stack import ROOT, environment, free_port, running

EMBEDDED, PRODUCTION = "embedded", "production"
NAMES = (EMBEDDED, PRODUCTION)
# Both keep their bytes in a folder; an S3 server on the same two cores would be measured along.
# Counted as they always are, and never refused: one key asks for all there is.
UNREFUSED = {"RATE_LIMIT": "1000000", "RATE_BURST": "1000000"}
TITLES = {EMBEDDED: "embedded", PRODUCTION: "PostgreSQL + Redis"}


@dataclass(frozen=True)
class Parts:
    """Databases and broker that run, as settings for a service. None of them for the embedded ones."""

    name: str
    settings: Mapping[str, str]

    @property
    def title(self) -> str:
        return TITLES[self.name]


@contextmanager
def parts(name: str) -> Iterator[Parts]:
    """Start what a service of this kind leans on. PostgreSQL is durable here, as it is where it counts."""
    if name == EMBEDDED:
        yield Parts(name, UNREFUSED)
        return
    with Postgres(durable=True) as postgres, Redis() as redis:
        yield Parts(name, {"DATABASE_URL": postgres.url, "BROKER_URL": redis.url, **UNREFUSED})


class Caller:
    """One kept connection with one key. Speaks version 2024-03-21."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self.credentials = credentials
        self.headers = {"Authorization": f"Bearer {credentials['test_key']}", "Content-Type": "application/json"}
        address = urlsplit(credentials["base_url"])
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """The answer's body. Raises RuntimeError with it when it is a refusal."""
        payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.connection.request(method, path, payload, {**self.headers, **headers})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return dict(json.loads(text))

    def upload(self, path: Path, name: str = "") -> str:
        """The id of a file that was sent and probed."""
        place = urlsplit(f"{self.credentials['delivery_url']}/bench/{name or path.name}").path
        made = self.call("PUT", place, path.read_bytes(), **{"Accept-Version": "2025-08-20"})
        if made["status"] != "ready":
            raise RuntimeError(f"the upload is not ready: {made}")
        return str(made["id"])

    def create(self, source: str, kind: str, **options: Any) -> str:
        """The id of a new task."""
        body = {"input": source, "output": {"kind": kind, **options}}
        return str(self.call("POST", "/tasks", body)["data"]["id"])

    def wait(self, task_id: str, *, every: float, timeout: float = 300.0) -> None:
        """Until a task is ready, asking every so many seconds. Raises RuntimeError, TimeoutError."""
        path, deadline = f"/tasks/{task_id}", time.monotonic() + timeout
        while (task := self.call("GET", path)["data"])["status"] != "ready":
            if task["status"] == "error":
                raise RuntimeError(f"{task_id}: {task['error']}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task_id} is {task['status']} after {timeout:g} s")
            time.sleep(every)

    def total(self, status: str) -> int:
        """How many tasks are in a state."""
        return int(self.call("GET", f"/tasks?status={status}&limit=1")["meta"]["total"])

    def wait_for_all(self, *, every: float = 0.1, timeout: float = 900.0) -> None:
        """Until no task is under way. Raises RuntimeError when one ended in error, TimeoutError."""
        deadline = time.monotonic() + timeout
        while self.total("processing"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"tasks are still under way after {timeout:g} s")
            time.sleep(every)
        if failed := self.total("error"):
            raise RuntimeError(f"{failed} tasks ended in error")

    def close(self) -> None:
        self.connection.close()


@dataclass(frozen=True)
class Service:
    """A running service: its launcher's process, its settings, and what its credentials open."""

    pid: int
    data: Path
    settings: Mapping[str, str]
    credentials: Mapping[str, str]

    def caller(self) -> Caller:
        return Caller(self.credentials)

    def inside(self, *arguments: str, given: Any = None) -> Any:
        """What a command of benchmarks/inside.py tells, run with the service's own settings."""
        return inside(self.settings, *arguments, given=given)


@contextmanager
def service(of: Parts, **more: str) -> Iterator[Service]:
    """The whole service as `make run` starts it, on a data folder that is gone afterwards."""
    with running({**of.settings, **more}) as stack:
        port = str(urlsplit(stack.credentials["base_url"]).port)
        settings = {**environment(stack.data, int(port)), "BROKER_URL": _broker(stack.data), **of.settings, **more}
        yield Service(stack.process.pid, stack.data, settings, stack.credentials)


@contextmanager
def web_only(of: Parts, settings_module: str) -> Iterator[Service]:
    """Only the web role, with other settings than the usual; nobody takes work from the queues."""
    with ExitStack() as cleanup:
        data = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="ittyhost-")))
        port = free_port()
        settings = {**environment(data, port), **of.settings, "PYTHONPATH": str(ROOT)}
        if "BROKER_URL" not in settings:
            settings["BROKER_URL"] = cleanup.enter_context(EmbeddedBroker(broker_socket(data))).url
        command = [sys.executable, "-m", "ittyhost.launcher.setup"]
        log = cleanup.enter_context((data / "web.log").open("wb"))
        subprocess.run(command, cwd=ROOT, env=settings, check=True, stdout=log, stderr=log)
        web = subprocess.Popen(
            [sys.executable, "-m", "ittyhost.launcher.roles", "web"],
            cwd=ROOT,
            env={**settings, "DJANGO_SETTINGS_MODULE": settings_module},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        cleanup.callback(terminate, web, 10)
        credentials = json.loads((data / "credentials.json").read_text())
        _until_it_answers(Caller(credentials), web, data / "web.log")
        yield Service(web.pid, data, settings, credentials)


def _until_it_answers(caller: Caller, web: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            caller.call("GET", "/tasks")
            return caller.close()
        except (OSError, http.client.HTTPException):
            caller.close()
            if web.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the web process did not start:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.1)


def _broker(data: Path) -> str:
    return f"redis+socket://{broker_socket(data)}"


def inside(settings: Mapping[str, str], *arguments: str, given: Any = None) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.inside", *arguments],
        cwd=ROOT,
        env={**settings, "DJANGO_SETTINGS_MODULE": "ittyhost.settings"},
        input=json.dumps(given).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(ran.stdout)


def quiet(command: Sequence[str], **more: Any) -> None:
    """Run a command of a tool beside which we are measured. Raises CalledProcessError."""
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, **more)


class Clock:
    """`with Clock() as clock: …`, then `clock.seconds`."""

    seconds = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started


def load_average() -> float:
    """How many processes wanted a core in the last minute: above the number of cores, figures say little."""
    return os.getloadavg()[0]
