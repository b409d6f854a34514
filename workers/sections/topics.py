"""Where a text turns to another topic, by the words it uses. Pure, and the same for every language.

Source: M. Utiyama and H. Isahara, "A Statistical Model for Domain-Independent Text Segmentation" (ACL 2001): of all
ways to cut a text, the likeliest, where each part is taken for a draw from words of its own, and each further part has
its price. Words that come everywhere say nothing and are left out, so that no list of stop words is needed.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from workers.language.words import folded, words

FIXED, PRICE = 5.0, 2.5  # of a further part, nats: always, and for the logarithm of how many words there are
CHEAPEST = 0.05  # share of the price that is left at most, whatever speaks for a part
BLOCK, COMMON = 40, 0.3  # words of a block, and the share of all blocks that a word may come in
STEM = 6  # characters by which words are compared: endings differ
LONGEST = 6_000  # words of one part that are looked through: 40 minutes of speech
MOST = 1_500  # and sentences, as some may have no word that tells topics apart
_UNSPACED = 0x2E80  # from here on, scripts without spaces between words


@dataclass(frozen=True)
class Turn:
    """A part begins with the sentence `place`; `strength` is how much speaks for that, where 1 is just enough."""

    place: int
    strength: float


class Text:
    """Sentences by the words that tell topics apart."""

    def __init__(self, sentences: Sequence[str]) -> None:
        told = [_terms(sentence) for sentence in sentences]
        whole = [term for terms in told for term in terms]
        blocks = [set(whole[place : place + BLOCK]) for place in range(0, len(whole), BLOCK)]
        spread = Counter(term for block in blocks for term in block)
        most = max(2.0, COMMON * len(blocks))
        numbers: dict[str, int] = {}
        self.told = [
            [numbers.setdefault(term, len(numbers)) for term in terms if spread[term] <= most] for terms in told
        ]
        self.terms = len(numbers)
        count = sum(map(len, self.told))
        self.price = FIXED + PRICE * math.log(max(2, count))
        self._logs = [number * math.log(number + 1) for number in range(count + 2)]
        self._sizes = [number * math.log(number + self.terms) if number else 0.0 for number in range(count + 2)]

    def cost(self, start: int, end: int) -> float:
        """How unlikely the sentences from `start` up to `end` are as one part, nats."""
        counts = Counter(term for terms in self.told[start:end] for term in terms)
        return self._sizes[counts.total()] - sum(self._logs[count] for count in counts.values())

    def parts(self, favours: Sequence[float], starts: Sequence[float], *, shortest: float, share: float) -> list[int]:
        """The first sentence of each part but the first, of the likeliest way to cut.

        `starts` are when the sentences begin, and last the end of all, seconds: no part is `shortest` or shorter, where
        that can be. `favours`, 0 to 1 for each sentence, lower the price of a part that begins with it; `share` does so
        for all.
        """
        count = len(self.told)
        best = [0.0] + [math.inf] * count
        back = [0] * (count + 1)
        for first in range(count):
            if math.isinf(best[first]):
                continue
            price = self.price * share * max(CHEAPEST, 1 - favours[first]) if first else 0.0
            counts = [0] * self.terms
            known, size = 0.0, 0
            for last in range(first, count):
                for term in self.told[last]:
                    times = counts[term]
                    known += self._logs[times + 1] - self._logs[times]
                    counts[term] = times + 1
                size += len(self.told[last])
                if starts[last + 1] - starts[first] < shortest:
                    continue
                cost = best[first] + price + self._sizes[size] - known
                if cost < best[last + 1]:
                    best[last + 1], back[last + 1] = cost, first
                if size > LONGEST or last - first > MOST:
                    break
        places: list[int] = []
        place = count
        while place > 0 and not math.isinf(best[place]):
            place = back[place]
            places.append(place)
        return sorted(places)[1:]

    def turns(self, places: Sequence[int], favours: Sequence[float]) -> list[Turn]:
        """How much speaks for each of these cuts, given the others."""
        found = []
        for (before, place), (_, after) in pairwise(pairwise([0, *places, len(self.told)])):
            apart = self.cost(before, after) - self.cost(before, place) - self.cost(place, after)
            found.append(Turn(place, max(0.0, apart / self.price) + favours[place]))
        return found


def _terms(text: str) -> list[str]:
    """What the words of a text are compared by."""
    found: list[str] = []
    for word in words(text):
        term = folded(word)
        if ord(term[0]) >= _UNSPACED and len(term) > 2:
            found += [term[place : place + 2] for place in range(len(term) - 1)]
        elif term:
            found.append(term[:STEM])
    return found
