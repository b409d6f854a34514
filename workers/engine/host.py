"""The worker's side of the resident helper: starts it, asks it, ends it.

One helper per process, made at first need. A file that crashes it or makes it hang costs that file a MediaError and the
worker nothing. A forked child never uses its parent's helper. Requests of several threads wait for each other.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.engine import errors
from workers.engine.confinement import Roots, RootsNow, clean_environment, helper_terms
from workers.engine.errors import EngineUnavailable, LimitExceeded, MediaError, SourceUnreadable, Stopped
from workers.engine.launcher import SPOILED
from workers.engine.limits import SETTINGS, PictureLimits, picture_limits
from workers.engine.runner import Silent, Stops

SCRIPT = Path(__file__).with_name("resident.py")
MEDIA = "workers.engine.operations"  # the module of what a helper does, unless it is another's
POLL = 0.1  # seconds between two looks at the report
START_TIMEOUT = 60.0  # seconds that loading the libraries may take on a busy machine


@dataclass(frozen=True)
class Faults:
    """What is told of a helper that does not answer: its name, that it was `slow`, where {seconds} is filled in, and
    which error it means when it `crashed`, in which words."""

    helper: str = "The media helper"
    slow: str = "The file took longer than {seconds:.0f} seconds to read."
    crashed: str = "The file made its reader crash; it is damaged."
    error: type[MediaError] = SourceUnreadable


class _Died(Exception):
    """The helper ended before it answered."""


class Helper:
    """One resident process and the pipes to it."""

    def __init__(
        self,
        limits: PictureLimits,
        roots: Roots | None = None,
        *,
        operations: str = MEDIA,
        faults: Faults = Faults(),
    ) -> None:
        self.owner = os.getpid()
        self.limits = limits
        self.roots = roots
        self.faults = faults
        self.served = 0
        self.resident = 0
        try:
            self.log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the helper
        except OSError as exc:
            raise EngineUnavailable("The media helper could not be started on this host.", log=str(exc)) from exc
        # The death signal is tied to the starting *thread*; only the main thread lives as long as the process.
        # Elsewhere the end of its input and its alarm end the helper.
        dies = "dies" if threading.current_thread() is threading.main_thread() else "stays"
        terms = {"memory": limits.memory, "output": limits.output, "sandbox": helper_terms(roots)}
        known = (*SETTINGS["source"].values(), "FONT_DIR", "NSFW_THRESHOLD")
        kept = {name: os.environ[name] for name in known if name in os.environ}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(SCRIPT), str(self.owner), dies, json.dumps(terms), operations],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                env=clean_environment() | kept,
                process_group=0,
                bufsize=0,
            )
        except OSError as exc:
            self.log.close()
            raise EngineUnavailable("The media helper could not be started on this host.", log=str(exc)) from exc

    @property
    def spent(self) -> bool:
        return self.served >= self.limits.requests or self.resident > self.limits.resident

    def covers(self, limits: PictureLimits) -> bool:
        """Whether a request may use so much of this process."""
        return limits.memory <= self.limits.memory and limits.output <= self.limits.output

    def ask(self, op: str, args: dict[str, Any], limits: PictureLimits, report: Stops) -> dict[str, Any]:
        """One request and its answer. Raises _Died, LimitExceeded, Stopped; the helper is then of no more use."""
        timeout, bounds = limits.wall, {"AS": limits.memory, "FSIZE": limits.output}
        request = {"op": op, "args": args, "timeout": timeout, "limits": bounds}
        body = json.dumps(request, separators=(",", ":")).encode()
        ends = time.monotonic() + timeout + (START_TIMEOUT if not self.served else 0.0)
        try:
            self._write(struct.pack(">I", len(body)) + body)
        except OSError as exc:
            raise _Died from exc
        (length,) = struct.unpack(">I", self._read(4, ends, timeout, report))
        response: dict[str, Any] = json.loads(self._read(length, ends, timeout, report))
        self.served += 1
        self.resident = response["resident"]
        return response

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view) or 0 :]

    def _read(self, count: int, ends: float, timeout: float, report: Stops) -> bytes:
        assert self.process.stdout is not None
        handle, data = self.process.stdout.fileno(), b""
        while len(data) < count:
            ready, _, _ = select.select([handle], [], [], POLL)
            if ready:
                piece = os.read(handle, count - len(data))
                if not piece:
                    raise _Died
                data += piece
            elif report.should_stop():
                raise Stopped
            elif time.monotonic() > ends:
                raise LimitExceeded(self.faults.slow.format(seconds=timeout))
        return data

    def ending(self) -> str:
        """The end of what it printed."""
        self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, self.log.tell() - errors.LOG_TAIL))
        return self.log.read().decode("utf-8", "replace")

    def end(self) -> None:
        """End the process, if it is ours to end, and close the pipes."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self.owner == os.getpid():
            with contextlib.suppress(OSError):
                self.process.kill()
            self.process.wait()
        with contextlib.suppress(OSError):
            self.log.close()


