"""Playlists of HLS, manifests of DASH and tracks of thumbnails, as they are delivered: what they name must be found from
where they were asked for, and be open to whoever may read them. Pure: text in, text out.

A package names its parts relative to its entry. The entry is also delivered under names of its own, `folder/talk.m3u8`,
where those would lead nowhere; and a signed URL opens the parts only with its query, which relative references do not
inherit. So references are moved below the file's id, and get the query that opened the manifest.

References to anything else, another host above all, are let be: a signature never goes there.

A track of thumbnails names its sprite sheets by whole URLs, as its readers take for granted that they can be fetched
from anywhere: many hand the text on without where it came from. One that begins with `./` stays relative.

Sources: draft-ietf-hls-rfc8216bis (4.2, attribute lists), ISO/IEC 23009-1 (5.6, base URLs; 5.3.9, segments), RFC 3986,
WebVTT (4.1, cues), Media Fragments URI 1.0 (4.2.2, xywh).
"""

import posixpath
import re
from collections.abc import Callable
from xml.etree import ElementTree

HLS_TYPES = frozenset({"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"})
DASH_TYPE = "application/dash+xml"
VTT_TYPE = "text/vtt"
LARGEST = 4 * 1024 * 1024  # bytes of one manifest: a day in segments of two seconds has two

