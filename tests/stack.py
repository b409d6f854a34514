"""The whole service on a throw-away data folder, started the way `make run` starts it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Stack:
    """A running service."""

    process: "subprocess.Popen[bytes]"
    data: Path
    credentials: dict[str, str]

    @property
    def log(self) -> Path:
        return self.data / "terminal.log"


def environment(data: Path, port: int, **more: str) -> dict[str, str]:
    """What the service is started with: this test's own settings and nothing of the caller's."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return {**kept, "ITTYHOST_DATA": str(data), "PORT": str(port), **more}


@contextlib.contextmanager
def running(more: Mapping[str, str] | None = None, *, data: Path | None = None, timeout: float = 120.0) -> Iterator[Stack]:
    """Start the launcher and wait until it says that the service is up; stop it by SIGINT, as Ctrl-C does."""
    with contextlib.ExitStack() as cleanup:
        place = data or Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="ittyhost-")))
        place.mkdir(parents=True, exist_ok=True)
        log = place / "terminal.log"
        with log.open("wb") as terminal:
            process = subprocess.Popen(
                [sys.executable, "-m", "ittyhost.launcher"],
                cwd=ROOT,
                env=environment(place, free_port(), **(more or {})),
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
            yield Stack(process, place, json.loads((place / "credentials.json").read_text()))
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
