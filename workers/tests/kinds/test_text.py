"""What is written in pictures and videos."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from workers.documents import read_document
from workers.kinds.text import KIND
from workers.run import run
from workers.tests.media import ffmpeg
from workers.typefaces import BUNDLED

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("vision")]


def written(path: Path, *lines: str, color: str = "white") -> Path:
    """Lines at the left, 100 pixels apart, on dark blue, 800 × 740."""
    image = Image.new("RGB", (800, 740), (20, 40, 80))
    face = ImageFont.truetype(str(BUNDLED / "Inter-Regular.otf"), 44)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((40, 60 + 100 * number), line, fill=color, font=face)
    image.save(path)
    return path


def test_the_words_of_a_picture_come_in_order(vision, tmp_path, workdir):
    path = written(tmp_path / "page.png", "Chapter 7", "The map is not the land", "Page 112")
    done = run(KIND, {}, path, workdir)
    document = read_document(done.outputs[0].path)
    assert document["text"] == ["Chapter 7", "The map is not the land", "Page 112"]
    assert (document["detected"], document["width"], document["height"], document["frames"]) == (True, 800, 740, 1)
    assert [item["text"] for item in document["timeline"]] == document["text"]
    assert {(item["start"], item["end"]) for item in document["timeline"]} == {(0.0, 0.0)}
    assert document["timeline"][0]["box"]["x"] == pytest.approx(40 / 800, abs=0.03)
    assert (done.result.detected, done.result.count, done.result.text) == (True, 3, tuple(document["text"]))
    assert (done.result.model, done.result.model_version) == ("PP-OCR", "3.10.0")


def test_lines_of_a_video_are_told_once_each_with_their_time(vision, tmp_path, workdir):
    first = written(tmp_path / "first.png", "Good evening", "Channel 5")
    second = written(tmp_path / "second.png", "And now the weather", "Channel 5")
    path = tmp_path / "news.mp4"
    stills = ("-loop", "1", "-framerate", "10", "-t", "2", "-i")
    ffmpeg(*stills, first, *stills, second, "-filter_complex", "concat=n=2,format=yuv420p", path)
    document = read_document(run(KIND, {}, path, workdir).outputs[0].path)
    spans = {item["text"]: (item["start"], item["end"]) for item in document["timeline"]}
    assert document["text"] == ["Good evening", "Channel 5", "And now the weather"]
    assert spans == {
        "Good evening": (0.0, pytest.approx(2.0, abs=0.11)),
        "Channel 5": (0.0, pytest.approx(4.0, abs=0.11)),
        "And now the weather": (pytest.approx(2.0, abs=0.11), pytest.approx(4.0, abs=0.11)),
    }


def test_a_picture_without_words_has_none(vision, make_image, workdir):
    done = run(KIND, {}, make_image(), workdir)
    document = read_document(done.outputs[0].path)
    assert (document["detected"], document["text"], document["timeline"]) == (False, [], [])
    assert (done.result.detected, done.result.confidence, done.result.text) == (False, 0.0, ())
