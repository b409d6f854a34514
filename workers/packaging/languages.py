"""Languages as players name them: BCP 47 tags and English names, from the codes that containers hold. Pure."""

# ISO 639-1, the codes of ISO 639-2 for the same language, and its name. Containers hold the three letters; BCP 47 wants
# the two where there are two.
_KNOWN = """
ar ara Arabic|bg bul Bulgarian|bn ben Bengali|ca cat Catalan|cs ces,cze Czech|cy cym,wel Welsh|da dan Danish
de deu,ger German|el ell,gre Greek|en eng English|es spa Spanish|et est Estonian|eu eus,baq Basque|fa fas,per Persian
fi fin Finnish|fr fra,fre French|ga gle Irish|gl glg Galician|gu guj Gujarati|he heb Hebrew|hi hin Hindi|hr hrv Croatian
hu hun Hungarian|hy hye,arm Armenian|id ind Indonesian|is isl,ice Icelandic|it ita Italian|ja jpn Japanese
ka kat,geo Georgian|kk kaz Kazakh|ko kor Korean|lt lit Lithuanian|lv lav Latvian|mk mkd,mac Macedonian|ml mal Malayalam
mr mar Marathi|ms msa,may Malay|nb nob Norwegian|nl nld,dut Dutch|no nor Norwegian|pa pan Punjabi|pl pol Polish
pt por Portuguese|ro ron,rum Romanian|ru rus Russian|sk slk,slo Slovak|sl slv Slovenian|sq sqi,alb Albanian
sr srp Serbian|sv swe Swedish|sw swa Swahili|ta tam Tamil|te tel Telugu|th tha Thai|tr tur Turkish|uk ukr Ukrainian
ur urd Urdu|vi vie Vietnamese|zh zho,chi Chinese
"""
_TAGS: dict[str, str] = {}
_NAMES: dict[str, str] = {}
for _line in _KNOWN.strip().replace("\n", "|").split("|"):
    _short, _long, _name = _line.split(" ", 2)
    _NAMES[_short] = _name
    _TAGS |= dict.fromkeys(_long.split(","), _short)


def language_tag(code: str | None) -> str | None:
    """The BCP 47 tag for a container's code: "en" for "eng"; None for what is no tag."""
    if not code:
        return None
    first, *rest = code.replace("_", "-").split("-")
    first = first.lower()
    if not (first.isascii() and first.isalpha() and 2 <= len(first) <= 3):
        return None
    if not all(part.isascii() and part.isalnum() and len(part) <= 8 for part in rest):
        return None
    return "-".join([_TAGS.get(first, first), *rest])


def language_name(tag: str | None) -> str | None:
    """The language's name in English; the tag itself where it is not among the usual ones."""
    return _NAMES.get(tag.split("-")[0].lower(), tag) if tag else None
