"""What is asked of models, and what they answer: three protocols and plain values.

An implementation that has nothing to work with raises ModelMissing, which says how to get it; one whose model answers
wrongly raises ModelFailed; EngineUnavailable is a fault that may pass; Stopped when the report said so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

from workers.engine.errors import ModelMissing
from workers.engine.runner import Report

Progress = Callable[[float], None]  # told how much is done, 0 to 1


@dataclass(frozen=True)
class Model:
    """Which model an answer came from; both stand in every result."""

    name: str
    version: str

    def to_json(self) -> dict[str, str]:
        return {"model": self.name, "model_version": self.version}


# --- Speech ---


@dataclass(frozen=True)
class Word:
    """A word as it is written, with the mark that follows it; seconds from the start; confidence 0 to 1."""

    start: float
    end: float
    text: str
    confidence: float


@dataclass(frozen=True)
class Segment:
    """What one speaker says in one go: a sentence or part of one. `speaker` counts from 0 in the order of speaking."""

    start: float
    end: float
    text: str
    confidence: float
    speaker: int = 0
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Transcript:
    """What is said, in order of time; `language` is ISO 639-1, "" where nobody speaks. `speakers_known` says whether
    speakers were told apart; without that there is one."""

    segments: tuple[Segment, ...]
    language: str
    model: Model
    language_confidence: float = 0.0
    speakers: int = 1
    speakers_known: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        segments = tuple(
            Segment(**(item | {"words": tuple(Word(**word) for word in item["words"])})) for item in plain["segments"]
        )
        return cls(**{**plain, "segments": segments, "model": Model(**plain["model"])})


class Speech(Protocol):
    """Sound to timed words."""

    @property
    def model(self) -> Model: ...

    def transcribe(
        self, sound: Path, *, language: str | None, speakers: bool | int | None, report: Report, progress: Progress
    ) -> Transcript:
        """What is said in a WAV file of 16 kHz, mono, 16 bits; no segments where nobody speaks.

        `language` (ISO 639-1) is taken as given, None has it found out. `speakers`: False for not to tell them apart,
        a number where that is how many there are.
        """
        ...


# --- Vision ---

LOOKS = ("safety", "objects", "faces", "text", "labels", "caption", "embedding")  # what pictures can be looked at for
SAFETY = ("nudity", "sexual", "violence", "gore")  # what `safety` may have a score for


@dataclass(frozen=True)
class Box:
    """Something at a place of the picture, left, top, width and height as shares of it (0 to 1). `label` is what it is,
    `text` what is written there."""

    x: float
    y: float
    width: float
    height: float
    confidence: float
    label: str = ""
    text: str = ""


@dataclass(frozen=True)
class Label:
    """What a whole picture shows, 0 to 1."""

    name: str
    confidence: float


@dataclass(frozen=True)
class Seen:
    """What one picture shows; empty where that was not asked for. `safety` has a score of 0 to 1 for each category of
    SAFETY that the model can judge."""

    safety: Mapping[str, float] = field(default_factory=dict)
    objects: tuple[Box, ...] = ()
    faces: tuple[Box, ...] = ()
    text: tuple[Box, ...] = ()
    labels: tuple[Label, ...] = ()
    caption: str = ""
    embedding: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"safety": dict(self.safety)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        boxes = {name: tuple(Box(**box) for box in plain.get(name, ())) for name in ("objects", "faces", "text")}
        labels = tuple(Label(**label) for label in plain.get("labels", ()))
        return cls(**{**plain, **boxes, "labels": labels, "embedding": tuple(plain.get("embedding", ()))})


class Vision(Protocol):
    """Pictures to labels, boxes, text and scores."""

    def model(self, look: str) -> Model:
        """Which model looks for that (LOOKS). Raises ModelMissing, which names what is needed."""
        ...

    def look(self, pictures: Sequence[Path], *, looks: Sequence[str], report: Report, progress: Progress) -> list[Seen]:
        """What each picture shows. Raises ModelMissing for a look that no model here can do."""
        ...


# --- Language ---


@dataclass(frozen=True)
class Message:
    """One message to a language model; `role` is "system", "user" or "assistant"; `pictures` are JPEG or PNG files."""

    role: str
    text: str
    pictures: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a language model answered: `data` by the schema where one was given, else `text`."""

    text: str
    data: Any
    model: Model
    tokens: int | None = None  # that the whole exchange took, where the model tells
    complete: bool = True  # False where a text was cut short: the model may write no more


class Language(Protocol):
    """Messages to text, or to JSON by a schema."""

    @property
    def model(self) -> Model: ...

    @property
    def sees(self) -> bool:
        """Whether messages may have pictures."""
        ...

    @property
    def room(self) -> int:
        """Characters of text that the messages of one request may have in all."""
        ...

    def answer(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None, report: Report) -> Answer:
        """The answer; with a JSON schema, `data` is valid by it. Raises ModelFailed, EngineUnavailable, Stopped."""
        ...


# --- All of them ---


@dataclass(frozen=True)
class Standing:
    """What answers for an ability here: a model; where there is none, `missing` says so, and how to get one."""

    ability: str  # "speech", "vision: safety", "language"
    model: Model | None
    missing: str = ""


@dataclass(frozen=True)
class Providers:
    """The models that work may use; None for those that are not there. Without `language`, what needs words falls back
    to what can be told without a model (workers.language)."""

    speech: Speech | None = None
    vision: Vision | None = None
    language: Language | None = None

    def the_speech(self) -> Speech:
        """Raises ModelMissing."""
        if self.speech is None:
            raise ModelMissing("There is no model for speech here. `make intelligence` installs one.")
        return self.speech

    def the_vision(self) -> Vision:
        """Raises ModelMissing."""
        if self.vision is None:
            raise ModelMissing("There is no model for pictures here. `make intelligence` installs some.")
        return self.vision

    def standings(self) -> tuple[Standing, ...]:
        """What answers for each ability, in a fixed order; nothing is loaded for it."""
        asked: list[tuple[str, Callable[[], Model]]] = [("speech", lambda: self.the_speech().model)]
        asked += [(f"vision: {look}", partial(lambda look: self.the_vision().model(look), look)) for look in LOOKS]
        return (*(_standing(ability, model) for ability, model in asked), self._language_standing())

    def _language_standing(self) -> Standing:
        if self.language is None:
            told = "No language model is named: words are taken from what is there. "
            told += "Set LANGUAGE_URL to have one write them."
            return Standing("language", None, told)
        return Standing("language", self.language.model)


def _standing(ability: str, model: Callable[[], Model]) -> Standing:
    try:
        return Standing(ability, model())
    except ModelMissing as exc:
        return Standing(ability, None, exc.message)
