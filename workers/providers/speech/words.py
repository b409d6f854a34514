"""Words as a model hears them become a transcript: windows joined, inventions dropped, sentences found. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from workers.providers.base import Segment, Word
from workers.providers.speech.voice import CLIP, Span

# As the model's makers use them to tell failed decodings: text that a compressor shortens more is one phrase again and
# again; less likely text is guessed.
REPETITIVE, GUESSED, SURELY_GUESSED = 2.4, -1.0, -1.5
SILENT = 0.6  # how sure the model is itself that nobody speaks
# How sure it is of a passage's words on average. In 29 recordings with known texts, of three languages, no sentence is
# below 0.6; a noise that passed for speech was a word of 0.03.
UNSURE = 0.15
HEARD = 0.5  # share of a passage's words that must lie where somebody speaks
REPEATS = {1: 6, 2: 4}  # times that a phrase of so many words may be said in a row; longer ones LOOPS times
LOOPS, LONGEST_LOOP = 3, 12  # words
MISSED = 1.5  # seconds of speech without a word, after which the model is asked again
ENDED = 0.7  # the same, where a decoding ended
CONTEXT = 3.0  # seconds before and after that it hears then
FAILED = 4.0  # seconds; where it missed more, the times of what follows are not to be trusted either
STRETCHED = 2.0  # seconds of one word, that no word takes
_MOMENT = 0.02  # seconds; the finest a model tells
_SEAM = 0.1  # seconds between the same word heard at the end of one decoding and at the beginning of the next
_HYPHENED = 0.3  # seconds that parts of one word may lie apart
LONG_PAUSE = 1.5  # seconds; ends a sentence
TURN = 0.4  # seconds; in a pause of that, another may begin to speak
LONG, TOO_LONG = 12.0, 20.0  # seconds; sentences are cut at a clause above the one, anywhere above the other
_ENDS = re.compile(r"[.!?…。！？｡।؟۔]+[\"'”’»)\]」』]*$")
_CLAUSE = re.compile(r"[,;:–—、，；：،]+[\"'”’»)\]」』]*$")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|sr|jr|vs|no|etc|e\.g|i\.e|z\.b|bzw|nr|sra|srta|m|mme)|\b[A-Za-zÀ-ÿ]|\d)\.$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Heard:
    """A word as it comes from the model: `text` with the space before it where one is written."""

    start: float
    end: float
    text: str
    confidence: float


@dataclass(frozen=True)
class Passage:
    """What the model decoded in one go, and how it fared: the mean log-probability of its tokens, how far the text can
    be compressed, how sure the model is that there was no speech, and since when it was hearing, seconds."""

    words: tuple[Heard, ...]
    likely: float = 0.0
    compression: float = 1.0
    silent: float = 0.0
    begun: float = 0.0


def believed(passages: Iterable[Passage], spans: Sequence[Span]) -> list[Heard]:
    """The words of those that are no inventions; `spans` is where somebody speaks, with margins."""
    kept: list[Heard] = []
    last = 0.0  # how likely the passage before was: those of one decoding have it in common
    for passage in passages:
        words = _placed([word for word in passage.words if word.text.strip()])
        if words and kept and passage.likely != last and _again(kept[-1], words[0]):
            words = words[1:]
        last = passage.likely
        inside = sum(bool(met(spans, word.start, word.end)) for word in words)
        failed = passage.compression > REPETITIVE or passage.likely < SURELY_GUESSED
        failed = failed or (passage.silent > SILENT and passage.likely < GUESSED)
        failed = failed or sum(word.confidence for word in words) < UNSURE * len(words)
        if words and not failed and inside >= HEARD * len(words):
            kept += words
    return kept


def _placed(words: list[Heard]) -> list[Heard]:
    """Without those of no length at the end that follow on a word stretched over several: nobody knows when they were
    said, and where the last one's stretch is speech the model is asked again."""
    count = len(words)
    while count and words[count - 1].end - words[count - 1].start < _MOMENT:
        count -= 1
    return words[:count] if count and words[count - 1].end - words[count - 1].start > STRETCHED else words


def met(spans: Sequence[Span], start: float, end: float) -> Sequence[Span]:
    """Those of `spans`, which are in order and apart, that something from `start` to `end` reaches into. Looked for by
    halves: in hours of speech there are some ten thousand spans, and more words."""
    first = bisect_right(spans, start, key=lambda span: span.end)
    return spans[first : bisect_left(spans, end, lo=first, key=lambda span: span.start)]


def _again(before: Heard, word: Heard) -> bool:
    """Whether a decoding begins with the word that the one before it ended with: that is where it was taken up."""
    return _plain(before.text) == _plain(word.text) and word.start - before.end < _SEAM


def last_words(passages: Sequence[Passage]) -> frozenset[float]:
    """When those words end that decodings ended with."""
    ends = {passage.begun: passage.words[-1].end for passage in passages if passage.words}
    return frozenset(ends.values())


