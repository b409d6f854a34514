"""What was seen in single frames becomes things with a beginning and an end."""

import json
import random
import time

import pytest

from workers.documents import read_document
from workers.seen.findings import Moment, _same_text, joined, write_faces, write_objects, write_text

MODEL = {"model": "m", "model_version": "1"}


def box(x: float, y: float = 0.2, *, confidence: float = 0.9, **told) -> dict:
    return {"x": x, "y": y, "width": 0.2, "height": 0.3, "confidence": confidence, "label": "", "text": "", **told}


@pytest.fixture
def told(tmp_path):
    """told(write, look, (time, boxes), …, duration=…): the document."""

    def made(write, look, *frames, duration=6.0, begin=0.0, least=0.5):
        shown = [{"file": "x", "time": time} for time, _ in frames]
        listed = {"frames": shown, "begin": begin, "duration": duration}
        seen = {"frames": [{"time": time, "seen": {look: boxes}} for time, boxes in frames], "models": {look: MODEL}}
        for name, content in (("frames.json", listed), ("seen.json", seen)):
            (tmp_path / name).write_text(json.dumps(content))
        operations = {"frames": "frames.json", "seen": "seen.json", "look": look, "target": "t.json", "least": least}
        (tmp_path / "t.json").unlink(missing_ok=True)
        write(tmp_path, operations | {"size": [1920, 1080]})
        return read_document(tmp_path / "t.json")

    return made


def test_a_thing_in_frames_that_follow_one_another_is_one_where_it_was_surest(told):
    frames = (
        (0.0, [box(0.1, label="dog", confidence=0.6)]),
        (2.0, [box(0.14, label="dog", confidence=0.8), box(0.7, label="car", confidence=0.7)]),
        (4.0, [box(0.7, label="car", confidence=0.6)]),
    )
    assert told(write_objects, "objects", *frames) == {
        "detected": True,
        "labels": ["dog", "car"],
        "confidence": 0.8,
        "width": 1920,
        "height": 1080,
        "frames": 3,
        "timeline": [
            {"index": 0, "start": 0.0, "end": 4.0, "label": "dog", "confidence": 0.8,
             "box": {"x": 0.14, "y": 0.2, "width": 0.2, "height": 0.3}},
            {"index": 1, "start": 2.0, "end": 6.0, "label": "car", "confidence": 0.7,
             "box": {"x": 0.7, "y": 0.2, "width": 0.2, "height": 0.3}},
        ],
        **MODEL,
    }  # fmt: skip


def test_what_went_away_and_came_back_are_two(told):
    frames = ((0.0, [box(0.1, label="dog")]), (2.0, []), (4.0, [box(0.1, label="dog")]))
    timeline = told(write_objects, "objects", *frames)["timeline"]
    assert [(item["start"], item["end"]) for item in timeline] == [(0.0, 2.0), (4.0, 6.0)]


def test_two_of_a_kind_stay_two_and_each_goes_on_with_the_nearer(told):
    frames = (
        (0.0, [box(0.1, label="dog"), box(0.25, label="dog")]),
        (2.0, [box(0.24, label="dog", confidence=0.95), box(0.12, label="dog", confidence=0.99)]),
    )
    timeline = told(write_objects, "objects", *frames)["timeline"]
    assert [(item["box"]["x"], item["confidence"], item["end"]) for item in timeline] == [
        (0.12, 0.99, 6.0),
        (0.24, 0.95, 6.0),
    ]


def test_what_is_less_sure_is_left_out_but_seen_once_surely_it_counts_for_all_its_time(told):
    frames = ((0.0, [box(0.1, label="dog", confidence=0.3)]), (2.0, [box(0.1, label="dog", confidence=0.9)]))
    (item,) = told(write_objects, "objects", *frames)["timeline"]
    assert (item["start"], item["end"], item["confidence"]) == (0.0, 6.0, 0.9)
    nothing = told(write_objects, "objects", *frames, least=0.95)
    assert (nothing["detected"], nothing["labels"], nothing["timeline"], nothing["confidence"]) == (False, [], [], 0.0)


def test_a_still_is_one_moment(told):
    document = told(write_objects, "objects", (0.0, [box(0.1, label="dog")]), duration=None)
    assert [(item["start"], item["end"]) for item in document["timeline"]] == [(0.0, 0.0)]


def test_the_first_frame_stands_for_the_beginning_and_the_last_one_for_the_end(told):
    document = told(write_objects, "objects", (0.3, [box(0.1, label="dog")]), duration=9.5)
    assert [(item["start"], item["end"]) for item in document["timeline"]] == [(0.0, 9.5)]


def test_what_began_with_nothing_to_be_seen_begins_with_the_first_frame_that_was_looked_at(told):
    frames = ((15.0, [box(0.1, label="dog")]), (60.0, []))
    document = told(write_objects, "objects", *frames, duration=90.0, begin=15.0)
    assert [(item["start"], item["end"]) for item in document["timeline"]] == [(15.0, 60.0)]


def test_faces_are_counted_at_one_time(told):
    def face(x):
        return box(x, label="face")

    frames = ((0.0, [face(0.1)]), (2.0, [face(0.1), face(0.5)]), (4.0, [face(0.8)]))
    document = told(write_faces, "faces", *frames)
    assert (document["faces"], len(document["timeline"])) == (2, 3)
    assert {item["label"] for item in document["timeline"]} == {"face"}
    assert told(write_faces, "faces", (0.0, []), duration=None)["faces"] == 0


def test_lines_are_read_once_however_they_move_and_misread_ones_are_put_right(told):
    frames = (
        (0.0, [box(0.1, text="Breaking news", confidence=0.95), box(0.1, 0.8, text="Part one")]),
        (2.0, [box(0.1, text="Breaking newz", confidence=0.8), box(0.6, 0.5, text="Part one")]),
        (4.0, [box(0.1, text="Weather")]),
    )
    document = told(write_text, "text", *frames)
    assert document["text"] == ["Breaking news", "Part one", "Weather"]
    assert [(item["start"], item["end"]) for item in document["timeline"]] == [(0.0, 4.0), (0.0, 4.0), (4.0, 6.0)]
    assert document["timeline"][0]["confidence"] == 0.95


def test_a_thousand_lines_or_many_long_ones_at_one_place_are_joined_in_a_moment():
    """Letters in another order differ in nothing but that, which takes longest to find out."""
    chance = random.Random(1)
    place = {"width": 0.1, "height": 0.001, "confidence": 0.9}
    page = [[{**place, "x": 0.5, "y": row / 1000, "text": f"{chance.random()}"} for row in range(1000)] for _ in "ab"]
    whole = {"x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0, "confidence": 0.9}
    heap = [[{**whole, "text": "".join(chance.choices("ab", k=1000))} for _ in range(12)] for _ in "ab"]
    begun = time.process_time()
    for frames in (page, heap):
        found = joined([Moment(at, at + 1.0, {"text": boxes}) for at, boxes in enumerate(frames)], "text", _same_text)
        assert len(found) == len(frames[0]) + len(frames[1])
    assert time.process_time() - begun < 12  # one or two; the long ones letter by letter take half a minute
