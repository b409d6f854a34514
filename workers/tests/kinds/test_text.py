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


def test_a_page_is_read_column_by_column_in_any_direction_and_in_small_print(vision, tmp_path, workdir):
    """White on black, two columns, a line that stands upright at the side, and one of 10 pixels."""
    image = Image.new("RGB", (1280, 720), "black")
    draw = ImageDraw.Draw(image)
    face, small = (ImageFont.truetype(str(BUNDLED / "Inter-Regular.otf"), size) for size in (30, 10))
    columns = {40: ("The harbour wakes early", "when the boats return", "with what they caught"),
               640: ("Nobody asks what it costs", "to leave before the sun", "and to come back at noon")}  # fmt: skip
    for x, lines in columns.items():
        for number, line in enumerate(lines):
            draw.text((x, 80 + 90 * number), line, fill="white", font=face)
    draw.text((40, 660), "Printed in small letters", fill="white", font=small)
    upright = Image.new("RGB", (300, 50), "black")
    ImageDraw.Draw(upright).text((10, 5), "Upright at the side", fill="white", font=face)
    image.paste(upright.rotate(90, expand=True), (1200, 380))
    image.save(tmp_path / "page.png")
    told = read_document(run(KIND, {}, tmp_path / "page.png", workdir).outputs[0].path)["text"]
    assert [line for line in told if line in columns[40] + columns[640]] == [*columns[40], *columns[640]]
    assert {"Printed in small letters", "Upright at the side"} <= set(told)


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
