"""Text cut into sentences and words, of any script; which words matter, and which language they are."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from workers.language.stopwords import by_word, stop_words

_END = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’»)\]]))\s+|(?<=[。！？｡؟।])|\n\s*\n")
_MARK = re.compile(r"[^\w\s'’ʼ.\-\u0300-\u036f\u0590-\u0dff\u0e31-\u0e4e]+|\.+(?!\w)|\s-+\s|_+|।")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|Mr|Mrs|Ms|Dr|St|Prof|Sr|Jr|vs|e\.g|i\.e|z\.B|bzw|Nr|No|Fig|Abb|p|pp)\.$"
)
_HAN, _KATAKANA, _HIRAGANA = "一-鿿㐀-䶿豈-﫿", "゠-ヿ", "぀-ゟ"
_JAPANESE = re.compile(f"[{_HIRAGANA}]")
_UNSPACED = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}]")
_RUN = re.compile(f"[{_HAN}]+|[{_KATAKANA}]+|[{_HIRAGANA}]+|[^{_HAN}{_KATAKANA}{_HIRAGANA}]+")
# Characters that Chinese uses for grammar and hardly in names of things: words end there.
_GRAMMAR = frozenset(
    "的了是在和我你他她它们這这那有不也就而及與与或被把让讓很吗嗎呢吧啊们對对為为從从到說说去來来上下里裡着著过過個个一"
    "將将如果以可所因但其此該该等種种自已由给給向于於並并則则"
)
# Japanese particles, one of which follows a noun; other kana after a single Han character are its ending: 美しい.
_PARTICLES = frozenset("はがをにのでともへやか")
_JOINERS = "\u200c\u200d"  # between letters of some scripts, and the parts of emoji
AGAIN = 6  # characters at most of what comes again in Chinese runs
LONG = 40  # characters of a run that are too many to be parted: nobody writes so without a mark
TELLS_APART = 0.08  # of all words: what a language's own list must cover before a text is taken for it


def shown(text: str) -> str:
    """The text in one line, without what no screen shows: controls, marks that turn the direction of what follows."""
    kept = (letter if letter.isprintable() or letter in _JOINERS else " " for letter in text)
    return " ".join("".join(kept).split())


def sentences(text: str) -> list[str]:
    """The text's sentences in order, without the space around them."""
    found: list[str] = []
    for piece in (" ".join(part.split()) for part in _END.split(text)):
        if found and _ABBREVIATED.search(found[-1]) and piece:
            found[-1] = f"{found[-1]} {piece}"
        elif piece:
            found.append(piece)
    return found


def words(text: str) -> list[str]:
    """The text's words in order, as they are written; of a script without spaces, runs that may be words."""
    found: list[str] = []
    for word in _word().findall(unicodedata.normalize("NFC", text)):
        found += _runs(word) if _UNSPACED.search(word) else [word]
    return found


def clauses(text: str) -> list[list[str]]:
    """The text's words, cut where a mark stands between them."""
    return [found for part in _MARK.split(text) if (found := words(part))]


@cache
def _word() -> re.Pattern[str]:
    """Letters and digits of any script with the marks that belong to them, which are no letters to a regular expression
    (they would cut Hindi words in two); and what joins them: don't, e-mail, aujourd’hui, 3.14."""
    marks = [chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)).startswith("M")]
    letter = f"(?:[^\\W_][{re.escape(''.join(marks))}\u200c\u200d]*)"
    return re.compile(f"{letter}+(?:['’ʼ.-]{letter}+)*")


def _runs(word: str) -> Iterator[str]:
    runs = _RUN.findall(word)
    is_japanese = bool(_JAPANESE.search(word))
    for place, run in enumerate(runs):
        if not _HAN[0] <= run[0] <= "鿿":
            if not (place and _is_ending(runs[place - 1], run)):
                yield run
        elif is_japanese:
            after = runs[place + 1] if place + 1 < len(runs) else ""
            yield run + after if _is_ending(run, after) else run
        else:
            piece = ""
            for character in run:
                if character in _GRAMMAR:
                    yield from filter(None, (piece, character))
                    piece = ""
                else:
                    piece += character
            yield from filter(None, (piece,))


