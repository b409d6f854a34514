"""What is said, as cues of subtitles made to the trade's rules. Pure.

Sources: Netflix Timed Text Style Guide (42 characters a line, two lines, at most 7 s, 20 characters a second, two
frames between cues, gaps of less than half a second closed to that); BBC Subtitle Guidelines (breaks, two lines of
which the upper is not the longer). At least a second is this service's own; Netflix asks for 5/6 of one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from workers.providers.base import Segment, Word
from workers.tracks.breaks import (
    LINE,
    LINES,
    SENTENCE,
    TIED,
    Words,
    badness,
    columns,
    may_part,
    unspaced,
)
from workers.tracks.captions import Cue, escaped
from workers.typefaces import clusters

# Milliseconds, in which all times are counted here.
SHORTEST, LONGEST = 1_000, 7_000
RATE = 20  # characters a second; full-width ones count double
GAP = 84  # two frames of film
CHAINED = 500  # a shorter gap is closed, to GAP
LINGER = 300  # that a cue stays after the last word, where there is time
LEAN = 250  # that a cue may begin before its first word, or after it, for the sake of reading
SLIP = 500  # the same for a few cues in a row, where nothing less makes them readable
ROW = 4  # cues before and after one, that may slip for its sake
FLASH = 200  # that a cue is shown however little time there is
PAUSE, SILENCE = 300, 1_500  # a pause that parts, and one that no cue goes across
LONGEST_WORD = 3_000  # a word that is said to last longer has silence in it

_CUE = 25.0  # what a cue costs beside its break, so that there are few
_INSIDE = 10.0  # a sentence that ends within a cue
_LONGER = 20  # columns that the lower line may be longer
_FAST, _FAST_BY, _SHORT, _SHORT_BY = 15.0, 400.0, 30.0, 150.0


@dataclass(frozen=True)
class Spoken:
    """Cues, and what could not be kept of the rules: how many are read faster than RATE, how fast the fastest is, how
    many are shown for less than a second, and how many had no time at all and are not there."""

    cues: tuple[Cue, ...]
    fast: int = 0
    fastest: float = 0.0
    short: int = 0
    lost: int = 0

    def notes(self) -> tuple[str, ...]:
        """In words."""
        told, count = [], len(self.cues)
        if self.fast:
            told.append(
                f"Cues read faster than {RATE} characters a second, up to {self.fastest:.0f}, as the speech is: "
                f"{self.fast} of {count}."
            )
        if self.short:
            told.append(f"Cues shown for less than a second, as the next follows at once: {self.short} of {count}.")
        if self.lost:
            told.append(f"Cues left out, as there was no time to show them: {self.lost}.")
        return tuple(told)


@dataclass(slots=True)
class _Piece:
    """What no break comes into: a word with its marks, a character or a few of a script without spaces."""

    start: int
    end: int
    text: str
    spaced: bool  # a space comes before it
    width: int = 0


@dataclass(slots=True)
class _Block:
    """A cue in the making: when its words are said, when it is shown."""

    lines: tuple[str, ...]
    spoken: int
    silent: int
    width: int
    begin: int = 0
    end: int = 0
    need: int = field(init=False)

    def __post_init__(self) -> None:
        self.need = max(SHORTEST, math.ceil(self.width * 1000 / RATE))

    @property
    def lack(self) -> int:
        return self.need - (self.end - self.begin)


def spoken_cues(segments: Sequence[Segment], *, language: str = "", duration: float | None = None) -> Spoken:
    """Cues of what is said, in order, none beyond `duration` seconds. `language` is ISO 639-1, "" where unknown.

    Where a segment has no words, its time is spread over its characters.
    """
    end = None if duration is None else math.floor(duration * 1000 + 1e-6)
    line = LINES.get(language, LINE)
    words = Words.of(language)
    blocks: list[_Block] = []
    for pieces in _runs(segments, end, line):
        blocks += _blocks(pieces, line, words, end)
    total = len(blocks)
    blocks = _timed(blocks, end)
    cues = tuple(Cue(block.begin / 1000, block.end / 1000, escaped("\n".join(block.lines))) for block in blocks)
    rates = [block.width * 1000 / (block.end - block.begin) for block in blocks]
    return Spoken(
        cues,
        fast=sum(rate > RATE for rate in rates),
        fastest=max(rates, default=0.0),
        short=sum(block.end - block.begin < SHORTEST for block in blocks),
        lost=total - len(blocks),
    )


# --- Words to pieces ---


def _runs(segments: Sequence[Segment], end: int | None, line: int) -> Iterator[list[_Piece]]:
    """Pieces that may be in one cue: of one speaker, without a long silence; in order of time."""
    run: list[_Piece] = []
    speaker, now = 0, 0
    for segment in sorted(segments, key=lambda one: one.start):
        for piece in _parted(_joined(list(_pieces(segment))), line):
            piece.start = max(now, piece.start)
            piece.end = min(max(piece.start, piece.end), piece.start + LONGEST_WORD)
            if end is not None:
                piece.start, piece.end = min(piece.start, end), min(piece.end, end)
            if run and (segment.speaker != speaker or piece.start - run[-1].end > SILENCE):
                yield run
                run = []
            if run and piece.start < run[-1].end:
                run[-1].end = piece.start
            speaker, now = segment.speaker, piece.start
            run.append(piece)
    if run:
        yield run


def _pieces(segment: Segment) -> Iterator[_Piece]:
    words = segment.words or (Word(segment.start, segment.end, segment.text, segment.confidence),)
    text = _plain(segment.text)
    place = 0
    for number, word in enumerate(words):
        written = _plain(word.text)
        if not written:
            continue
        found = text.find(written, place, place + 3 + len(written))  # a space, or a mark that no word has
        apart = True
        if found >= 0:
            between = text[place:found]
            apart = not number or " " in between
            written = between.strip() + written
            place = found + len(written) - len(between.strip())
        yield from _spread(word, written, apart)


def _plain(text: str) -> str:
    """One line, without what no screen shows."""
    return " ".join("".join(c if c.isprintable() or c.isspace() or c in "\u200c\u200d" else "" for c in text).split())


def _spread(word: Word, text: str, apart: bool) -> Iterator[_Piece]:
    """The time of a word, or of a whole segment, over its pieces, by their characters."""
    start, end = _milliseconds(word.start), _milliseconds(word.end)
    end = max(start, end)
    tokens = [
        (piece, not number) for token in text.split() for number, piece in enumerate(_characters(token))
    ]  # (text, whether a space comes before it)
    whole = sum(columns(token) for token, _ in tokens) or 1
    done = 0
    for number, (token, spaced) in enumerate(tokens):
        first = start + (end - start) * done // whole
        done += columns(token)
        yield _Piece(first, start + (end - start) * done // whole, token, apart if not number else spaced)


def _characters(token: str) -> Iterator[str]:
    """A token of a script without spaces in its characters, what is of another script within it in one."""
    held = ""
    for cluster in clusters(token):
        if unspaced(cluster[0]):
            if held:
                yield held
            held = ""
            yield cluster
        else:
            held += cluster
    if held:
        yield held


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000)) if math.isfinite(seconds) else 0


def _joined(pieces: list[_Piece]) -> Iterator[_Piece]:
    """Those that belong together as one: a word and its hyphenated rest, a bracket and what is in it."""
    held: _Piece | None = None
    for piece in pieces:
        if held is not None and not piece.spaced and not may_part(held.text, piece.text):
            held.text += piece.text
            held.end = max(held.end, piece.end)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def _parted(pieces: Iterator[_Piece], line: int) -> Iterator[_Piece]:
    """None longer than a line: a word that is gets cut."""
    for piece in pieces:
        piece.width = columns(piece.text)
        if piece.width <= line:
            yield piece
            continue
        parts, held = [], ""
        for cluster in clusters(piece.text):
            # One character may have marks without end.
            cluster = cluster[:line]
            if held and (columns(held + cluster) > line):
                parts.append(held)
                held = ""
            held += cluster
        parts.append(held)
        step = (piece.end - piece.start) / len(parts)
        for number, part in enumerate(parts):
            first, last = (piece.start + round(step * place) for place in (number, number + 1))
            yield _Piece(first, last, part, piece.spaced and not number, columns(part))


# --- Pieces to cues ---


class _Text:
    """Pieces in a row, with what is asked of them again and again."""

    def __init__(self, pieces: list[_Piece], line: int, words: Words) -> None:
        self.pieces, self.line = pieces, line
        self.before = [0, *accumulate(piece.width + piece.spaced for piece in pieces)]
        # badness[k] of a break before piece k, and what it costs not to break there.
        self.badness = [SENTENCE, *(_badness(*pair, words) for pair in pairwise(pieces))]
        pauses = [0, *(second.start - first.end for first, second in pairwise(pieces))]
        kept = [
            (_INSIDE if bad == SENTENCE else 0.0) + max(0.0, (pause - PAUSE) / 20)
            for bad, pause in zip(self.badness, pauses, strict=True)
        ]
        self.inside = [0.0, *accumulate(kept)]
        self.between = [bad * (0.4 if pause >= PAUSE else 1.0) for bad, pause in zip(self.badness, pauses, strict=True)]

    def width(self, first: int, last: int) -> int:
        """Columns of the pieces from `first` to before `last`, in one line."""
        return self.before[last] - self.before[first] - self.pieces[first].spaced

    def split(self, first: int, last: int) -> tuple[float, int | None] | None:
        """(how bad, the piece that the second line begins with or None); None where two lines are too few."""
        if self.width(first, last) <= self.line:
            return 0.0, None
        best: tuple[float, int | None] | None = None
        for place in range(last - 1, first, -1):
            lower = self.width(place, last)
            if lower > self.line:
                break
            upper = self.width(first, place)
            if upper > self.line:
                continue
            cost = self.badness[place] + _uneven(upper, lower)
            if best is None or cost < best[0]:
                best = (cost, place)
        return best

    def line_of(self, first: int, last: int) -> str:
        head, *rest = self.pieces[first:last]
        return head.text + "".join(f" {piece.text}" if piece.spaced else piece.text for piece in rest)


def _uneven(upper: int, lower: int) -> float:
    """How bad two lines are together: better the lower is the longer, but not by half a line."""
    if upper > lower:
        return (upper - lower) * 2.0
    return lower - upper + max(0, lower - upper - _LONGER) * 2.0


def _badness(first: _Piece, second: _Piece, words: Words) -> float:
    if not second.spaced and not may_part(first.text, second.text):
        return 4 * TIED  # the inside of a word that is longer than a line
    return badness(first.text, second.text, words, spaced=second.spaced)


def _blocks(pieces: list[_Piece], line: int, words: Words, end: int | None) -> list[_Block]:
    """The cheapest way to make cues of a run: by dynamic programming over where each begins."""
    text, count = _Text(pieces, line, words), len(pieces)
    best = [0.0] + [math.inf] * count
    begins = [0] * (count + 1)
    for first in range(count):
        for last in range(first + 1, count + 1):
            spoken = pieces[last - 1].end - pieces[first].start
            if last > first + 1 and (text.width(first, last) > 2 * line + 1 or spoken > LONGEST):
                break
            split = text.split(first, last)
            if split is None:
                continue
            # Until the next is said, or, at the end of a run, some time after.
            until = pieces[last].start - GAP if last < count else pieces[-1].end + SHORTEST
            shown = max(
                1, min(until, end if end is not None else until, pieces[first].start + LONGEST) - pieces[first].start
            )
            cost = best[first] + _CUE + 0.5 * split[0] + _hurry(text.width(first, last), shown)
            cost += text.inside[last] - text.inside[first + 1]
            cost += text.between[last] if last < count else SENTENCE
            if cost < best[last]:
                best[last], begins[last] = cost, first
    found: list[_Block] = []
    last = count
    while last:
        first = begins[last]
        place = (text.split(first, last) or (0.0, None))[1]
        lines = (
            [text.line_of(first, last)] if place is None else [text.line_of(first, place), text.line_of(place, last)]
        )
        width = text.width(first, last) if place is None else sum(map(columns, lines)) + 1
        found.append(_Block(tuple(lines), pieces[first].start, pieces[last - 1].end, width))
        last = first
    return found[::-1]


def _hurry(width: int, shown: int) -> float:
    cost = 0.0
    if shown * RATE < width * 1000:
        cost += _FAST + _FAST_BY * (width * 1000 / (shown * RATE) - 1)
    if shown < SHORTEST:
        cost += _SHORT + _SHORT_BY * (1 - shown / SHORTEST)
    return cost


# --- When cues are shown ---


def _timed(blocks: list[_Block], end: int | None) -> list[_Block]:
    """The blocks with their times; fewer where there is no time for them."""
    if end is not None:
        blocks = blocks[: max(0, (end + GAP) // (FLASH + GAP))]
    if not blocks:
        return []
    now = 0
    for block in blocks:
        block.begin = max(now, block.spoken)
        now = block.begin + FLASH + GAP
    if end is not None:
        latest = end - FLASH
        for block in reversed(blocks):
            block.begin = min(block.begin, latest)
            latest -= FLASH + GAP
    limits = [*(block.begin - GAP for block in blocks[1:]), end]
    for block, limit in zip(blocks, limits, strict=True):
        block.end = min(max(block.silent + LINGER, block.begin + block.need), block.begin + LONGEST)
        if limit is not None:
            block.end = min(block.end, limit)
    for _ in range(2):  # what one gives, the next may have taken from the one after
        for place in range(len(blocks)):
            _eased(blocks, place)
    for place in range(len(blocks)):
        _slipped(blocks, place, end)
    for block, after in pairwise(blocks):
        if after.begin - block.end < CHAINED and after.begin - GAP - block.begin <= LONGEST:
            block.end = after.begin - GAP
    return blocks


def _eased(blocks: list[_Block], place: int) -> None:
    """Give a cue that is too short some of the pause before it, and of its neighbours' time what they can spare."""
    block = blocks[place]
    before = blocks[place - 1] if place else None
    after = blocks[place + 1] if place + 1 < len(blocks) else None

    def early() -> int:
        return LEAN - max(0, block.spoken - block.begin)

    if block.lack > 0:
        room = block.begin - (before.end + GAP if before else 0)
        block.begin -= max(0, min(block.lack, room, early()))
    if block.lack > 0 and after is not None:
        spare = min(-after.lack, LEAN - (after.begin - after.spoken), block.lack)
        if spare > 0 and after.begin - block.end >= GAP:
            block.end += spare
            after.begin = max(after.begin, block.end + GAP)
    if block.lack > 0 and before is not None:
        spare = min(-before.lack, before.end - (before.silent - LEAN), block.lack, early())
        if spare > 0 and block.begin - before.end >= GAP:
            block.begin -= spare
            before.end = min(before.end, block.begin - GAP)


