"""Budgets: what one source may be, what one run of a tool and one request to the helper may use.

One tree of plain values. Its defaults come from the environment; a kind, a project, and a project for one kind change
single values by name.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True)
class SourceLimits:
    """What a source may be, checked on its header before anything is decoded."""

    bytes: int = 100 * GIB
    pixels: int = 8192 * 8192  # of one picture: width × height
    edge: int = 8192  # pixels of the longest edge, stills and video
    frames: int = 10_000  # of an animated picture
    video_frames: int = 24 * 3600 * 60  # of a video: its length times its rate; a day at 60 a second
    duration: float = 24 * 3600.0  # seconds
    streams: int = 100

    def too_large(self, what: str, width: int, height: int) -> str | None:
        """Why a picture of this size is refused, None when it is not; `what` is "picture" or "video"."""
        told = f"The {what} is {width} × {height} pixels"
        if max(width, height) > self.edge:
            return f"{told}; at most {self.edge} on the longest edge are accepted."
        if width * height > self.pixels:
            return f"{told}, {width * height:,} in all; at most {self.pixels:,} are accepted."
        return None


@dataclass(frozen=True)
class Limits:
    """What one run of a tool may use; going over ends it with LimitExceeded."""

    wall: float = 6 * 3600.0  # seconds, of all runs of one task together
    cpu: float = 48 * 3600.0  # seconds, over all threads
    memory: int = 6 * GIB  # bytes resident
    output: int = 64 * GIB  # bytes, all files of one run together
    idle: float = 180.0  # seconds with neither progress nor anything written
    processes: int = 4096  # and threads, of one run


@dataclass(frozen=True)
class PictureLimits:
    """What one request to the resident helper may use, and how long one helper may serve."""

    wall: float = 120.0
    memory: int = 4 * GIB  # address space
    output: int = 4 * GIB  # bytes of one file
    requests: int = 2000  # then a fresh helper takes over
    resident: int = 768 * MIB  # bytes kept between requests; more, and a fresh helper takes over


@dataclass(frozen=True)
class TaskLimits:
    """All budgets of one task."""

    source: SourceLimits = field(default_factory=SourceLimits)
    run: Limits = field(default_factory=Limits)
    picture: PictureLimits = field(default_factory=PictureLimits)

    def changed(self, changes: Mapping[str, Any], kind: str = "") -> "TaskLimits":
        """The same with single values changed, as in {"source": {"edge": 4096}, "run": {"wall": 600}}; what stands
        under {"kinds": {"video": {…}}} holds for that kind only, and wins. Raises ValueError naming what is wrong.
        """
        check_changes(changes)
        for part in (changes, changes.get("kinds", {}).get(kind, {})):
            groups = {name: replace(getattr(self, name), **part[name]) for name in _GROUPS if name in part}
            self = replace(self, **groups)
        return self


_GROUPS: dict[str, type[SourceLimits] | type[Limits] | type[PictureLimits]] = {
    "source": SourceLimits,
    "run": Limits,
    "picture": PictureLimits,
}
# How often a helper is renewed concerns the host, and no task.
_FIXED = {"picture": ("requests", "resident")}
_MOST = 2**53  # a number that JSON keeps exactly


def names_of(group: str) -> dict[str, int | float]:
    """The values of a group that may be changed by name, with their defaults."""
    values = {item.name: item.default for item in fields(_GROUPS[group])}
    return {name: value for name, value in values.items() if name not in _FIXED.get(group, ())}  # type: ignore[misc]


def check_changes(changes: Any, *, kinds: Mapping[str, Any] | None = None) -> None:
    """Raise ValueError in a sentence unless TaskLimits.changed could take this; with `kinds`, no others are known."""
    if not isinstance(changes, Mapping):
        raise ValueError('Limits are an object, as {"source": {"duration": 3600}}.')
    for group, values in changes.items():
        if group == "kinds":
            _check_kinds(values, kinds)
        elif group not in _GROUPS:
            raise ValueError(f"{group!r} is none of {', '.join((*_GROUPS, 'kinds'))}.")
        else:
            _check_group(group, values)


def _check_kinds(values: Any, kinds: Mapping[str, Any] | None) -> None:
    if not isinstance(values, Mapping):
        raise ValueError('kinds is an object, as {"video": {"run": {"wall": 600}}}.')
    for kind, changes in values.items():
        if kinds is not None and kind not in kinds:
            raise ValueError(f"{kind!r} is no kind of task.")
        if isinstance(changes, Mapping) and "kinds" in changes:
            raise ValueError("kinds stands in the outermost object only.")
        check_changes(changes)


def _check_group(group: str, values: Any) -> None:
    known = names_of(group)
    if not isinstance(values, Mapping):
        raise ValueError(f"{group} is an object of {', '.join(known)}.")
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{group}.{name} is unknown; there are {', '.join(known)}.")
        kinds = (int, float) if isinstance(known[name], float) else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not (math.isfinite(value) and 0 < value <= _MOST):
            raise ValueError(f"{group}.{name} must be a {'' if float in kinds else 'whole '}number above 0.")


# --- The environment ---


def whole_setting(name: str, default: int, least: int = 0) -> int:
    """A whole number ≥ `least` from the environment. Raises ValueError naming the variable."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {text!r}.")
    return int(text)


