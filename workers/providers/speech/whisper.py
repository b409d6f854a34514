"""Speech by faster-whisper, in the process that holds models (hearing.py); here is what asks it, piece by piece, so
that progress is told and a stop is seen at once."""

import base64
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workers.engine.errors import ModelMissing
from workers.engine.runner import Report
from workers.languages import SPACELESS, language_name
from workers.providers import host
from workers.providers.base import Model, Progress, Transcript
from workers.providers.settings import model_threads, speech_device
from workers.providers.speech.voice import (
    LITTLE,
    MARGIN,
    STEP,
    Span,
    Window,
    samples_of_language,
    speech_spans,
    widened,
    windows,
)
from workers.providers.speech.weights import Weights, named_folders, speaker_weights, speech_weights
from workers.providers.speech.words import (
    Heard,
    Passage,
    around,
    believed,
    joined,
    last_words,
    mended,
    met,
    sentences,
    tightened,
    unheard,
    unlooped,
    utterances,
    whole,
)

PIECE = 9375  # frames that the detector hears at once: five minutes
DETECTED, LANGUAGE_KNOWN, HEARD = 0.1, 0.13, 0.9  # share of the work that is then done
SHORT = 1.5  # seconds; a shorter utterance tells no voice
MOST_OF_VOICE = 12.0  # seconds of an utterance that are enough to know a voice by
VOICES = 40  # utterances in one request
AGAIN = 4  # parts of a window that the model is asked about once more
# Codes of ISO 639-1 that Whisper has another one for.
_OWN = {"jv": "jw", "nb": "no", "fil": "tl", "iw": "he", "in": "id"}
_ISO = {"jw": "jv"}

Ask = Callable[..., Any]  # workers.providers.host.call


@dataclass(frozen=True)
class Whisper:
    """The provider. It is light: it knows where the weights are and how they are to run."""

    weights: Weights
    device: str = "auto"
    threads: int = 1
    voices: str | None = None  # the file of weights that tells speakers apart

    @property
    def model(self) -> Model:
        return Model(f"whisper-{self.weights.name}", self.weights.version)

    def transcribe(
        self, sound: Path, *, language: str | None, speakers: bool | int | None, report: Report, progress: Progress
    ) -> Transcript:
        """As workers.providers.base.Speech. Raises ModelMissing naming `language` where the model does not know it."""
        return _Work(self, str(sound.absolute()), report, progress).transcript(language, speakers)


