"""The resident helper: a process beside each worker that opens hostile files, or holds models, so that the worker never
does.

Started by host.py as a script, with the module whose OPERATIONS it carries out. Reads requests from standard input and
answers on standard output, each a JSON object with its length in four bytes before it; ends when its input does.
Single-threaded: a request has the whole process, and the alarm ends it should Python itself be stuck in a decoder.
"""

import json
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

ROOT = str(Path(__file__).resolve().parents[1])  # our own modules
ALARM_MARGIN = 5  # seconds after the parent should have ended us

_operations: dict[str, Callable[..., Any]] = {}  # by name, filled at the start


def _resources(limits: dict[str, int]) -> None:
    from workers.engine.launcher import bound

    bound({"AS": limits["memory"], "FSIZE": limits["output"], "CORE": 0, "NOFILE": 256})
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit is an OSError here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the worker's business
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _tighten(limits: dict[str, int]) -> None:
    """What this request may use, within what the process may."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The response to one request: {"value": …} or {"error": …}."""
    from workers.engine.errors import EngineUnavailable, MediaError

    try:
        return {"value": _operations[request["op"]](**request["args"])}
    except MediaError as exc:
        told = {"message": exc.message, "log": exc.log, "code": exc.code, "param": exc.param}
        return {"error": {"class": type(exc).__name__, **told}}
    except EngineUnavailable as exc:
        return _unavailable(exc.message, exc.log)
    except MemoryError:
        message = "The file needs more memory than it may have."
        return {"error": {"class": "LimitExceeded", "message": message, "log": "", "code": "limit_exceeded"}}
    except OSError as exc:  # ours, not the file's: readers turn theirs into MediaError
        return _unavailable("The host could not read or write.", repr(exc))
    except Exception as exc:
        # Decoders meet damage with any exception at all; one raised by our own lines is a defect and says so.
        log = traceback.format_exc()
        if all(frame.filename.startswith(ROOT) for frame in traceback.extract_tb(exc.__traceback__)):
            return _unavailable("The media helper met a defect of its own.", log)
        message = "The file is damaged: it cannot be read to its end."
        return {"error": {"class": "SourceUnreadable", "message": message, "log": log, "code": "source_unreadable"}}


def _unavailable(message: str, log: str) -> dict[str, Any]:
    return {"error": {"class": "EngineUnavailable", "message": message, "log": log}}


def read_message(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message; None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    body = stream.read(length)
    return json.loads(body) if len(body) == length else None


def write_message(stream: BinaryIO, message: dict[str, Any]) -> None:
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def _resident() -> int:
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer requests one after the other until there are no more."""
    while (request := read_message(source)) is not None:
        signal.alarm(int(request["timeout"]) + ALARM_MARGIN)
        _tighten(request.get("limits", {}))
        response = answer(request)
        signal.alarm(0)
        told = {"resident": _resident()}
        try:
            write_message(target, response | told)
        except ValueError as exc:  # a number that JSON has no word for; nothing was written yet
            write_message(target, _unavailable("The media helper met a defect of its own.", repr(exc)) | told)


def main(argv: list[str]) -> None:
    parent, dies, limits, module = int(argv[0]), argv[1] == "dies", json.loads(argv[2]), argv[3]
    root = str(Path(ROOT).parent)
    sys.path[:] = [
        root,
        *(place for place in sys.path if Path(place or ".").resolve() != Path(__file__).resolve().parent),
    ]
    from workers.engine.launcher import die_with, enclose

    if dies:
        die_with(parent)
    if limits.get("sandbox"):
        enclose(limits["sandbox"])  # before the libraries are loaded: what they start is confined as well
    # Messages go over the descriptors we were given; whatever a library prints goes to the log.
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    known = import_module(module)
    known.load()
    _operations.update(known.OPERATIONS)
    _resources(limits)
    try:
        serve(source, target)
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    os._exit(0)  # nothing to tidy, and native libraries take their time


if __name__ == "__main__":
    main(sys.argv[1:])
