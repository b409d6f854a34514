"""Sections of a medium as steps of a plan, for the kinds that tell of them; and what the steps do.

SECTIONS    {"source": "embedded" or "detected", "language": "en" or null, "duration": 63.2,
             "sections": [{"start", "end", "text", "confidence", "title"}]}
TEXTS       what titles are asked for (workers.language), where sections have words and no titles of their own
TITLES      the answer
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workers import graph
from workers.documents import read_document, write_document
from workers.engine.errors import SourceUnsupported
from workers.engine.probe import Chapter, Probe
from workers.plans import FfmpegStep, HelperStep, ModelStep, Need, Source
from workers.providers.base import Transcript
from workers.sections import parts
from workers.sections.parts import Section
from workers.sections.pauses import BLOCK, LEVELS, find_pauses, level_step, read_levels
from workers.sections.scenes import SCENES, read_scenes, scene_steps
from workers.tracks.captions import Cue, escaped, write_cues
from workers.transcripts import read_transcript

SECTIONS, TEXTS, TITLES = "sections.json", "texts.json", "titles.json"
EMBEDDED, DETECTED = "embedded", "detected"

Steps = tuple[FfmpegStep | HelperStep | ModelStep, ...]


# --- The plan ---


def speech_needs(probe: Probe, options: Mapping[str, Any]) -> tuple[Need, ...]:
    """What is said, where there is sound and the file does not name its parts itself."""
    if not probe.has_audio or _names_its_parts(probe):
        return ()
    given = {name: value for name, value in options.items() if value is not None}
    return (Need("speech", given, required=False),)


def section_steps(
    source: Source, *, count: int | None, language: str | None, least: float | None, audio_track: int | str | None
) -> Steps:
    """Steps that write SECTIONS and TITLES. Raises SourceUnsupported, LimitExceeded."""
    probe = source.probe
    asked: dict[str, Any] = {
        "duration": probe.duration,
        "count": count,
        "language": language,
        "least": least or 0.0,
        "target": SECTIONS,
        "texts": TEXTS,
    }
    looks: Steps = ()
    if parts.is_chaptered(probe.chapters, probe.duration):
        asked["chapters"] = [asdict(chapter) for chapter in probe.chapters]
    else:
        looks = scene_steps(source) if probe.video else ()
        audio = graph.track(probe, audio_track)
        looks = (*looks, level_step(source, audio)) if audio else looks
        looks = (*graph.readable_steps(source, measures="readable"), *looks)
        asked |= {"scenes": SCENES, "levels": LEVELS, "readable": graph.READABLE}
    if needs := speech_needs(probe, {}):
        asked["speech"] = needs[0].name
    return (
        *looks,
        HelperStep("sections", asked, measures="sections", timeout=900.0),
        ModelStep("language", {"ask": "titles", "sections": TEXTS}, TITLES, weight=0.3, when=TEXTS),
    )


def section_reads(probe: Probe) -> str:
    """What is read of the source: nothing where the file names its parts itself."""
    return "nothing" if _names_its_parts(probe) else "whole"


def _names_its_parts(probe: Probe) -> bool:
    return parts.is_chaptered(probe.chapters, probe.duration) and any(item.title for item in probe.chapters)


# --- What the steps do ---


def write_sections(cwd: Path, operations: Mapping[str, Any]) -> dict[str, str]:
    """Write SECTIONS, and TEXTS where titles are wanted. A note where what is said is not known."""
    transcript = _transcript(cwd, operations)
    said = parts.spoken(transcript.segments) if transcript else []
    if "chapters" in operations:
        source, found = EMBEDDED, _own(operations)
        found = parts.with_texts(found, said)
    else:
        source, found = DETECTED, _detected(cwd, operations, said)
    found = parts.surer(found, operations["least"])
    language = operations["language"] or (transcript.language if transcript and transcript.segments else "") or None
    content = {"source": source, "language": language, "duration": found[-1].end}
    write_document(cwd / operations["target"], content | {"sections": [asdict(section) for section in found]})
    if any(section.text and not section.title for section in found):
        told = [{"start": section.start, "end": section.end, "text": section.text} for section in found]
        write_document(cwd / operations["texts"], {"language": language, "sections": told})
    return {"note": _note(source, said, found)}


def _note(source: str, said: list[parts.Sentence], found: list[Section]) -> str:
    if source == EMBEDDED or len(found) == 1 or parts.is_talk(said):
        return ""
    return "There is little or no speech: the parts follow scenes and pauses."


def _transcript(cwd: Path, operations: Mapping[str, Any]) -> Transcript | None:
    path = cwd / operations.get("speech", "")
    return read_transcript(path) if path.is_file() else None


def _own(operations: Mapping[str, Any]) -> list[Section]:
    chapters = [Chapter(**item) for item in operations["chapters"]]
    duration = operations["duration"] or max(max(item.start, item.end) for item in chapters)
    return parts.fewer(parts.own_sections(chapters, duration), operations["count"] or parts.MOST_OWN)


def _detected(cwd: Path, operations: Mapping[str, Any], said: list[parts.Sentence]) -> list[Section]:
    scenes = cwd / operations["scenes"]
    times, levels = read_levels(cwd / operations["levels"])
    readable = cwd / operations["readable"]
    duration = read_document(readable)["end"] if readable.exists() else operations["duration"]
    if not duration:
        seen = read_document(scenes)["end"] if scenes.exists() else 0.0
        duration = max(seen, times[-1] + BLOCK if times else 0.0, said[-1].end if said else 0.0)
    if duration <= 0:
        raise SourceUnsupported("The input has no length: nothing in it can be decoded.")
    return parts.find_sections(
        duration,
        said=said,
        scenes=read_scenes(scenes),
        pauses=find_pauses(times, levels),
        most=operations["count"] or parts.MOST,
    )


def titled(cwd: Path, operations: Mapping[str, Any]) -> dict[str, Any]:
    """SECTIONS with a title for each, and the `model` and `model_version` that made titles, null where none did; what
    has none is numbered after `word`."""
    content = read_document(cwd / operations["sections"])
    path = cwd / operations["titles"]
    answer = read_document(path) if path.exists() else {}
    made = answer.get("titles", [])
    for place, section in enumerate(content["sections"]):
        suggested = parts.tidy(str(made[place])) if place < len(made) and section["text"] else ""
        section["title"] = section["title"] or suggested or f"{operations['word']} {place + 1}"
    return content | {name: answer.get(name) for name in ("model", "model_version")}


def write_chapters(cwd: Path, operations: Mapping[str, Any]) -> None:
    """Write `target`, JSON or WebVTT by `format`; and `facts`, the same without the sections."""
    content = titled(cwd, operations)
    found = content.pop("sections")
    facts = {"language": content.pop("language"), "format": operations["format"], **content, "count": len(found)}
    write_document(cwd / operations["facts"], facts)
    target = cwd / operations["target"]
    if operations["format"] == "vtt":
        cues = [Cue(item["start"], item["end"], escaped(item["title"])) for item in found]
        with target.open("x", encoding="utf-8", newline="") as file:
            file.write(write_cues(cues, numbered=True))
        return
    names = ("start", "end", "title", "confidence")
    chapters = [{"index": index, **{name: item[name] for name in names}} for index, item in enumerate(found)]
    write_document(target, {name: value for name, value in facts.items() if name != "count"} | {"chapters": chapters})


def write_outline(cwd: Path, operations: Mapping[str, Any]) -> None:
    """Write `target`, the document of `outline`."""
    content = titled(cwd, operations)
    names = ("start", "end", "title", "confidence")
    timeline = [
        {"index": index, **{name: item[name] for name in names}} for index, item in enumerate(content["sections"])
    ]
    document = {
        "detected": len(timeline) > 1 or content["model"] is not None,
        "language": content["language"],
        "confidence": round(sum(item["confidence"] for item in timeline) / len(timeline), 3),
        "timeline": timeline,
        **{name: content[name] for name in ("duration", "source", "model", "model_version")},
    }
    write_document(cwd / operations["target"], document)
