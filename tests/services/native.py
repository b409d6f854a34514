"""The services of docker-compose.yml without containers: the same commands and environment, at other addresses."""

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ittyhost.launcher import probe
from ittyhost.launcher.processes import die_with_parent, terminate
from tests.services.compose import ROOT, Service, services
from tests.services.s3 import S3Server
from tests.services.server import free_port

SECRETS = {
    "SECRET_KEY": "only-for-tests-" * 4,
    "KEY_RING": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE=",
    "POSTGRES_PASSWORD": "replaced",
    "S3_ACCESS_KEY_ID": "replaced",
    "S3_SECRET_ACCESS_KEY": "replaced",
}


@dataclass
class Native:
    """A running deployment. `processes` by the service's name: kill one, `start` it again."""

    folder: Path
    base_url: str
    changes: dict[str, str]
    known: dict[str, Service]
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def credentials(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "data" / "credentials.json").read_text())
        return found

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        # web and setup share a volume in the file; every worker and the scheduler have one of their own.
        data = self.folder / ("data" if name in ("setup", "web") else name)
        data.mkdir(exist_ok=True)
        alive = {"LIVENESS_FILE": str(data / "alive")} if "LIVENESS_FILE" in self.known[name].environment else {}
        command, environment = self.known[name].native(**self.changes, **alive, ITTYHOST_DATA=str(data))
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        self.processes[name] = process
        return process

    def is_well(self, name: str) -> bool:
        """What the container's health check would say."""
        if name == "web":
            return probe.answers(f"{self.base_url}/livez")
        return probe.is_fresh(self.folder / name / "alive")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            terminate(process, patience=15)


@contextlib.contextmanager
def running(*, database_url: str, broker_url: str, s3: S3Server, timeout: float = 120.0) -> Iterator[Native]:
    """All services of docker-compose.yml that are ours, set up and healthy; setup makes the bucket, too."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    changes = {
        "DATABASE_URL": database_url,
        "BROKER_URL": broker_url,
        **s3.environment(f"compose-{port}-{os.getpid()}"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": base_url,
    }
    with tempfile.TemporaryDirectory(prefix="ittyhost-compose-") as folder:
        native = Native(Path(folder), base_url, changes, services(SECRETS))
        try:
            if native.start("setup").wait(timeout) != 0:
                raise RuntimeError(f"setup failed:\n{native.log('setup')}")
            names = [name for name in native.known if name != "setup"]
            for name in names:
                native.start(name)
            deadline = time.monotonic() + timeout
            while not (probe.answers(f"{base_url}/healthz") and all(map(native.is_well, names))):
                ended = [name for name in names if native.processes[name].poll() is not None]
                if ended or time.monotonic() > deadline:
                    raise RuntimeError("\n".join(f"--- {name}\n{native.log(name)}" for name in ended or names))
                time.sleep(0.2)
            yield native
        finally:
            native.stop()
