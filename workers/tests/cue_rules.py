"""The trade's rules of subtitles, held against a WebVTT file by other code than that which makes them.

Netflix Timed Text Style Guide: lines of 42 characters (26 half-width columns of Japanese, 32 of Chinese and Korean),
two of them, at most 7 s, 20 characters a second (full-width ones count double), two frames of 24 a second between cues.
"""

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from workers.tracks.captions import write_cues
from workers.tracks.cues import spoken_cues
from workers.transcripts import read_transcript

LINES = {"ja": 26, "zh": 32, "yue": 32, "ko": 32, "th": 35}
FRAMES = 2 / 24
_CUE = re.compile(r"(\d+)\n(\d\d):(\d\d):(\d\d)\.(\d{3}) --> (\d\d):(\d\d):(\d\d)\.(\d{3})\n(.+)", re.DOTALL)


@dataclass
class Found:
    """How many cues there are, how many of them break a rule, and how often each rule is broken."""

    cues: int = 0
    outside: int = 0
    rules: Counter[str] = field(default_factory=Counter)


def check_rules(vtt: str, *, language: str = "", duration: float | None = None) -> Found:
    """The cues of a file that are outside the rules. `duration` is the medium's, seconds. Raises ValueError for what is
    no file of numbered cues."""
    head, *blocks = vtt.removesuffix("\n").split("\n\n")
    if head != "WEBVTT":
        raise ValueError("There is no header.")
    found, last = Found(), 0.0
    for number, block in enumerate(blocks, start=1):
        cue = _CUE.fullmatch(block)
        if cue is None or int(cue[1]) != number:
            raise ValueError(f"Block {number} is no cue of that number: {block[:200]!r}")
        start, end = _seconds(*cue.groups()[1:5]), _seconds(*cue.groups()[5:9])
        broken = _broken(start, end, html.unescape(re.sub(r"<[^>]*>", "", cue[10])).split("\n"), language)
        if number > 1 and start - last < FRAMES - 1e-6:
            broken.append("overlap" if start < last else "gap")
        if duration is not None and end > duration + 1e-6:
            broken.append("end")
        found.cues += 1
        found.outside += bool(broken)
        found.rules.update(broken)
        last = end
    return found


def check_speech(document: Path, duration: float | None = None) -> Found:
    """The cues that subtitles of a speech document have, held against the rules."""
    transcript = read_transcript(document)
    cues = spoken_cues(transcript.segments, language=transcript.language, duration=duration).cues
    return check_rules(write_cues(cues, numbered=True), language=transcript.language, duration=duration)


def _broken(start: float, end: float, lines: list[str], language: str) -> list[str]:
    widths = [sum(map(_columns, line)) for line in lines]
    broken = []
    if len(lines) > 2:
        broken.append("lines")
    if max(widths) > LINES.get(language, 42):
        broken.append("length")
    if end - start < 1.0 - 1e-6:
        broken.append("short")
    if end - start > 7.0 + 1e-6:
        broken.append("long")
    spaces = len(lines) - 1
    if end <= start or (sum(widths) + spaces) / (end - start) > 20.0 + 1e-6:
        broken.append("speed")
    return broken


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 1 + (unicodedata.east_asian_width(character) in ("W", "F"))


def _seconds(*parts: str) -> float:
    hours, minutes, seconds, thousandths = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000
