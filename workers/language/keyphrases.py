"""The phrases that a text is about: runs of words between those that say little, weighed by how often and where they
come. No model, and the same for the same text.

After S. Rose et al., Automatic Keyword Extraction from Individual Documents (2010), for the runs, and R. Campos et al.,
YAKE! Keyword extraction from single documents (2020), for casing and place as signs.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from workers.language.words import clauses, dull, folded, is_clause, joined, parted

LONGEST = 3  # words of a phrase, one more of a name
SHORT_TEXT = 150  # words; a longer text repeats what it is about
CANDIDATES = 2000  # that are compared with each other


@dataclass(frozen=True)
class Phrase:
    """As it is written in the text, and how much it stands out there, 0 to 1: the best of a text has about 1."""

    text: str
    score: float


@dataclass
class _Counted:
    words: Counter[str] = field(default_factory=Counter)
    capitals: Counter[str] = field(default_factory=Counter)  # where no sentence begins
    inner: Counter[str] = field(default_factory=Counter)  # times that no sentence begins with it
    phrases: Counter[tuple[str, ...]] = field(default_factory=Counter)
    forms: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    first: dict[tuple[str, ...], int] = field(default_factory=dict)  # which word of the text a phrase begins at
    length: int = 0


def keyphrases(text: str, language: str, *, count: int, rarity: Mapping[str, float] | None = None) -> list[Phrase]:
    """The `count` phrases that stand out most, the best first, none of them within another.

    `rarity` weighs words, folded: in how few of other texts they come.
    """
    found = parted(clauses(text)) if language == "zh" else clauses(text)
    counted = _count(found, dull(chain.from_iterable(found), language))
    weights = {word: _weight(word, counted, rarity or {}) for word in counted.words}
    scores = {phrase: _score(phrase, counted, weights) for phrase in counted.phrases}
    ranked = sorted((phrase for phrase, score in scores.items() if score > 0), key=lambda key: (-scores[key], key))
    chosen: list[tuple[str, ...]] = []
    for phrase in ranked[:CANDIDATES]:
        if len(chosen) == count:
            break
        if not any(_alike(phrase, other) for other in chosen):
            chosen.append(phrase)
    best = max((scores[phrase] for phrase in chosen), default=1.0)
    return [Phrase(_written(phrase, counted), round(scores[phrase] / best, 3)) for phrase in chosen]


def rarity_of(texts: Sequence[str]) -> dict[str, float]:
    """How much a word tells one of the texts from the others: 0 for one that is in all of them, 1 for one that is in
    one of many."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({folded(word) for clause in clauses(text) for word in clause})
    if len(texts) < 2:
        return {}
    return {word: math.log(len(texts) / count) / math.log(len(texts)) for word, count in counts.items()}


def _count(found: list[list[str]], without: frozenset[str]) -> _Counted:
    counted = _Counted()
    for clause in found:
        run: list[str] = []
        for place, word in enumerate([*clause, ""]):
            key = folded(word)
            if not word or key in without or not any(letter.isalpha() for letter in key):
                _count_run(run, counted)
                run = []
            else:
                run.append(word)
                counted.words[key] += 1
                if place:
                    counted.inner[key] += 1
                    counted.capitals[key] += word[0].isupper()
        counted.length += len(clause)
    return counted


def _count_run(run: list[str], counted: _Counted) -> None:
    keys = [folded(word) for word in run]
    for start in range(len(run)):
        for end in range(start + 1, min(start + LONGEST + 1, len(run)) + 1):
            phrase = tuple(keys[start:end])
            counted.phrases[phrase] += 1
            counted.forms[phrase][" ".join(run[start:end])] += 1
            counted.first.setdefault(phrase, counted.length)


def _weight(word: str, counted: _Counted, rarity: Mapping[str, float]) -> float:
    if len(word) == 1 and word.isascii():
        return 0.0
    names = counted.capitals[word] / counted.inner[word] if counted.inner[word] else 0.0
    short = 0.6 if (len(word) <= 3 and word.isascii()) or is_clause(word) else 1.0
    return math.log2(1 + counted.words[word]) * (1 + 0.5 * names) * short * (0.15 + 0.85 * rarity.get(word, 1.0))


def _score(phrase: tuple[str, ...], counted: _Counted, weights: Mapping[str, float]) -> float:
    """Words that come together often are one phrase; those that met once are one in a short text only."""
    often = counted.phrases[phrase]
    if len(phrase) > 1 and often == 1 and counted.length > SHORT_TEXT and not _is_name(phrase, counted):
        return 0.0
    if len(phrase) > LONGEST and not _is_name(phrase, counted):
        return 0.0
    if len(set(phrase)) < len(phrase) or not all(weights[word] for word in phrase):
        return 0.0
    early = 1.0 + 0.3 * (1 - counted.first[phrase] / (counted.length or 1))
    whole = sum(weights[word] for word in phrase) / math.sqrt(len(phrase))
    # Words that are elsewhere as well, or more often, only met here.
    together = often * len(phrase) / sum(counted.words[word] for word in phrase)
    return whole * early * (0.3 + 0.7 * together**2)


def _is_name(phrase: tuple[str, ...], counted: _Counted) -> bool:
    return all(counted.capitals[word] and 2 * counted.capitals[word] >= counted.inner[word] for word in phrase)


def _alike(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether one says nothing new beside the other: half of its words, or more, are there in some form."""
    same = sum(any(_same_stem(word, other) for other in second) for word in first)
    return 2 * same >= min(len(first), len(second)) if same else False


def _same_stem(first: str, second: str) -> bool:
    shared = next((place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if shared is None:
        shared = min(len(first), len(second))
    plural = shared >= 3 and {first[shared:], second[shared:]} in ({"", "s"}, {"", "es"}, {"y", "ies"})
    return first == second or plural or (shared >= 4 and shared >= 0.7 * max(len(first), len(second)))


def _written(phrase: tuple[str, ...], counted: _Counted) -> str:
    """The form it mostly has; of those as common, the one with fewer capitals: a sentence may have begun with it."""
    forms = counted.forms[phrase]
    text = min(forms, key=lambda form: (-forms[form], sum(letter.isupper() for letter in form), form))
    first, *others = text.split(" ")
    begins = first[1:].islower() and not _always_capital(phrase[0], counted)
    if begins and not any(word[0].isupper() for word in others):
        first = first.lower()  # a sentence began with it
    words = [first, *others]
    return joined([word.removesuffix("’s").removesuffix("'s") for word in words])


def _always_capital(word: str, counted: _Counted) -> bool:
    return bool(counted.inner[word]) and counted.capitals[word] > 0.5 * counted.inner[word]
