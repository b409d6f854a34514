"""A file through adaptive_video: what each rendition of the package is, read by Debian's ffprobe as a player would."""

import re
from pathlib import Path

from tests.corpus import checks, references, tools
from tests.corpus.files import RealFile
from tests.corpus.making import Cell, likened, make, picture_words, sound_words, span, used_stream

WIDEST = 480  # pixels: two or three rungs of a ladder
_VARIANT = re.compile(r"#EXT-X-STREAM-INF:(.*)\n(.+)")


def adaptive_video(file: RealFile, work: Path) -> Cell:
    start, duration = span(file)
    wide = {"width": min(WIDEST, file.shown[0] // 2 * 2)} if file.shown else {}
    path = make(file, "adaptive_video", work, quality="very_high", start=start, duration=duration, **wide)
    text = path.read_text()
    variants = [(told, work / name.strip()) for told, name in _VARIANT.findall(text)]
    told = Cell(f"HLS, {len(variants)} renditions" if len(variants) > 1 else "HLS, 1 rendition")
    if not text.startswith("#EXTM3U\n"):
        told.problems.append("the playlist does not begin as one")
    heard = re.search(r'TYPE=AUDIO.*?URI="([^"]+)"', text)
    if file.shown is None:
        return _sound_only(told, file, variants, duration)
    if bool(heard) != bool(file.channels):
        told.problems.append("lost its sound" if file.channels else "has sound where there was none")
    if "#EXT-X-I-FRAME-STREAM-INF" not in text:
        told.problems.append("has no playlist of key frames")
    found = sorted(((_width(attributes), attributes, place) for attributes, place in variants), reverse=True)
    keys = []
    for width, attributes, place in found:
        [stream, *_] = tools.streams(tools.ffprobe(place), "video")
        shape = (width, round(width * file.shown[1] / file.shown[0] / 2) * 2)
        told.problems += [f"{place.parent.name} {problem}" for problem in checks.video_stream(stream, shape)]
        if f"RESOLUTION={stream['width']}x{stream['height']}" not in attributes or "CODECS=" not in attributes:
            told.problems.append(f"{place.parent.name} is announced as {attributes}")
        keys.append(tools.key_times(place))
    told.says += f" to {picture_words(tools.streams(tools.ffprobe(found[0][2]), 'video')[0])}"
    if heard:
        [sound] = tools.streams(tools.ffprobe(work / heard[1]), "audio")
        told.says += f", {sound_words(sound)} apart"
    if any(abs(one - other) > 0.001 for times in keys for one, other in zip(times, keys[0], strict=False)):
        told.problems.append("key frames of the renditions do not align")
    for part in sorted(work.rglob("*.mp4")):
        told.problems += checks.nothing_private(part)
    if file.broken:
        return told
    listed = sum(float(each) for each in re.findall(r"#EXTINF:([\d.]+)", found[0][2].read_text()))
    told.problems += checks.length(listed, duration, 0.15)
    top = found[0][2]
    made = tools.times(top, "v:0")
    used = used_stream(file)
    moments = tools.times(file.path, used, until=start + duration + 1)
    number = len(made) // 2
    source = max(place for place, moment in enumerate(moments) if moment <= start + made[number] + 0.0025)
    frame = references.shown(top, number, work / "made.png")
    size = references.size(frame)
    return likened(told, file, frame, references.moving(file, source, size, work / "reference.png", stream=used))


def _sound_only(told: Cell, file: RealFile, variants: list[tuple[str, Path]], duration: float) -> Cell:
    for _, place in variants:
        facts = tools.ffprobe(place)
        [sound] = tools.streams(facts, "audio")
        if tools.streams(facts, "video"):
            told.problems.append("has a picture")
    told.says += f", {sound_words(sound)}"
    listed = sum(float(each) for each in re.findall(r"#EXTINF:([\d.]+)", variants[0][1].read_text()))
    told.problems += checks.length(listed, duration, 0.15)
    return told


def _width(attributes: str) -> int:
    found = re.search(r"RESOLUTION=(\d+)x", attributes)
    return int(found[1]) if found else 0
