"""What the starters of PostgreSQL, Redis and the S3 servers share."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ittyhost.launcher.processes import die_with_parent, terminate
from tests.folders import SHORT


class Unavailable(Exception):
    """This machine cannot run the server; the message says why. Tests that need it are skipped with that."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody has now.

    Below those that the system deals out itself: one of them would be another's connection before a server has it.
    """
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def need(program: str, *, package: str) -> str:
    """The path of a program. Raises Unavailable naming the Debian package."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin")
    if found is None:
        raise Unavailable(f"{program} is not installed (Debian package {package}; `make services` installs it).")
    return found


class Server:
    """A server with a scratch folder. Subclasses start it; `stop` always ends everything and removes the folder."""

    name = "server"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"ittyhost-{self.name}-", dir=SHORT))
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> Self:
        """Start and wait until it answers. Raises Unavailable when this machine cannot run it."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        try:
            for process in reversed(self.processes):
                terminate(process, patience=10)
        finally:
            self.processes.clear()
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _start(self) -> None:
        raise NotImplementedError

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def spawn(self, command: list[str], environment: dict[str, str] | None = None, *, own_signal: bool = False) -> None:
        """Start a process in a group of its own; with `own_signal` it asks for its parent-death signal itself."""
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                command,
                env={**os.environ, **(environment or {})},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=None if own_signal else die_with_parent(),
            )
        self.processes.append(process)

    def run(self, *command: str, environment: dict[str, str] | None = None) -> str:
        """Run a command to its end; its output. Raises RuntimeError with it when it failed."""
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=150,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed ({done.returncode}): {(done.stderr or done.stdout)[-2000:]}")
        return done.stdout

    def wait(self, is_up: Callable[[], bool], *, timeout: float) -> None:
        """Until `is_up()`. Raises RuntimeError with the end of the log when that takes too long or a process ended."""
        deadline = time.monotonic() + timeout
        while not is_up():
            dead = [process.args for process in self.processes if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                end = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
                raise RuntimeError(f"{self.name} did not start ({'it ended' if dead else 'no answer'}): {end}")
            time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
