"""Kinds that only steer: no worker runs one, its task is moved on by what happens elsewhere. And the list of all kinds.

They use the same record as the engine's kinds; whoever in this app asks for a kind by name asks here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import Field, field_validator

from ittyhost.queue import TRANSFER
from media_app.metadata import LIMITS, metadata_problem
from workers import kinds as engine
from workers.kinds import UnknownKind
from workers.kinds.base import Kind, Options, Plan, Source


def _unplanned(options: Any, source: Source) -> Plan:
    raise TypeError("a control kind is not run, and has no plan")


@dataclass(frozen=True)
class ControlKind(Kind):
    """The record of a kind that no worker runs. `lane` says whose workers do what its task waits for."""

    plan: Callable[[Any, Source], Plan] = _unplanned


class IngestOptions(Options):
    """Where the file is to be, and what its owner keeps with it."""

    media_id: str | None = Field(None, description="The media that the file joins. Default: a new one.")
    metadata: dict[str, Any] | None = Field(None, description=f"Anything, kept as it is. {LIMITS}")

    @field_validator("metadata")
    @classmethod
    def _is_bounded(cls, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        if metadata is not None and (problem := metadata_problem(metadata)):
            place, sentence = problem
            raise ValueError(f"{'.'.join(place)} {sentence}".strip().rstrip("."))
        return metadata


INGEST = ControlKind(
    name="ingest",
    summary="A copy of what a URL points to, as a file of its own. Its input is a URL.",
    accepts=frozenset({"image", "video", "audio"}),
    options=IngestOptions,
    lane=TRANSFER,
    examples=({"folder": "incoming", "filename": "clip.mp4"}, {"ref": "original", "metadata": {"user": "42"}}),
)

CONTROL_KINDS: tuple[ControlKind, ...] = (INGEST,)


@lru_cache(maxsize=1)
def all_kinds() -> Mapping[str, Kind]:
    """Every kind that a task may have, the engine's and those here, by name, in alphabetical order."""
    found: dict[str, Kind] = {**engine.all_kinds(), **{kind.name: kind for kind in CONTROL_KINDS}}
    return MappingProxyType(dict(sorted(found.items())))


def get_kind(name: str) -> Kind:
    """The kind with this name. Raises UnknownKind."""
    try:
        return all_kinds()[name]
    except KeyError:
        raise UnknownKind(name) from None
