"""Words as they are indexed and as they are searched for: the same, whatever the database.

Text is taken apart here, so that PostgreSQL and SQLite find the same: in lower case and without accents, and where a
script writes no spaces between words (Chinese, Japanese, Thai …; Korean too, which joins particles to words) in pairs
of characters that overlap. Words are not stemmed: that would need the language of each text, and of each search.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_CHARACTERS = 1_000_000  # of one file that are indexed: sixteen hours of speech
PASSAGE = 2_000  # words that are indexed as one row
REPEATS = 256  # places of one word that PostgreSQL keeps in a row: a passage ends before there are more
OVERLAP = 31  # words of a passage that stand in the next as well, so that phrases are found across its end
LONGEST = 64  # characters of a word; what is longer is cut, on both sides
MOST_WORDS = 16  # of a search, between spaces
WITHIN = rf"^\s*(?:\S+\s+){{0,{MOST_WORDS - 1}}}\S*\s*$"  # a search of at most so many words

# What no decomposition takes apart.
_LETTERS = {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ŧ": "t"}
_JOINED = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_JOINED += "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
_WORD = re.compile(f"([{_JOINED}]+)|[^ {_JOINED}]+")
_ASKED = re.compile(r'(-?)(?:"([^"]*)(?:"|$)|(\S+))')
_QUOTES = str.maketrans(dict.fromkeys("“”„«»＂", '"'))


class _Characters(dict[int, str]):
    """What becomes of each character once it is decomposed; found out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category, accent = unicodedata.category(character), unicodedata.combining(character)
        if 10 <= accent <= 36 or 200 <= accent <= 240:  # Latin, Greek, Cyrillic, Hebrew, Arabic; not vowels of India
            kept = ""
        elif category[0] in "LNM":
            kept = "" if character == "\u0640" else _LETTERS.get(character, character)
        else:  # a joiner within a word is nothing; every other sign ends a word
            kept = "" if category == "Cf" and character != "\u200b" else " "
        self[code] = kept
        return kept


_characters = _Characters()


def fold(text: str) -> str:
    """A text in lower case without accents, with a space for whatever is neither letter nor digit."""
    if text.isascii():
        return text.lower().translate(_characters)
    plain = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", plain).translate(_characters))


def words_of(text: str) -> list[str]:
    """The words of a text as they are indexed, in its order. A run of joined characters is its pairs, then its last
    character, by which one that is alone is found."""
    return [word for run in _runs(text) for word in run]


def _runs(text: str) -> Iterator[list[str]]:
    for found in _WORD.finditer(fold(text)):
        run = found[0]
        if found[1]:
            yield [*(run[at : at + 2] for at in range(len(run) - 1)), run[-1]]
        else:
            yield [run[:LONGEST]]


def passages(text: str) -> list[list[str]]:
    """A text in parts of a bounded number of words; none of a text without words."""
    words = words_of(text[:MOST_CHARACTERS])
    found, start, end = [], 0, 0
    while end < len(words):
        end = start + _length(words[start : start + PASSAGE])
        found.append(words[start:end])
        start = end - OVERLAP
    return found


def _length(words: Sequence[str]) -> int:
    """How many of these words are one passage."""
    counts: Counter[str] = Counter()
    for place, word in enumerate(words):
        counts[word] += 1
        if counts[word] > REPEATS:
            return place
    return len(words)


@dataclass(frozen=True)
class Term:
    """Words that must follow each other, the last of them as the beginning of a word if `begins`; with `excluded`,
    where they stand nothing is found."""

    words: tuple[str, ...]
    begins: bool = False
    excluded: bool = False


def terms_of(search: str) -> tuple[Term, ...]:
    """What a search asks for: all of its words, in any order; "words in quotes" as they follow each other; a `*` at the
    end of a word for any ending; `-` before a word or phrase for media without it. Everything else is no syntax."""
    found: dict[Term, None] = {}
    for minus, phrase, word in _ASKED.findall(search.translate(_QUOTES)):
        for term in _terms(phrase or word, begins=not phrase and word.endswith("*"), excluded=bool(minus)):
            found[term] = None
    return tuple(found)


def _terms(text: str, *, begins: bool, excluded: bool) -> Iterator[Term]:
    runs = list(_runs(text))
    if not runs:
        return
    *_, last = runs
    is_joined = re.fullmatch(f"[{_JOINED}]+", last[0]) is not None
    if is_joined and len(last) > 1:
        last.pop()  # what follows in the text may belong to the same run
    begins = (begins and len(last[-1]) > 1) or (is_joined and len(last[-1]) == 1)
    words = [word for run in runs for word in run]
    if excluded or len(words) <= OVERLAP + 1:
        yield Term(tuple(words[: OVERLAP + 1]), begins, excluded)
        return
    for at in range(0, len(words) - OVERLAP - 1, OVERLAP):
        yield Term(tuple(words[at : at + OVERLAP + 1]))
    yield Term(tuple(words[-OVERLAP - 1 :]), begins)


# --- As PostgreSQL reads them. Words hold letters, digits and their marks: nothing that would have to be escaped. ---


def as_tsvector(words: Sequence[str], project_id: str) -> str:
    """A passage's words with their places, and its project as a word that no text has."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, start=1):
        places.setdefault(word, []).append(str(place))
    return " ".join([f"'={project_id}'", *(f"'{word}':{','.join(at)}" for word, at in places.items())])


def as_tsquery(term: Term, project_id: str | None) -> str:
    phrase = " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.begins else "")
    return f"'={project_id}' & ({phrase})" if project_id else phrase


# --- As SQLite's FTS5 reads them. ---


def as_match(term: Term, project_id: str | None) -> str:
    phrase = f'words : "{" ".join(term.words)}"' + (" *" if term.begins else "")
    return f'project_id : "{project_id}" AND {phrase}' if project_id else phrase