def _is_ending(run: str, after: str) -> bool:
    """Whether kana after a run are the ending of a word whose stem is one Han character."""
    kana = bool(after) and "぀" <= after[0] <= "ゟ" and after[0] not in _PARTICLES
    return kana and len(run) == 1 and _HAN[0] <= run <= "鿿"


def parted(found: Sequence[Sequence[str]]) -> list[list[str]]:
    """Chinese clauses whose runs are parted around what comes again in them: hardly any run is one word."""
    counts: Counter[str] = Counter()
    for run in (word for clause in found for word in clause if len(word) <= LONG and _is_han(word)):
        for length in range(2, AGAIN + 1):
            counts.update(run[at : at + length] for at in range(len(run) - length + 1))
    return [[part for word in clause for part in _parts(word, counts)] for clause in found]


def _parts(word: str, counts: Counter[str]) -> list[str]:
    if not 3 <= len(word) <= LONG or not _is_han(word):
        return [word]
    spans = ((at, at + length) for length in range(2, AGAIN + 1) for at in range(len(word) - length + 1))
    known = [(start, end) for start, end in spans if counts[word[start:end]] > 1]
    if not known:
        return [word]
    start, end = max(known, key=lambda span: (counts[word[span[0] : span[1]]] * (span[1] - span[0] - 1), -span[0]))
    before, after = word[:start], word[end:]
    return [*(_parts(before, counts) if before else ()), word[start:end], *(_parts(after, counts) if after else ())]


def _is_han(word: str) -> bool:
    return bool(word) and all(_HAN[0] <= letter <= "鿿" for letter in word)


def joined(found: Sequence[str]) -> str:
    """Words as a phrase: with spaces between them, but for scripts that have none."""
    text = ""
    for word in found:
        together = bool(text) and _UNSPACED.match(text[-1]) and _UNSPACED.match(word[0])
        text += word if not text or together else f" {word}"
    return text


def is_clause(word: str) -> bool:
    """Whether a run without spaces is so long that it is hardly one word."""
    return len(word) > 6 and bool(_UNSPACED.match(word))


def folded(word: str) -> str:
    """How words are compared: in lower case, with one kind of apostrophe and without an English possessive."""
    return word.lower().replace("’", "'").replace("ʼ", "'").removesuffix("'s")


def language_of(text: str | Sequence[str]) -> str:
    """Which language the words are, ISO 639-1, as its commonest words tell; "" where nothing does."""
    found = list(words(text) if isinstance(text, str) else text)[:20_000]
    if not found:
        return ""
    letters = "".join(found[:2000])
    if _UNSPACED.search(letters):
        return "ja" if _JAPANESE.search(letters) else "zh"
    if any("가" <= letter <= "힣" for letter in letters):
        return "ko"
    if any("฀" <= letter <= "๿" for letter in letters):
        return "th"
    known = by_word()
    counts: Counter[str] = Counter()
    for word in found:
        languages = known.get(word.lower().replace("’", "'"), ())
        for language in languages:
            counts[language] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ranked[0][0] if ranked and ranked[0][1] >= max(2, TELLS_APART * len(found)) else ""


def dull(found: Iterable[str], language: str) -> frozenset[str]:
    """Of these words, folded, those that say little: by the language's list, else by how short and frequent
    they are."""
    counts = Counter(folded(word) for word in found)
    listed = stop_words(language)
    if listed:
        return frozenset(word for word in counts if word in listed or word.split("'")[0] in listed)
    whole = sum(counts.values())
    return frozenset(
        word
        for word, count in counts.items()
        if (len(word) <= 2 and not _UNSPACED.search(word))
        or (whole >= 100 and count > 0.01 * whole and len(word) <= 5)
        or "぀" <= word[-1] <= "ゟ"  # kana alone, or a verb
        or word in _GRAMMAR
        or (language == "zh" and len(word) == 1)
    )
