"""Text files of strangers, which say nothing of how they are encoded. Pure."""

import re

# What Windows wrote before Unicode, by the language's code of ISO 639-1; Western where nothing else is told.
_WESTERN = "cp1252"
_BY_LANGUAGE = {
    **dict.fromkeys(("cs", "sk", "pl", "hu", "sl", "hr", "bs", "ro", "sq"), "cp1250"),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk"), "cp1251"),
    **dict.fromkeys(("tr", "az"), "cp1254"),
    **dict.fromkeys(("ar", "fa", "ur"), "cp1256"),
    **dict.fromkeys(("et", "lv", "lt"), "cp1257"),
    "el": "cp1253",
    "he": "cp1255",
    "vi": "cp1258",
    "th": "cp874",
    "ja": "cp932",
    "ko": "cp949",
    "zh": "gb18030",
}
_TRADITIONAL = {"hant", "tw", "hk", "mo"}  # Chinese in Big5
_LOOKED_AT = 400  # bytes
_MANY = 0.3  # of them, every other one: letters of two bytes
_NO_TEXT = re.compile(r"[\0-\x08\x0e-\x1f]")


def encoding_of(data: bytes, language: str | None = None) -> str:
    """The name of an encoding: by the byte order mark, or as every other byte is nothing; UTF-8 where all of it can be;
    else what Windows used for the language (a tag such as "ja"), where all of it can be that; else for Western ones."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = data[:_LOOKED_AT]
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        every_other = head[place::2]
        if every_other.count(0) > _MANY * len(every_other) and not _NO_TEXT.search(head.decode(name, "replace")):
            return name
    if _can_be(data, "utf-8-sig"):
        return "utf-8-sig"
    first, *parts = (language or "").lower().split("-")
    name = "cp950" if first == "zh" and _TRADITIONAL.intersection(parts) else _BY_LANGUAGE.get(first, _WESTERN)
    return name if _can_be(data, name) else _WESTERN


def _can_be(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def decoded_text(data: bytes, language: str | None = None) -> str:
    """The text by encoding_of; never fails."""
    return data.decode(encoding_of(data, language), "replace")
