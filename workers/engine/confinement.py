"""What each child process may reach: terms for sandbox.confine, made in the worker and handed to the child."""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.engine import sandbox
from workers.typefaces import FONTCONFIG

PACKAGE = str(Path(__file__).resolve().parents[1])  # our own modules and fonts; no settings and no data
LAYERS = ("landlock", "seccomp")
# Which of them an operator left to this process.
_GPUS = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
MODES = ("auto", "off", "required")


@dataclass(frozen=True)
class Roots:
    """Where the resident helper finds its files: folders it may read, folders it may also write to, and devices that
    it works with."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


def clean_environment() -> dict[str, str]:
    """What a child may know of this process: nothing but where fonts and temporary files are, and which GPUs it has."""
    kept = ("PATH", "TMPDIR", "FONTCONFIG_PATH", "FONTCONFIG_FILE", "XDG_CACHE_HOME", "HOME", "LD_LIBRARY_PATH", *_GPUS)
    own = {"FONTCONFIG_FILE": str(FONTCONFIG), "LC_ALL": "C.UTF-8", "AV_LOG_FORCE_NOCOLOR": "1"}
    own["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime would tell its maker of every model that is loaded
    return own | {name: os.environ[name] for name in kept if name in os.environ}


def sandbox_mode() -> str:
    """SANDBOX: "auto" takes what the kernel has, "required" starts no tool with less than all, "off" takes nothing.
    Raises ValueError."""
    mode = os.environ.get("SANDBOX", "").strip().lower() or "auto"
    if mode not in MODES:
        raise ValueError(f"SANDBOX must be one of {', '.join(MODES)}, not {mode!r}.")
    return mode


def sandbox_layers() -> tuple[str, ...]:
    """What holds the tools on this host besides their limits: "landlock" (files), "seccomp" (calls)."""
    if sandbox_mode() == "off":
        return ()
    found = {"landlock": bool(sandbox.landlock_abi()), "seccomp": sandbox.knows_calls()}
    return tuple(name for name in LAYERS if found[name])


def tool_terms(program: str, cwd: Path) -> dict[str, Any] | None:
    """For a tool that works in `cwd`: it reads the system's libraries and fonts, itself, and what the links there lead
    to (the source); it writes to `cwd` only, and starts nothing. None when SANDBOX is off."""
    if (mode := sandbox_mode()) == "off":
        return None
    interpreter = _interpreter(program)
    return {
        "read": [*_system(), *_beside(program), *_links(cwd), *_prefixes(interpreter)],
        "write": [str(cwd.resolve())],
        # A script is an operator's own wrapper, which starts the real program, from wherever that is.
        "execute": [program, *(sandbox.LOADERS if interpreter is None else (*_system(), *_prefixes(interpreter)))],
        "forks": interpreter is not None,
        "required": _required(mode),
    }


def helper_terms(roots: Roots | None) -> dict[str, Any] | None:
    """For the resident helper: it reads Python, the libraries and `roots`, writes below those of them that allow it,
    and starts nothing. Without roots (by hand), files are left to their permissions. None when SANDBOX is off."""
    if (mode := sandbox_mode()) == "off":
        return None
    roots = roots or Roots()
    return {
        "read": [*_system(), *_prefixes(sys.executable), sys.prefix, sys.base_prefix, *roots.read],
        "write": list(roots.write),
        **({"devices": list(roots.devices)} if roots.devices else {}),
        "files": bool(roots.read or roots.write),
        "forks": False,
        "required": _required(mode) if roots.read or roots.write else [],
    }


def _required(mode: str) -> list[str]:
    return list(LAYERS) if mode == "required" else []


def _system() -> list[str]:
    """SYSTEM, this package, and what the environment adds: libraries, fonts, an operator's SANDBOX_FOLDERS."""
    kept = clean_environment()
    fonts = [kept.get("FONTCONFIG_PATH", ""), os.path.dirname(kept["FONTCONFIG_FILE"]), os.environ.get("FONT_DIR", "")]
    added = (kept.get("LD_LIBRARY_PATH", "") + ":" + os.environ.get("SANDBOX_FOLDERS", "")).split(":")
    return [*sandbox.SYSTEM, PACKAGE, *(folder for folder in (*fonts, *added) if folder)]


def _beside(program: str) -> list[str]:
    """The libraries of a build that was unpacked into a folder of its own: …/bin/ffmpeg and …/lib. Never the program's
    own folder: that may be anything."""
    prefix, folder = os.path.split(os.path.dirname(os.path.realpath(program)))
    return [os.path.join(prefix, "lib")] if folder == "bin" else []


def _links(cwd: Path) -> list[str]:
    with os.scandir(cwd) as entries:
        return [os.path.realpath(entry.path) for entry in entries if entry.is_symlink()]


def _interpreter(program: str) -> str | None:
    """What runs a script; None for a program of machine code."""
    try:
        with open(program, "rb") as file:
            first = file.readline(4096)
    except OSError:
        return None
    return first[2:].split()[0].decode("utf-8", "replace") if first.startswith(b"#!") and first[2:].split() else None


def _prefixes(program: str | None) -> Iterable[str]:
    """Where an interpreter is installed: the folder above its bin, of the link and of what it leads to."""
    for path in (program, os.path.realpath(program)) if program else ():
        prefix = os.path.dirname(os.path.dirname(path))
        if prefix.strip("/"):
            yield prefix


RootsNow = Callable[[], Roots | None]