def _slipped(blocks: list[_Block], place: int, end: int | None) -> None:
    """Give a cue that is still too short time of as few cues around it as will do, each moved by up to SLIP; none where
    that gives not each of them the time it needs."""
    for around in range(ROW + 1 if blocks[place].lack > 0 else 0):
        first, last = max(0, place - around), min(len(blocks), place + around + 1)
        row = blocks[first:last]
        before = blocks[first - 1] if first else None
        floor = before.end + GAP if before else 0
        ceiling = blocks[last].begin - GAP if last < len(blocks) else end
        # How late each may begin, from the last on; then each as near to where it was as those before it allow.
        latest, limit = [], ceiling
        for block in reversed(row):
            late = block.spoken + SLIP
            late = late if limit is None else min(late, limit - block.need)
            latest.append(late)
            limit = late - GAP
        begins = []
        for block, late in zip(row, reversed(latest), strict=True):
            early = max(floor, block.spoken - SLIP)
            begins.append(min(late, max(early, block.begin)))
            if early > late:
                break
            floor = begins[-1] + block.need + GAP
        else:
            limits = [*(begin - GAP for begin in begins[1:]), ceiling]
            for block, begin, limit in zip(row, begins, limits, strict=True):
                shown = max(begin + block.need, min(block.end, begin + LONGEST))
                block.begin, block.end = begin, shown if limit is None else min(shown, limit)
            return
