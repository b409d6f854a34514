"""Where lines and cues of subtitles may break, and how well. Pure.

Sources: Netflix Timed Text Style Guide, General Requirements, "Line treatment", and the guides of single languages;
BBC Subtitle Guidelines, "Breaks"; JIS X 4051 for what must not begin or end a line of Japanese.
"""

import unicodedata
from dataclasses import dataclass

LINE = 42  # columns; a full-width character takes two
# Netflix: 13 full-width characters of Japanese, 16 of Chinese and Korean; 35 of Thai, whose marks take no column.
LINES = {"ja": 26, "zh": 32, "yue": 32, "ko": 32, "th": 35}

# How bad a break is, from the end of a sentence to the inside of what belongs together.
SENTENCE, CLAUSE, PHRASE, LESSER, PLAIN, LOOSE, TIED, UNIT = 0.0, 12.0, 25.0, 40.0, 60.0, 85.0, 120.0, 200.0

_ENDS, _PAUSES = "。！？.!?…", "、，；：,;:–—"
_CLOSING = "\"'”’»)]}」』】》〉）"
_NOT_FIRST = frozenset(
    "、。，．・：；？！…‥ー々ゝゞヽヾ〜」』】》〉）｝］ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ%％"
) | frozenset("ะาำๆฯ")
_NOT_LAST = frozenset("「『【《〈（｛［＄￥") | frozenset("เแโใไ")
# Followed by a name; and what else may have a point within a sentence.
_NAMED = "mr mrs ms dr prof st sgt capt lt rev hon gen col hr fr sra dott sig mme mlle"
_TITLES = frozenset(_NAMED.split())
_SHORTENED = "jr sr vs etc no nr fig vol mt e.g i.e a.m p.m u.s u.k bzw ca usw z.b d.h str art cap"
_ABBREVIATED = frozenset(_SHORTENED.split())
_COUNTED = """
% ‰ ° °c °f km m cm mm kg g mg l ml h s min sec ms hz khz mhz ghz kb mb gb tb w kw mw v a € $ £ ¥ am pm a.m p.m percent
million millions billion billions thousand hundred degrees miles meters metres kilometers kilometres prozent millionen
milliarden grad euro euros dollars pounds uhr heures millones mil por pour per
"""
_UNITS = frozenset(_COUNTED.split())

# Of each language, what begins a clause or a phrase, lesser than a clause, and what belongs to the word after it.
_CONJUNCTIONS = {
    "en": "and but or nor so yet because although though while when where if unless until since that which who whom "
    "whose than as whether after before however",
    "de": "und aber oder denn sondern doch weil obwohl während wenn wo dass ob als bevor nachdem bis damit der die das "
    "welche welcher welches wie",
    "fr": "et mais ou ni car donc parce quoique pendant quand lorsque où si que qui dont comme puisque afin",
    "es": "y e pero o u ni porque aunque mientras cuando donde si que quien cual como pues sino",
    "it": "e ed ma o oppure né perché sebbene mentre quando dove se che chi cui come poiché",
    "pt": "e mas ou nem porque embora enquanto quando onde se que quem qual como pois",
    "nl": "en maar of noch want omdat hoewel terwijl wanneer toen waar als dat die wie dan voordat nadat",
}
_PREPOSITIONS = {
    "en": "in on at to for from with by of about into over under between through during without within against among "
    "across behind beyond near off onto out up down around toward towards upon",
    "de": "in im ins an am auf aus bei mit nach von vom zu zum zur für durch gegen ohne um über unter vor hinter neben "
    "zwischen seit trotz wegen",
    "fr": "à au aux de du des en dans sur sous pour par avec sans chez vers entre contre depuis",
    "es": "a al de del en con por para sin sobre entre hasta desde hacia contra bajo",
    "it": "a al alla ai di del della dei da dal dalla in nel nella con su sul sulla per tra fra senza",
    "pt": "a ao à de do da dos das em no na nos nas com por para sem sobre entre até desde",
    "nl": "in op aan van voor met naar bij uit over onder tussen door zonder tegen om tot",
}
_TIED = {
    "en": "a an the this these those my your his her its our their no not every each some any to very",
    "de": "ein eine einen einem einer eines den dem des mein dein sein ihr unser euer kein keine nicht sehr herr frau",
    "fr": "le la les un une mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces ne pas "
    "très",
    "es": "el la los las un una unos unas mi tu su mis tus sus este esta ese esa no muy se me te le lo",
    "it": "il lo la i gli le un uno una mio tuo suo questo questa quel quella non molto si mi ti",
    "pt": "o os as um uma meu teu seu este esta esse essa não muito se me te",
    "nl": "de het een mijn jouw zijn haar ons hun deze dit geen niet zeer",
}


