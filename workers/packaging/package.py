"""Playlists and the manifest of a whole package, and subtitles beside it. Operations of the resident helper."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from workers.engine.errors import SourceUnsupported
from workers.packaging import dash, hls
from workers.packaging.hls import Alternative, KeyFrame, Package, Segment, Stream
from workers.packaging.rendition import Described, described
from workers.tracks.captions import cut_cues, read_cues, write_cues

FACTS = "package.json"  # what the result tells of each rendition
TEXT = "subtitles.vtt"
MOST_TEXT = 16 * 1024**2  # bytes of one file of subtitles


def make_folders(cwd: Path, operations: dict[str, Any]) -> None:
    """Folders that ffmpeg writes into, which makes none itself."""
    for name in operations["names"]:
        (cwd / name).mkdir(exist_ok=True)


def make_captions(cwd: Path, operations: dict[str, Any]) -> None:
    """Subtitles of any text format as WebVTT in `folder`: the part from `start` on, of `duration` seconds if known.
    Raises SourceUnsupported that names `param`."""
    param = operations.get("param")
    source = cwd / operations["source"]
    if source.stat().st_size > MOST_TEXT:
        raise SourceUnsupported(f"The subtitles have more than {MOST_TEXT} bytes.", param=param)
    try:
        cues = read_cues(source.read_bytes())
    except SourceUnsupported as exc:
        exc.param = param
        raise
    text = write_cues(cut_cues(cues, operations["start"], operations["duration"]), clock=operations["clock"])
    (cwd / operations["folder"] / TEXT).write_text(text, encoding="utf-8")


def make_package(cwd: Path, operations: dict[str, Any]) -> None:
    """Write the playlists of every rendition described, the master playlist, and the manifest where asked for."""
    pictures = [(told, described(cwd, told["folder"])) for told in operations["pictures"]]
    sounds = [(told, described(cwd, told["folder"])) for told in operations["sounds"]]
    fmp4: bool = operations["fmp4"]
    everything = [one for _, one in (*pictures, *sounds)]
    segments = {one.folder: _segments(one) for one in everything}
    # One for all, as the draft wants of renditions between which a player changes.
    target = max(hls.target_duration(part.duration for part in parts) for parts in segments.values())
    for one in everything:
        text = hls.media_playlist(segments[one.folder], target=target, fmp4=fmp4)
        (cwd / one.folder / hls.PLAYLIST).write_text(text)
    length = max(_length(segments[one.folder]) for one in everything)
    streams = [_picture(cwd, told, one, segments[one.folder], target) for told, one in pictures]
    rates = {one.folder: hls.bandwidth(segments[one.folder], target) for one in everything}
    alternatives = [
        Alternative(
            f"{one.folder}/{hls.PLAYLIST}",
            told["name"],
            told["language"],
            told["default"],
            channels=told["channels"],
            peak=rates[one.folder][0],
            average=rates[one.folder][1],
            codecs=one.codecs,
        )
        for told, one in sounds
    ]
    if not pictures:  # each bitrate is a variant of its own
        streams = [Stream(sound.uri, sound.peak, sound.average, sound.codecs) for sound in alternatives]
    texts = []
    for told in operations["subtitles"]:
        (cwd / told["folder"] / hls.PLAYLIST).write_text(hls.text_playlist(TEXT, length))
        place = f"{told['folder']}/{hls.PLAYLIST}"
        texts.append(Alternative(place, told["name"], told["language"], told["default"], told["forced"]))
    first = operations["first"]  # players begin with what is listed first
    streams.sort(key=lambda stream: not stream.uri.startswith(f"{first}/"))
    package = Package(streams, alternatives if pictures else (), texts, fmp4)
    (cwd / hls.MASTER).write_text(hls.master_playlist(package))
    if operations["dash"]:
        (cwd / dash.MANIFEST).write_text(_manifest(operations, pictures, sounds, rates, length))
    facts = [_facts(told, one, rates[one.folder], segments[one.folder]) for told, one in (*pictures, *sounds)]
    (cwd / FACTS).write_text(json.dumps({"renditions": facts, "duration": float(length), "target": target}))


def _segments(one: Described) -> list[Segment]:
    """Sound's priming is cut off ahead of the first, and not counted; pictures are shown later, and not shorter."""
    cut = one.lead if one.width is None else 0
    return [
        Segment(name, Fraction(ticks - (0 if place else cut), one.timescale), size)
        for place, (name, ticks, size, _) in enumerate(one.segments)
    ]


def _length(segments: list[Segment]) -> Fraction:
    return sum((one.duration for one in segments), Fraction(0))


def _picture(cwd: Path, told: dict[str, Any], one: Described, segments: list[Segment], target: int) -> Stream:
    """A variant, whose playlist of key frames is written by the way."""
    keys = [KeyFrame(name, Fraction(ticks, one.timescale), start, size) for name, ticks, start, size in one.key_frames]
    init = (hls.INIT, None) if one.fmp4 else (segments[0].name, one.tables)
    (cwd / one.folder / hls.IFRAMES).write_text(hls.iframe_playlist(keys, map=init))
    as_segments = [Segment(key.name, key.duration, key.size) for key in keys]
    size = told["width"], told["height"]
    peak, average = hls.bandwidth(as_segments, hls.target_duration(key.duration for key in keys))
    iframes = Stream(f"{one.folder}/{hls.IFRAMES}", peak, average, one.codecs, *size)
    peak, average = hls.bandwidth(segments, target)
    return Stream(
        f"{one.folder}/{hls.PLAYLIST}", peak, average, one.codecs, *size, rate=Fraction(told["rate"]), iframes=iframes
    )


def _manifest(
    operations: dict[str, Any],
    pictures: list[tuple[dict[str, Any], Described]],
    sounds: list[tuple[dict[str, Any], Described]],
    rates: dict[str, tuple[int, int]],
    length: Fraction,
) -> str:
    def representation(told: dict[str, Any], one: Described) -> dash.Representation:
        return dash.Representation(
            one.folder,
            rates[one.folder][0],
            one.codecs,
            one.timescale,
            [ticks for _, ticks, _, _ in one.segments],
            told.get("width"),
            told.get("height"),
            Fraction(told["rate"]) if "rate" in told else None,
            told.get("sample_rate"),
            told.get("channels"),
        )

    heard = [(told, representation(told, one)) for told, one in sounds]
    if pictures:
        groups = [dash.Sound(told["name"], told["language"], told["default"], [one]) for told, one in heard]
    else:
        groups = [dash.Sound(heard[0][0]["name"], heard[0][0]["language"], True, [one for _, one in heard])]
    texts = [
        dash.Text(f"{told['folder']}/{TEXT}", told["name"], told["language"], told["forced"])
        for told in operations["subtitles"]
    ]
    seen = [representation(told, one) for told, one in pictures]
    return dash.manifest(duration=length, pictures=seen, sounds=groups, texts=texts)


def _facts(told: dict[str, Any], one: Described, rates: tuple[int, int], segments: list[Segment]) -> dict[str, Any]:
    return {
        "name": one.folder,
        "width": told.get("width"),
        "height": told.get("height"),
        "fps": round(float(Fraction(told["rate"])), 3) if "rate" in told else None,
        "bitrate": rates[1],
        "peak_bitrate": rates[0],
        "codecs": one.codecs,
        "language": told.get("language"),
        "duration": round(float(_length(segments)), 6),
        "segments": len(segments),
    }