class Host:
    """Keeps one helper at hand for this process; `operations` is the module of what it does, `bounds` tells what it may
    use."""

    def __init__(
        self,
        limits: PictureLimits | None = None,
        *,
        operations: str = MEDIA,
        bounds: Callable[[], PictureLimits] = picture_limits,
        faults: Faults = Faults(),
    ) -> None:
        self._limits = limits
        self._operations = operations
        self._bounds = bounds
        self._faults = faults
        self.roots: RootsNow = lambda: None
        self._lock = threading.Lock()
        self._helper: Helper | None = None

    @property
    def limits(self) -> PictureLimits:
        return self._limits or self._bounds()

    def call(
        self,
        op: str,
        args: dict[str, Any],
        *,
        timeout: float | None = None,
        report: Stops | None = None,
        limits: PictureLimits | None = None,
    ) -> Any:
        """The value an operation of resident.py gives. Raises MediaError, EngineUnavailable, Stopped.

        `limits` are those of this request, by default the host's; `timeout`, seconds, goes before theirs.

        A helper that dies is replaced and asked once more: it may have been ended from outside. The second time it is
        the file's doing, unless it was killed: that is the system's memory guard or an operator.
        """
        report = report or Silent()
        limits = limits or self.limits
        limits = replace(limits, wall=timeout or limits.wall)
        if report.should_stop():
            raise Stopped
        with self._lock:
            try:
                return self._value(self._ask(op, args, limits, report))
            except _Died:
                return self._value(self._last_try(op, args, limits, report))

    def _ask(self, op: str, args: dict[str, Any], limits: PictureLimits, report: Stops) -> dict[str, Any]:
        helper = self._ready(limits)
        try:
            response = helper.ask(op, args, limits, report)
        except BaseException:
            self._helper = None
            helper.end()
            raise
        if helper.spent:  # its successor loads its libraries while the worker does other things
            self._helper = None
            helper.end()
            with contextlib.suppress(EngineUnavailable):  # the next request needs it and tells; this one has its answer
                self._helper = self._new()
        return response

    def _last_try(self, op: str, args: dict[str, Any], limits: PictureLimits, report: Stops) -> dict[str, Any]:
        helper = self._helper = self._new(limits)
        try:
            return helper.ask(op, args, limits, report)
        except _Died:
            helper.process.wait()
            log = helper.ending()
            self._helper = None
            helper.end()
            if helper.process.returncode in (-signal.SIGALRM, -signal.SIGXCPU):
                raise LimitExceeded(self._faults.slow.format(seconds=limits.wall), log=log) from None
            if helper.process.returncode in (-signal.SIGKILL, -signal.SIGTERM):
                raise EngineUnavailable(f"{self._faults.helper} was killed from outside.", log=log) from None
            failed = helper.process.returncode == 1 and "Error" in log
            if not helper.served and (failed or helper.process.returncode == SPOILED):
                raise EngineUnavailable(f"{self._faults.helper} does not start on this host.", log=log) from None
            raise self._faults.error(self._faults.crashed, log=log) from None
        except BaseException:
            self._helper = None
            helper.end()
            raise

    def _ready(self, limits: PictureLimits | None = None) -> Helper:
        helper = self._helper
        if helper is not None and (helper.owner != os.getpid() or helper.process.poll() is not None):
            helper.end()
            helper = None
        # What was given up cannot be had back.
        if helper is not None and (helper.roots != self.roots() or not helper.covers(limits or self.limits)):
            helper.end()
            helper = None
        if helper is None:
            helper = self._helper = self._new(limits)
        return helper

    def _new(self, limits: PictureLimits | None = None) -> Helper:
        own, asked = self.limits, limits or self.limits
        most = replace(own, memory=max(own.memory, asked.memory), output=max(own.output, asked.output))
        return Helper(most, self.roots(), operations=self._operations, faults=self._faults)

    @staticmethod
    def _value(response: dict[str, Any]) -> Any:
        error = response.get("error")
        if error is None:
            return response["value"]
        if error["class"] == "EngineUnavailable":
            raise EngineUnavailable(error["message"], log=error["log"])
        kind: type[MediaError] = getattr(errors, error["class"], MediaError)
        raise kind(error["message"], log=error["log"], code=error["code"], param=error.get("param"))

    def warm(self) -> None:
        """Have a helper load its libraries now, so that the first file does not wait for it."""
        with self._lock:
            self._ready()

    def end(self) -> None:
        """End the helper, if there is one."""
        with self._lock:
            helper, self._helper = self._helper, None
            if helper is not None:
                helper.end()

    def forget(self) -> None:
        """In a forked child: let go of the parent's helper without touching it."""
        self._lock = threading.Lock()
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.process.returncode = 0  # not this process's child: no one here waits for it
            helper.end()


def lasting(host: Host) -> Host:
    """The same, made fit to live as long as this process: its children forget it, and its helper ends with it."""
    os.register_at_fork(after_in_child=host.forget)
    atexit.register(host.end)
    return host


_HOST = lasting(Host())


def call(
    op: str,
    args: dict[str, Any],
    *,
    timeout: float | None = None,
    report: Stops | None = None,
    limits: PictureLimits | None = None,
) -> Any:
    """Ask this process's helper; see Host.call."""
    return _HOST.call(op, args, timeout=timeout, report=report, limits=limits)


def confine(roots: RootsNow) -> None:
    """Have this process's helper, and those of its children, reach no other files than `roots` tells, asked anew at
    each call; folders that are missing then stay out of reach. Without this the helper opens what it is asked to."""
    _HOST.roots = roots


def warm() -> None:
    """Start this process's helper ahead of the first request."""
    _HOST.warm()


def end() -> None:
    """End this process's helper; the next call makes a new one."""
    _HOST.end()


def roots() -> Roots | None:
    """Where this process's helper finds its files, as `confine` tells; None where that was left open."""
    return _HOST.roots()
