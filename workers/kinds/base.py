"""The contract of a kind, and the plain data that a plan is made of."""

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from workers.engine import capabilities, host, runner
from workers.engine.errors import EngineUnavailable, OutputMismatch
from workers.engine.probe import Probe
from workers.engine.runner import Report, Silent
from workers.framing import Framing
from workers.options import Filename, Folder, check_extension

__all__ = [
    "Expected",
    "FfmpegStep",
    "Kind",
    "Options",
    "Output",
    "PictureStep",
    "Plan",
    "Preview",
    "Report",
    "Result",
    "Silent",
    "Source",
    "SourceResult",
    "Variant",
    "execute_steps",
]

SOURCE = "source"  # the name a source is stored under: no extension, so that types are told by content


class Options(BaseModel):
    """What a caller may say about an output. Unknown names are refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    # Names the contract lists everywhere: accepted and echoed, without meaning for a kind that does not use them.
    echoed: ClassVar[frozenset[str]] = frozenset({"description", "label", "input", "speakers"})

    # The media type of what is made, where a filename's extension must agree with it.
    makes: ClassVar[str | None] = None

    filename: Filename = Field(None, description="Name of the file made; its extension may choose the format.")
    folder: Folder = Field(None, description="Folder the file is delivered from.")
    ref: str | None = Field(None, max_length=100, description="A name of your own for the file.")
    description: str | None = Field(None, max_length=10_000, description="Echoed.")
    label: str | None = Field(None, max_length=200, description="Echoed.")
    input: Any = Field(None, description="Echoed.")
    speakers: bool | int | None = Field(None, description="Echoed.")

    @field_validator("filename")
    @classmethod
    def _extension_agrees(cls, filename: str | None) -> str | None:
        if filename and cls.makes:
            check_extension(filename, cls.makes)
        return filename


class Result(BaseModel):
    """What a kind tells about what it made."""

    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True)
class Source:
    """What a kind works on.

    `fetch(target, reads)` puts the bytes, or a link to them, at `target`; `reads` is what the plan declared.
    """

    probe: Probe
    fetch: Callable[[Path, str], None]

    @property
    def path(self) -> str:
        """Where the source lies, relative to the work directory."""
        return SOURCE


@dataclass(frozen=True)
class Variant:
    """One picture to make from a decoded one."""

    target: str
    format: str
    framing: Framing
    quality: int = 80
    background: tuple[int, int, int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        plain = asdict(self)
        return {**plain.pop("framing"), **plain}


@dataclass(frozen=True)
class FfmpegStep:
    """One run of ffmpeg. `needs` are encoders and filters the build must have; it is left out when `unless` exists."""

    args: tuple[str, ...]
    duration: float | None = None
    needs: tuple[str, ...] = ()
    unless: str | None = None
    weight: float = 1.0

    def command(self) -> str:
        """The command line, to be run in the work directory."""
        line = shlex.join(["ffmpeg", *runner.PREAMBLE, *self.args])
        return f"test -e {shlex.quote(self.unless)} || {line}" if self.unless else line

    def to_json(self) -> dict[str, Any]:
        return {"tool": "ffmpeg", "args": list(self.args), "unless": self.unless}


@dataclass(frozen=True)
class PictureStep:
    """Pictures made with Pillow: `source` is decoded once, every variant made from that.

    `type` is Pillow's name for what the source must be, None to go by content. A `*` in `source` stands for many files;
    the targets' `*` then takes the same text.
    """

    source: str
    variants: tuple[Variant, ...]
    type: str | None = None
    orient: bool = True
    weight: float = 1.0

    def operations(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "type": self.type,
            "orient": self.orient,
            "variants": [variant.to_json() for variant in self.variants],
        }

    def command(self) -> str:
        """The command line, to be run in the work directory."""
        return f"python -m workers picture {shlex.quote(json.dumps(self.operations()))}"

    def to_json(self) -> dict[str, Any]:
        return {"tool": "picture", "operations": self.operations()}


@dataclass(frozen=True)
class Expected:
    """What one output must turn out to be; None where it is not known beforehand. A `*` in `name` stands for many."""

    name: str
    type: str
    media_type: str
    entry: bool = True
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    until: float | None = None  # the moment of the source it ends at, seconds
    video_codec: str | None = None
    audio_codec: str | None = None
    container: str | None = None
    colors: tuple[str, str, str] | None = None  # primaries, transfer, matrix

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Plan:
    """All that will be done, decided beforehand: plain data, paths relative to the work directory."""

    steps: tuple[FfmpegStep | PictureStep, ...]
    expected: tuple[Expected, ...]
    reads: str = "whole"  # or "seek": parts of the source will do
    notes: tuple[str, ...] = ()  # what a viewer should know: streams left out, spans cut short

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
    """One file made: `entry` marks the one that stands for all, `type` is its MIME type, `probe` its facts."""

    path: Path
    entry: bool
    name: str
    type: str
    probe: Probe | None = None
    preview: Preview | None = None  # of the entry, where it can be seen


Made = tuple[Probe, Preview | None]


class SourceResult(Result):
    """Facts of a media file made, read back from it."""

    type: str = Field(description="MIME type.")
    format: str = Field(description="Name of the format.")
    filesize: int = Field(description="Bytes.")
    width: int | None = Field(None, description="Pixels as displayed.")
    height: int | None = Field(None, description="Pixels as displayed.")
    duration: float | None = Field(None, description="Seconds.")
    fps: float | None = Field(None, description="Frames per second, on average.")
    frames: int | None = None
    bitrate: int | None = Field(None, description="Bits per second, of everything.")
    codec: str | None = None
    container: str | None = None
    orientation: str | None = Field(None, description="landscape, portrait or square.")
    rotation: int | None = Field(None, description="Degrees; 0, as rotation is baked in.")
    transparency: bool | None = None
    animated: bool | None = None
    count: int = Field(1, description="Files made.")
    notes: tuple[str, ...] = Field((), description="What was left out or changed, in words.")


def source_result(plan: Plan, outputs: list[Output]) -> SourceResult:
    """The facts of the entry output. Raises OutputMismatch when there is none."""
    output = next((item for item in outputs if item.entry), None)
    if output is None or output.probe is None:
        raise OutputMismatch("Nothing was made.")
    return facts_result(output.probe, type=output.type, count=len(outputs), notes=plan.notes)


def facts_result(facts: Probe, *, type: str, count: int = 1, notes: tuple[str, ...] = ()) -> SourceResult:
    """What a probe found of a file, as a result."""
    return SourceResult(
        type=type,
        format=facts.image.format if facts.image else facts.container,
        filesize=facts.size,
        width=facts.width,
        height=facts.height,
        duration=facts.duration,
        fps=facts.fps,
        frames=facts.frames,
        bitrate=facts.bitrate,
        codec=facts.codec,
        container=facts.container,
        orientation=facts.orientation,
        rotation=facts.rotation,
        transparency=facts.transparency,
        animated=facts.animated,
        count=count,
        notes=notes,
    )


def execute_steps(plan: Plan, source: Source, workdir: Path, report: Report) -> list[Output]:
    """Carry out the steps in order; the expected files, those made by Pillow with their facts."""
    _check_build(plan)
    whole = sum(step.weight for step in plan.steps) or 1.0
    done = 0.0
    made: dict[str, Made] = {}
    entries = frozenset(expected.name for expected in plan.expected if expected.entry)
    for step in plan.steps:
        share = (100.0 * done / whole, 100.0 * (done + step.weight) / whole)
        if isinstance(step, PictureStep):
            made |= _pictures(step, workdir, report, share, entries)
        elif step.unless is None or not (workdir / step.unless).exists():
            runner.run(step.args, cwd=workdir, duration=step.duration, report=report, share=share)
        done += step.weight
        report.progress(share[1])
    return [output for expected in plan.expected for output in _outputs(expected, workdir, made)]


def _check_build(plan: Plan) -> None:
    needs = tuple(name for step in plan.steps if isinstance(step, FfmpegStep) for name in step.needs)
    missing = capabilities.capabilities().missing(needs) if needs else ()
    if missing:
        raise EngineUnavailable(f"This host's ffmpeg lacks {', '.join(missing)}; install a fuller build or set FFMPEG.")


def _pictures(
    step: PictureStep, workdir: Path, report: Report, share: tuple[float, float], entries: frozenset[str]
) -> dict[str, Made]:
    """What each file made is, by its name; and a look at the one that stands for all, as its pixels are at hand."""
    made: dict[str, Made] = {}
    operations = step.operations()
    looked_at = next((variant.target for variant in step.variants if variant.target in entries), None)
    if "*" not in step.source:
        return _made(workdir, operations, looked_at, report)
    before, after = step.source.split("*")
    sources = sorted(workdir.glob(step.source))
    for count, path in enumerate(sources, start=1):
        text = path.name[len(before) : len(path.name) - len(after)]
        variants = [variant | {"target": variant["target"].replace("*", text)} for variant in operations["variants"]]
        first = looked_at.replace("*", text) if looked_at and count == 1 else None
        made |= _made(workdir, operations | {"source": path.name, "variants": variants}, first, report)
        path.unlink()  # many frames take much room
        report.progress(share[0] + (share[1] - share[0]) * count / len(sources))
    return made


def _made(workdir: Path, operations: dict[str, Any], looked_at: str | None, report: Report) -> dict[str, Made]:
    asked = {"cwd": str(workdir.absolute()), "operations": operations, "looked_at": looked_at}
    facts = host.call("picture", asked, report=report)
    names = [variant["target"] for variant in operations["variants"]]
    seen = [Preview(**item["preview"]) if "preview" in item else None for item in facts]
    return {name: (Probe.from_json(item), look) for name, item, look in zip(names, facts, seen, strict=True)}


def _outputs(expected: Expected, workdir: Path, made: dict[str, Made]) -> list[Output]:
    paths = sorted(workdir.glob(expected.name)) if "*" in expected.name else [workdir / expected.name]
    return [
        Output(path, expected.entry and not place, path.name, expected.type, *made.get(path.name, (None, None)))
        for place, path in enumerate(paths)
    ]


@dataclass(frozen=True)
class Kind:
    """One kind of task: all that the rest of the service needs to know about it."""

    name: str
    summary: str
    accepts: frozenset[str]  # media types of the source
    options: type[Options]
    plan: Callable[[Any, Source], Plan]
    result: Callable[[Plan, list[Output]], Result] = source_result
    execute: Callable[[Plan, Source, Path, Report], list[Output]] = execute_steps
    object: str = "source"  # of the output: "source", "track" or "intelligence"
    lane: str = "fast"  # "fast", "heavy" or "intelligence"
    examples: tuple[dict[str, Any], ...] = ()
