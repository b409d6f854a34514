"""The sentences that say most of a text: those with the words that the others have as well. No model, and the same for
the same text.

A random walk between sentences and the words they hold, in the manner of TextRank (R. Mihalcea and P. Tarau, 2004). It
compares no pairs of sentences, so that hours of speech take a moment.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from workers.language.words import dull, folded, words

ROUNDS = 12  # of the walk: scores move by less than a thousandth then
LEAST, MOST = 4, 40  # words of a sentence that can stand by itself


def salient(sentences: Sequence[str], language: str, *, most: int) -> list[str]:
    """Of the sentences those that say most, in their order, of `most` characters in all; at least one where there are
    any, however long. One that repeats what another says is left out."""
    held = [words(sentence) for sentence in sentences]
    without = dull(chain.from_iterable(held), language)
    bags = [Counter(key for word in found if (key := folded(word)) not in without) for found in held]
    ranks = _ranks(bags)
    worth = [rank * _fits(len(found)) for rank, found in zip(ranks, held, strict=True)]
    order = sorted(range(len(sentences)), key=lambda place: (-worth[place], place))
    chosen: list[int] = []
    room = most
    for place in order:
        taken = len(sentences[place]) + 1
        if (chosen and taken > room) or any(_repeats(bags[place], bags[other]) for other in chosen):
            continue
        chosen.append(place)
        room -= taken
        if room < most * 0.2 or len(chosen) == 6:
            break
    return [sentences[place] for place in sorted(chosen)]


def _fits(count: int) -> float:
    if count < LEAST:
        return 0.2
    return 1.0 if count <= MOST else MOST / count


def _ranks(bags: Sequence[Counter[str]]) -> list[float]:
    """How central each sentence is, for its length."""
    everywhere = Counter(word for bag in bags for word in bag)
    ranks = [1.0] * len(bags)
    for _ in range(ROUNDS):
        weights = dict.fromkeys(everywhere, 0.0)
        for rank, bag in zip(ranks, bags, strict=True):
            share = rank / (len(bag) or 1)
            for word in bag:
                weights[word] += share
        # A word that is in one sentence only ties it to no other.
        ranks = [
            0.15 + 0.85 * sum(weights[word] / everywhere[word] * _ties(everywhere[word]) for word in bag)
            for bag in bags
        ]
        whole = sum(ranks) or 1.0
        ranks = [rank * len(bags) / whole for rank in ranks]
    return [rank / math.sqrt(1 + len(bag)) for rank, bag in zip(ranks, bags, strict=True)]


def _ties(count: int) -> float:
    return math.log2(count) if count > 1 else 0.1


def _repeats(first: Counter[str], second: Counter[str]) -> bool:
    same = len(first.keys() & second.keys())
    return same > 0 and same >= 0.6 * min(len(first), len(second))