_DASH = "urn:mpeg:dash:schema:mpd:2011"
# In `EXT-X-…:` lines: names, and quoted or bare values. Quoted ones are taken whole, whatever they hold. A name is only
# looked for where one can begin, and never given back in part: lines may be as long as the whole.
_ATTRIBUTE = re.compile(r'(?<![A-Z0-9-])(?P<name>[A-Z0-9-]++)=(?P<value>"[^"\r\n]*"|[^,"\r\n]*)')
_URIS = frozenset({"URI"})
_LINES = re.compile(r"(\r\n|\n|\r)")
# A reference below its manifest: no scheme, no host, no way up or out. Browsers take a backslash for a slash.
_BELOW = re.compile(r"[^\s\\/?#:\x00-\x1f\x7f][^\s\\?#\x00-\x1f\x7f]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# Where DASH has references: in attributes of these elements.
_DASH_URIS = {
    "SegmentTemplate": ("media", "initialization", "index", "bitstreamSwitching"),
    "SegmentURL": ("media", "index"),
    "Initialization": ("sourceURL",),
    "RepresentationIndex": ("sourceURL",),
    "BitstreamSwitching": ("sourceURL",),
}

# A cue of thumbnails: a part of a picture, with its times on the line ahead.
_REGION = re.compile(r"(?P<name>[^\s#]+)#xywh=[0-9a-z:,.]+")
_CUE = re.compile(r"[0-9:.]+[ \t]+-->[ \t]+[0-9:.]+")

Place = Callable[[str], str]


def is_manifest(type: str) -> bool:
    """Whether an object of this media type names others."""
    plain = type.partition(";")[0].strip().lower()
    return plain in HLS_TYPES or plain == DASH_TYPE


def is_thumbnails(kind: str, type: str) -> bool:
    """Whether a file of this kind and media type is a track that names sprite sheets."""
    return kind == "thumbnails" and type.partition(";")[0].strip().lower() == VTT_TYPE


def rewritten(body: bytes, type: str, *, base: str, query: str) -> bytes:
    """The manifest with every reference below it moved to `base` (empty, or a relative path that ends in a slash), and
    `query` added to it; the same bytes where it is no text that can be read."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body
    if type.partition(";")[0].strip().lower() == DASH_TYPE:
        return _dash(text, base, query) or body
    if not text.startswith("#EXTM3U"):  # what every playlist begins with
        return body
    return _hls(text, lambda reference: _placed(reference, base, query)).encode()


def rewritten_thumbnails(body: bytes, *, base: str, root: str, query: str) -> bytes:
    """The track with every reference below it made a URL below `root`, which ends in a slash, or where it begins with
    `./` a relative one below `base`; and `query` added. The same bytes where it is no WebVTT."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body
    if not text.startswith("WEBVTT"):
        return body
    lines, cue = _LINES.split(text), False
    for number, line in enumerate(lines):
        if line in ("\r\n", "\n", "\r"):
            continue
        if cue and _REGION.fullmatch(line):
            lines[number] = _whole(line, base, root, query)
        cue = bool(_CUE.match(line))
    return "".join(lines).encode()


def _whole(reference: str, base: str, root: str, query: str) -> str:
    """A sheet's place as it is to be written; what does not stay below the track as it is."""
    name = reference.removeprefix("./")
    placed = _placed(name, root if name == reference else base, query)
    return reference if placed == name else placed


def _placed(reference: str, base: str, query: str) -> str:
    """A reference as it is to be written; one that does not stay below its manifest as it is."""
    path, mark, fragment = reference.partition("#")
    path, asked, given = path.partition("?")
    if not _is_below(path) or re.search(r"[\s\\\x00-\x1f\x7f]", given + fragment):
        return reference
    queries = "&".join(part for part in (given, query) if part)
    return f"{base}{path}" + (f"?{queries}" if queries or asked else "") + mark + fragment


def _is_below(path: str) -> bool:
    """Whether a path stays below where it is written, and is no URL of another kind."""
    if not _BELOW.fullmatch(path) or _SCHEME.match(path):
        return False
    return not posixpath.normpath(path).startswith("..") and "%2e" not in path.lower() and "%2f" not in path.lower()


# --- HLS ---


def _hls(text: str, place: Place) -> str:
    """Every line that is a reference, and every URI attribute of a tag."""
    return "".join(part if part in ("\r\n", "\n", "\r") else _line(part, place) for part in _LINES.split(text))


def _line(line: str, place: Place) -> str:
    bare = line.strip(" \t")
    if not bare:
        return line
    if not bare.startswith("#"):
        return place(bare)
    if not bare.startswith("#EXT") or ":" not in bare:
        return line
    tag, _, attributes = line.partition(":")

    def written(found: re.Match[str]) -> str:
        value = found["value"]
        if found["name"] not in _URIS or not value.startswith('"'):
            return found[0]
        return f'{found["name"]}="{place(value[1:-1])}"'

    # EXTINF has a duration and a title, which is free text, in place of attributes.
    return line if tag.strip() == "#EXTINF" else f"{tag}:{_ATTRIBUTE.sub(written, attributes)}"


# --- DASH ---


def _dash(text: str, base: str, query: str) -> bytes | None:
    """None for what is no manifest. One base URL for all, and the query on each reference to a file."""
    if "<!" in text.replace("<!--", ""):  # a document type, whose entities could be bombs; ours have none
        return None
    try:
        # What stands in the package is the engine's own writing, and no document type is let through.
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    if _local(root.tag) != "MPD":
        return None
    for element in root.iter():
        for name in _DASH_URIS.get(_local(element.tag), ()):
            if reference := element.get(name):
                element.set(name, _placed(reference, "", query))
        if _local(element.tag) == "BaseURL" and element.text and not element.text.strip().endswith("/"):
            element.text = _placed(element.text.strip(), "", query)
    if base:
        _base(root, base)
    ElementTree.register_namespace("", _DASH)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _base(root: ElementTree.Element, base: str) -> None:
    """Have all relative references resolved below `base`: those of the MPD itself moved, or one added."""
    own = [child for child in root if _local(child.tag) == "BaseURL"]
    for child in own:
        text = (child.text or "").strip()
        child.text = f"{base}{text}" if not text or _is_below(text.partition("?")[0]) else text
    if own:
        return
    element = ElementTree.Element(f"{root.tag.removesuffix('MPD')}BaseURL")
    element.text = base
    # The schema wants it behind ProgramInformation, ahead of all else.
    root.insert(sum(_local(child.tag) == "ProgramInformation" for child in root), element)


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
