"""What can be told without any model: the phrases that stand out, the sentences that say most, the facts of the file.

It says what it is: its name stands where a model's would, and its version is that of these rules.
"""

from collections.abc import Sequence
from typing import Any

from workers.language.keyphrases import keyphrases, rarity_of
from workers.language.words import language_of
from workers.providers.base import Model

FLOOR = Model("extractive", "1")
NOTE = "Made without a language model, of words and facts that are there: set LANGUAGE_URL to use one."
TITLE = 60  # characters


def titles(sections: Sequence[str], language: str) -> list[str]:
    """A title for each section: what sets it apart from the others, none of them twice."""
    language = language or language_of(" ".join(sections)[:20_000])
    rarity = rarity_of(sections)
    made: list[str] = []
    for number, text in enumerate(sections, start=1):
        phrases = [phrase.text for phrase in keyphrases(text, language, count=6, rarity=rarity)]
        made.append(next((title for title in _headings(phrases) if title not in made), f"Part {number}"))
    return made


def _headings(phrases: Sequence[str]) -> list[str]:
    """Titles out of phrases, the best first: a short one is joined by the next."""
    found = []
    for place, phrase in enumerate(phrases):
        later = phrases[place + 1 : place + 2]
        if later and len(phrase.split()) == 1 and len(phrase) + len(later[0]) < TITLE - 2:
            phrase = f"{phrase}, {later[0]}"
        found.append(shortened(phrase[:1].upper() + phrase[1:], TITLE))
    return found


def shortened(text: str, most: int) -> str:
    """The text within so many characters, cut between words where it can be."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[most // 2 :] else cut).rstrip(",;:– -") + "…"


def titles_answer(sections: Sequence[str], language: str) -> dict[str, Any]:
    return {"titles": titles(sections, language), **FLOOR.to_json(), "note": NOTE}
