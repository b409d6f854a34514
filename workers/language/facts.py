"""The facts of a file as a sentence. Pure."""

from collections.abc import Mapping
from typing import Any

from workers.engine.probe import Probe
from workers.language.words import shown
from workers.languages import language_name, short_language

_KEPT = ("title", "artist", "album", "genre", "comment", "description", "date")
TAG = 200  # characters of what a file says of itself


def facts_of(probe: Probe) -> dict[str, Any]:
    """What matters of a probe to those who describe the file, as plain data."""
    return {
        "media_type": probe.media_type,
        "duration": probe.duration,
        "width": probe.width,
        "height": probe.height,
        "animated": bool(probe.animated),
        "sound": probe.has_audio,
        "language": short_language(probe.audio.language) if probe.audio and probe.audio.language else "",
        "tags": {name: text for name in _KEPT if (text := shown(probe.tags.get(name, ""))[:TAG].strip())},
    }


def fact_sentence(facts: Mapping[str, Any], language: str = "") -> str:
    """In English: A 63 second 1280 × 720 video with sound in English. `language` is that of what is said."""
    words = []
    if facts["duration"]:
        words.append(length(facts["duration"]))
    if facts["width"] and facts["height"]:
        words.append(f"{facts['width']} × {facts['height']}")
    moving = facts["media_type"] == "image" and facts["animated"]
    words.append(
        "animation" if moving else {"image": "picture", "audio": "recording"}.get(facts["media_type"], "video")
    )
    first = words[0].split()[0]
    article = "An" if first.startswith("8") or first in ("11", "18", "animation") else "A"  # eight, eighty, 800
    told = f"{article} {' '.join(words)}"
    spoken = language or facts["language"]
    name = language_name(spoken) if spoken and spoken != "und" else None
    if facts["media_type"] == "video":
        told += (f" with sound in {name}" if name else " with sound") if facts["sound"] else " without sound"
    elif facts["media_type"] == "audio" and name:
        told += f" in {name}"
    return f"{told}."


def length(seconds: float) -> str:
    """How long something is, as it stands before a noun: 63 second, 5 minute, 2 hour 30 minute."""
    whole = round(seconds)
    if whole < 1:
        return "very short"
    if whole < 120:
        return f"{whole} second"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minute"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} hour {minutes} minute" if minutes else f"{hours} hour"
