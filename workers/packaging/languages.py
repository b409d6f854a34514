"""Languages as players name them: BCP 47 tags and English names, from the codes that containers hold. Pure."""

from workers.languages import short_language

_KNOWN = """
ar Arabic; bg Bulgarian; bn Bengali; ca Catalan; cs Czech; cy Welsh; da Danish; de German; el Greek; en
English; es Spanish; et Estonian; eu Basque; fa Persian; fi Finnish; fr French; ga Irish; gl Galician; gu
Gujarati; he Hebrew; hi Hindi; hr Croatian; hu Hungarian; hy Armenian; id Indonesian; is Icelandic; it
Italian; ja Japanese; ka Georgian; kk Kazakh; ko Korean; lt Lithuanian; lv Latvian; mk Macedonian; ml
Malayalam; mr Marathi; ms Malay; nb Norwegian; nl Dutch; no Norwegian; pa Punjabi; pl Polish; pt Portuguese;
ro Romanian; ru Russian; sk Slovak; sl Slovenian; sq Albanian; sr Serbian; sv Swedish; sw Swahili; ta Tamil;
te Telugu; th Thai; tr Turkish; uk Ukrainian; ur Urdu; vi Vietnamese; zh Chinese
"""
_NAMES = dict(pair.split() for pair in _KNOWN.split(";"))


def language_tag(code: str | None) -> str | None:
    """The BCP 47 tag for a container's code: "en" for "eng"; None for what is no tag."""
    if not code:
        return None
    first, *rest = code.replace("_", "-").split("-")
    if not (first.isascii() and first.isalpha() and 2 <= len(first) <= 3):
        return None
    if not all(part.isascii() and part.isalnum() and len(part) <= 8 for part in rest):
        return None
    return "-".join([short_language(first), *rest])


def language_name(tag: str | None) -> str | None:
    """The language's name in English; the tag itself where it is not among the usual ones."""
    return _NAMES.get(tag.split("-")[0].lower(), tag) if tag else None
