"""A strict reader of HLS playlists, for tests: it knows nothing of what wrote them.

Rules: draft-ietf-hls-rfc8216bis. Each broken one is an AssertionError that says which.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s][^",]*)(?:,|$)')
_MASTER_TAGS = {"EXT-X-MEDIA", "EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF"}
_SHARED_TAGS = {"EXTM3U", "EXT-X-VERSION", "EXT-X-INDEPENDENT-SEGMENTS"}
_MEDIA_TAGS = {
    "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-PLAYLIST-TYPE", "EXT-X-I-FRAMES-ONLY", "EXT-X-MAP",
    "EXTINF", "EXT-X-BYTERANGE", "EXT-X-ENDLIST",
}  # fmt: skip
_CODEC = re.compile(
    r"avc1\.[0-9A-F]{6}|hvc1\.[ABC]?\d+\.[0-9A-F]+\.[LH]\d+(\.[0-9A-F]+)*|av01\.\d\.\d\d[MH]\.\d\d(\.\d+)*|mp4a\.40\.\d+"
)


@dataclass
class Part:
    """One segment: its file, seconds, and (first byte, bytes) where only a part of it is meant."""

    uri: str
    duration: float
    range: tuple[int, int] | None = None


@dataclass
class Media:
    """A playlist of one rendition."""

    version: int
    target: int
    parts: list[Part] = field(default_factory=list)
    map: str | None = None
    map_range: tuple[int, int] | None = None
    iframes: bool = False

    @property
    def duration(self) -> float:
        return sum(part.duration for part in self.parts)


@dataclass
class Master:
    """A master playlist: attributes with quotes taken off."""

    version: int
    streams: list[dict[str, str]] = field(default_factory=list)
    iframes: list[dict[str, str]] = field(default_factory=list)
    media: list[dict[str, str]] = field(default_factory=list)


def read_master(path: Path) -> Master:
    """The master playlist at `path`, every rule of it held."""
    lines = _lines(path)
    assert not any(_tag(line) in _MEDIA_TAGS for line in lines), "a master playlist has no tags of media playlists"
    found = Master(_version(lines))
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines
    place = 0
    while place < len(lines):
        line, tag = lines[place], _tag(lines[place])
        assert not line.startswith("#") or tag in _SHARED_TAGS | _MASTER_TAGS, f"unknown tag {line}"
        if tag == "EXT-X-STREAM-INF":
            place += 1
            assert not lines[place].startswith("#"), "a URI follows EXT-X-STREAM-INF"
            found.streams.append(_attributes(line) | {"URI": _relative(lines[place])})
        elif tag == "EXT-X-I-FRAME-STREAM-INF":
            found.iframes.append(_attributes(line))
        elif tag == "EXT-X-MEDIA":
            found.media.append(_attributes(line))
        else:
            assert line.startswith("#"), f"{line} stands alone"
        place += 1
    _check_master(found)
    return found


def _check_master(found: Master) -> None:
    assert found.streams
    groups = {(one["TYPE"], one["GROUP-ID"]) for one in found.media}
    for one in (*found.streams, *found.iframes):
        assert int(one["BANDWIDTH"]) >= int(one["AVERAGE-BANDWIDTH"]) > 0
        assert all(_CODEC.fullmatch(codec) for codec in one["CODECS"].split(",")), one["CODECS"]
        if "RESOLUTION" in one:
            assert re.fullmatch(r"\d+x\d+", one["RESOLUTION"])
            assert one["VIDEO-RANGE"] in ("SDR", "PQ", "HLG")
    for one in found.streams:
        for type, name in (("AUDIO", "AUDIO"), ("SUBTITLES", "SUBTITLES")):
            assert name not in one or (type, one[name]) in groups, f"no group {one[name]}"
        if "RESOLUTION" in one:
            assert re.fullmatch(r"\d+\.\d{3}", one["FRAME-RATE"])
        assert ("AUDIO" in one) <= ("mp4a" in one["CODECS"])
    for one in found.iframes:
        assert not {"FRAME-RATE", "AUDIO", "SUBTITLES"} & set(one)
        assert "mp4a" not in one["CODECS"]
        _relative(one["URI"])
    for type, group in groups:
        members = [one for one in found.media if (one["TYPE"], one["GROUP-ID"]) == (type, group)]
        names = [one["NAME"] for one in members]
        assert len(set(names)) == len(names), "names in a group differ"
        assert sum(one["DEFAULT"] == "YES" for one in members) <= 1
        for one in members:
            assert one["DEFAULT"] == "NO" or one["AUTOSELECT"] == "YES"
            assert "FORCED" not in one or type == "SUBTITLES"
            assert ("CHANNELS" in one) == (type == "AUDIO")
            _relative(one["URI"])


def read_media(path: Path) -> Media:
    """The media playlist at `path`, every rule of it held."""
    lines = _lines(path)
    assert not any(_tag(line) in _MASTER_TAGS for line in lines), "a media playlist has no tags of master playlists"
    assert lines[-1] == "#EXT-X-ENDLIST"
    single = {name: [line for line in lines if _tag(line) == name] for name in _SHARED_TAGS | _MEDIA_TAGS}
    for name in ("EXT-X-TARGETDURATION", "EXT-X-PLAYLIST-TYPE", "EXT-X-MEDIA-SEQUENCE", "EXT-X-ENDLIST"):
        assert len(single[name]) == 1, f"{name} is there once"
    assert single["EXT-X-PLAYLIST-TYPE"] == ["#EXT-X-PLAYLIST-TYPE:VOD"]
    found = Media(_version(lines), int(single["EXT-X-TARGETDURATION"][0].split(":")[1]))
    found.iframes = bool(single["EXT-X-I-FRAMES-ONLY"])
    assert lines.index(single["EXT-X-MEDIA-SEQUENCE"][0]) < next(
        place for place, line in enumerate(lines) if not line.startswith("#")
    )
    duration: float | None = None
    range: tuple[int, int] | None = None
    for line in lines:
        tag = _tag(line)
        assert not line.startswith("#") or tag in _SHARED_TAGS | _MEDIA_TAGS, f"unknown tag {line}"
        if tag == "EXT-X-MAP":
            told = _attributes(line)
            assert not found.parts
            found.map, found.map_range = _relative(told["URI"]), _range(told.get("BYTERANGE"))
        elif tag == "EXTINF":
            assert duration is None
            number = re.fullmatch(r"#EXTINF:(\d+\.\d+),", line)
            assert number, line
            duration = float(number[1])
            assert 0 < duration < found.target + 0.5, "EXTINF is over EXT-X-TARGETDURATION"
        elif tag == "EXT-X-BYTERANGE":
            range = _range(line.split(":", 1)[1])
        elif not line.startswith("#"):
            assert duration is not None, f"{line} has no EXTINF"
            found.parts.append(Part(_relative(line), duration, range))
            duration, range = None, None
    assert found.parts
    _check_files(path.parent, found)
    return found


def _check_files(folder: Path, found: Media) -> None:
    needed = 3
    if found.iframes or any(part.range for part in found.parts):
        needed = 4
    if found.map:
        needed = 5 if found.iframes else 6
    assert found.version >= needed, f"version {found.version} is below {needed}"
    for part in found.parts:
        size = (folder / part.uri).stat().st_size
        assert size > 0
        if part.range:
            assert part.range[0] + part.range[1] <= size, f"{part.uri} ends before the range does"
    if found.map:
        size = (folder / found.map).stat().st_size
        assert not found.map_range or sum(found.map_range) <= size


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    assert b"\r" not in data
    assert not data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8")
    assert text.endswith("\n")
    lines = [line for line in text.split("\n") if line]
    assert lines[0] == "#EXTM3U"
    return lines


def _version(lines: list[str]) -> int:
    told = [line for line in lines if _tag(line) == "EXT-X-VERSION"]
    assert len(told) == 1
    return int(told[0].split(":")[1])


def _tag(line: str) -> str:
    return line[1:].split(":")[0] if line.startswith("#") else ""


def _attributes(line: str) -> dict[str, str]:
    text = line.split(":", 1)[1]
    found = {}
    place = 0
    while place < len(text):
        match = _ATTRIBUTE.match(text, place)
        assert match, f"attributes cannot be read from {text[place:]}"
        assert match[1] not in found, f"{match[1]} is there twice"
        found[match[1]] = match[2].strip('"')
        place = match.end()
    return found


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    size, start = text.split("@")
    return int(start), int(size)


def _relative(uri: str) -> str:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9/._-]*", uri), f"{uri} is not below the playlist"
    return uri
