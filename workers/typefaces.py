"""The fonts that text can be set in: those bundled in workers/fonts, and those of the folder that FONT_DIR names.

Font files are the operator's own and trusted. They are read once, when the first option names a font or has a text.
"""

import os
import struct
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

BUNDLED = Path(__file__).with_name("fonts")
# For what ffmpeg sets itself, burned-in subtitles: these fonts and none of the host's, and for every character that a
# family lacks another of them; and those that a step put into `fonts` in the work directory.
FONTCONFIG = BUNDLED / "fonts.conf"
DEFAULT = "Inter"
REGULAR, BOLD = 400, 700
_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
_MOST_FILES = 500  # of FONT_DIR
_READ = frozenset({b"name", b"OS/2", b"cmap"})
_OUTLINES = frozenset({b"glyf", b"CFF ", b"CFF2"})
_NAME_ENCODINGS = {0: "utf-16-be", 3: "utf-16-be", 1: "mac-roman"}
_GENERIC = {"sansserif": "Inter", "serif": "Source Serif 4", "monospace": "JetBrains Mono"}
# Where families lack a character, in this order; after them whatever else there is.
_FALLBACKS = (
    "Inter",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans CJK SC",
    "Noto Emoji",
)


@dataclass(frozen=True)
class Typeface:
    """One face of a family. `starts` and `ends` are the ranges of characters it has, ends excluded, in order."""

    family: str
    weight: int
    italic: bool
    path: str
    index: int  # within a collection
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def has(self, character: str) -> bool:
        """Whether the face has a glyph for this character."""
        place = bisect_right(self.starts, ord(character)) - 1
        return place >= 0 and ord(character) < self.ends[place]


class FontFolderError(ValueError):
    """FONT_DIR does not name a folder of fonts."""


def font_folder() -> Path | None:
    """FONT_DIR: a folder of the operator's with more fonts; None when there is none. Raises FontFolderError."""
    text = os.environ.get("FONT_DIR", "").strip()
    if not text:
        return None
    folder = Path(text)
    if not folder.is_dir():
        raise FontFolderError(f"FONT_DIR names {text!r}, which is no folder.")
    return folder


def font_folders() -> tuple[Path, ...]:
    """Every folder with fonts: the operator's, where it is there, then the bundled one."""
    try:
        own = font_folder()
    except FontFolderError:  # told at the start; whoever asks for a font now cannot help it
        own = None
    return (own, BUNDLED) if own else (BUNDLED,)


def typefaces() -> tuple[Typeface, ...]:
    """All faces, the operator's before the bundled ones; a broken font file is left out."""
    return _catalogue(font_folders())


def families() -> tuple[str, ...]:
    """The names of all families, in alphabetical order."""
    return tuple(sorted({face.family for face in typefaces()}))


def find_family(name: str) -> str | None:
    """The family of this name (any case, with or without spaces), or for what CSS calls a generic family; None when
    there is none."""
    wanted = _plain(_GENERIC.get(_plain(name), name))
    return next((family for family in families() if _plain(family) == wanted), None)


def faces_for(family: str, *, weight: int = REGULAR, italic: bool = False) -> tuple[Typeface, ...]:
    """The faces to look for a glyph in, best first: of the family, then of those that stand in for it, one each."""
    return _chain(font_folders(), family, weight, italic)


@lru_cache(maxsize=64)
def _chain(folders: tuple[Path, ...], family: str, weight: int, italic: bool) -> tuple[Typeface, ...]:
    known = _catalogue(folders)
    order = dict.fromkeys((family, *_FALLBACKS, *(face.family for face in known)))
    nearest = []
    for name in order:
        faces = [face for face in known if face.family == name]
        if faces:
            nearest.append(min(faces, key=lambda face: (face.italic != italic, abs(face.weight - weight))))
    return tuple(nearest)


def _plain(name: str) -> str:
    return "".join(name.casefold().replace("-", " ").replace("_", " ").split())


@lru_cache(maxsize=4)
def _catalogue(folders: tuple[Path, ...]) -> tuple[Typeface, ...]:
    found: list[Typeface] = []
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
        for path in files[:_MOST_FILES]:
            try:
                found += _faces(path)
            except (OSError, struct.error, LookupError, ValueError):
                continue  # a start-up check tells of a folder without any; one bad file must not cost the others
    return tuple(found)


