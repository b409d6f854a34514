"""Who made a picture and who may use it: the only words of a picture's metadata that are kept. Runs only in the
resident helper."""

import re
from html import unescape
from typing import Any

from PIL import Image as Pillow
from PIL import ImageFile, IptcImagePlugin

from workers.engine import stills

ARTIST, COPYRIGHT = 0x013B, 0x8298  # EXIF tags
LENGTH = 500  # characters that are kept of each
# Where else it may stand: XMP's Dublin Core, IPTC's records, PNG's keywords.
_XMP = {
    ARTIST: re.compile(rb"<dc:creator>.{0,400}?<rdf:li[^>]{0,100}>([^<]{1,2000})</rdf:li>", re.DOTALL),
    COPYRIGHT: re.compile(rb"<dc:rights>.{0,400}?<rdf:li[^>]{0,100}>([^<]{1,2000})</rdf:li>", re.DOTALL),
}
_IPTC = {ARTIST: (2, 80), COPYRIGHT: (2, 116)}
_WORDS = {ARTIST: "Author", COPYRIGHT: "Copyright"}
_MOST = 1024 * 1024  # bytes of XMP that are looked at


def rights_of(image: Pillow.Image) -> dict[int, bytes]:
    """Copyright and artist of an opened picture, by EXIF tag, in UTF-8; only those that are there."""
    found = {}
    exif = stills.exif_of(image)
    for tag in (ARTIST, COPYRIGHT):
        for text in (_exif(exif, tag), _xmp(image, tag), _iptc(image, tag), _word(image, tag)):
            if text:
                found[tag] = text[:LENGTH].encode()
                break
    return found


def exif_with(rights: dict[int, bytes]) -> bytes:
    """An EXIF block that holds nothing but these."""
    exif = Pillow.Exif()
    for tag, text in rights.items():
        exif[tag] = text
    return exif.tobytes()


def _exif(exif: Any, tag: int) -> str:
    value = exif.get(tag)
    if isinstance(value, str):  # read as Latin-1; most programs write UTF-8, whatever the standard says
        value = value.encode("latin-1", "replace")
    return _clean(value)


def _xmp(image: Pillow.Image, tag: int) -> str:
    data = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    data = data.encode() if isinstance(data, str) else data
    found = _XMP[tag].search(data[:_MOST]) if isinstance(data, bytes) else None
    return unescape(_clean(found[1])) if found else ""


def _iptc(image: Pillow.Image, tag: int) -> str:
    try:
        opened = isinstance(image, ImageFile.ImageFile) and image.format in ("JPEG", "MPO", "TIFF")
        records = IptcImagePlugin.getiptcinfo(image) if opened else None  # type: ignore[arg-type]
    except stills.DAMAGE:
        return ""
    value: Any = (records or {}).get(_IPTC[tag])
    return _clean(value[0] if isinstance(value, list) and value else value)


def _word(image: Pillow.Image, tag: int) -> str:
    value = image.info.get(_WORDS[tag]) if image.format == "PNG" else None
    return _clean(value.encode() if isinstance(value, str) else value)


def _clean(value: Any) -> str:
    if not isinstance(value, bytes):
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return "".join(character if character.isprintable() else " " for character in text).strip()
