"""What a kind works on, what it decides and what it makes: plain data, all of it."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workers.engine import runner
from workers.engine.errors import MediaError
from workers.engine.limits import (
    Limits,
    PictureLimits,
    SourceLimits,
    TaskLimits,
    limits_from_environment,
    picture_limits,
    source_limits,
)
from workers.engine.probe import Probe
from workers.framing import Framing
from workers.measures import bind
from workers.providers.base import Providers

SOURCE = "source"  # the name a source is stored under: no extension, so that types are told by content


def _no_file(ref: str, target: Path) -> None:
    raise MediaError("No other file can be used here.")


@dataclass(frozen=True)
class Source:
    """What a kind works on.

    `fetch(target, reads)` puts the bytes, or a link to them, at `target`; `reads` is what the plan declared.
    `fetch_file(ref, target)` does so for another file that an option names. `limits` is what a source may be, `runs`
    and `pictures` what one run of a tool and one request to the helper may use for it. `providers` are the models at
    hand. `results` has, by kind, how to get what another kind told of this source (Need); `stamp` is what a document
    made of it begins with, in a service: its id and dates.
    """

    probe: Probe
    fetch: Callable[[Path, str], None]
    fetch_file: Callable[[str, Path], None] = _no_file
    limits: SourceLimits = field(default_factory=source_limits)
    runs: Limits = field(default_factory=limits_from_environment)
    pictures: PictureLimits = field(default_factory=picture_limits)
    providers: Providers = field(default_factory=Providers)
    results: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)
    stamp: Mapping[str, Any] = field(default_factory=dict)

    def within(self, limits: TaskLimits) -> "Source":
        """The same with these budgets."""
        return replace(self, limits=limits.source, runs=limits.run, pictures=limits.picture)

    @property
    def path(self) -> str:
        """Where the source lies, relative to the work directory."""
        return SOURCE


@dataclass(frozen=True)
class FileUse:
    """Another file that the work needs: `ref` as the option `param` names it, fetched to `name` in the work directory
    before the first step."""

    ref: str
    name: str
    param: str


@dataclass(frozen=True)
class Need:
    """What another kind tells of the same source, needed before the first step: its document lies then at `name` in the
    work directory. Where it is not `required`, work goes on without it when it cannot be had."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True

    @property
    def name(self) -> str:
        return f"{self.kind}.need.json"


@dataclass(frozen=True)
class Variant:
    """One picture to make from a decoded one."""

    target: str
    format: str
    framing: Framing
    quality: int = 80
    background: tuple[int, int, int, int] | None = None
    layers: tuple[Mapping[str, Any], ...] = ()  # put over it, in order: workers.layers.Placed.spec

    def to_json(self) -> dict[str, Any]:
        plain = asdict(self)
        if not self.layers:
            del plain["layers"]
        return {**plain.pop("framing"), **plain}


@dataclass(frozen=True)
class Film:
    """Which part of an animated picture is made into one, seconds, and at which steady rate; None for its end, and for
    every frame at its own time. It plays as often as the source does, or for ever with `endless`."""

    start: float = 0.0
    end: float | None = None
    fps: float | None = None
    endless: bool = False


@dataclass(frozen=True)
class FfmpegStep:
    """One run of ffmpeg. `needs` are encoders and filters the build must have; it is left out when `unless` exists.

    With `measures`, as workers.measures reads it, values are read from what it prints; later steps' arguments may hold
    them as `@{loudness.gain}`. With `when`, the name of such a value, it is left out where that is empty.
    `attempts` is the file that it may fail to make: then nothing of that stays, and a later step does it otherwise.
    """

    args: tuple[str, ...]
    duration: float | None = None
    needs: tuple[str, ...] = ()
    unless: str | None = None
    weight: float = 1.0
    measures: str | None = None
    when: str | None = None
    attempts: str | None = None

    def bound(self, values: Mapping[str, str]) -> "FfmpegStep":
        """The same with measured values in their places."""
        measures = bind(self.measures, values) if self.measures else None
        return replace(self, args=tuple(bind(arg, values) for arg in self.args), measures=measures)

    def command(self) -> str:
        """The command line, to be run in the work directory."""
        line = shlex.join(["ffmpeg", *runner.PREAMBLE, *self.args])
        if self.attempts:
            return f"{line} || rm -f {shlex.quote(self.attempts)}"
        return f"test -e {shlex.quote(self.unless)} || {line}" if self.unless else line

    def to_json(self) -> dict[str, Any]:
        return {"tool": "ffmpeg", "args": list(self.args), "unless": self.unless} | (
            {name: told for name in ("measures", "when", "attempts") if (told := getattr(self, name))}
        )


