"""The parts of a video or a sound, from what is known of it: its own chapters, else topics, pauses and scenes. Pure.

Sections tile the whole: the first starts at 0, each ends where the next starts, the last ends with the medium.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from workers.engine.probe import Chapter
from workers.language.words import sentences
from workers.providers.base import Segment
from workers.sections.pauses import Pause
from workers.sections.scenes import Scene
from workers.sections.topics import Text

MOST = 30  # sections, unless more are asked for
MOST_OWN = 1_000  # of a file's own
TITLE = 200  # characters of a title

# Of what is spoken: seconds of the shortest section by the whole, and how few there are at least.
_TALK, _TALK_LEAST, _TALK_MOST = 1 / 40, 15.0, 240.0
_FEW, _FEW_LEAST = 5.0, 150.0
# Of what is only seen or heard: scenes are sections where they are few.
_VIEW, _VIEW_LEAST, _VIEW_MOST = 1 / 60, 1.0, 120.0
_WORDS = 30  # fewer are no talk
_SHARES = (1.0, 0.6, 0.35, 0.2, 0.1, 0.05)  # of a section's price, until there are enough
_SENTENCE = 60  # words; a longer one is cut where it may be
_BREATH, _SILENCE = 2.0, 20.0  # seconds: a pause that says all it can, and one in which something else happens
_PAUSES, _SCENES, _AWAY = 0.5, 0.3, 0.4  # what a pause, a scene and a long silence speak for a new section
_BEFORE, _AFTER = 1.0, 0.5  # seconds that a scene may begin before the first word, or after it
_LEAD = 0.3  # seconds that a section begins before its first word
_SCORE = 10.0  # percent of difference between two scenes that is just enough for a section


@dataclass(frozen=True)
class Section:
    """Seconds; what is said in it; how sure it is that it starts there, 0 to 1; a title where it has one of its own."""

    start: float
    end: float
    text: str = ""
    confidence: float = 1.0
    title: str = ""


@dataclass(frozen=True)
class Sentence:
    """Something that is said. Seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class _Start:
    time: float
    strength: float  # 1 is just enough


def is_chaptered(chapters: Sequence[Chapter], duration: float | None) -> bool:
    """Whether a file's own chapters part it: one is none."""
    return len({chapter.start for chapter in chapters if _inside(chapter.start, duration)}) > 1


def own_sections(chapters: Sequence[Chapter], duration: float) -> list[Section]:
    """A file's own chapters, made to tile it: in order, none twice, none beyond the end."""
    titles: dict[float, str] = {}
    # Of two that begin together, one that lasts has the title: MP4 made of unsorted chapters has others that do not.
    ordered = sorted(chapters, key=lambda item: (item.start, item.end <= item.start))
    for chapter in (item for item in ordered if _inside(item.start, duration)):
        start = max(0.0, round(chapter.start, 3))
        if len(titles) < MOST_OWN:
            titles[start] = titles.get(start) or tidy(chapter.title or "")
    if not titles or min(titles) > _VIEW_LEAST:
        titles[0.0] = ""
    starts = [0.0, *sorted(titles)[1:]]
    named = [titles[start] for start in sorted(titles)]
    return [
        Section(start, end, title=title)
        for (start, end), title in zip(pairwise([*starts, round(duration, 3)]), named, strict=True)
    ]


def _inside(moment: float, duration: float | None) -> bool:
    return math.isfinite(moment) and (duration is None or moment < duration - 0.01)


def tidy(title: str) -> str:
    """A title in one line, without what cannot be seen, of TITLE characters at most."""
    shown = "".join(letter if letter.isprintable() else " " for letter in title)
    line = " ".join(shown.split())
    return line if len(line) <= TITLE else f"{line[: TITLE - 1].rstrip()}…"


