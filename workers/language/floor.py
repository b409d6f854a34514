"""What can be told without any model: the phrases that stand out, the sentences that say most, the facts of the file.

It says what it is: its name stands where a model's would, and its version is that of these rules.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workers.language.facts import fact_sentence
from workers.language.keyphrases import Phrase, keyphrases, rarity_of
from workers.language.material import Material
from workers.language.salience import salient
from workers.language.words import language_of, sentences, shown
from workers.providers.base import Model

FLOOR = Model("extractive", "1")
NOTE = "Made without a language model, of words and facts that are there: set LANGUAGE_URL to use one."
TITLE = 60  # characters
DESCRIPTION = 420  # characters of what is said in it
TAGS = 12
LABEL = 0.5  # labels that are less sure are wrong as often as not
READ = 0.8  # how sure phrases are that were read in pictures
FAINT = 0.45  # phrases that stand out less are as good as any
LOOKED_AT = 150_000  # characters: two or three hours of speech. Of more, parts are looked at, evenly over the whole.


@dataclass(frozen=True)
class Tag:
    """0 to 1: of a phrase how much it stands out times how sure its words are, of a label how sure it is."""

    text: str
    confidence: float


def titles(sections: Sequence[str], language: str) -> list[str]:
    """A title for each section: what sets it apart from the others, none of them twice."""
    most = max(500, LOOKED_AT // max(1, len(sections)))
    texts = [bounded(sentences(text[: 4 * most]), most) for text in sections]
    language = language or language_of(" ".join(texts)[:20_000])
    rarity = rarity_of(texts)
    made: list[str] = []
    for number, text in enumerate(texts, start=1):
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
    """The text in one line within so many characters, cut between words where it can be."""
    text = shown(text)
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[most // 2 :] else cut).rstrip(",;:– -") + "…"


def bounded(found: Sequence[str], most: int = LOOKED_AT) -> str:
    """The sentences as one text of so many characters or fewer: every n-th of them where they are more."""
    whole = sum(len(sentence) + 1 for sentence in found)
    return " ".join(found[:: -(-whole // most) or 1])[:most]


def titles_answer(sections: Sequence[str], language: str, note: str = NOTE) -> dict[str, Any]:
    return {"titles": titles(sections, language), **FLOOR.to_json(), "note": note}


@dataclass(frozen=True)
class _Said:
    """What is said as one text, the language that all of it is told in, and the phrases of it that stand out."""

    text: str
    language: str
    phrases: tuple[Phrase, ...]


def _said(material: Material) -> _Said:
    text = bounded([line.text for line in material.said])
    language = material.language or language_of(text) or language_of(" ".join(material.written)) or "en"
    return _Said(text, language, tuple(keyphrases(text, language, count=TAGS)))


def description_answer(material: Material, least: float | None) -> dict[str, Any]:
    """Title, description and tags as workers.language tells them."""
    said = _said(material)
    words = {"title": _title(material, said), "description": _description(material, said)}
    return words | _tags_answer(material, said, least)


def tags_answer(material: Material, least: float | None) -> dict[str, Any]:
    """Tags as workers.language tells them; labels are taken that are as sure as `least`, where that is not much."""
    return _tags_answer(material, _said(material), least)


def _tags_answer(material: Material, said: _Said, least: float | None) -> dict[str, Any]:
    tags = _tags(material, said, least)
    return {
        "tags": [{"tag": tag.text, "confidence": tag.confidence} for tag in tags],
        "language": said.language,
        "confidence": _mean(tags),
        **FLOOR.to_json(),
        "note": NOTE,
    }


def _title(material: Material, said: _Said) -> str:
    """What the file calls itself; else what is said, written or seen most in it; else what it is."""
    if named := material.facts["tags"].get("title"):
        return shortened(named, TITLE)
    if headings := _headings([phrase.text for phrase in said.phrases[:3]]):
        return headings[0]
    if material.captions:
        return shortened(material.captions[0].rstrip("."), TITLE)
    if worded := [line for line in material.written if any(map(str.isalpha, line))]:  # a running clock is no title
        return shortened(max(worded, key=lambda line: (len(line) <= TITLE, len(line))), TITLE)
    if names := [label.name for label in material.labels if label.confidence >= LABEL][:3]:
        title = ", ".join(names)
        return shortened(title[:1].upper() + title[1:], TITLE)
    title = fact_sentence(material.facts).split(" ", 1)[1].rstrip(".")
    return shortened(title[:1].upper() + title[1:], TITLE)


def _description(material: Material, said: _Said) -> str:
    """Sentences out of what is said, in its language; where that is English, or nothing is said, what is seen and what
    the file is."""
    told = salient(_apart(material, said.text), said.language, most=DESCRIPTION) if said.text else []
    found = [_ended(shortened(sentence, DESCRIPTION), said.language) for sentence in told]
    if found and said.language != "en":
        return " ".join(found)
    found += [sentence if sentence.endswith(".") else f"{sentence}." for sentence in material.captions[:1]]
    if names := [label.name for label in material.labels if label.confidence >= LABEL][:5]:
        found.append(f"It shows: {', '.join(names)}.")
    if material.written and not told:
        found.append(f"It reads: “{shortened(' / '.join(material.written), DESCRIPTION // 2)}”.")
    return " ".join([*found, fact_sentence(material.facts, material.language)])


def _ended(sentence: str, language: str) -> str:
    """With a mark at its end, where whoever wrote it down set none: what follows would run into it."""
    if not sentence[-1].isalnum():
        return sentence
    return sentence + ("。" if language in ("ja", "zh") else "." if language != "th" else "")


def _apart(material: Material, said: str) -> list[str]:
    """The sentences of what is said; where nobody set a mark, what was said in one go."""
    found = sentences(said)
    if len(said) > 100 * len(found) + 200:
        return [line.text for line in material.said] if len(said) < LOOKED_AT else found
    return found


def _tags(material: Material, said: _Said, least: float | None) -> list[Tag]:
    floor = LABEL if least is None else min(least, LABEL)
    found = [Tag(label.name, round(label.confidence, 3)) for label in material.labels if label.confidence >= floor]
    found += _phrases(said.phrases, material.heard)
    read = _phrases(keyphrases(". ".join(material.written), said.language, count=TAGS), READ)
    found += [tag for tag in read if len(tag.text) > 2]
    return distinct(sorted(found, key=lambda tag: (-tag.confidence, tag.text)))[:TAGS]


def _phrases(phrases: Iterable[Phrase], sure: float) -> Iterable[Tag]:
    return (Tag(phrase.text, round(phrase.score * sure, 3)) for phrase in phrases if phrase.score >= FAINT)


def distinct(tags: Iterable[Tag]) -> list[Tag]:
    """In lower case, none of them twice, the first of each."""
    found: dict[str, Tag] = {}
    for tag in tags:
        text = shown(tag.text.lower()).strip("#.,;: ")[:50].strip()
        if text:
            found.setdefault(text, Tag(text, min(1.0, max(0.0, tag.confidence))))
    return list(found.values())


def _mean(tags: Sequence[Tag]) -> float:
    """How sure the tags are; 0 where there is nothing to tell but facts."""
    return round(sum(tag.confidence for tag in tags) / len(tags), 3) if tags else 0.0
