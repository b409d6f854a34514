"""The service on PostgreSQL, Redis and S3: each process started as docker-compose.yml starts it, without containers.

Command and environment of every process are the file's; only addresses and folders are of this machine.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from ittyhost.launcher.processes import die_with_parent, terminate
from tests.processes import until
from tests.services.compose import document, services
from tests.services.postgres import Postgres
from tests.services.redis import Redis
from tests.services.s3 import S3Server
from tests.services.server import free_port
from tests.stack import ROOT, Service, environment, healthy

PASSWORD = "only-for-tests"
RING = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE="
VOLUMES = {"setup": "data", "web": "data"}  # the others have one of their own


class Fleet(Service):
    """All roles of the compose file, and the servers they lean on."""

    name = "fleet"

    def __init__(self, folder: Path, *, postgres: Postgres, redis: Redis, s3: S3Server, **variables: str) -> None:
        self.folder, self.postgres, self.redis, self.s3 = folder, postgres, redis, s3
        self.database = postgres.new_database(f"fleet_{free_port()}")
        self.bucket = s3.new_bucket()
        self.port = free_port()
        secrets = {"SECRET_KEY": "only-for-tests-" * 4, "KEY_RING": RING, "POSTGRES_PASSWORD": PASSWORD}
        keys = {"S3_ACCESS_KEY_ID": s3.access_key, "S3_SECRET_ACCESS_KEY": s3.secret_key, "S3_BUCKET": self.bucket}
        address = {"PUBLIC_URL": f"http://127.0.0.1:{self.port}"}
        self.variables = {**secrets, **keys, **address, **variables}
        self.roles = services(self.variables)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def _native(self, role: str, **more: str) -> tuple[list[str], dict[str, str]]:
        data = self.folder / VOLUMES.get(role, role)
        data.mkdir(parents=True, exist_ok=True)
        here = {
            "DATABASE_URL": self.database,
            "BROKER_URL": self.redis.url,
            "S3_ENDPOINT_URL": self.s3.endpoint_url,
        }
        asked = self.roles[role].environment
        if "LIVENESS_FILE" in asked:
            here["LIVENESS_FILE"] = str(data / "alive")
        if "HOST" in asked:
            here["HOST"] = "127.0.0.1"
        command, wanted = self.roles[role].native(**{**here, **more})
        return command, {**environment(data, self.port), **wanted, "ITTYHOST_DATA": str(data), "PORT": str(self.port)}

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def begin(self) -> None:
        """Prepare, then start every role, and wait until the service says that it works."""
        command, settings = self._native("setup")
        self.settings = settings
        with self.log("setup").open("wb") as output:
            done = subprocess.run(command, cwd=ROOT, env=settings, stdout=output, stderr=output, timeout=240)
        assert done.returncode == 0, self.log("setup").read_text()
        self.credentials = json.loads((self.folder / "data" / "credentials.json").read_text())
        for role in self.roles:
            if role != "setup":
                self.start(role)
        try:
            healthy(self)
        except AssertionError as exc:
            raise RuntimeError("\n".join(f"--- {name}\n{said[-2000:]}" for name, said in self.logs().items())) from exc

    def start(self, role: str, *, name: str = "", **more: str) -> "subprocess.Popen[bytes]":
        """Start a role, under another name where it runs already."""
        command, settings = self._native(role, **more)
        with self.log(name or role).open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        self.processes[name or role] = process
        return process

    def stop(self, name: str) -> None:
        terminate(self.processes.pop(name), patience=10)

    def health_check(self, name: str) -> int:
        """The exit status of a running service's health check, as the file has it."""
        _, settings = self._native(name)
        kind, program, *arguments = document(self.variables)["services"][name]["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "python")
        elsewhere = {self.roles[name].environment.get("LIVENESS_FILE"): settings.get("LIVENESS_FILE", "")}
        asked = [elsewhere.get(argument, argument) for argument in arguments]
        return subprocess.run([sys.executable, *asked], cwd=ROOT, env=settings, timeout=60).returncode

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for name in list(self.processes):
            self.stop(name)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as base:
            return base.execute(query, values).fetchall()  # type: ignore[arg-type]

    def objects(self) -> list[str]:
        with contextlib.closing(self.s3.client()) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
            return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))

    def work_dirs(self) -> list[Path]:
        return [self.folder / role / "work" for role in self.roles if role.startswith("worker")]

    def logs(self) -> dict[str, str]:
        return {path.name: path.read_text(errors="replace") for path in self.folder.glob("*.log")}

    def node(self, lane: str) -> int:
        process = self.processes.get(f"worker-{lane}")
        return process.pid if process and process.poll() is None else 0

    def start_again(self, lane: str) -> None:
        self.processes[f"worker-{lane}"].wait(60)
        self.start(f"worker-{lane}")

    @property
    def broker(self) -> int:
        return self.redis.processes[0].pid

    def database_restart(self, *, away: float) -> None:
        """Stop PostgreSQL at once, as a power cut does, and start it again after so many seconds."""
        died = self.postgres.processes.pop()
        died.send_signal(signal.SIGQUIT)
        died.wait(60)
        time.sleep(away)
        command = [str(part) for part in died.args]  # type: ignore[union-attr]
        self.postgres.spawn(command, own_signal="--pdeathsig" in command)
        until(self.postgres._answers, seconds=120, what="PostgreSQL answers")

    def broker_start(self) -> None:
        died = self.redis.processes.pop()
        died.wait(60)
        self.redis.spawn([str(part) for part in died.args])  # type: ignore[union-attr]
        until(self.redis._answers, seconds=60, what="Redis answers")


@contextlib.contextmanager
def deployed(folder: Path, *, postgres: Postgres, s3: S3Server, **variables: str) -> Iterator[Fleet]:
    """Everything of the compose file, on a Redis of its own that a test may kill."""
    with Redis() as redis:
        fleet = Fleet(folder, postgres=postgres, redis=redis, s3=s3, **variables)
        try:
            fleet.begin()
            yield fleet
        finally:
            fleet.end()
