"""Whatever valid options come together, on whatever source: what comes out is as planned and can be played.

Looked at by PyAV and Pillow in this process, and by its bytes, not by the engine's own probe.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from pydantic import ValidationError

from workers.documents import write_document
from workers.engine.errors import MediaError
from workers.kinds import all_kinds
from workers.kinds.base import Kind
from workers.options import option_errors
from workers.plans import Expected, Source
from workers.providers.base import Model, Segment, Transcript, Word
from workers.run import check, run, source_from_path
from workers.tests import media
from workers.tests.strategies import PICTURE, SUBTITLES, beyond, valid_options
from workers.transcripts import transcript_document

EXAMPLES = {"fast": 40, "heavy": 14}
SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "video.mp4": ("video", {}),
    "silent.mp4": ("video", {"audio": None}),
    "rotated.mp4": ("video", {"rotate": 90, "size": (64, 36)}),
    "odd.mkv": ("video", {"size": (65, 49), "pix_fmt": "yuv444p", "seconds": 0.6}),
    "tiny.mp4": ("video", {"size": (16, 16), "seconds": 0.5}),
    "uneven.webm": (
        "video",
        {"codec": "libvpx", "extra": ("-vf", "select=not(between(mod(n\\,7)\\,1\\,3))", "-fps_mode", "vfr")},
    ),
    "narrow.mp4": ("video", {"sample_aspect": (4, 3), "channels": 6}),
    "sound.wav": ("audio", {}),
    "six.flac": ("audio", {"channels": 6}),
    "picture.jpg": ("image", {"orientation": 6, "size": (37, 53)}),
    "grey.png": ("image", {"mode": "L"}),
    "greyish.png": ("image", {"mode": "LA"}),
    "palette.png": ("image", {"mode": "P"}),
    "clear.webp": ("image", {"alpha": 90}),
    "bits.png": ("image", {"mode": "1", "size": (9, 7)}),
    "deep.png": ("image", {"mode": "I;16"}),
    "print.jpg": ("image", {"mode": "CMYK"}),
    "dot.png": ("image", {"size": (1, 1)}),
    "moving.gif": ("image", {"frames": 3}),
}
_MAKERS = {"video": media.make_video, "audio": media.make_audio, "image": media.make_image}


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="properties-"))


@pytest.fixture(scope="module", autouse=True)
def _tidy() -> Iterator[None]:
    yield
    shutil.rmtree(folder(), ignore_errors=True)
    for kept in (folder, source, other_files):
        kept.cache_clear()


@cache
def source(name: str) -> Path:
    """A source by its name, made when it is first asked for."""
    maker, arguments = SOURCES[name]
    return _MAKERS[maker](folder() / name, **arguments)


@cache
def other_files() -> dict[str, str]:
    subtitles = folder() / "words.srt"
    subtitles.write_text("1\n00:00:00,100 --> 00:00:00,700\nWords\n")
    return {PICTURE: str(source("clear.webp")), SUBTITLES: str(subtitles)}


def source_with_speech(name: str) -> Source:
    """The source, and what is said in it: what models hear is no matter here."""
    said = Segment(0.1, 0.9, "One, two.", 0.9, words=(Word(0.1, 0.4, "One,", 0.9), Word(0.5, 0.9, "two.", 0.9)))
    content = transcript_document(Transcript((said,), "en", Model("ears", "1")), words=True)
    heard = {"speech": lambda target: write_document(target, content)}
    return replace(source_from_path(source(name)), results=heard)


def names_for(kind: Kind) -> list[str]:
    return [name for name, (maker, _) in SOURCES.items() if maker in kind.accepts]


def kinds_that_make_media() -> list[Kind]:
    """Those whose options decide what comes out; what models see has tests of its own."""
    return [kind for kind in all_kinds().values() if kind.object and kind.lane != "intelligence"]


@pytest.mark.parametrize("kind", all_kinds().values(), ids=lambda kind: kind.name)
def test_what_lies_beyond_an_options_schema_is_refused_by_its_name(kind: Kind) -> None:
    for name, schema in kind.options.model_json_schema()["properties"].items():
        for value in beyond(schema):
            with pytest.raises(ValidationError) as caught:
                kind.options.model_validate({name: value})
            assert name in dict(option_errors(caught.value)), (name, value)


@pytest.mark.ffmpeg
@pytest.mark.hypothesis
@pytest.mark.parametrize("kind", kinds_that_make_media(), ids=lambda kind: kind.name)
def test_what_comes_out_is_as_planned_and_plays(kind: Kind) -> None:
    sources, options = st.sampled_from(names_for(kind)), valid_options(kind, other_files())

    @settings(
        max_examples=EXAMPLES[kind.lane],
        phases=[Phase.generate],  # a case is told as it was found: to shrink it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(name=sources, chosen=options)
    def holds(name: str, chosen: dict[str, Any]) -> None:
        given_source = source_with_speech(name)
        try:
            check(kind, chosen, given_source.probe)
        except (ValidationError, MediaError) as exc:
            event(f"refused: {type(exc).__name__}")  # together they make no sense: told before anything runs
            return
        with tempfile.TemporaryDirectory(dir=folder()) as work:
            done = run(kind, chosen, given_source, Path(work))
            expected = {
                item["name"]: Expected(**({"media_type": None} | item))
                for item in done.plan["expected"]
                if "*" not in item["name"]
            }
            for output in done.outputs:
                if output.name in expected and expected[output.name].media_type:
                    looked_at(output.path, expected[output.name], chosen)

    holds()


def looked_at(path: Path, expected: Expected, chosen: dict[str, Any]) -> None:
    """Decode all of a file, and hold its size against the plan and against what was asked for."""
    if expected.media_type == "image":
        with Image.open(path) as image:
            sizes = {frame.copy().size for frame in ImageSequence.Iterator(image)}
        assert sizes == {(expected.width, expected.height)}
        even = False
    elif path.suffix in (".m3u8", ".mpd"):
        seen = [played_whole(folder) for folder in sorted(path.parent.iterdir()) if any(folder.glob("segment-*"))]
        assert (expected.width, expected.height) in [size for size, _ in seen if size] or not expected.width
        even = True
    else:
        with av.open(str(path)) as opened:
            size, even = played(opened)
        assert size == ((expected.width, expected.height) if expected.media_type == "video" else None)
        if path.suffix in (".mp4", ".mov", ".m4a"):
            assert moov_is_first(path)
    if expected.media_type != "audio" and all(isinstance(chosen.get(name), int) for name in ("width", "height")):
        asked = (chosen["width"], chosen["height"])
        nearest = [abs(made - side) for made, side in zip((expected.width, expected.height), asked, strict=True)]
        assert max(nearest) <= (1 if even else 0), (asked, expected.width, expected.height)


def played(opened: Any) -> tuple[tuple[int, int] | None, bool]:
    """The size of every frame and whether it is 4:2:0, by decoding a file to its end. Fails where it cannot be, and
    where 4:2:0 has an odd side."""
    sizes, halved, sounded = set(), False, 0
    for frame in opened.decode(*(stream for stream in opened.streams if stream.type in ("video", "audio"))):
        if isinstance(frame, av.VideoFrame):
            sizes.add((frame.width, frame.height))
            if "420" in frame.format.name:
                halved = True
                assert frame.width % 2 == 0
                assert frame.height % 2 == 0
            assert not frame.rotation
        else:
            sounded += frame.samples
    pictures = [stream for stream in opened.streams.video if not _cover(stream)]
    assert len(sizes) == bool(pictures)
    assert bool(sounded) == bool(opened.streams.audio)
    return (sizes.pop() if sizes else None), halved


def played_whole(rendition: Path) -> tuple[tuple[int, int] | None, bool]:
    """What `played` tells of a rendition of a package, its segments joined in order."""
    parts = [*rendition.glob("init.mp4"), *sorted(rendition.glob("segment-*"))]
    joined = rendition / "joined"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with av.open(str(joined)) as opened:
        return played(opened)


def _cover(stream: Any) -> bool:
    with contextlib.suppress(AttributeError):
        return bool(stream.disposition & av.stream.Disposition.attached_pic)
    return False


def moov_is_first(path: Path) -> bool:
    """Whether the index of an MP4 comes before its media, by its outermost boxes."""
    data, place, names = path.read_bytes(), 0, []
    while place + 8 <= len(data):
        names.append(data[place + 4 : place + 8])
        place += int.from_bytes(data[place : place + 4], "big") or len(data)
    return b"moov" in names and (b"mdat" not in names or names.index(b"moov") < names.index(b"mdat"))