def unheard(words: Sequence[Heard], speech: Sequence[Span], last: Collection[float] = ()) -> list[Span]:
    """Where somebody speaks for longer than MISSED without a word of these, which are in order; or than ENDED after
    words that end at `last`: a decoding that ends early leaves out what follows, and stretches its last word over some
    of it."""
    found: list[Span] = []
    for span in speech:
        place, most = span.start, MISSED
        for word in words:
            if word.start >= span.end:
                break
            if word.start - place > most:
                found.append(Span(place, word.start))
            if (said := min(word.end, word.start + _usual(word))) > place:
                place, most = said, ENDED if word.end in last else MISSED
        if span.end - place > most:
            found.append(Span(place, span.end))
    return _merged(found, words)


def _merged(missed: Sequence[Span], words: Sequence[Heard]) -> list[Span]:
    """Those that only a pause lies between as one."""
    found: list[Span] = []
    for span in missed:
        before = found[-1] if found else None
        if (
            before
            and span.start - before.end < CONTEXT
            and not any(before.end <= word.start < span.start for word in words)
        ):
            found[-1] = Span(before.start, span.end)
        else:
            found.append(span)
    return found


def _usual(word: Heard) -> float:
    """Seconds that it takes to say a word without dwelling on it."""
    plain = _plain(word.text)
    return 0.15 + 0.07 * len(plain) + 0.3 * sum(not letter.isalpha() or letter > "\u2e7f" for letter in plain)


def around(words: Sequence[Heard], missed: Span, bounds: Span) -> Span:
    """What to ask about again: what was missed with the two words before it and after it, so that it joins them; with
    as much as the model takes in at once where it missed much."""
    before = [word.start for word in words if word.start < missed.start][-2:]
    after = [word.end for word in words if word.start >= missed.end][:2]
    start = max(before[0] if before else bounds.start, missed.start - CONTEXT, bounds.start)
    end = min(after[-1] if after else bounds.end, missed.end + CONTEXT)
    if missed.length > FAILED:
        end = max(end, start + CLIP)
    return Span(start, min(end, bounds.end))


def mended(words: Sequence[Heard], again: Sequence[Heard], missed: Span, asked: Span) -> list[Heard]:
    """The words with what was heard when a part, `asked`, was asked about again; as they were where nothing was heard
    of what had been missed."""
    if not any(missed.start <= _middle(word) < missed.end for word in again):
        return list(words)
    first = [word for word in words if word.start < missed.start]
    rest = [word for word in words if word.start >= missed.end]
    told = joined(first, again, Span(asked.start, missed.start)) if first else list(again)
    return joined(told, rest, Span(missed.end, asked.end)) if rest else told


def whole(words: Sequence[Heard]) -> list[Heard]:
    """Of a language that writes spaces: parts of a word ("ill", "-disposed") put together."""
    found: list[Heard] = []
    for word in words:
        if found and not word.text[:1].isspace() and word.start - found[-1].end < _HYPHENED:
            first = found[-1]
            confidence = min(first.confidence, word.confidence)
            found[-1] = Heard(first.start, max(first.end, word.end), first.text + word.text, confidence)
        else:
            found.append(word)
    return found


def joined(first: Sequence[Heard], second: Sequence[Heard], shared: Span) -> list[Heard]:
    """The words of two windows that share a span. They change over at the word nearest its middle that both heard, else
    at its middle: at its edges either may have heard half a word."""
    middle = (shared.start + shared.end) / 2
    ours = [place for place, word in enumerate(first) if word.end > shared.start]
    theirs = [place for place, word in enumerate(second) if word.start < shared.end]
    named, named_there = (
        [_plain(words[place].text) for place in places] for words, places in ((first, ours), (second, theirs))
    )
    both = [
        (ours[match.a + offset], theirs[match.b + offset])
        for match in SequenceMatcher(None, named, named_there, autojunk=False).get_matching_blocks()
        for offset in range(match.size)
    ]
    # The same word said twice is not one word: what both heard, they heard at about the same time.
    both = [pair for pair in both if abs(first[pair[0]].start - second[pair[1]].start) < 1.0]
    if both:
        mine, other = min(both, key=lambda pair: abs(_middle(first[pair[0]]) - middle))
        return [*first[:mine], *second[other:]]
    return [*(word for word in first if _middle(word) < middle), *(word for word in second if _middle(word) >= middle)]


def _middle(word: Heard) -> float:
    return (word.start + word.end) / 2


def _plain(text: str) -> str:
    return re.sub(r"[^\w']", "", text.casefold())