def spoken(segments: Sequence[Segment]) -> list[Sentence]:
    """What is said, a sentence each; where one is part of a segment, its time is that share of it."""
    pieces: list[Sentence] = []
    for segment in sorted(segments, key=lambda segment: segment.start):
        told = sentences(segment.text)
        whole = sum(map(len, told)) or 1
        start = segment.start
        for text in told:
            end = min(segment.end, start + (segment.end - segment.start) * len(text) / whole)
            pieces.append(Sentence(start, end, text))
            start = end
    found: list[Sentence] = []
    for piece in pieces:
        last = found[-1] if found else None
        if (
            last is not None
            and not last.text.endswith((".", "!", "?", "…", "。", "！", "？", "।", "؟", '"', "”", "»", "」"))
            and piece.start - last.end < 1.0
            and len(last.text.split()) < _SENTENCE
        ):
            found[-1] = Sentence(last.start, max(last.end, piece.end), f"{last.text} {piece.text}")
        else:
            found.append(piece)
    return found


def find_sections(
    duration: float,
    *,
    said: Sequence[Sentence] = (),
    scenes: Sequence[Scene] = (),
    pauses: Sequence[Pause] = (),
    most: int = MOST,
) -> list[Section]:
    """The sections of a medium of that length, `most` at most."""
    if is_talk(said):
        starts = _by_talk(duration, said, scenes, most)
    else:
        starts = _by_view(duration, scenes, pauses, most)
    bounds = [0.0, *(round(start.time, 3) for start in starts), round(duration, 3)]
    sure = [1.0, *(round(start.strength / (1 + start.strength), 3) for start in starts)]
    sections = [Section(*bound, confidence=each) for bound, each in zip(pairwise(bounds), sure, strict=True)]
    return with_texts(sections, said)


def with_texts(sections: Sequence[Section], said: Sequence[Sentence]) -> list[Section]:
    """The sections with what is said in them; a sentence belongs to where its middle is."""
    middles = [(sentence.start + sentence.end) / 2 for sentence in said]
    found = []
    for place, section in enumerate(sections):
        low = bisect_left(middles, section.start) if place else 0
        high = bisect_left(middles, section.end) if place + 1 < len(sections) else len(said)
        found.append(replace(section, text=" ".join(sentence.text for sentence in said[low:high])))
    return found


def surer(sections: Sequence[Section], least: float) -> list[Section]:
    """The sections whose start is as sure as that; the others belong to the one before them."""
    kept: list[Section] = []
    for section in sections:
        if kept and section.confidence < least:
            text = " ".join(filter(None, (kept[-1].text, section.text)))
            kept[-1] = replace(kept[-1], end=section.end, text=text)
        else:
            kept.append(section)
    return kept


def fewer(sections: Sequence[Section], most: int) -> list[Section]:
    """So many sections at most: the shortest belong to the one before them, or after."""
    kept = list(sections)
    while len(kept) > most:
        place = max(1, min(range(len(kept)), key=lambda place: kept[place].end - kept[place].start))
        kept[place - 1] = replace(kept[place - 1], end=kept[place].end)
        del kept[place]
    return kept


def is_talk(said: Sequence[Sentence]) -> bool:
    """Whether so much is said that it tells the parts."""
    words = sum(len(sentence.text.split()) for sentence in said)
    return words >= _WORDS or sum(len(sentence.text) for sentence in said) >= 4 * _WORDS  # without spaces


# --- By what is said ---


