"""Subtitles as text: WebVTT and SubRip read into cues, cut and moved, and written. Pure.

Sources: the WebVTT candidate recommendation; SubRip as players read it. Files come from strangers and hands: what is no
cue is passed over, as players do.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from workers.engine.encodings import decoded_text
from workers.engine.errors import SourceUnsupported
from workers.engine.subtitles import BREAKS, HEADER, TIME

MOST_CUES = 50_000
LONGEST = 5_000  # characters of one cue: more is no text to be read, and markup is looked for in it
_TIMING = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(.*)")
_COLORED = re.compile(r"<font[^<>]{0,200}\scolor\s*=", re.IGNORECASE)
_COMMENT = re.compile(r"NOTE(?=[ \t]|\Z)")
_HIDDEN = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
# SubStation's mark for where a cue stands, as the keys of a number pad lie, which SubRip has taken over; and its older
# numbers.
_PLACE = re.compile(r"\{[^{}]{0,200}\\(an[1-9]|a(?:1[01]|[1-9]))(?![0-9])[^{}]{0,200}\}")
_OLDER = {1: 1, 2: 2, 3: 3, 5: 7, 6: 8, 7: 9, 9: 4, 10: 5, 11: 6}
_BELOW = 2  # where a cue stands of which nothing is said
_ROWS, _SIDES = ("", "line:50%", "line:0"), ("align:left", "", "align:right")
_LINES = 15  # of text that WebVTT thinks a picture to have
# SubStation's drawings, of which ffmpeg leaves the numbers.
_DRAWING = re.compile(r"^m(?: -?[\d.]+){2}(?: [mnlbspc]| -?[\d.]+)*$", re.MULTILINE)
_STYLES = re.compile(r"\{\\[^{}]*\}|</?font[^<>]*>", re.IGNORECASE)
_SETTING = re.compile(
    r"vertical:(?:rl|lr)|line:(?:-?\d{1,3}|\d{1,3}(?:\.\d{1,3})?%)(?:,(?:start|center|end))?"
    r"|position:\d{1,3}(?:\.\d{1,3})?%(?:,(?:line-left|center|line-right))?|size:\d{1,3}(?:\.\d{1,3})?%"
    r"|align:(?:start|center|end|left|right)"
)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_TAG = re.compile(r"<[^<>]*>?")
_KNOWN_TAG = re.compile(r"<(/?)(ruby|rt|lang|[cibuv])((?:\.[^\s<>&.]+)*)(?:[ \t\n]([^<>]*))?>")
_TAG_LIKE = re.compile(r"</?[A-Za-z0-9][^<>]*>")
_SUBRIP_TAG = re.compile(r"(</?[biu]>)", re.IGNORECASE)


@dataclass(frozen=True)
class Cue:
    """Seconds, the text as WebVTT writes it, its lines joined by line breaks, and settings of where it stands."""

    start: float
    end: float
    text: str
    settings: str = ""


@dataclass(frozen=True)
class Reading:
    """What a file holds: its cues by start; how many were passed over, as their times or texts are none; whether they
    came out of order, and whether it had styles, regions, comments or colours, which are not kept."""

    cues: tuple[Cue, ...]
    format: str  # "vtt" or "srt"
    passed: int = 0
    disordered: bool = False
    styled: bool = False

    def notes(self) -> tuple[str, ...]:
        """What whoever gave the file should know, in words."""
        told = []
        if self.passed:
            told.append(f"Cues left out, as they have no text or their times are none: {self.passed}.")
        if self.disordered:
            told.append("The cues were out of order, and were put in order.")
        overlapping = sum(second.start < first.end for first, second in pairwise(self.cues))
        if overlapping:
            told.append(f"Cues that begin before the one before them ends, and are shown with it: {overlapping}.")
        if self.styled:
            lost = "Styles, regions, comments and times within cues" if self.format == "vtt" else "Colours"
            told.append(f"{lost} were left out.")
        return tuple(told)


# --- Reading ---


def read_cues(data: bytes) -> tuple[Cue, ...]:
    """The cues of a file, WebVTT or SubRip, by start. Raises SourceUnsupported when there is none."""
    return read_track(data).cues


def read_track(data: bytes) -> Reading:
    """What a file of either format holds. Raises SourceUnsupported for another, and for too many cues."""
    text = BREAKS.sub("\n", decoded_text(data)).lstrip("\ufeff")
    is_vtt = bool(HEADER.match(text))
    lines = (text if is_vtt else text.lstrip("\n")).split("\n")
    cues: list[Cue] = []
    passed, timed = 0, False
    place = 0
    while place < len(lines):
        if "-->" not in lines[place]:
            place += 1
            continue
        timing = _TIMING.fullmatch(lines[place])
        last = place + 1
        while last < len(lines) and "-->" not in lines[last] and (lines[last].strip() or not is_vtt):
            last += 1
        block = lines[place + 1 : last]
        if not is_vtt and last < len(lines) and block and block[-1].strip().isdigit():
            block.pop()  # the next one's number
        place = last
        cue = _cue(timing, block, is_vtt) if timing else None
        if cue is None:
            passed += 1
            continue
        timed = timed or "<0" in "".join(block)
        cues.append(cue)
        if len(cues) > MOST_CUES:
            raise SourceUnsupported(f"The subtitles have more than {MOST_CUES} cues.")
    if not cues and not is_vtt:
        raise SourceUnsupported("The subtitles are neither WebVTT nor SubRip (.srt).")
    ordered = tuple(sorted(cues, key=lambda cue: (cue.start, cue.end)))
    disordered = any(first.start > second.start for first, second in pairwise(cues))
    styled = timed or _styled(lines) if is_vtt else bool(_COLORED.search(text))
    return Reading(ordered, "vtt" if is_vtt else "srt", passed, disordered, styled)


def _styled(lines: Sequence[str]) -> bool:
    """Whether there are blocks that are no cues."""
    begins = (line for before, line in pairwise(("", *lines)) if not before.strip())
    return any(line.rstrip() in ("STYLE", "REGION") or _COMMENT.match(line) for line in begins)


def _cue(timing: re.Match[str], block: Sequence[str], is_vtt: bool) -> Cue | None:
    """None where there is nothing to be shown."""
    start, end = _seconds(*timing.groups()[:4]), _seconds(*timing.groups()[4:8])
    words = "\n".join(line.strip() for line in block if line.strip())
    if end <= start or len(words) > LONGEST:
        return None
    settings = " ".join(_settings(timing[9])) if is_vtt else _placed(words)
    text = tidied(words) if is_vtt else _from_subrip(words)
    return Cue(start, end, text, settings) if _TAG.sub("", text).strip() else None


def _seconds(hours: str | None, minutes: str, seconds: str, part: str | None) -> float:
    thousandths = int((part or "0")[:3].ljust(3, "0"))
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + thousandths / 1000


def _settings(text: str) -> list[str]:
    """Those that say where a cue stands, each once; percentages of more than all are none."""
    found: dict[str, str] = {}
    for setting in text[:500].split():
        percent = _PERCENT.search(setting)
        if _SETTING.fullmatch(setting) and not (percent and float(percent[1]) > 100):
            found.setdefault(setting.partition(":")[0], setting)
    return list(found.values())


def _placed(text: str) -> str:
    """The settings for where SubStation's mark puts a cue."""
    mark = _PLACE.search(text)
    if mark is None:
        return ""
    name, number = mark[1].rstrip("0123456789"), int(mark[1].lstrip("an"))
    row, side = divmod((number if name == "an" else _OLDER.get(number, _BELOW)) - 1, 3)
    return " ".join(filter(None, (_ROWS[row], _SIDES[side])))