def unlooped(words: Sequence[Heard]) -> list[Heard]:
    """Without what a model says over and over once it is stuck: of a phrase that comes more often in a row than people
    say one, the first time is kept."""
    names = [_plain(word.text) for word in words]
    kept: list[Heard] = []
    place = 0
    while place < len(words):
        size, times = _loop(names, place)
        kept += words[place : place + size]
        place += size * times
    return kept


def _loop(names: Sequence[str], place: int) -> tuple[int, int]:
    """How many words from `place` on are a phrase, and how often it comes in a row if that is too often."""
    for size in range(1, LONGEST_LOOP + 1):
        phrase = names[place : place + size]
        times = 1
        while len(phrase) == size and names[place + times * size : place + (times + 1) * size] == phrase:
            times += 1
        if times > REPEATS.get(size, LOOPS):
            return size, times
    return 1, 1


def tightened(words: Iterable[Heard], spans: Sequence[Span], duration: float) -> list[Heard]:
    """In order, none overlapping the next, each at least a moment long, and none reaching into the silence around a
    span: models let the first word after a pause begin in it."""
    found: list[Heard] = []
    for word in sorted(words, key=lambda word: word.start):
        start, end = max(0.0, word.start), min(duration, word.end)
        within = met(spans, start, end)
        if within:
            start, end = max(start, within[0].start), min(end, within[-1].end)
        start = max(start, found[-1].end) if found else start
        end = max(end, start)
        found.append(replace(word, start=start, end=end))
    return _spaced(found, duration)


def _spaced(words: Sequence[Heard], duration: float) -> list[Heard]:
    """Words without length take some of the pause after them, else of the word before."""
    found = list(words)
    for place, word in enumerate(found):
        if word.end - word.start >= _MOMENT:
            continue
        limit = found[place + 1].start if place + 1 < len(found) else duration
        end = min(word.start + _MOMENT, max(limit, word.end))
        found[place] = replace(word, end=end)
        before = found[place - 1] if place else None
        if end - word.start < _MOMENT and before and before.end - before.start >= 3 * _MOMENT:
            start = max(before.start + 2 * _MOMENT, end - _MOMENT)
            found[place - 1] = replace(before, end=min(before.end, start))
            found[place] = replace(word, start=start, end=max(end, start))
    return found


def sentences(words: Sequence[Heard], speakers: Sequence[int] = ()) -> tuple[Segment, ...]:
    """Sentences, ended by their mark, a long pause or another speaker; very long ones are cut at a clause. `speakers`
    has a number for each word."""
    found: list[Segment] = []
    begun = 0
    for place, word in enumerate(words):
        if _ends_here(words, speakers, begun, place):
            speaker = speakers[place] if speakers else 0
            found.append(_segment(words[begun : place + 1], speaker))
            begun = place + 1
        elif word.end - words[begun].start > TOO_LONG:
            cut = _quietest(words, begun, place)
            found.append(_segment(words[begun : cut + 1], speakers[cut] if speakers else 0))
            begun = cut + 1
    return tuple(found)


def utterances(words: Sequence[Heard]) -> list[Sequence[Heard]]:
    """What is said without a pause in which another may have begun, and without the end of a sentence."""
    found: list[Sequence[Heard]] = []
    begun = 0
    for place, word in enumerate(words):
        last = place + 1 == len(words)
        if last or words[place + 1].start - word.end >= TURN or _ends_here(words, (), begun, place):
            found.append(words[begun : place + 1])
            begun = place + 1
    return found


def _ends_here(words: Sequence[Heard], speakers: Sequence[int], begun: int, place: int) -> bool:
    if place + 1 == len(words):
        return True
    word, following = words[place], words[place + 1]
    if speakers and speakers[place + 1] != speakers[place]:
        return True
    if following.start - word.end >= LONG_PAUSE:
        return True
    text = word.text.strip()
    if _ENDS.search(text):
        return not _ABBREVIATION.search(text) or _starts_anew(text, following.text)
    return bool(_CLAUSE.search(text)) and word.end - words[begun].start > LONG


def _starts_anew(text: str, following: str) -> bool:
    """Whether a sentence begins after a number's dot: "in 1999. Then"; never after a title or an initial."""
    return text[:-1][-1:].isdigit() and following[:1].isspace() and following.strip()[:1].isupper()


def _quietest(words: Sequence[Heard], begun: int, place: int) -> int:
    """The word before the longest pause, not too near the ends."""
    third = max(1, (place - begun) // 3)
    inner = range(begun + third, max(begun + third + 1, place))
    return max(inner, key=lambda number: words[number + 1].start - words[number].end)


def _segment(words: Sequence[Heard], speaker: int) -> Segment:
    told = tuple(Word(word.start, word.end, word.text.strip(), word.confidence) for word in words)
    confidence = sum(word.confidence for word in words) / len(words)
    text = re.sub(r"\s+", " ", "".join(word.text for word in words)).strip()
    return Segment(words[0].start, words[-1].end, text, confidence, speaker, told)
