"""One supervised process: its log file, its restarts, its end."""

import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, Popen

from ittyhost.launcher.processes import die_with_parent, kill_group
from ittyhost.launcher.roles import Role

KEPT_LOGS = 3
MAX_LOG_BYTES = 20 * 1024 * 1024
SETTLED_AFTER = 30.0  # seconds up that count as a good start
MAX_BAD_STARTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class KeepsFailing(Exception):
    """A process ended MAX_BAD_STARTS times in a row right after its start."""


class Child:
    """A role's process. Used by one thread only: the parent-death signal is about the thread that started it."""

    def __init__(self, role: Role, *, environment: Mapping[str, str], log: Path) -> None:
        self.role = role
        self.name = role.name
        self.log = log
        self._environment = {**environment, **role.environment}
        self._process: Popen[bytes] | None = None
        self._started = 0.0
        self._bad_starts = 0
        self._start_at: float | None = None  # when to try again, after it ended by itself
        self._read_to = 0
        self._showing = False
        rotate(log)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def bad_starts(self) -> int:
        """How many times in a row it ended right after its start."""
        return self._bad_starts

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        # The file itself, not a pipe: what a child says while it stops is kept even when the launcher was killed.
        with self.log.open("ab") as output:
            self._process = Popen(
                self.role.command,
                env=self._environment,
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal reaches the launcher alone, which stops all in order
                preexec_fn=die_with_parent(),
            )
        self._started = time.monotonic()
        self._start_at = None

    def watch(self) -> str | None:
        """Start it again if it ended; a sentence when something happened. Raises KeepsFailing."""
        now = time.monotonic()
        if self._start_at is not None:
            if now >= self._start_at:
                self.start()
            return None
        if self._process is None or (code := self._process.poll()) is None:
            return None
        kill_group(self._process.pid)  # what it left behind would hold its port or its work
        self._process = None
        self._bad_starts = 1 if now - self._started >= SETTLED_AFTER else self._bad_starts + 1
        ending = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if self._bad_starts >= MAX_BAD_STARTS:
            raise KeepsFailing(f"{self.name} {ending} {self._bad_starts} times in a row.")
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._bad_starts - 1))
        self._start_at = now + pause
        return f"{self.name} {ending}; it starts again in {pause:g} s."

    def ask_to_stop(self) -> None:
        self._start_at = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_stopped(self, deadline: float) -> bool:
        """Wait for its end until `deadline` (monotonic), then kill its whole group; whether it ended by itself."""
        if self._process is None:
            return True
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        ended = self._process.poll() is not None
        kill_group(self._process.pid)
        self._process.wait()
        self._process = None
        return ended

    def tail(self, lines: int = 20) -> str:
        return tail(self.log, lines)

    def new_errors(self, limit: int = 20) -> list[str]:
        """Errors it logged since the last call, at most `limit` lines. Also cuts the log when it has grown too long."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._read_to)
                text = file.read(4 * 1024 * 1024)
                complete = text.rfind(b"\n") + 1
                self._read_to += complete
                if file.seek(0, os.SEEK_END) > MAX_LOG_BYTES:
                    # Copied and cut, not renamed: the child holds the file open, for appending.
                    shutil.copyfile(self.log, f"{self.log}.1")
                    os.truncate(self.log, 0)
                    self._read_to = 0
        except OSError:
            return []
        found = []
        for line in text[:complete].decode(errors="replace").splitlines():
            if shown := self._error_in(line):
                found.append(shown)
        return found[:limit] + ([f"… {len(found) - limit} more in {self.log}"] if len(found) > limit else [])

    def _error_in(self, line: str) -> str | None:
        """What of a log line a person at the terminal must see; None when nothing."""
        if line.startswith("{"):
            self._showing = False
            try:
                record = json.loads(line)
            except ValueError:
                return None
            if not isinstance(record, dict) or str(record.get("level", "")).lower() not in {"error", "critical"}:
                return None
            said = str(record.get("event") or record.get("message") or "")
            cause = str(record.get("exception") or record.get("reason") or "").strip().rpartition("\n")[2]
            return f"{said}: {cause}" if cause else said
        if line.startswith("Traceback ") or "[ERROR]" in line or "[CRITICAL]" in line:
            self._showing = True
        elif self._showing and line and not line[0].isspace():
            self._showing = False  # the line that names the exception closes its traceback
            return line
        return line if self._showing else None


def rotate(log: Path) -> None:
    """Keep the logs of the last starts as .1, .2, …"""
    log.parent.mkdir(parents=True, exist_ok=True)
    for number in range(KEPT_LOGS, 0, -1):
        older = log if number == 1 else Path(f"{log}.{number - 1}")
        if older.exists():
            older.replace(f"{log}.{number}")


def tail(log: Path, lines: int) -> str:
    """The last lines of a log, at most 64 KiB of them; "" when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 65536))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