def _place(cue: Cue) -> int:
    """The key of a number pad that lies where a cue stands, as near as may be."""
    told = dict(setting.split(":", 1) for setting in cue.settings.split())
    if "vertical" in told:
        return _BELOW
    line, align = told.get("line", "-1").partition(",")[0], told.get("align", "center")
    if line.endswith("%"):
        down = float(line[:-1]) / 100
    else:
        down = int(line) / _LINES if int(line) >= 0 else 1 + int(line) / _LINES
    row = 2 if down < 1 / 3 else 1 if down < 2 / 3 else 0
    if align in ("start", "end"):
        rightwards = _reads_right(html.unescape(_TAG.sub("", cue.text)))
        align = "left" if (align == "start") == rightwards else "right"
    return 3 * row + {"left": 1, "right": 3}.get(align, 2)


def _reads_right(text: str) -> bool:
    """Whether a text runs from left to right, by its first letter that tells."""
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") == "L"


def _from_subrip(text: str) -> str:
    """Its bold, italic and underlined stay; what else looks like markup is text in WebVTT only when escaped."""
    parts = _SUBRIP_TAG.split(_DRAWING.sub("", _STYLES.sub("", text)))
    marked = "".join(part.lower() if place % 2 else escaped(part) for place, part in enumerate(parts))
    return tidied(marked)


