"""`python -m ittyhost.launcher`: check the settings, prepare the data folder, start everything, and stay with it."""

import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from ittyhost.launcher import roles
from ittyhost.launcher.broker import (
    BrokerUnavailable,
    answers,
    broker_command,
    broker_socket,
    find_server,
    prepare_folder,
)
from ittyhost.launcher.broker import broker_url as url_of_broker
from ittyhost.launcher.child import KeepsFailing, rotate, tail
from ittyhost.launcher.facts import NoCredentials, describe, read_credentials
from ittyhost.launcher.processes import adopt_orphans, die_with_parent, kill_group
from ittyhost.launcher.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
SETUP_TIMEOUT = 600.0  # migrations of a large database included
START_TIMEOUT = 90.0
MOST_BAD_STARTS = 2  # before the service has ever worked; what fails twice then will not mend by itself
BAD_SETTING, FAILED = 2, 1
NAMES_A_SETTING = re.compile(r"[A-Z][A-Z0-9_]+: ")

# Stages of the stop, the highest first: no new requests, then no new work, then nothing left that needs the broker.
BROKER, SCHEDULER, WORKERS, WEB = range(4)
STAGES = {"web": WEB, "scheduler": SCHEDULER}


class CannotStart(Exception):
    """The reason for the person at the terminal, and the exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


class Stopped(Exception):
    """SIGINT, SIGTERM or SIGHUP came."""


@dataclass(frozen=True)
class Plan:
    """What the settings ask for."""

    data: Path
    host: str
    port: int
    roles: tuple[roles.Role, ...]
    broker: str | None  # the URL of an operator's own; None for the embedded one

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def here(self) -> str:
        """The address of the web process as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def say(line: str) -> None:
    print(line, flush=True)


def read_settings() -> Plan:
    """The plan, with every setting checked. Raises CannotStart naming the variable."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ittyhost.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        return Plan(
            data=Path(settings.DATA_DIR),
            host=settings.HOST,
            port=settings.PORT,
            roles=tuple(roles.of(settings).values()),
            broker=os.environ.get("BROKER_URL", "").strip() or None,
        )
    except ImproperlyConfigured as exc:
        raise CannotStart(str(exc), BAD_SETTING) from exc


def lock_folder(plan: Plan) -> IO[str]:
    """Hold the data folder for this launcher. Raises CannotStart when another has it, or it cannot be written."""
    try:
        plan.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        plan.logs.mkdir(mode=0o700, exist_ok=True)
        lock = (plan.run / "launcher.lock").open("a+")
    except OSError as exc:
        raise CannotStart(f"ITTYHOST_DATA: {plan.data} cannot be written ({exc.strerror}).", BAD_SETTING) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise CannotStart(
            f"ITTYHOST_DATA: {plan.data} is in use by another ittyhost (process {holder or 'unknown'}). "
            "Stop that one, or give this one another folder.",
            BAD_SETTING,
        ) from exc
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def check_port(plan: Plan) -> None:
    """Raises CannotStart when the web process could not listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            plan.host, plan.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as exc:
        raise CannotStart(
            f"HOST: {plan.host!r} is not an address of this machine ({exc.strerror}).", BAD_SETTING
        ) from exc
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"PORT: {plan.port} is taken on {plan.host}. Stop what uses it, or choose another: "
                    f"PORT={plan.port % 65535 + 1} make run",
                    BAD_SETTING,
                ) from exc
            name = "PORT" if exc.errno == errno.EACCES else "HOST"
            raise CannotStart(
                f"{name}: cannot listen on {plan.host}:{plan.port} ({exc.strerror}).", BAD_SETTING
            ) from exc


def start_broker(plan: Plan, supervisor: Supervisor) -> None:
    """Start the embedded broker and wait until it answers. Raises CannotStart."""
    path = broker_socket(plan.data)
    try:
        prepare_folder(path)
        role = roles.Role("broker", tuple(broker_command(find_server(), path)), patience=5.0)
    except BrokerUnavailable as exc:
        raise CannotStart(str(exc)) from exc
    child = supervisor.add(role, stage=BROKER)
    deadline = time.monotonic() + 10
    while not answers(path):
        supervisor.tick()
        if time.monotonic() > deadline:
            raise CannotStart(f"The embedded broker does not answer. The end of {child.log}:\n{child.tail()}")
        time.sleep(0.02)


