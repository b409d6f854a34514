"""What a kind tells of what it made: facts of a medium, or what a document says; both are read back from it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from workers.documents import read_document
from workers.engine.errors import OutputMismatch
from workers.engine.probe import Probe
from workers.plans import Output, Plan


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


def entry_of(outputs: Sequence[Output]) -> Output:
    """The output that stands for all. Raises OutputMismatch when there is none."""
    entry = next((output for output in outputs if output.entry), None)
    if entry is None:
        raise OutputMismatch("Nothing was made.")
    return entry


# --- Of media ---


def source_result(plan: Plan, outputs: list[Output]) -> SourceResult:
    """The facts of the entry output. Raises OutputMismatch when there are none."""
    entry = entry_of(outputs)
    if entry.probe is None:
        raise OutputMismatch("Nothing was made.")
    return facts_result(entry.probe, type=entry.type, count=len(outputs), notes=plan.notes)


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


# --- Of documents ---

Told = TypeVar("Told", bound=Result)


def entry_document(outputs: Sequence[Output]) -> dict[str, Any]:
    """The content of the entry, a document. Raises OutputMismatch."""
    return _read_back(entry_of(outputs).path)


def document_beside(outputs: Sequence[Output], name: str) -> dict[str, Any]:
    """The content of a document that a step wrote beside the entry. Raises OutputMismatch."""
    return _read_back(entry_of(outputs).path.with_name(name))


def document_result(result: type[Told], document: Mapping[str, Any], **told: Any) -> Told:
    """What a document says by the result's own names, its `timeline` as how many there are in it (`count`); what is
    `told` goes before it. Raises OutputMismatch where something is missing."""
    counted = {"count": len(document["timeline"])} if "timeline" in document else {}
    known = {**document, **counted, **told}
    try:
        return result(**{name: known[name] for name in result.model_fields if name in known})
    except ValueError as exc:
        raise OutputMismatch("The document made does not say what it should.", log=repr(exc)) from exc


def _read_back(path: Path) -> dict[str, Any]:
    try:
        return read_document(path)
    except (OSError, ValueError) as exc:
        raise OutputMismatch("The document made cannot be read back.", log=repr(exc)) from exc