def escaped(text: str) -> str:
    """Plain text as WebVTT writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def tidied(text: str) -> str:
    """The text of a cue with what WebVTT knows and no more: tags in pairs, times within it left out, all else escaped;
    no empty line."""
    out: list[str] = []
    opened: list[str] = []
    at = 0
    for tag in _TAG.finditer(text):
        out.append(escaped(html.unescape(text[at : tag.start()])))
        at = tag.end()
        out += _tag(tag[0], opened)
    out.append(escaped(html.unescape(text[at:])))
    out += [f"</{name}>" for name in reversed(opened)]
    lines = (line.strip() for line in _HIDDEN.sub("", "".join(out).replace("\r", "\n")).split("\n"))
    return "\n".join(filter(None, lines))


def _tag(tag: str, opened: list[str]) -> list[str]:
    """What is written for a tag; `opened` are those that are not closed, and will be."""
    known = _KNOWN_TAG.fullmatch(tag)
    if known is None:
        # "a < b" is no tag, and "<" a character of its own; other tags mean nothing.
        return [] if _TAG_LIKE.match(tag) else [escaped(html.unescape(tag))]
    closing, name, classes, said = known[1], known[2], known[3], " ".join((known[4] or "").split())
    if closing:
        return _closed(name, opened) if name in opened else []
    if (name in ("v", "lang") and not said) or (name == "rt" and opened[-1:] != ["ruby"]):
        return []
    ended = _closed(name, opened) if name == "v" and name in opened else []  # the next voice ends the one before it
    opened.append(name)
    annotation = f" {escaped(html.unescape(said))}" if name in ("v", "lang") else ""
    return [*ended, f"<{name}{classes}{annotation}>"]


def _closed(name: str, opened: list[str]) -> list[str]:
    """The ends of the last tag of that name, and of those within it."""
    ended: list[str] = []
    while not ended or ended[-1] != f"</{name}>":
        ended.append(f"</{opened.pop()}>")
    return ended


# --- Cutting and moving ---


def cut_cues(cues: Iterable[Cue], start: float, duration: float | None) -> tuple[Cue, ...]:
    """The cues of a span, by its own clock."""
    end = float("inf") if duration is None else start + duration
    return tuple(
        Cue(max(0.0, cue.start - start), min(cue.end, end) - start, cue.text, cue.settings)
        for cue in cues
        if cue.end > start and cue.start < end
    )


def moved_cues(cues: Sequence[Cue], shift: float, duration: float | None) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    """(the cues later by `shift` seconds, as far as they are within 0 and `duration`; what that did to them, in
    words)."""
    end = float("inf") if duration is None else duration
    kept, before, after, cut = [], 0, 0, 0
    for cue in cues:
        start, stop = round(cue.start + shift, 3), round(cue.end + shift, 3)
        if stop <= 0.0:
            before += 1
        elif start >= end:
            after += 1
        else:
            cut += start < 0.0 or stop > end
            kept.append(replace(cue, start=max(0.0, start), end=min(stop, end)))
    notes = []
    if before:
        notes.append(f"Cues left out, as they would end before 0: {before}.")
    if after:
        notes.append(f"Cues left out, as they begin after the input's end at {end:g} s: {after}.")
    if cut:
        notes.append(f"Cues cut at the input's beginning or end: {cut}.")
    return tuple(kept), tuple(notes)


# --- Writing ---


def write_cues(cues: Iterable[Cue], *, clock: int | None = None, numbered: bool = False) -> str:
    """WebVTT. `clock` is the timestamp, in ticks of 90 kHz, that transport streams beside it have at 0."""
    lines = ["WEBVTT"]
    if clock is not None:
        lines.append(f"X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{clock}")
    for number, cue in enumerate(cues, start=1):
        timing = f"{_clock(cue.start)} --> {_clock(cue.end)}"
        lines += ["", *([str(number)] if numbered else []), f"{timing} {cue.settings}".rstrip(), cue.text]
    return "\n".join(lines) + "\n"


def write_subrip(cues: Iterable[Cue]) -> str:
    """SubRip. Lines end as SubRip's own do, in CR LF: every reader takes that, some televisions and editors nothing
    else. Without a byte order mark, which some take for part of the first number."""
    lines: list[str] = []
    for number, cue in enumerate(cues, start=1):
        timing = f"{_clock(cue.start)} --> {_clock(cue.end)}".replace(".", ",")
        lines += [str(number), timing, *_subrip_text(cue).split("\n"), ""]
    return "\r\n".join(lines or [""]) + "\r\n"


def _subrip_text(cue: Cue) -> str:
    """Its bold, italic and underlined stay, and about where it stands. A line that reads like times would end the
    cue."""
    parts = re.split(r"(</?[biu](?:\.[^<>]*)?>)", cue.text)
    plain = [
        re.sub(r"\.[^<>]*", "", part) if place % 2 else html.unescape(_TAG.sub("", part))
        for place, part in enumerate(parts)
    ]
    place = _place(cue)
    return ("" if place == _BELOW else f"{{\\an{place}}}") + "".join(plain).replace("-->", "→")


def _clock(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    hours, rest = divmod(thousandths, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"
