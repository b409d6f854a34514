"""Runs ffmpeg: the only module that starts it."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from workers.engine.capabilities import ffmpeg_path
from workers.engine.confinement import clean_environment, tool_terms
from workers.engine.errors import (
    LOG_TAIL,
    EngineUnavailable,
    LimitExceeded,
    MediaError,
    ProcessingFailed,
    SourceUnreadable,
    Stopped,
)
from workers.engine.launcher import SPOILED
from workers.engine.limits import GIB, Limits, limits_from_environment

LAUNCHER = Path(__file__).with_name("launcher.py")
# With the level in front of each line, so that warnings can be counted (workers.engine.tool_log).
PREAMBLE = ("-nostdin", "-hide_banner", "-y", "-loglevel", "level+info")
START_SECONDS = 30.0
POLL = 0.1  # seconds; a stop is seen within twice this
ROOM_POLL = 1.0  # seconds between two looks at how much the work directory holds
WRITTEN = 1024**2  # bytes that count as progress; reports to us are far fewer within any idle limit
ADDRESS_SPACE_HEADROOM = 4 * GIB  # threads' stacks and arenas are address space, not memory
PAGE = os.sysconf("SC_PAGE_SIZE")

# What ffmpeg says when the bytes, not the command, are to blame.
_DAMAGE = (
    "Invalid data found when processing input",
    "moov atom not found",
    "Error opening input",
    "EBML header parsing",
)


class Stops(Protocol):
    """Whoever may want running work to stop."""

    def should_stop(self) -> bool: ...


class Report(Stops, Protocol):
    """Where running work tells how far it is, what was run and what that printed, and learns whether to go on."""

    def progress(self, percent: float) -> None: ...
    def planned(self, plan: dict) -> None: ...
    def ran(self, command: str, log: str, values: dict[str, str]) -> None: ...


class Silent:
    """A report for nobody: work runs to its end."""

    def progress(self, percent: float) -> None: ...

    def should_stop(self) -> bool:
        return False

    def planned(self, plan: dict) -> None: ...

    def ran(self, command: str, log: str, values: dict[str, str]) -> None: ...


@dataclass(frozen=True)
class Ran:
    """How a run went: the end of its log, its wall time in seconds and the largest memory seen in bytes."""

    log: str
    wall: float
    memory: int


def run(
    args: Sequence[str],
    *,
    cwd: Path,
    duration: float | None,
    report: Report | None = None,
    limits: Limits | None = None,
    share: tuple[float, float] = (0.0, 100.0),
) -> Ran:
    """Run ffmpeg with `args` in `cwd` to its end.

    `duration` is the length of the output in seconds, to reckon progress by; `share` is the part of the whole task's
    progress this run stands for. Raises Stopped, MediaError, EngineUnavailable; then nothing is left running.
    """
    limits = limits or limits_from_environment()
    watch = _Watch(args, cwd, duration, report or Silent(), limits, share)
    return watch.run()


def run_program(
    program: str,
    args: Sequence[str],
    *,
    cwd: Path,
    limits: Limits,
) -> subprocess.Popen[bytes]:
    """Start a program that dies with this process, in a process group of its own, confined to `cwd` as far as this host
    allows (workers.engine.confinement)."""
    command = [
        sys.executable,
        "-I",
        "-S",
        str(LAUNCHER),
        str(os.getpid()),
        json.dumps({"limits": _resources(limits), "sandbox": tool_terms(program, cwd)}),
        program,
        *args,
    ]
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            process_group=0,
        )
    except OSError as exc:
        raise EngineUnavailable("No process could be started on this host.", log=str(exc)) from exc


def start_trouble() -> str:
    """Why ffmpeg does not start here as it is started for work; empty when it does, or when there is none."""
    try:
        program = ffmpeg_path()
    except EngineUnavailable:
        return ""
    with tempfile.TemporaryDirectory(prefix="ittyhost-") as folder:
        process = run_program(program, ("-version",), cwd=Path(folder), limits=Limits())
        try:
            _, said = process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            said = b"it took too long."
        finally:
            kill_group(process)
    return said.decode("utf-8", "replace").strip()[-500:] if process.returncode else ""


def _resources(limits: Limits) -> dict[str, int]:
    return {
        "CPU": int(limits.cpu),
        "AS": limits.memory + ADDRESS_SPACE_HEADROOM,
        "FSIZE": limits.output,
        "NPROC": limits.processes,
        "CORE": 0,
    }


class _Watch:
    """One run and the pair of eyes on it."""

    def __init__(
        self,
        args: Sequence[str],
        cwd: Path,
        duration: float | None,
        report: Report,
        limits: Limits,
        share: tuple[float, float],
    ) -> None:
        self.args, self.cwd, self.duration = args, cwd, duration
        self.report, self.limits, self.share = report, limits, share
        self.log = bytearray()
        self.line = b""
        self.moved = 0.0  # when progress was last seen
        self.marks: dict[str, str] = {}  # what it was
        self.percent = -1.0
        self.memory = 0
        self.family: dict[int, int] = {}  # the processes of this run, when last looked for
        self.written = 0  # bytes, when that last counted as progress
        self.before = 0  # bytes in the work directory at the start: the source may be one of its files
        self.measured = 0.0  # when the work directory was last looked at

    def run(self) -> Ran:
        if self.report.should_stop():
            raise Stopped
        self.before = folder_bytes(self.cwd)
        started = self.moved = self.measured = time.monotonic()
        args = (*PREAMBLE, "-nostats", "-progress", "pipe:1", *self.args)
        process = run_program(ffmpeg_path(), args, cwd=self.cwd, limits=self.limits)
        try:
            self._follow(process, started)
        finally:
            kill_group(process)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        log = self.log.decode("utf-8", "replace")
        if process.returncode:
            raise failure(process.returncode, log, self.limits)
        self._tell(100.0)
        return Ran(log, time.monotonic() - started, self.memory)

    def _follow(self, process: subprocess.Popen[bytes], started: float) -> None:
        readers: dict[IO[bytes] | None, Callable[[bytes], None]] = {
            process.stdout: self._read_progress,
            process.stderr: self._read_log,
        }
        with selectors.DefaultSelector() as selector:
            for stream, reader in readers.items():
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, reader)
            checked = 0.0
            while selector.get_map():
                for key, _ in selector.select(POLL):
                    data = os.read(key.fd, 65536)
                    if data:
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)
                now = time.monotonic()
                if now - checked >= POLL:
                    checked = now
                    self._check(process.pid, now, started)
        while True:  # both pipes are closed; the end itself may still take a moment
            try:
                process.wait(POLL)
                return
            except subprocess.TimeoutExpired:
                self._check(process.pid, time.monotonic(), started)

    def _check(self, pid: int, now: float, started: float) -> None:
        if self.report.should_stop():
            raise Stopped
        if now - started > self.limits.wall:
            raise LimitExceeded(f"The work took longer than {self.limits.wall:.0f} seconds.", log=self._text())
        if now - self.measured >= ROOM_POLL:
            self._check_family(pid)
            self._check_output()
            self.measured = time.monotonic()
        # Moving an MP4's index to its front rewrites the file for minutes without a word.
        written = written_bytes(pid)
        if written - self.written >= WRITTEN:
            self.written, self.moved = written, now
        if now - self.moved > self.limits.idle:
            raise LimitExceeded(f"The work made no progress for {self.limits.idle:.0f} seconds.", log=self._text())
        used = sum(map(resident_bytes, self.family or (pid,)))
        self.memory = max(self.memory, used)
        if used > self.limits.memory:
            raise LimitExceeded("The work needed more memory than it may have.", log=self._text())

    def _check_family(self, pid: int) -> None:
        """RLIMIT_NPROC counts all processes of a user, and none of root's."""
        self.family = family(pid)
        tasks, most = sum(self.family.values()), self.limits.processes
        if tasks > most:
            raise LimitExceeded(
                f"The work has {tasks} processes and threads; at most {most} are allowed.", log=self._text()
            )

    def _check_output(self) -> None:
        """The system bounds each file; many small ones fill a disk as well."""
        if folder_bytes(self.cwd) - self.before > self.limits.output:
            raise LimitExceeded(f"The output grew beyond {self.limits.output} bytes.", log=self._text())

    def _text(self) -> str:
        return self.log.decode("utf-8", "replace")

    def _read_log(self, data: bytes) -> None:
        self.log += data
        del self.log[:-LOG_TAIL]

    def _read_progress(self, data: bytes) -> None:
        *lines, self.line = (self.line + data).split(b"\n")
        for line in lines:
            name, _, value = line.decode("ascii", "replace").partition("=")
            if name in ("frame", "out_time_us", "total_size") and self.marks.get(name) != value:
                self.marks[name] = value
                self.moved = time.monotonic()
            if name == "out_time_us" and self.duration and value.strip().lstrip("-").isdigit():
                self._tell(min(99.0, max(0.0, int(value) / 1e6 / self.duration * 100.0)))

    def _tell(self, percent: float) -> None:
        if percent > self.percent:  # ffmpeg's clock may step back; a progress bar does not
            self.percent = percent
            low, high = self.share
            self.report.progress(low + (high - low) * percent / 100.0)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process started by run_program and everything it started; returns once it is gone."""
    if process.returncode is not None:  # reaped: its number may be another's by now
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def resident_bytes(pid: int) -> int:
    """Memory of a process in bytes; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def family(pid: int) -> dict[int, int]:
    """A process and all that it started, with how many threads each has; empty where the system does not tell."""
    found: dict[int, int] = {}
    left = [pid]
    while left:
        process = left.pop()
        try:
            threads = os.listdir(f"/proc/{process}/task")
        except OSError:  # gone meanwhile
            continue
        found[process] = len(threads)
        for thread in threads:
            try:
                with open(f"/proc/{process}/task/{thread}/children", "rb") as children:
                    left += map(int, children.read().split())
            except (OSError, ValueError):
                continue
    return found


