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
    "的了是在和我你他她它们這这那有不也就都而及與与或被把让讓對对为為从從到很吗嗎呢吧啊们會会能要说說去来來上下里裡着著过過個个一"
    "将將如果以可所因但其此该該等种種自已由给給向于於并並则則时時"
)
_JOINERS = "\u200c\u200d"  # between letters of some scripts, and the parts of emoji
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
    for run in _RUN.findall(word):
        if _HAN[0] <= run[0] <= "鿿":
            piece = ""
            for character in run:
                if character in _GRAMMAR:
                    yield from filter(None, (piece, character))
                    piece = ""
                else:
                    piece += character
            yield from filter(None, (piece,))
        else:
            yield run


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
        or all("぀" <= letter <= "ゟ" for letter in word)
        or word in _GRAMMAR
    )
