"""Subtitles as text: WebVTT and SubRip read into cues, cut to a span, written as WebVTT. Pure.

Sources: the WebVTT candidate recommendation; SubRip as players read it. Files come from strangers and hands: what is no
cue is passed over, as players do.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workers.engine.encodings import decoded_text
from workers.engine.errors import SourceUnsupported

MIME = "text/vtt"
MOST_CUES = 50_000
LONGEST = 5_000  # characters of one cue: more is no text to be read, and markup is looked for in it
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(.*)")
_BREAKS = re.compile(r"\r\n|\r|\u2028|\u2029")
_STYLES = re.compile(r"\{\\[^}]*\}|</?font[^>]*>", re.IGNORECASE)
_SETTINGS = re.compile(r"(?:vertical|line|position|size|align|region):\S+")


@dataclass(frozen=True)
class Cue:
    """Seconds, the text's lines joined by line breaks, and WebVTT's settings of where it stands."""

    start: float
    end: float
    text: str
    settings: str = ""


def read_cues(data: bytes) -> tuple[Cue, ...]:
    """The cues of a file, WebVTT or SubRip, by start. Raises SourceUnsupported when there is none."""
    text = _BREAKS.sub("\n", decoded_text(data)).lstrip("\ufeff")
    is_vtt = text.startswith("WEBVTT")
    cues: list[Cue] = []
    for block in re.split(r"\n[ \t]*\n", text):
        lines = block.strip("\n").split("\n")
        place = next((place for place, line in enumerate(lines[:2]) if "-->" in line), None)
        timing = _TIMING.fullmatch(lines[place]) if place is not None else None
        if timing is None or place is None:
            continue
        start, end = _seconds(*timing.groups()[:4]), _seconds(*timing.groups()[4:8])
        words = "\n".join(line for line in lines[place + 1 :] if line.strip())
        if len(words) > LONGEST:
            continue
        if not is_vtt:
            words = _from_subrip(words)
        if end > start and words and "-->" not in words:
            settings = " ".join(_SETTINGS.findall(timing[9])) if is_vtt else ""
            cues.append(Cue(start, end, words, settings))
        if len(cues) > MOST_CUES:
            raise SourceUnsupported(f"The subtitles have more than {MOST_CUES} cues.")
    if not cues and not is_vtt:
        raise SourceUnsupported("The subtitles are neither WebVTT nor SubRip (.srt).")
    return tuple(sorted(cues, key=lambda cue: (cue.start, cue.end)))


def _seconds(hours: str | None, minutes: str, seconds: str, part: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(part.ljust(3, "0")) / 1000


def _from_subrip(text: str) -> str:
    """Its bold, italic and underlined stay; what else looks like markup is text in WebVTT only when escaped."""
    text = _STYLES.sub("", text)
    parts = re.split(r"(</?[biu]>)", text, flags=re.IGNORECASE)
    kept = [
        part.lower()
        if place % 2
        else part.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "->").replace(">", "&gt;")
        for place, part in enumerate(parts)
    ]
    return "".join(kept)


def cut_cues(cues: Iterable[Cue], start: float, duration: float | None) -> tuple[Cue, ...]:
    """The cues of a span, by its own clock."""
    end = float("inf") if duration is None else start + duration
    return tuple(
        Cue(max(0.0, cue.start - start), min(cue.end, end) - start, cue.text, cue.settings)
        for cue in cues
        if cue.end > start and cue.start < end
    )


def write_cues(cues: Iterable[Cue], *, clock: int | None = None) -> str:
    """WebVTT. `clock` is the timestamp, in ticks of 90 kHz, that transport streams beside it have at 0."""
    lines = ["WEBVTT"]
    if clock is not None:
        lines.append(f"X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{clock}")
    for cue in cues:
        timing = f"{_clock(cue.start)} --> {_clock(cue.end)}"
        lines += ["", f"{timing} {cue.settings}".rstrip(), cue.text]
    return "\n".join(lines) + "\n"


def _clock(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    hours, rest = divmod(thousandths, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"
