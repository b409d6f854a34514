"""The document of `speech`: a transcript as users get it, and read back for what is made of it. Pure but for the files.

    {"detected": true, "speakers": 1, "speakers_known": false, "language": "en", "language_confidence": 0.98,
     "languages": ["en"], "text": ["Good morning."], "confidence": 0.91, "timeline": [{"index": 0, "start": 0.0,
     "end": 1.9, "detected": true, "speaker": 0, "text": "Good morning.", "confidence": 0.91, "words": […]}],
     "model": "whisper-base", "model_version": "d01c3014…", "notes": []}

`words` of a segment ({"start", "end", "text", "confidence"}) are there where they were asked for. Where nobody speaks,
`detected` is false, the lists are empty and `language` is null; `language_confidence` is null where the language was
given, or the model knows only one. Languages without spaces between words have a word for each character or so: texts
are put together by `spelled`.
"""

import wave
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workers.documents import read_document, write_document
from workers.languages import SPACELESS
from workers.providers.base import Model, Segment, Transcript, Word

NOT_TOLD_APART = "Speakers were not told apart."
TOLD_APART = "Speakers were told apart by their voices; alike ones may count as one."
_MOST_READ = 0.9  # share of the length that a container tells


def read_transcript(path: Path) -> Transcript:
    """What a speech document tells. Segments have their words where the document has. Raises ValueError for another
    document."""
    content = read_document(path)
    try:
        return Transcript(
            segments=tuple(_segment(item) for item in content["timeline"]),
            language=content["language"] or "",
            model=Model(content["model"], content["model_version"]),
            language_confidence=content.get("language_confidence") or 0.0,
            speakers=content["speakers"],
            speakers_known=content.get("speakers_known", False),
        )
    except (KeyError, TypeError) as exc:
        raise ValueError("The document is none of speech.") from exc


def _segment(item: Mapping[str, Any]) -> Segment:
    words = tuple(Word(**word) for word in item.get("words", ()))
    return Segment(item["start"], item["end"], item["text"], item["confidence"], item["speaker"], words)


def transcript_document(
    transcript: Transcript, *, words: bool = False, least: float | None = None, notes: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The document's own fields; segments less sure than `least` are left out."""
    named: dict[int, int] = {}  # speakers are numbered anew, as some may have no sentence left
    kept = [
        replace(segment, speaker=named.setdefault(segment.speaker, len(named)))
        for segment in transcript.segments
        if segment.confidence >= (least or 0.0)
    ]
    speaking = sum(segment.end - segment.start for segment in kept)
    weighed = sum((segment.end - segment.start) * segment.confidence for segment in kept)
    return {
        "detected": bool(kept),
        "speakers": len(named),
        "speakers_known": transcript.speakers_known,
        "language": transcript.language if kept else None,
        "language_confidence": round(transcript.language_confidence, 3) or None if kept else None,
        "languages": [transcript.language] if kept else [],
        "text": [segment.text for segment in kept],
        "confidence": round(weighed / speaking, 3) if speaking else 0.0,
        "timeline": [_entry(index, segment, words=words) for index, segment in enumerate(kept)],
        **transcript.model.to_json(),
        "notes": list(notes),
    }


def spelled(words: Iterable[Word], language: str) -> str:
    """The text of words, with spaces where the language writes them."""
    return ("" if language in SPACELESS else " ").join(word.text for word in words)


def _entry(index: int, segment: Segment, *, words: bool) -> dict[str, Any]:
    told = {
        "index": index,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "detected": True,
        "speaker": segment.speaker,
        "text": segment.text,
        "confidence": round(segment.confidence, 3),
    }
    rounded = [
        {name: round(value, 3) if name != "text" else value for name, value in asdict(word).items()}
        for word in segment.words
    ]
    return told | ({"words": rounded} if words else {})


def write_speech(cwd: Path, operations: dict[str, Any]) -> None:
    """Write `target`, the document, from the model's answer in `source`; `words`, `confidence` and `notes` as
    `transcript_document` takes them. Times become the medium's: `offset` is where `sound` began in it, `until` the
    last moment of it that was to be heard, None where that is not known."""
    transcript = Transcript.from_json(read_document(cwd / operations["source"]))
    transcript = moved(transcript, operations["offset"], operations["until"])
    notes = [*operations["notes"], *_unread(cwd / operations["sound"], operations["offset"], operations["until"])]
    if transcript.segments:
        notes.append(TOLD_APART if transcript.speakers_known else NOT_TOLD_APART)
    content = transcript_document(
        transcript, words=operations["words"], least=operations["confidence"], notes=tuple(notes)
    )
    write_document(cwd / operations["target"], content)


def moved(transcript: Transcript, by: float, until: float | None = None) -> Transcript:
    """The same so many seconds later, and nothing of it after `until`."""

    def place(moment: float) -> float:
        return moment + by if until is None else min(moment + by, until)

    segments = tuple(
        replace(
            segment,
            start=place(segment.start),
            end=place(segment.end),
            words=tuple(replace(word, start=place(word.start), end=place(word.end)) for word in segment.words),
        )
        for segment in transcript.segments
    )
    return replace(transcript, segments=segments)


def _unread(sound: Path, offset: float, until: float | None) -> list[str]:
    """A note, where much less sound came out of the input than was to be."""
    try:
        with wave.open(str(sound)) as file:
            length = file.getnframes() / file.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        return []
    if until is None or length >= (until - offset) * _MOST_READ - 1.0:
        return []
    return [f"The sound ends after {length:.1f} of {until - offset:.1f} s."]
