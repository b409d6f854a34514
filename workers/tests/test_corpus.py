"""Real files of a folder named by ITTYHOST_CORPUS, against the facts in its MEDIA.tsv, and through every kind."""

import csv
import os
from pathlib import Path

import pytest

from workers.engine.errors import LimitExceeded, MediaError
from workers.engine.probe import probe
from workers.kinds import get_kind
from workers.run import run

FOLDER = Path(os.environ.get("ITTYHOST_CORPUS", ""))
ROWS: list[dict[str, str]] = []
if os.environ.get("ITTYHOST_CORPUS") and (FOLDER / "MEDIA.tsv").is_file():
    with (FOLDER / "MEDIA.tsv").open(encoding="utf-8") as table:
        ROWS = [row for row in csv.DictReader(table, delimiter="\t") if not row["file"].startswith("#")]

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.skipif(not ROWS, reason="ITTYHOST_CORPUS names no folder with a MEDIA.tsv"),
]
IDS = [row["file"] for row in ROWS]
# Damaged on purpose: the facts can be read, not everything can be made.
_BROKEN = ("corrupt", "truncated", "bomb")

_FAMILIES = {("mp4", "h264"): "avc1", ("mov", "h264"): "avc1", ("mp4", "hevc"): "hvc1", ("mp4", "av1"): "av01"}
_FAMILIES |= {("webm", "vp8"): "vp8", ("webm", "vp9"): "vp09"}


def _codec_family(facts):
    """What the codecs of a video's type begin with; None where they are not told."""
    _, told, codecs = facts.type.partition('; codecs="')
    return codecs.split(".")[0].split(",")[0].rstrip('"') if told and facts.video else None


def _size(text: str) -> tuple[int, int] | None:
    return None if text == "-" else tuple(int(part) for part in text.split("x"))  # type: ignore[return-value]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_facts(row):
    facts = probe(FOLDER / row["file"])
    assert facts.displayed == _size(row["shown WxH"])
    if facts.displayed:
        stream = facts.image or facts.video
        assert (stream.coded_width, stream.coded_height) == _size(row["stored WxH"])
    if row["rotation or EXIF orientation"].startswith("rotation"):
        assert facts.rotation == int(row["rotation or EXIF orientation"].split()[1])
    if row["rotation or EXIF orientation"].startswith("orientation"):
        assert facts.image.orientation == int(row["rotation or EXIF orientation"].split()[1])
    if row["duration s"] != "-" and "subtitle" not in row["other"]:
        assert facts.duration == pytest.approx(float(row["duration s"]), abs=0.05)
    if row["fps"] not in ("-", ""):
        assert facts.fps == pytest.approx(float(row["fps"]), abs=0.01)
    if row["alpha"] in ("yes", "no"):
        assert facts.transparency == (row["alpha"] == "yes")
    assert _codec_family(facts) == _FAMILIES.get((facts.container, row["video codec, pixels"].split()[0]))
    assert facts.has_location == ("gps yes" in row["other"])
    assert bool(facts.covers) == ("cover" in row["other"])
    if "chapters" in row["other"]:
        assert len(facts.chapters) == 2
    if "frames" in row["other"] and facts.image:
        assert facts.frames == int(row["other"].split()[-1])


@pytest.mark.parametrize("name", ["image", "video", "audio", "adaptive_video", "thumbnails"])
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_every_kind(row, name, workdir):
    source, kind = FOLDER / row["file"], get_kind(name)
    facts = probe(source)
    options = {"width": 160} if name != "audio" else {}
    possible = facts.media_type in kind.accepts and (name != "audio" or facts.has_audio)
    failure = None
    try:
        done = run(kind, options, source, workdir)
    except MediaError as exc:
        failure = exc
    if failure is not None:
        assert not possible or any(word in row["file"] for word in _BROKEN)
        assert failure.message.endswith(".")
        assert str(FOLDER) not in failure.message
        assert not possible or "bomb" not in row["file"] or isinstance(failure, LimitExceeded)
        return
    assert possible
    made = done.outputs[-1 if name == "thumbnails" else 0].probe
    assert not made.has_location
    if name == "thumbnails":
        assert (done.result.width, made.width % 160) == (160, 0)
        assert done.result.duration == pytest.approx(facts.duration, abs=0.01)
        return
    if name != "audio" and facts.displayed:
        width, height = facts.displayed
        assert made.width == 160
        assert made.height == pytest.approx(160 * height / width, abs=1)
