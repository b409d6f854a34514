"""Files of subtitles, made of files or of what is said. Operations of the resident helper.

Both write `target` in `format` ("vtt" or "srt") and beside it FACTS, what the result tells of it; times are moved by
`shift` seconds, and end at `duration` where that is known. They answer with notes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.documents import read_document, write_document
from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.tracks.captions import Cue, Reading, moved_cues, read_track, write_cues, write_subrip
from workers.tracks.cues import spoken_cues
from workers.transcripts import NOT_TOLD_APART, TOLD_APART, read_transcript

FACTS = "track.json"
MOST_TEXT = 16 * 1024**2  # bytes of one file of subtitles


def convert_track(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """A track of the first of `sources` that is there, WebVTT or SubRip; an empty one has no cues.

    Raises SourceUnsupported and LimitExceeded that name `param`.
    """
    source = next(path for name in operations["sources"] if (path := cwd / name).exists())
    if source.stat().st_size > MOST_TEXT:
        raise LimitExceeded(f"The subtitles have more than {MOST_TEXT} bytes.", param=operations["param"])
    data = source.read_bytes()
    try:
        reading = read_track(data) if data.strip() else Reading((), "srt")
    except SourceUnsupported as exc:
        exc.param = operations["param"]
        raise
    return _written(cwd, operations, reading.cues, reading.notes(), {"language": operations["language"]})


def speech_track(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """A track of the speech document `source`."""
    transcript = read_transcript(cwd / operations["source"])
    spoken = spoken_cues(transcript.segments, language=transcript.language, duration=operations["duration"])
    known = {"language": operations["language"] or transcript.language or None, **transcript.model.to_json()}
    heard = read_document(cwd / operations["source"]).get("notes") or ()
    heard = [note for note in heard if note not in (TOLD_APART, NOT_TOLD_APART)]  # who speaks is not told of a track
    notes = spoken.notes() if spoken.cues else ("Nobody speaks: there are no cues.",)
    return _written(cwd, operations, spoken.cues, [*heard, *notes], known)


def _written(
    cwd: Path, operations: Mapping[str, Any], cues: Sequence[Cue], notes: Sequence[str], known: Mapping[str, Any]
) -> dict[str, str]:
    moved, told = moved_cues(cues, operations["shift"], operations["duration"])
    text = write_subrip(moved) if operations["format"] == "srt" else write_cues(moved, numbered=True)
    with (cwd / operations["target"]).open("x", encoding="utf-8", newline="") as file:
        file.write(text)
    whole = [*notes, *told]
    facts = {"cues": len(moved), "end": moved[-1].end if moved else 0.0, **known, "notes": whole}
    write_document(cwd / FACTS, facts)
    return {f"{place}.note": note for place, note in enumerate(whole)}
