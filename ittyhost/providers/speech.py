"""Speech by a server that takes OpenAI's audio transcriptions, as hosted services, vLLM, speaches and whisper.cpp's do:
sent in pieces, told with the times of segments and words."""

import math
import secrets
import wave
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ittyhost.providers.answers import clean_text
from ittyhost.providers.endpoint import Endpoint, Refused
from ittyhost.providers.pieces import Piece, pieces
from workers.engine.errors import ModelFailed
from workers.engine.runner import Report
from workers.languages import language_named
from workers.providers.base import Model, Progress, Segment, Transcript, Word

SURE = 0.5  # of words whose server does not tell how sure it is
NOBODY, UNLIKELY = 0.6, -1.0  # Whisper's own rule: above the one and below the other, nobody spoke
WORDS = 20_000  # of a piece, at most: nobody says as many in ten minutes


class SpeechServer:
    """workers.providers.base.Speech by such a server. It tells no speakers apart."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._words = True  # until the server refuses to time them

    @property
    def model(self) -> Model:
        return Model(self._endpoint.model, "as served")

    def transcribe(
        self, sound: Path, *, language: str | None, speakers: bool | int | None, report: Report, progress: Progress
    ) -> Transcript:
        """Raises ModelFailed, SourceUnreadable, Stopped."""
        with wave.open(str(sound), "rb") as file:
            length = file.getnframes() / file.getframerate()
        segments: list[Segment] = []
        heard: Counter[str] = Counter()  # seconds of speech in each language
        for piece in pieces(sound):
            if piece.wav is not None:
                told = self._told(piece.wav, language, report)
                found = list(_segments(told, piece, self._endpoint))
                segments += found
                if found:
                    name = language or language_named(str(told.get("language") or ""))
                    heard[name] += round(1000 * sum(item.end - item.start for item in found))
            progress(piece.end / length if length else 1.0)
        spoken = max(heard.items(), key=lambda item: (item[1], item[0]))[0] if heard else ""
        return Transcript(tuple(segments), spoken, self.model)

    def _told(self, wav: bytes, language: str | None, report: Report) -> dict[str, Any]:
        ends = self._endpoint.ends()
        while True:
            grains = ("segment", "word") if self._words else ("segment",)
            fields = [("model", self._endpoint.model), ("response_format", "verbose_json"), ("temperature", "0")]
            fields += [("timestamp_granularities[]", grain) for grain in grains]
            fields += [("language", language)] if language else []
            body, content_type = _form(fields, wav)
            try:
                return self._endpoint.post("/audio/transcriptions", body, content_type, report=report, ends=ends)
            except Refused as exc:
                if exc.meaning or not self._words or "verbose_json" in exc.text:
                    raise
                self._words = False


def _form(fields: Sequence[tuple[str, str]], wav: bytes) -> tuple[bytes, str]:
    """A form of multipart/form-data with a file, and its type."""
    mark = f"ittyhost-{secrets.token_hex(16)}"
    head = "".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields
    )
    head += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="sound.wav"\r\n'
    head += "Content-Type: audio/wav\r\n\r\n"
    return head.encode() + wav + f"\r\n--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def _segments(told: Mapping[str, Any], piece: Piece, endpoint: Endpoint) -> Iterable[Segment]:
    """What is said in a piece, in the whole sound's time. Raises ModelFailed."""
    given = told.get("segments")
    if given is None and not str(told.get("text") or "").strip():
        return
    try:
        if not isinstance(given, list):
            raise TypeError("no list of segments")
        words = [_word(item, piece) for item in (told.get("words") or ())[:WORDS]]
        at, place = piece.start, 0
        for item in given[:WORDS]:
            text = " ".join(clean_text(str(item["text"])).split())
            start, end = _within(item["start"], item["end"], piece, at)
            own = [_word(word, piece) for word in item.get("words") or ()]
            while place < len(words) and (words[place].start + words[place].end) / 2 < end:
                own.append(words[place])
                place += 1
            if text and end > start and not _invented(item):
                sure = _sure(item)
                yield Segment(start, end, text, sure, 0, _marked(own, text, sure, start, end))
                at = end
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        message = f"The {endpoint.name} gives no times with what is said (verbose_json): it cannot be used."
        raise ModelFailed(message, log=repr(exc)) from exc


def _invented(item: Mapping[str, Any]) -> bool:
    return (item.get("no_speech_prob") or 0.0) > NOBODY and (item.get("avg_logprob") or 0.0) < UNLIKELY


def _sure(item: Mapping[str, Any]) -> float:
    likely = item.get("avg_logprob")
    return SURE if likely is None else _share(math.exp(min(0.0, float(likely))))


def _word(item: Mapping[str, Any], piece: Piece) -> Word:
    start, end = _within(item["start"], item["end"], piece, piece.start)
    likely = item.get("probability")
    text = clean_text(str(item.get("word") or item.get("text") or "")).strip()
    return Word(start, max(start, end), text, -1.0 if likely is None else _share(float(likely)))


def _within(start: Any, end: Any, piece: Piece, least: float) -> tuple[float, float]:
    """Times of a piece as times of the whole, in order and within it."""
    first, last = float(start) + piece.start, float(end) + piece.start
    if not (math.isfinite(first) and math.isfinite(last)):
        raise ValueError("a time is no number")
    first = min(max(first, least), piece.end)
    return round(first, 3), round(min(max(last, first), piece.end), 3)


def _marked(found: Sequence[Word], text: str, sure: float, start: float, end: float) -> tuple[Word, ...]:
    """The words with the marks that the segment's text has after them, where they can be told apart there."""
    written = text.split()
    words = [word for word in found if word.text]
    if len(written) == len(words):
        words = [replace(word, text=mark) for word, mark in zip(words, written, strict=True)]
    return tuple(
        replace(
            word,
            start=min(max(word.start, start), end),
            end=min(max(word.end, start), end),
            confidence=sure if word.confidence < 0 else word.confidence,
        )
        for word in words
    )


def _share(number: float) -> float:
    return round(min(1.0, max(0.0, number)), 4)