# What belongs to the verb after it: a break there is less bad.
_LOOSE = {
    "en": "i you he she we they it is are was were be been am has have had do does did will would can could shall "
    "should may might must",
    "de": "ich du er sie es wir ist sind war waren hat haben hatte wird werden wurde kann muss soll",
    "fr": "je tu il elle on nous vous ils elles est sont était a ont",
    "es": "yo él ella es son era ha han",
    "it": "io lui lei è sono era ha hanno",
    "pt": "eu ele ela é são era tem têm",
    "nl": "ik jij hij zij we is zijn was waren heeft hebben had zal kan moet",
}


@dataclass(frozen=True)
class Words:
    """What is known of a language's small words; nothing of most."""

    conjunctions: frozenset[str]
    prepositions: frozenset[str]
    tied: frozenset[str]
    loose: frozenset[str]
    names: bool  # only names begin with a capital letter

    @classmethod
    def of(cls, language: str) -> "Words":
        conjunctions, prepositions, tied, loose = (
            frozenset(table.get(language, "").split()) for table in (_CONJUNCTIONS, _PREPOSITIONS, _TIED, _LOOSE)
        )
        return cls(conjunctions, prepositions, tied, loose, language not in ("de", "lb", "ja", "zh", "ko", "th"))


def columns(text: str) -> int:
    """How wide a text is: two for full-width characters, none for marks on others."""
    return len(text) if text.isascii() else sum(map(_column, text))


def _column(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def unspaced(character: str) -> bool:
    """Whether it is of a script that is written without spaces between words: Chinese, Japanese, Thai, Lao, Burmese,
    Khmer."""
    code = ord(character)
    return (
        0x0E00 <= code <= 0x0EFF
        or 0x1000 <= code <= 0x109F
        or 0x1780 <= code <= 0x17FF
        or 0x2E80 <= code <= 0x30FF
        or 0x31C0 <= code <= 0x31FF
        or 0x3400 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFFEF
        or 0x20000 <= code <= 0x3FFFF
    )


def may_part(before: str, after: str) -> bool:
    """Whether two pieces that no space parts may stand on two lines."""
    if before[-1] in _NOT_LAST or after[0] in _NOT_FIRST:
        return False
    return unspaced(before[-1]) or unspaced(after[0])


def ends_sentence(before: str, after: str) -> bool:
    """Whether a sentence ends between two words."""
    text = before.rstrip(_CLOSING)
    if not text or text[-1] not in _ENDS:
        return False
    if text[-1] != ".":
        return True
    bare = text[:-1].lstrip("\"'“‘«([").lower()
    if bare in _TITLES or (len(bare) == 1 and bare.isalpha()):  # initials
        return False
    # "no. 5", "5 p.m. today", "am 3. mai"
    return not ((bare in _ABBREVIATED or bare.isdigit()) and not after[:1].isupper())


def badness(before: str, after: str, words: Words, *, spaced: bool = True) -> float:
    """How bad a break between two pieces of text is, from SENTENCE to UNIT; `spaced` says whether a space is there."""
    if ends_sentence(before, after):
        return SENTENCE
    if before.rstrip(_CLOSING)[-1:] in tuple(_PAUSES):
        return CLAUSE
    if unspaced(before[-1]) or unspaced(after[0]):
        return CLAUSE if spaced else _between(before[-1], after[0])
    left, right = _bare(before), _bare(after)
    if _is_unit(before, left, right):
        return UNIT
    if left in words.tied or left in words.prepositions or left in words.conjunctions:
        return TIED
    if left in words.loose:
        return LOOSE
    if right in words.conjunctions:
        return PHRASE
    if right in words.prepositions:
        return LESSER
    if words.names and before[:1].isupper() and after[:1].isupper():
        return TIED
    return PLAIN


def _bare(word: str) -> str:
    return word.strip(".,;:!?…\"'“”‘’«»()[]¿¡-–—").lower() or word


def _is_unit(before: str, left: str, right: str) -> bool:
    """A number and what it counts; a title or an abbreviation and what it stands before."""
    if before[-1:].isdigit() and (right in _UNITS or right[:1].isdigit()):
        return True
    if left in ("$", "€", "£", "¥", "§", "#") and right[:1].isdigit():
        return True
    return before.endswith(".") and (left in _TITLES or left in _ABBREVIATED)


def _between(before: str, after: str) -> float:
    """Of scripts without spaces. In Japanese a phrase mostly ends in hiragana, and the next begins otherwise."""
    first, second = _script(before), _script(after)
    if before in "おご":  # mostly what makes the next word polite
        return TIED
    if first == "hiragana":
        return PHRASE if second not in ("hiragana", "") else PLAIN
    if first == second and first in ("katakana", "thai"):
        return UNIT if first == "katakana" else TIED  # Thai has spaces where phrases end
    if second == "hiragana":
        return TIED
    return PLAIN


def _script(character: str) -> str:
    code = ord(character)
    if 0x3040 <= code <= 0x309F:
        return "hiragana"
    if 0x30A0 <= code <= 0x30FF:
        return "katakana"
    if 0x0E00 <= code <= 0x0E7F:
        return "thai"
    return "han" if unspaced(character) else ""
