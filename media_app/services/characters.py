"""Which characters a name may hold: all that can be seen, and what the scripts of the world need to spell with.

Refused is what nobody sees and what makes one name look like another: controls and line breaks, which would also break
headers; marks of direction (U+202E shows `gpj.exe` as `exe.jpg`); invisible characters; halves of characters. Of the
invisible ones those are kept that change what is seen where they stand: the joiners of Arabic and Indic scripts and of
emoji, variation selectors, the tags of flags. Everything else is kept exactly, private and not yet assigned characters
too: how they look is up to fonts, and new emoji must not wait for a new Python.
"""

import re
import unicodedata

_REFUSED = {
    "Cc": "control characters",
    "Cs": "halves of surrogate pairs",
    "Zl": "line breaks",
    "Zp": "line breaks",
    "Cf": "invisible characters or marks of direction",
}
# Fillers and joiners that are letters or marks by category, and show nothing.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
# Visible, and Cf only because they stand before what they span: Arabic, Syriac and Kaithi signs of number and verse;
# and what arranges hieroglyphs.
_VISIBLE = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f]")
_JOINERS = frozenset("\u200c\u200d")
_JOINED = frozenset({"Lo", "Lm", "Mn", "Mc", "Me", "So", "Sk", "Sm"})  # uncased letters, marks, emoji and tones
_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_PLAIN = re.compile('[\x00-"$-)+-/:-\x7f]')  # ASCII but for digits, # and *, which selectors turn into keys
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
_MONGOLIAN_SEPARATOR = re.compile("(?<=[\u1820-\u18aa])\u180e")


def problem_of(name: str) -> str | None:
    """What a name must not hold and does, in words; None when every character of it may stand there."""
    if name.isascii() and name.isprintable():
        return None
    seen = _MONGOLIAN_SEPARATOR.sub("", _FLAG.sub("", name))
    for index, character in enumerate(seen):
        category = unicodedata.category(character)
        before = seen[index - 1] if index else ""
        if character in _JOINERS:
            after = seen[index + 1 : index + 2]
            allowed = any(beside and unicodedata.category(beside) in _JOINED for beside in (before, after))
        elif _SELECTOR.match(character):
            allowed = bool(before) and not _PLAIN.match(before) and not _SELECTOR.match(before)
        elif category == "Cf":
            allowed = bool(_VISIBLE.match(character))
        else:
            allowed = category not in _REFUSED and character not in _INVISIBLE
        if not allowed:
            return _REFUSED.get(category, _REFUSED["Cf"])
        if category == "Cn" and (ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF):
            return "code points that are no characters"
    return None