def written_bytes(pid: int) -> int:
    """What a process has written so far, bytes; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/io", "rb") as counts:
            found = dict(line.split(b": ") for line in counts.read().splitlines())
        return int(found[b"wchar"])
    except (OSError, KeyError, ValueError):
        return 0


def folder_bytes(folder: Path) -> int:
    """Size of all files in a folder and below, bytes; links count as themselves."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # gone meanwhile
                continue
    return total


def failure(status: int, log: str, limits: Limits) -> MediaError | EngineUnavailable:
    """The error that an exit status and the end of the log stand for."""
    if status == SPOILED or "No space left on device" in log:
        return EngineUnavailable("ffmpeg could not do its work on this host.", log=log)
    if status == -signal.SIGXFSZ:
        return LimitExceeded(f"The output grew beyond {limits.output} bytes.", log=log)
    if status == -signal.SIGXCPU or f"received signal {int(signal.SIGXCPU)}" in log:
        return LimitExceeded("The work needed more processor time than it may have.", log=log)
    if (
        status in (-signal.SIGKILL, -signal.SIGTERM) or f"received signal {int(signal.SIGTERM)}" in log
    ):  # not ours: the system's memory guard, or an operator
        return EngineUnavailable("ffmpeg was killed from outside.", log=log)
    if "Error opening input: Permission denied" in log:  # a sandbox or a mode that does not fit this host
        return EngineUnavailable("ffmpeg may not read the input on this host; see SANDBOX_FOLDERS.", log=log)
    if "Cannot allocate memory" in log:
        return LimitExceeded("The work needed more memory than it may have.", log=log)
    if status < 0:
        return ProcessingFailed("The media made ffmpeg crash; it is probably damaged.", log=log)
    if any(sign in log for sign in _DAMAGE):
        return SourceUnreadable("The file is damaged or cut short: no more of it could be read.", log=log)
    return ProcessingFailed("The media could not be converted with these options.", log=log)
