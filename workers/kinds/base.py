"""The contract of a kind. What its plan is made of stands in workers.plans, and can be had from here as well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from workers.engine.errors import OutputMismatch
from workers.engine.probe import Probe
from workers.engine.runner import Report, Silent
from workers.execution import execute_steps
from workers.options import Filename, Folder, check_extension
from workers.plans import (
    Expected,
    FfmpegStep,
    FileUse,
    Film,
    HelperStep,
    ModelStep,
    Need,
    Output,
    PictureStep,
    Plan,
    Preview,
    Source,
    Variant,
)
from workers.verify import verify

__all__ = [
    "Expected",
    "FfmpegStep",
    "FileUse",
    "Film",
    "HelperStep",
    "Kind",
    "ModelStep",
    "Need",
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

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        """Other files that the options name: (option, id or URL) for each."""
        return ()

    @staticmethod
    def takes(option: str) -> str:
        """What the file that such an option names must be: an "image" for a layer, else "text", of subtitles."""
        return "image" if option.startswith("layers.") else "text"


class Result(BaseModel):
    """What a kind tells about what it made."""

    model_config = ConfigDict(frozen=True)


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


def _nothing(options: Any, facts: Probe) -> tuple[Need, ...]:
    return ()


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
    verify: Callable[..., tuple[Output, ...]] = verify  # as workers.verify.verify, which the usual outputs are held to
    object: str = "source"  # of the output: "source", "track" or "intelligence"; "" where only the result is wanted
    lane: str = "fast"  # "fast", "heavy" or "intelligence"
    limits: Mapping[str, Any] = field(default_factory=dict)  # what it changes of the usual ones (TaskLimits.changed)
    needs: Callable[[Any, Probe], tuple[Need, ...]] = _nothing  # of other kinds, before this can begin; pure
    examples: tuple[dict[str, Any], ...] = ()