def _faces(path: Path) -> Iterator[Typeface]:
    data = path.read_bytes()
    offsets: tuple[int, ...] = (0,)
    if data[:4] == b"ttcf":
        (count,) = struct.unpack_from(">I", data, 8)
        offsets = struct.unpack_from(f">{min(count, 64)}I", data, 12)
    for index, offset in enumerate(offsets):
        tables = _tables(data, offset)
        if not tables.keys() & _OUTLINES:
            continue  # bitmaps only, as some colour emoji: they have one size
        family = _family(tables[b"name"])
        if family is None:
            continue
        weight, style = struct.unpack_from(">H", tables[b"OS/2"], 4)[0], struct.unpack_from(">H", tables[b"OS/2"], 62)
        ranges = _ranges(tables[b"cmap"])
        # Bits 0 (italic) and 9 (oblique) of fsSelection.
        yield Typeface(
            family,
            weight,
            bool(style[0] & 0x201),
            str(path.absolute()),
            index,
            tuple(start for start, _ in ranges),
            tuple(end for _, end in ranges),
        )


def _tables(data: bytes, offset: int) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">H", data, offset + 4)
    tables = {}
    for number in range(count):
        tag, _, start, length = struct.unpack_from(">4sIII", data, offset + 12 + 16 * number)
        if tag in _READ or tag in _OUTLINES:
            tables[tag] = data[start : start + length] if tag in _READ else b""
    return tables


def _family(table: bytes) -> str | None:
    """The typographic family's name (16), else the family's (1)."""
    _, count, texts = struct.unpack_from(">HHH", table, 0)
    names: dict[int, str] = {}
    for number in range(count):
        platform, _, language, name, length, start = struct.unpack_from(">6H", table, 6 + 12 * number)
        if name in (1, 16) and platform in _NAME_ENCODINGS and (platform != 3 or language == 0x409):
            raw = table[texts + start : texts + start + length]
            names.setdefault(name, raw.decode(_NAME_ENCODINGS[platform], "replace").strip())
    return names.get(16) or names.get(1) or None


def _ranges(table: bytes) -> list[tuple[int, int]]:
    """The characters of the fullest Unicode subtable as (start, end), ends excluded. Source: OpenType, cmap."""
    (count,) = struct.unpack_from(">H", table, 2)
    best: list[tuple[int, int]] = []
    for number in range(count):
        platform, encoding, start = struct.unpack_from(">HHI", table, 4 + 8 * number)
        if (platform, encoding) not in ((0, 3), (0, 4), (0, 6), (3, 1), (3, 10)):
            continue
        (form,) = struct.unpack_from(">H", table, start)
        ranges = _segments(table[start:]) if form == 4 else _groups(table[start:]) if form == 12 else []
        if sum(b - a for a, b in ranges) > sum(b - a for a, b in best):
            best = ranges
    return best


def _groups(table: bytes) -> list[tuple[int, int]]:
    (count,) = struct.unpack_from(">I", table, 12)
    groups = (struct.unpack_from(">III", table, 16 + 12 * number) for number in range(count))
    return _joined((first, last + 1) for first, last, glyph in groups if glyph)


def _segments(table: bytes) -> list[tuple[int, int]]:
    count = struct.unpack_from(">H", table, 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", table, 14)
    starts = struct.unpack_from(f">{count}H", table, 16 + 2 * count)
    deltas = struct.unpack_from(f">{count}H", table, 16 + 4 * count)
    places = 16 + 6 * count
    offsets = struct.unpack_from(f">{count}H", table, places)

    def mapped() -> Iterator[tuple[int, int]]:
        for number, (start, end, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
            end = min(end, 0xFFFE)
            nothing = -delta & 0xFFFF
            if not offset and not start <= nothing <= end:
                yield start, end + 1
                continue
            for code in range(start, end + 1):
                place = places + 2 * number + offset + 2 * (code - start)
                glyph = code if not offset else struct.unpack_from(">H", table, place)[0]
                if (glyph or not offset) and glyph != nothing:
                    yield code, code + 1

    return _joined(mapped())


def _joined(ranges: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if end <= start:
            continue
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return sorted(joined)


def clusters(text: str) -> Iterator[str]:
    """Characters with what belongs to them: marks, variation selectors, parts of one emoji."""
    held = ""
    for character in text:
        if held and (_belongs(character) or held[-1] == _JOINER):
            held += character
        else:
            if held:
                yield held
            held = character
    if held:
        yield held


def best_face(cluster: str, faces: tuple[Typeface, ...]) -> Typeface | None:
    """The first of the faces that has the whole cluster, else its first character; None when none has."""
    needed = [character for character in cluster if not _is_hidden(character)]
    if not needed:
        return faces[0]
    whole = (face for face in faces if all(face.has(character) for character in needed))
    return next(whole, None) or next((face for face in faces if face.has(needed[0])), None)


def missing(text: str, faces: tuple[Typeface, ...]) -> tuple[str, ...]:
    """The characters of a text that none of the faces has, each once."""
    absent = (character for character in text if character != "\n" and best_face(character, faces) is None)
    return tuple(dict.fromkeys(absent))


_JOINER = "\u200d"


def _belongs(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me")
        or character == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
    )


def _is_hidden(character: str) -> bool:
    """Whether a shaper hides it, whatever the font: joiners, direction marks, selectors."""
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"