class _Work:
    """One transcription."""

    def __init__(self, whisper: Whisper, sound: str, report: Report, progress: Progress) -> None:
        self.whisper = whisper
        self.sound = sound
        self.report = report
        self.progress = progress
        self.how = {"weights": whisper.weights.to_json(), "device": whisper.device, "threads": whisper.threads}

    def ask(self, op: str, **args: Any) -> Any:
        return host.call(f"speech.{op}", {"sound": self.sound, **args}, report=self.report)

    def transcript(self, asked: str | None, speakers: bool | int | None) -> Transcript:
        model = self.whisper.model  # as it is now: its files may be replaced meanwhile
        duration = self.ask("length")
        likely = self.likely(duration)
        spans = speech_spans(likely, duration)
        found = windows(spans, duration, likely)
        self.progress(DETECTED)
        if not found:
            return Transcript((), "", model, speakers=0)
        language, sure = self.language(found, asked)
        self.progress(LANGUAGE_KNOWN)
        words = self.words(found, spans, widened(spans, duration), language)
        words = tightened(unlooped(words), widened(spans, duration, MARGIN / 3), duration)
        apart = bool(words and self.whisper.voices and speakers is not False)
        who = self.told_apart(words, None if speakers in (None, True) else speakers) if apart else []
        segments = sentences(words, who)
        self.progress(1.0)
        return Transcript(
            segments,
            _ISO.get(language, language) if segments else "",
            model,
            language_confidence=sure if segments else 0.0,
            speakers=len({segment.speaker for segment in segments}),
            speakers_known=apart,
        )

    def likely(self, duration: float) -> bytes:
        """How likely somebody speaks, frame by frame."""
        count = int(duration / STEP) + 1
        found = []
        for first in range(0, count, PIECE):
            found.append(base64.b64decode(self.ask("detect", first=first, count=min(PIECE, count - first))))
            self.progress(DETECTED * min(1.0, (first + PIECE) / count))
        return b"".join(found)

    def language(self, found: Sequence[Window], asked: str | None) -> tuple[str, float]:
        """The model's code of the language, and how sure that is: 0 where it was not found out."""
        clips = [] if asked else [[clip.start, clip.end] for clip in samples_of_language(found)]
        told = self.ask("languages", clips=clips, model=self.how)
        if asked:
            return self._known(asked, told["known"]), 0.0
        if len(told["known"]) == 1:
            return told["known"][0], 0.0
        return elected(told["clips"], [end - start for start, end in clips])

    def _known(self, asked: str, known: Sequence[str]) -> str:
        code = _OWN.get(asked, asked)
        if code in known:
            return code
        name = language_name(asked) or asked
        if len(known) == 1:
            only = language_name(known[0])
            message = (
                f"The speech model {self.whisper.model.name} knows only {only}: language {asked} ({name}) needs a "
                f"multilingual one, which SPEECH_MODEL can name."
            )
        else:
            message = f"The speech model {self.whisper.model.name} does not know the language {asked} ({name})."
        raise ModelMissing(message, param="language")

    def told_apart(self, words: Sequence[Heard], count: int | None) -> list[int]:
        """Who says each word, numbered in the order of speaking. What is too short to know a voice by is taken for the
        nearest one's in time."""
        parts = utterances(words)
        said = [Span(part[0].start, part[-1].end) for part in parts]
        long = [place for place, span in enumerate(said) if span.length >= SHORT]
        if not long:
            return [0] * len(words)
        vectors: list[list[float]] = []
        for first in range(0, len(long), VOICES):
            some = [said[place] for place in long[first : first + VOICES]]
            spans = [[span.start, min(span.end, span.start + MOST_OF_VOICE)] for span in some]
            vectors += self.ask("voices", spans=spans, weights=self.whisper.voices)
            self.progress(HEARD + (1 - HEARD) * (first + len(some)) / len(long))
        lengths = [said[place].length for place in long]
        labels = host.call("speech.alike", {"vectors": vectors, "lengths": lengths, "count": count}, report=self.report)
        known = dict(zip(long, labels, strict=True))
        named: dict[int, int] = {}
        who: list[int] = []
        for place, part in enumerate(parts):
            at = bisect_left(long, place)
            nearest = min(long[max(0, at - 1) : at + 1], key=lambda other: _apart(said[place], said[other]))
            speaker = known[place if place in known else nearest]
            who += [named.setdefault(speaker, len(named))] * len(part)
        return who

    def words(
        self, found: Sequence[Window], speech: Sequence[Span], spans: Sequence[Span], language: str
    ) -> list[Heard]:
        """What is said in all windows, each word once. `speech` is where somebody speaks, `spans` the same with
        margins."""
        words: list[Heard] = []
        total = sum(window.length for window in found)
        done = 0.0
        rest: tuple[Span, ...] = ()
        for before, window, after in zip((None, *found), found, (*found[1:], None), strict=False):
            asked = Window((*rest, *window.clips))
            told = self.hear(asked.clips, speech, language)
            rest = left(told, asked) if after is not None and after.start >= window.end else ()
            end = rest[0].start if rest else window.end
            told = [passage for passage in told if passage.begun < end]
            new = self.complete(told, Span(asked.start, end), speech, spans, language)
            if before and window.start < before.end:
                words = joined(words, new, Span(window.start, before.end))
            else:
                words += new
            done += window.length
            self.progress(LANGUAGE_KNOWN + (HEARD - LANGUAGE_KNOWN) * done / total)
        return words

    def hear(self, clips: Sequence[Span], speech: Sequence[Span], language: str) -> list[Passage]:
        """What is said in clips that lie close together, in order."""
        voiced = [[span.start, span.end] for span in met(speech, clips[0].start, clips[-1].end)]
        asked = [[clip.start, clip.end] for clip in clips]
        told = self.ask("hear", clips=asked, speech=voiced, language=language, model=self.how)
        return [_passage(passage) for passage in told]

    def believed(self, told: Sequence[Passage], spans: Sequence[Span], language: str) -> list[Heard]:
        new = believed(told, spans)
        return new if language in SPACELESS else whole(new)

    def complete(
        self, told: Sequence[Passage], window: Span, speech: Sequence[Span], spans: Sequence[Span], language: str
    ) -> list[Heard]:
        """The words of a window with those that are heard when it is asked once more about speech without any."""
        words = self.believed(told, spans, language)
        within = [span for span in speech if window.start < span.end and span.start < window.end]
        within = [Span(max(window.start, span.start), min(window.end, span.end)) for span in within]
        missed = sorted(unheard(words, within, last_words(told)), key=lambda span: span.length)[-AGAIN:]
        for span in sorted(missed, key=lambda span: span.start):
            asked = around(words, span, window)
            words = mended(words, self.believed(self.hear([asked], speech, language), spans, language), span, asked)
        return words


def elected(clips: Sequence[Sequence[tuple[str, float]]], lengths: Sequence[float]) -> tuple[str, float]:
    """The language that most of the clips are in, each by how sure it is and how long; and the share of all it has."""
    votes: Counter[str] = Counter()
    for clip, length in zip(clips, lengths, strict=True):
        for name, share in clip:
            votes[name] += share * length  # type: ignore[assignment]
    name, score = max(votes.items(), key=lambda item: (item[1], item[0]))
    return name, round(min(1.0, score / sum(lengths)), 4)


def left(told: Sequence[Passage], window: Window) -> tuple[Span, ...]:
    """What the model heard by itself at the end of a window, if that is so little that it is better heard with what
    follows."""
    rest = window.since(max((passage.begun for passage in told), default=window.start))
    few = Window(rest).length < LITTLE < window.length if rest else False
    return rest if few else ()


def _apart(first: Span, second: Span) -> float:
    """Seconds between two."""
    return max(0.0, first.start - second.end, second.start - first.end)


def _passage(told: dict[str, Any]) -> Passage:
    words = tuple(Heard(*word) for word in told["words"])
    return Passage(words, told["likely"], told["compression"], told["silent"], told["begun"])


@dataclass(frozen=True)
class Absent:
    """In place of a model that is named and not here: whoever asks it is told so, and nobody else."""

    missing: str

    @property
    def model(self) -> Model:
        raise ModelMissing(self.missing)

    def transcribe(
        self, sound: Path, *, language: str | None, speakers: bool | int | None, report: Report, progress: Progress
    ) -> Transcript:
        raise ModelMissing(self.missing)


def local_speech() -> Whisper | Absent | None:
    """What is installed and chosen: SPEECH_MODEL, SPEAKER_MODEL, MODEL_DEVICE, MODEL_THREADS. None where there is none;
    raises ValueError for a setting that means nothing."""
    device, threads, voices = speech_device(), model_threads(), speaker_weights()
    try:
        weights = speech_weights()
    except ModelMissing as exc:
        return Absent(exc.message)
    if weights is None or find_spec("faster_whisper") is None:
        return None
    host.reach(named_folders)
    return Whisper(weights, device, threads, voices)
