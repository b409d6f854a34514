"""What is said in a sound or a video: sentences with their times, word by word where that is asked for."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from workers import graph
from workers.documents import TYPE
from workers.engine.errors import SourceUnsupported
from workers.graph import Cut
from workers.kinds.base import (
    Expected,
    FfmpegStep,
    HelperStep,
    Kind,
    ModelStep,
    Output,
    Plan,
    Result,
    Source,
    document_result,
    entry_document,
)
from workers.kinds.groups import Spanned, Spoken
from workers.options import Confidence

SOUND, HEARD, TARGET = "sound.wav", "heard.json", "speech.json"
RATE = 16_000  # Hz, that models of speech hear
_LOOK_BACK = 1.0  # seconds of sound ahead of a span, which decoders need before they are right
_MOST_SPEAKERS = 20
# Somebody far from the microphone as loud as who sits before it: after loud speech, quiet speech would be overheard.
_EVEN = {"framelen": 500, "gausssize": 11, "maxgain": 30}


def _speakers(value: Any) -> Any:
    if value is None or isinstance(value, bool) or (isinstance(value, int) and 1 <= value <= _MOST_SPEAKERS):
        return value
    raise ValueError(f"must be true, false, or how many speak, from 1 to {_MOST_SPEAKERS}")


class SpeechOptions(Spoken, Spanned):
    echoed: ClassVar[frozenset[str]] = frozenset({"description", "label", "input"})

    speakers: Annotated[
        bool | int | None,
        BeforeValidator(_speakers),
        WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1, "maximum": _MOST_SPEAKERS}]}),
    ] = Field(
        None,
        description="How many speak, where that is known; false not to tell speakers apart. They are told apart where "
        "a model for that is installed when not given.",
    )
    words: bool = Field(False, description="Each sentence's words with their own times, in the timeline.")
    confidence: Confidence = Field(None, description="Sentences that are less sure, 0 to 1, are left out.")


class SpeechResult(Result):
    """The document without its texts."""

    detected: bool = Field(description="Whether anybody speaks.")
    speakers: int = Field(description="How many speak; 1 where they are not told apart.")
    speakers_known: bool = Field(description="Whether speakers were told apart.")
    language: str | None = Field(description="ISO 639-1; null where nobody speaks.")
    confidence: float = Field(description="Of the words on the whole, 0 to 1.")
    count: int = Field(description="Sentences.")
    model: str
    model_version: str
    notes: tuple[str, ...] = Field((), description="What a reader should know, in words.")


@dataclass(frozen=True)
class _Wishes:
    """What a model hears: one channel at its rate, as loud as it is."""

    audio_track: int | str | None
    channels: int = 1
    sample_rate: int = RATE
    loudness: None = None


def plan(options: SpeechOptions, source: Source) -> Plan:
    """The sound as models hear it, the question, the document. Pure."""
    probe = source.probe
    audio = graph.track(probe, options.audio_track)
    if audio is None:
        raise SourceUnsupported("speech needs sound; the input has none that can be decoded.")
    part, notes = graph.span(probe, start=options.start, end=options.end, duration=options.duration)
    seek = max(0.0, part.start - _LOOK_BACK)
    cut = Cut(seek, part.start - seek, part.duration if part.limited else None, 0.0, False) if part.start else None
    sound = graph.prepared(source, _Wishes(options.audio_track), "pcm", part, cut=cut)
    assert sound is not None  # the track was found
    stream = graph.source_input(probe, source.path, cut or part)[str(audio.index)]
    stream = sound.filtered(cut.sound(stream) if cut else stream).filter("dynaudnorm", **_EVEN)
    settings = {"format": "wav", "c:a": "pcm_s16le", "flags:a": "+bitexact", "fflags": "+bitexact"}
    args = graph.output_args([stream], SOUND, settings | graph.thread_settings(), ("-map_metadata", "-1"))
    if len(probe.audios) > 1:
        notes = (*notes, f"Of {len(probe.audios)} audio tracks, number {probe.audios.index(audio)} was heard.")
    question = {"sound": SOUND, "language": options.language, "speakers": options.speakers}
    written = {
        "source": HEARD,
        "target": TARGET,
        "sound": SOUND,
        "words": options.words,
        "confidence": options.confidence,
        "offset": part.start,
        "until": None if part.duration is None else part.start + part.duration,
        "notes": list(notes),
    }
    steps = (
        FfmpegStep(args, duration=part.duration, weight=0.1),
        ModelStep("speech", question, HEARD),
        HelperStep("speech_document", written, weight=0.01),
    )
    return Plan(steps, (Expected(TARGET, TYPE, None),), reads=graph.reads(probe, part), notes=notes)


def result(plan: Plan, outputs: list[Output]) -> SpeechResult:
    """The document's own facts."""
    return document_result(SpeechResult, entry_document(outputs))


KIND = Kind(
    name="speech",
    summary="What is said: sentences with their times, the language, and the words one by one if wanted.",
    accepts=frozenset({"video", "audio"}),
    options=SpeechOptions,
    plan=plan,
    result=result,
    object="intelligence",
    lane="intelligence",
    examples=({}, {"language": "en", "words": True}, {"confidence": 0.5}),
)
