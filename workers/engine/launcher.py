"""Becomes another program that dies with its parent and stays within limits.

Run as `python -I -S launcher.py <parent pid> <JSON> <program> <arguments…>`, where the JSON object may hold `limits`
and `sandbox` (workers.engine.confinement). Standard library only, so that it starts in milliseconds. The parent makes
the process group; this sets the parent-death signal, which exec keeps and a fork would not: hence a program of its own
and no preexec_fn (unsafe where threads run).
"""

import ctypes
import json
import os
import resource
import signal
import sys
from importlib.machinery import SourceFileLoader
from typing import Any

PR_SET_PDEATHSIG = 1
CPU_GRACE = 10  # seconds
SPOILED = 112  # exit status: the parent was gone already, or the program could not be started


def die_with(parent: int) -> None:
    """Have the kernel end this process when `parent` ends, `kill -9` included."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the signal was set
        os._exit(SPOILED)


def bound(limits: dict) -> None:
    """Apply resource limits by name, never above the hard limit in force."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        # Processor time warns with a signal of its own only while the hard limit, which kills, is further off.
        last = value + CPU_GRACE if name == "CPU" else value
        if hard != resource.RLIM_INFINITY:
            value, last = min(value, hard), min(last, hard)
        resource.setrlimit(kind, (value, last))


def enclose(terms: dict[str, Any]) -> None:
    """Give up what `terms` says, and end this process when less than `required` of it could be had."""
    # By path: this file's folder must not be searched for modules, as some there are named like Python's own.
    sandbox: Any = SourceFileLoader("sandbox", os.path.join(os.path.dirname(__file__), "sandbox.py")).load_module()
    required = terms.pop("required", ())
    in_force = sandbox.confine(**terms)
    missing = [name for name in required if name not in in_force]
    if missing:
        sys.stderr.write(f"SANDBOX requires {', '.join(missing)}, which this host does not give\n")
        os._exit(SPOILED)


def main(argv: list[str]) -> None:
    parent, told, program, *arguments = argv
    die_with(int(parent))
    terms = json.loads(told)
    bound(terms.get("limits", {}))
    # Python ignores these two and exec would hand that on; a tool that writes past its limit must end, not spin.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.closerange(3, 256)
    if terms.get("sandbox"):
        enclose(terms["sandbox"])  # last: what was inherited is closed, and nothing is opened after it
    try:
        os.execv(program, [program, *arguments])
    except OSError as exc:
        sys.stderr.write(f"cannot start {program}: {exc.strerror}\n")
        os._exit(SPOILED)


if __name__ == "__main__":
    main(sys.argv[1:])