_Group = TypeVar("_Group", SourceLimits, Limits, PictureLimits)
_RUN = {"wall": "FFMPEG_TIMEOUT", "cpu": "FFMPEG_CPU", "memory": "FFMPEG_MEMORY", "output": "FFMPEG_OUTPUT",
        "idle": "FFMPEG_IDLE", "processes": "FFMPEG_PROCESSES"}  # fmt: skip
_PICTURE = {"wall": "PICTURE_TIMEOUT", "memory": "PICTURE_MEMORY", "output": "PICTURE_OUTPUT"}
_SOURCE = {"bytes": "MEDIA_MAX_BYTES", "pixels": "MEDIA_MAX_PIXELS", "edge": "MEDIA_MAX_EDGE",
           "frames": "MEDIA_MAX_FRAMES", "video_frames": "MEDIA_MAX_VIDEO_FRAMES", "duration": "MEDIA_MAX_SECONDS",
           "streams": "MEDIA_MAX_STREAMS"}  # fmt: skip
SETTINGS = {"source": _SOURCE, "run": _RUN, "picture": _PICTURE}


def _read(group: _Group, variables: Mapping[str, str]) -> _Group:
    values: dict[str, Any] = {}
    for name, variable in variables.items():
        default = getattr(group, name)
        values[name] = type(default)(whole_setting(variable, int(default), least=1))
    return replace(group, **values)


def limits_from_environment() -> Limits:
    """FFMPEG_TIMEOUT, FFMPEG_CPU, FFMPEG_IDLE (seconds), FFMPEG_MEMORY and FFMPEG_OUTPUT (bytes), FFMPEG_PROCESSES."""
    return _read(Limits(), _RUN)


def picture_limits() -> PictureLimits:
    """PICTURE_TIMEOUT (seconds), PICTURE_MEMORY and PICTURE_OUTPUT (bytes) bound one request to the helper."""
    return _read(PictureLimits(), _PICTURE)


MODEL_SETTINGS = {"wall": "MODEL_TIMEOUT", "memory": "MODEL_ADDRESS_SPACE", "resident": "MODEL_MEMORY"}


def model_limits() -> PictureLimits:
    """MODEL_TIMEOUT (seconds) and MODEL_ADDRESS_SPACE (bytes) bound one request to the helper that holds models;
    MODEL_MEMORY is how many bytes it may keep between two requests: above, a fresh one takes over."""
    return _read(PictureLimits(wall=900.0, memory=16 * GIB, requests=1_000_000, resident=4 * GIB), MODEL_SETTINGS)


def source_limits() -> SourceLimits:
    """MEDIA_MAX_BYTES, …_PIXELS, …_EDGE, …_FRAMES, …_VIDEO_FRAMES, …_SECONDS and …_STREAMS."""
    return _read(SourceLimits(), _SOURCE)


def task_limits(kind: str = "", *, own: Mapping[str, Any] | None = None, project: Any = None) -> TaskLimits:
    """The budgets of a task: what its kind changes of the defaults (`own`), then the environment, then the project.
    Raises ValueError."""
    base = TaskLimits().changed(own or {})
    base = TaskLimits(_read(base.source, _SOURCE), _read(base.run, _RUN), _read(base.picture, _PICTURE))
    return base.changed(project or {}, kind)


def nsfw_threshold() -> float | None:
    """NSFW_THRESHOLD: from which score on a category of `nsfw` counts where a task does not say; above 0, 1 at most.
    None where it is not set: then each model has its own. Raises ValueError."""
    text = os.environ.get("NSFW_THRESHOLD", "").strip()
    try:
        value = float(text) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not 0 < value <= 1:
        raise ValueError(f"NSFW_THRESHOLD must be a number above 0 and at most 1, not {text!r}.")
    return value


def threads() -> int:
    """FFMPEG_THREADS: this worker's share of the processors for one run; 0 leaves the choice to ffmpeg."""
    return whole_setting("FFMPEG_THREADS", 0)
