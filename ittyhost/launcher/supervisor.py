"""Starts a service's processes, keeps them running, and stops them in order."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen

from ittyhost.launcher import guard
from ittyhost.launcher.child import Child
from ittyhost.launcher.processes import kill_descendants, reap
from ittyhost.launcher.roles import Role

Say = Callable[[str], None]


class Supervisor:
    """Children in the order they were added; those of a later stage stop first."""

    def __init__(self, *, logs: Path, environment: Mapping[str, str], say: Say) -> None:
        self.children: list[Child] = []
        self._stages: dict[str, int] = {}
        self._logs = logs
        self._environment = environment
        self._say = say
        self._guard: Popen[bytes] | None = None
        self._guarded: set[int] = set()

    def add(self, role: Role, *, stage: int) -> Child:
        """Start a role. Stages stop from the highest to the lowest, all of one stage at once."""
        self._start_guard()
        child = Child(role, environment=self._environment, log=self._logs / f"{role.name}.log")
        self.children.append(child)
        self._stages[role.name] = stage
        child.start()
        self._tell_guard()
        return child

    def tick(self, *, show_errors: bool = True) -> None:
        """Look after every child once: restarts, errors for the terminal, orphans. Raises KeepsFailing."""
        for child in self.children:
            for line in child.new_errors():
                if show_errors:
                    self._say(f"{child.name} | {line}")
            if news := child.watch():
                self._say(news)
        self._tell_guard()
        self._reap()

    def stop(self) -> None:
        """Stop every child, the latest stage first; returns when no process is left."""
        for stage in sorted(set(self._stages.values()), reverse=True):
            stopping = [child for child in self.children if self._stages[child.name] == stage]
            for child in stopping:
                child.ask_to_stop()
            begun = time.monotonic()
            for child in stopping:
                if not child.wait_stopped(begun + child.role.patience):
                    self._say(f"{child.name} did not stop within {child.role.patience:g} s and was killed.")
        if self._guard is not None and self._guard.stdin is not None:
            self._tell_guard()
            with suppress(OSError):
                self._guard.stdin.close()
            self._guard.wait(guard.PATIENCE)
            self._guard = None
        kill_descendants()

    def _reap(self) -> None:
        known = {child.pid for child in self.children} | {self._guard.pid if self._guard else None}
        reap(pid for pid in known if pid is not None)

    def _start_guard(self) -> None:
        if self._guard is None:
            self._guard = Popen(
                [sys.executable, "-I", "-S", guard.__file__], stdin=PIPE, start_new_session=True, cwd=os.sep
            )

    def _tell_guard(self) -> None:
        """Keep the guard's list of groups in step with the children."""
        running = {child.pid for child in self.children if child.pid is not None}
        lines = [f"+{pid}\n" for pid in running - self._guarded] + [f"-{pid}\n" for pid in self._guarded - running]
        self._guarded = running
        if lines and self._guard is not None and self._guard.stdin is not None:
            with suppress(OSError):
                self._guard.stdin.write("".join(lines).encode())
                self._guard.stdin.flush()