@dataclass(frozen=True)
class PictureStep:
    """Pictures made with Pillow: `source` is decoded once, every variant made from that.

    `type` is Pillow's name for what the source must be, None to go by content. A `*` in `source` stands for many files;
    the targets' `*` then takes the same text. Of an animation the frame shown at `moment` (seconds) is taken; with
    `film`, its one variant is an animation.
    """

    source: str
    variants: tuple[Variant, ...]
    type: str | None = None
    orient: bool = True
    weight: float = 1.0
    moment: float = 0.0
    film: Film | None = None

    def operations(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "type": self.type,
            "orient": self.orient,
            "variants": [variant.to_json() for variant in self.variants],
            **({"moment": self.moment} if self.moment else {}),
            **({"film": asdict(self.film)} if self.film else {}),
        }

    def command(self) -> str:
        """The command line, to be run in the work directory."""
        return f"python -m workers picture {shlex.quote(json.dumps(self.operations()))}"

    def to_json(self) -> dict[str, Any]:
        return {"tool": "picture", "operations": self.operations()}


@dataclass(frozen=True)
class HelperStep:
    """One operation of the resident helper in the work directory, named as in workers.engine.operations: a layer drawn,
    a manifest written. `operations` is JSON data with paths relative to the work directory. With `measures` it answers
    with values (text by name), which later steps have as `<measures>.<name>`."""

    op: str
    operations: Mapping[str, Any]
    weight: float = 0.2
    timeout: float | None = None  # seconds; None for what every operation has
    measures: str | None = None

    def command(self) -> str:
        """The command line, to be run in the work directory."""
        return f"python -m workers step {self.op} {shlex.quote(json.dumps(self.operations))}"

    def to_json(self) -> dict[str, Any]:
        return {"tool": self.op, "operations": dict(self.operations)}


@dataclass(frozen=True)
class ModelStep:
    """One request to a model; `ability` and `request` as workers.asking reads them, with paths relative to the work
    directory. What it answers is written as JSON to `target`. It is left out where the file `when` is missing."""

    ability: str  # "speech", "vision" or "language"
    request: Mapping[str, Any]
    target: str
    weight: float = 1.0
    when: str | None = None

    def command(self) -> str:
        """The command line, to be run in the work directory."""
        line = f"python -m workers model {self.ability} {shlex.quote(json.dumps(self.request))} > {self.target}"
        return f"test ! -e {shlex.quote(self.when)} || {line}" if self.when else line

    def to_json(self) -> dict[str, Any]:
        told = {"tool": "model", "ability": self.ability, "request": dict(self.request), "target": self.target}
        return told | ({"when": self.when} if self.when else {})


Step = FfmpegStep | PictureStep | HelperStep | ModelStep


@dataclass(frozen=True)
class Expected:
    """What one output must turn out to be; None where it is not known beforehand. A `*` in `name` stands for many.

    `media_type` is "image", "video" or "audio"; None for a part that is no medium of its own (a segment, a manifest, a
    text), which is only looked at for being there.
    """

    name: str
    type: str
    media_type: str | None
    entry: bool = True
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    until: float | None = None  # the moment of the source it ends at, seconds
    at_most: bool = False  # `duration` is the whole source's, of which the streams used may end earlier
    fps: float | None = None  # a steady rate
    frames: int | None = None  # of a picture: one of a still
    alpha: bool | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    channels: int | None = None
    sample_rate: int | None = None
    audios: int | None = None  # streams
    subtitles: int | None = None  # streams
    container: str | None = None
    colors: tuple[str, str, str] | None = None  # primaries, transfer, matrix
    bit_depth: int | None = None
    color_range: str | None = None  # "tv" or "pc"

    def to_json(self) -> dict[str, Any]:
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return told if self.at_most else {name: value for name, value in told.items() if name != "at_most"}


@dataclass(frozen=True)
class Plan:
    """All that will be done, decided beforehand: plain data, paths relative to the work directory."""

    steps: tuple[Step, ...]
    expected: tuple[Expected, ...]
    reads: str = "whole"  # or "seek": parts of the source will do; "nothing" where its facts are all that is needed
    notes: tuple[str, ...] = ()  # what a viewer should know: streams left out, spans cut short
    files: tuple[FileUse, ...] = ()

    def commands(self) -> tuple[str, ...]:
        """The exact command lines: run in a folder with the source, they make the same files."""
        return tuple(step.command() for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = _listed(
            {
                "steps": [step.to_json() for step in self.steps],
                "commands": list(self.commands()),
                "expected": [item.to_json() for item in self.expected],
                "reads": self.reads,
                "notes": list(self.notes),
                **({"files": [asdict(use) for use in self.files]} if self.files else {}),
            }
        )
        return plain


def _listed(value: Any) -> Any:
    """The same with every tuple a list: JSON has no tuples, and what is stored must equal what is read back."""
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    return value


@dataclass(frozen=True)
class Preview:
    """What stands in for a picture or video until it is loaded: a tiny blurred picture as a data URI, and the dominant
    colour as #rrggbb, None where everything is transparent."""

    placeholder: str
    background: str | None


@dataclass(frozen=True)
class Output:
    """One file made: `entry` marks the one that stands for all; `name` is where it lies in the work directory and later
    beside the entry (720p/segment-1.m4s); `type` is its MIME type; `probe` its facts, None for a part of a medium."""

    path: Path
    entry: bool
    name: str
    type: str
    probe: Probe | None = None
    preview: Preview | None = None  # of the entry, where it can be seen
