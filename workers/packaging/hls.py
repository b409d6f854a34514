"""Playlists of HTTP Live Streaming. Pure: facts in, text out.

Source: draft-ietf-hls-rfc8216bis (the successor of RFC 8216). Every URI is relative to the playlist it stands in.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

MIME = "application/vnd.apple.mpegurl"
MASTER = "master.m3u8"
PLAYLIST = "stream.m3u8"
IFRAMES = "iframes.m3u8"
INIT = "init.mp4"
# Protocol versions (section 8 of the draft): EXT-X-MAP for fragmented MP4 needs 6, for I-frames alone 5; fractions of a
# second 3, byte ranges and I-frame playlists 4.
_VERSION_FMP4, _VERSION_TS, _VERSION_IFRAMES, _VERSION_MASTER = 6, 3, 5, 4


@dataclass(frozen=True)
class Segment:
    """One segment: its file's name, seconds and bytes."""

    name: str
    duration: Fraction
    size: int


@dataclass(frozen=True)
class KeyFrame:
    """A key frame in a segment: seconds until the next one, and where its bytes lie."""

    name: str
    duration: Fraction
    start: int
    size: int


@dataclass(frozen=True)
class Stream:
    """One rendition as the master playlist names it: bits a second over the wire, RFC 6381 codecs."""

    uri: str
    peak: int
    average: int
    codecs: str
    width: int | None = None
    height: int | None = None
    rate: Fraction | None = None
    range: str = "SDR"
    iframes: "Stream | None" = None


@dataclass(frozen=True)
class Alternative:
    """One member of a group of sounds or subtitles; `language` as BCP 47 has it."""

    uri: str
    name: str
    language: str | None = None
    default: bool = False
    forced: bool = False
    channels: int | None = None
    peak: int = 0
    average: int = 0
    codecs: str = ""


@dataclass(frozen=True)
class Package:
    """All that a master playlist lists."""

    streams: Sequence[Stream]
    sounds: Sequence[Alternative] = field(default=())
    subtitles: Sequence[Alternative] = field(default=())
    fmp4: bool = True


def media_playlist(segments: Sequence[Segment], *, target: int, fmp4: bool) -> str:
    """A whole rendition."""
    lines = _head(_VERSION_FMP4 if fmp4 else _VERSION_TS, target)
    if fmp4:
        lines.append(f'#EXT-X-MAP:URI="{INIT}"')
    for segment in segments:
        lines += [f"#EXTINF:{_decimal(segment.duration)},", segment.name]
    return _text([*lines, "#EXT-X-ENDLIST"])


def iframe_playlist(frames: Sequence[KeyFrame], *, map: tuple[str, int | None]) -> str:
    """The key frames of a rendition, for fast playing and previews. `map` is what a decoder needs first: the name of a
    file and, where it is the beginning of one, how many bytes of that."""
    lines = _head(_VERSION_IFRAMES, target_duration(frame.duration for frame in frames))
    name, size = map
    lines.append("#EXT-X-I-FRAMES-ONLY")
    lines.append(f'#EXT-X-MAP:URI="{name}"' + (f',BYTERANGE="{size}@0"' if size is not None else ""))
    for frame in frames:
        lines += [f"#EXTINF:{_decimal(frame.duration)},", f"#EXT-X-BYTERANGE:{frame.size}@{frame.start}", frame.name]
    return _text([*lines, "#EXT-X-ENDLIST"])


def text_playlist(name: str, duration: Fraction) -> str:
    """Subtitles in one file: it is small, and players ask for it once."""
    lines = [*_head(_VERSION_TS, target_duration([duration])), f"#EXTINF:{_decimal(duration)},", name]
    return _text([*lines, "#EXT-X-ENDLIST"])


def master_playlist(package: Package) -> str:
    """What a player opens first."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION_FMP4 if package.fmp4 else _VERSION_MASTER}"]
    lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    lines += [_media("AUDIO", "audio", sound) for sound in package.sounds]
    lines += [_media("SUBTITLES", "subtitles", text) for text in package.subtitles]
    for stream in package.streams:
        lines += [f"#EXT-X-STREAM-INF:{_attributes(_variant(stream, package))}", stream.uri]
    for stream in package.streams:
        if stream.iframes:
            told = _variant(stream.iframes, None) | {"URI": f'"{stream.iframes.uri}"'}
            lines.append(f"#EXT-X-I-FRAME-STREAM-INF:{_attributes(told)}")
    return _text(lines)


def target_duration(durations: Iterable[Fraction]) -> int:
    """The longest, rounded to whole seconds, one at least."""
    return max(1, math.floor(max(durations) + Fraction(1, 2)))


def bandwidth(segments: Sequence[Segment], target: int) -> tuple[int, int]:
    """(peak, average) bits a second. The peak is that of the worst run of segments which together last between half and
    one and a half of `target` seconds; of all of it, where no run does."""
    average = 8 * sum(one.size for one in segments) / sum((one.duration for one in segments), Fraction(0))
    peak = Fraction(0)
    for first in range(len(segments)):
        size, length = 0, Fraction(0)
        for one in segments[first:]:
            size, length = size + one.size, length + one.duration
            if 2 * length > 3 * target:
                break
            if 2 * length >= target:
                peak = max(peak, 8 * size / length)
    return math.ceil(max(peak, average)), math.ceil(average)


def quoted(text: str) -> str:
    """Words as a quoted string can hold them."""
    return " ".join(text.replace('"', "'").split())


def _head(version: int, target: int) -> list[str]:
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{version}",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:1",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]


def _media(type: str, group: str, one: Alternative) -> str:
    told = {"TYPE": type, "GROUP-ID": f'"{group}"', "NAME": f'"{quoted(one.name)}"'}
    if one.language:
        told["LANGUAGE"] = f'"{one.language}"'
    # What is marked default must be selectable by itself as well, says the draft.
    chosen = one.default or type == "AUDIO" or bool(one.language)
    told |= {"DEFAULT": "YES" if one.default else "NO", "AUTOSELECT": "YES" if chosen else "NO"}
    if one.forced:
        told["FORCED"] = "YES"
    if one.channels:
        told["CHANNELS"] = f'"{one.channels}"'
    return f"#EXT-X-MEDIA:{_attributes(told | {'URI': quoted_uri(one.uri)})}"


def quoted_uri(uri: str) -> str:
    return f'"{uri}"'


def _variant(stream: Stream, package: Package | None) -> dict[str, str]:
    """Attributes of a variant; with `package`, of picture and sound together: the worst of the group counts."""
    sounds = package.sounds if package else ()
    peak = stream.peak + max((sound.peak for sound in sounds), default=0)
    average = stream.average + max((sound.average for sound in sounds), default=0)
    codecs = dict.fromkeys([stream.codecs, *(sound.codecs for sound in sounds)])
    told = {"BANDWIDTH": str(peak), "AVERAGE-BANDWIDTH": str(average), "CODECS": f'"{",".join(codecs)}"'}
    if stream.width and stream.height:
        told["RESOLUTION"] = f"{stream.width}x{stream.height}"
        if stream.rate is not None and package:
            told["FRAME-RATE"] = f"{float(stream.rate):.3f}"
        told["VIDEO-RANGE"] = stream.range
    if sounds:
        told["AUDIO"] = '"audio"'
    if package and package.subtitles:
        told["SUBTITLES"] = '"subtitles"'
    if package and stream.width:
        told["CLOSED-CAPTIONS"] = "NONE"  # or players offer captions that are not there
    return told


def _attributes(told: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in told.items())


def _decimal(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}"


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