def _by_talk(duration: float, said: Sequence[Sentence], scenes: Sequence[Scene], most: int) -> list[_Start]:
    shortest = max(_TALK_LEAST, min(_TALK_MOST, duration * _TALK))
    least = min(most, int(duration // max(_FEW_LEAST, _FEW * shortest)))
    gaps = [after.start - before.end for before, after in pairwise(said)]
    cuts = [scene.time for scene in scenes]
    near = [
        _scene_at(scenes, cuts, max(before.end - _AFTER, after.start - _BEFORE), after.start + _AFTER)
        for before, after in pairwise(said)
    ]
    # What comes with every sentence says nothing.
    usual = max(0.0, median(gaps)) if gaps else 0.0
    telling = _SCENES * (1 - sum(scene is not None for scene in near) / max(1, len(near)))
    favours, times = [0.0], [0.0]
    for (before, after), gap, scene in zip(pairwise(said), gaps, near, strict=True):
        favour = _PAUSES * max(0.0, min(1.0, (gap - usual) / _BREATH)) + (telling if scene else 0.0)
        favours.append(min(1.0, favour + (_AWAY if gap >= _SILENCE else 0.0)))
        lead = max(after.start - _LEAD, min(after.start, (before.end + after.start) / 2))
        times.append(scene.time if scene else max(0.0, lead))
    times = [min(time, duration) for time in times]
    text = Text([sentence.text for sentence in said])
    places: list[int] = []
    for share in _SHARES:
        places = text.parts(favours, [*times, duration], shortest=shortest, share=share)
        if len(places) + 1 >= least:
            break
    if len(places) + 1 < least:
        places = _even(times, favours, duration, least)
    turns = text.turns(places, favours)
    while len(turns) + 1 > most:
        turns.remove(min(turns, key=lambda turn: turn.strength))
        turns = text.turns([turn.place for turn in turns], favours)
    starts = [_Start(times[turn.place], turn.strength) for turn in turns]
    return _with_silences(starts, duration, said, scenes, shortest, most)


def _even(times: Sequence[float], favours: Sequence[float], duration: float, count: int) -> list[int]:
    """About even parts, where no topic is seen to change: each begins with what speaks for it most near its place."""
    step = duration / count
    found = []
    for number in range(1, count):
        low = bisect_left(times, (number - 0.25) * step)
        high = bisect_right(times, (number + 0.25) * step)
        near = range(max(1, low), high)
        if near:
            found.append(max(near, key=lambda place: (favours[place], -abs(times[place] - number * step))))
    return sorted(set(found))


def _scene_at(scenes: Sequence[Scene], times: Sequence[float], start: float, end: float) -> Scene | None:
    """The last scene from `start` to `end`; `times` are those of all."""
    near = scenes[bisect_left(times, start) : bisect_right(times, end)]
    return near[-1] if near else None


def _with_silences(
    starts: Sequence[_Start],
    duration: float,
    said: Sequence[Sentence],
    scenes: Sequence[Scene],
    shortest: float,
    most: int,
) -> list[_Start]:
    """And where scenes begin in which nobody speaks for long."""
    bounds = [0.0, *(time for sentence in said for time in (sentence.start, sentence.end)), duration]
    silences = [(start, end) for start, end in zip(bounds[::2], bounds[1::2], strict=True) if end - start > _SILENCE]
    away = [
        _Start(scene.time, scene.score / _SCORE)
        for scene in scenes
        if any(start < scene.time < end for start, end in silences)
    ]
    return _spaced(away, duration, shortest, most, already=starts)


# --- By what is seen or heard ---


def _by_view(duration: float, scenes: Sequence[Scene], pauses: Sequence[Pause], most: int) -> list[_Start]:
    shortest = max(_VIEW_LEAST, min(_VIEW_MOST, duration * _VIEW))
    if scenes:
        found = [_Start(scene.time, scene.score / _SCORE + _quiet(scene.time, pauses)) for scene in scenes]
    else:
        shortest = max(shortest, _TALK_LEAST)
        found = [_Start(pause.end, pause.length / _BREATH) for pause in pauses]
    return _spaced(found, duration, shortest, most)


def _quiet(moment: float, pauses: Sequence[Pause]) -> float:
    near = [pause.length for pause in pauses if pause.start - _AFTER <= moment <= pause.end + _AFTER]
    return _PAUSES * min(1.0, max(near, default=0.0) / _BREATH)


def _spaced(
    found: Sequence[_Start], duration: float, shortest: float, most: int, already: Sequence[_Start] = ()
) -> list[_Start]:
    """The strongest, in order of time, none nearer to another than `shortest` seconds, and those there were already."""
    kept = list(already)
    taken = sorted([0.0, duration, *(start.time for start in kept)])
    for start in sorted(found, key=lambda start: (-start.strength, start.time)):
        if len(kept) + 1 >= most:
            break
        place = bisect_left(taken, start.time)
        beside = taken[max(0, place - 1) : place + 1]
        if 0 < start.time < duration and all(abs(start.time - other) >= shortest for other in beside):
            taken.insert(place, start.time)
            kept.append(start)
    return sorted(kept, key=lambda start: start.time)