def prepare(plan: Plan, environment: Mapping[str, str]) -> None:
    """Check the settings and what they name, migrate, make the first project and keys. Raises CannotStart."""
    log = plan.logs / "setup.log"
    rotate(log)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ittyhost.launcher.setup"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stderr=output,  # and stdout is ours: it tells the person what goes on
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        try:
            status: int | str = process.wait(SETUP_TIMEOUT)
        except subprocess.TimeoutExpired:
            status = f"no end within {SETUP_TIMEOUT:g} s"
        finally:
            kill_group(process.pid)
            process.wait()
    if status == BAD_SETTING:
        said = tail(log, 200).splitlines()
        raise CannotStart("\n".join(filter(NAMES_A_SETTING.match, said)) or "\n".join(said), BAD_SETTING)
    if status != 0:
        raise CannotStart(f"The data could not be prepared ({status}). The end of {log}:\n{tail(log, 20)}")


def health(address: str) -> tuple[bool, str]:
    """Whether the service at `address` works, and what it says of itself when it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}/healthz", timeout=5) as answer:
            return answer.status == 200, ""
    except urllib.error.HTTPError as exc:
        return False, exc.read(2000).decode(errors="replace").strip()
    except OSError as exc:
        return False, str(exc)


def wait_until_healthy(plan: Plan, supervisor: Supervisor) -> None:
    """Raises CannotStart with the end of the log that tells why, KeepsFailing when a process cannot start at all."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        supervisor.tick(show_errors=False)  # until all are up they complain of each other
        for child in supervisor.children:
            if child.bad_starts >= MOST_BAD_STARTS:
                raise KeepsFailing(f"{child.name} ended {child.bad_starts} times right after its start.")
        up, complaint = health(plan.here)
        if up:
            return
        if time.monotonic() > deadline:
            ends = "\n".join(f"--- the end of {child.log}\n{child.tail(8)}" for child in supervisor.children)
            raise CannotStart(f"The service is not healthy after {START_TIMEOUT:g} s: {complaint}\n{ends}")
        time.sleep(0.1)


def run(plan: Plan) -> None:
    """Start, print the facts, watch until a signal comes. Raises CannotStart, KeepsFailing, Stopped."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ittyhost.settings", "ITTYHOST_DATA": str(plan.data)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # Outputs and temporary files of every child are its owner's only.
    os.umask(0o077)
    supervisor = Supervisor(logs=plan.logs, environment=environment, say=say)
    try:
        prepare(plan, environment)
        facts = read_credentials(plan.data / "credentials.json")
        if plan.broker is None:
            environment["BROKER_URL"] = url_of_broker(broker_socket(plan.data))
            start_broker(plan, supervisor)
        say("Starting web, workers and scheduler …")
        for role in plan.roles:
            supervisor.add(role, stage=STAGES.get(role.name, WORKERS))
        wait_until_healthy(plan, supervisor)
        say(describe(facts, data=plan.data, logs=plan.logs))
        while True:
            supervisor.tick()
            time.sleep(0.25)
    except KeepsFailing as exc:
        name = str(exc).split(" ", 1)[0]
        log = next((child.log for child in supervisor.children if child.name == name), plan.logs)
        raise CannotStart(f"{exc} The end of {log}:\n{tail(log, 20)}") from exc
    finally:
        hurried = signal.signal(signal.SIGINT, _kill_everything(supervisor))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        supervisor.stop()
        signal.signal(signal.SIGINT, hurried)


def _kill_everything(supervisor: Supervisor) -> Any:
    """A second Ctrl-C while stopping: no more patience."""

    def kill(number: int, frame: FrameType | None) -> None:
        for child in supervisor.children:
            if child.pid is not None:
                kill_group(child.pid)

    return kill


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    lock = None
    try:
        plan = read_settings()
        lock = lock_folder(plan)
        check_port(plan)
        os.chdir(ROOT)
        adopt_orphans()
        run(plan)
    except Stopped:
        say("Stopped.")
    except (CannotStart, NoCredentials) as exc:
        print(exc, file=sys.stderr, flush=True)
        return exc.status if isinstance(exc, CannotStart) else FAILED
    finally:
        if lock is not None:
            with suppress(OSError):
                lock.truncate(0)
            lock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
