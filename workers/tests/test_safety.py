"""The documents of nsfw, of made scores: numbers, thresholds, and the later words for the same."""

import json

import pytest

from workers.documents import read_document
from workers.engine.limits import nsfw_threshold
from workers.seen.safety import LATER, severity, write_nsfw

MODEL = {"model": "m", "model_version": "1"}
UNSET = dict.fromkeys(("nudity", "sexual", "violence", "gore"))


@pytest.fixture
def told(tmp_path):
    """told((time, scores), …): both documents."""

    def made(*frames, duration=6.0, thresholds=UNSET, least=0.0, model=MODEL):
        listed = {"frames": [{"file": "x", "time": time} for time, _ in frames], "duration": duration}
        seen = {"frames": [{"time": time, "seen": {"safety": scores}} for time, scores in frames]}
        seen["models"] = {"safety": model}
        for name in ("nsfw.json", LATER):
            (tmp_path / name).unlink(missing_ok=True)
        for name, content in (("frames.json", listed), ("seen.json", seen)):
            (tmp_path / name).write_text(json.dumps(content))
        operations = {"frames": "frames.json", "seen": "seen.json", "look": "safety", "target": "nsfw.json"}
        write_nsfw(tmp_path, operations | {"thresholds": thresholds, "least": least, "later": LATER})
        return read_document(tmp_path / "nsfw.json"), read_document(tmp_path / LATER)

    return made


def test_a_video_has_its_highest_scores_and_each_moments_own(told):
    frames = (
        (0.0, {"nudity": 0.1, "sexual": 0.02}),
        (2.5, {"nudity": 0.7, "sexual": 0.3}),
        (4.0, {"nudity": 0.0, "sexual": 0.01}),
    )
    document, later = told(*frames)
    none = {"violence": None, "gore": None}
    assert document == {
        "detected": True, "nudity": 0.7, "sexual": 0.3, **none, "confidence": 0.7,
        "categories_checked": ["nudity", "sexual"], "thresholds": {"nudity": 0.5, "sexual": 0.5}, "frames": 3,
        "timeline": [
            {"index": 0, "start": 0.0, "end": 2.5, "detected": False, "nudity": 0.1, "sexual": 0.02, **none,
             "confidence": 0.1},
            {"index": 1, "start": 2.5, "end": 4.0, "detected": True, "nudity": 0.7, "sexual": 0.3, **none,
             "confidence": 0.7},
            {"index": 2, "start": 4.0, "end": 6.0, "detected": False, "nudity": 0.0, "sexual": 0.01, **none,
             "confidence": 0.01},
        ],
        **MODEL,
    }  # fmt: skip
    assert later == {
        "nudity": True, "sexual": False, **none, "categories": ["nudity"],
        "severity": {"nudity": "moderate", "sexual": "mild", **none},
        "description": "Found: nudity (moderate). Not looked for: violence and gore.",
        "timeline": [{"start": 2.5, "end": 4.0, "category": "nudity", "severity": "moderate"},
                     {"start": 2.5, "end": 4.0, "category": "sexual", "severity": "mild"}],
        **MODEL,
    }  # fmt: skip


def test_a_safe_still_has_no_timeline(told):
    document, later = told((0.0, {"sexual": 0.04}), duration=None)
    assert (document["detected"], document["timeline"], document["categories_checked"]) == (False, [], ["sexual"])
    assert (document["nudity"], document["confidence"]) == (None, 0.04)
    assert (later["nudity"], later["sexual"], later["categories"], later["timeline"]) == (None, False, [], [])
    assert later["description"] == "No sexual content found. Not looked for: nudity, violence and gore."


def test_moments_of_one_severity_are_one_span(told):
    frames = [(float(time), {"sexual": score}) for time, score in enumerate((0.6, 0.65, 0.9, 0.1, 0.6))]
    _, later = told(*frames, duration=5.0)
    assert [(item["start"], item["end"], item["severity"]) for item in later["timeline"]] == [
        (0.0, 2.0, "moderate"), (2.0, 3.0, "severe"), (4.0, 5.0, "moderate"),
    ]  # fmt: skip


def test_thresholds_are_the_tasks_and_else_the_settings(told, monkeypatch):
    frame = (0.0, {"nudity": 0.3, "sexual": 0.3})
    document, _ = told(frame, duration=None, thresholds=UNSET | {"nudity": 0.2})
    assert (document["detected"], document["thresholds"]) == (True, {"nudity": 0.2, "sexual": 0.5})


def test_the_setting_is_used_where_a_task_says_nothing(told, monkeypatch):
    monkeypatch.setenv("NSFW_THRESHOLD", "0.25")
    document, _ = told((0.0, {"nudity": 0.3, "sexual": 0.1}), duration=None)
    assert (document["detected"], document["thresholds"]) == (True, {"nudity": 0.25, "sexual": 0.25})


@pytest.mark.parametrize("text", ["0", "1.5", "-1", "nan", "half"])
def test_a_setting_that_means_nothing_is_named(monkeypatch, text):
    monkeypatch.setenv("NSFW_THRESHOLD", text)
    with pytest.raises(ValueError, match="NSFW_THRESHOLD"):
        nsfw_threshold()


def test_weaker_moments_can_be_left_out(told):
    document, _ = told((0.0, {"sexual": 0.2}), (3.0, {"sexual": 0.6}), least=0.5)
    assert [(item["index"], item["start"]) for item in document["timeline"]] == [(0, 3.0)]
    assert document["sexual"] == 0.6


@pytest.mark.parametrize(
    ("score", "word"),
    [(0.0, "none"), (0.24, "none"), (0.25, "mild"), (0.49, "mild"), (0.5, "moderate"), (0.74, "moderate"),
     (0.75, "severe"), (1.0, "severe"), (None, None)],
)  # fmt: skip
def test_a_score_has_a_word_by_its_threshold(score, word):
    assert severity(score, 0.5) == word


def test_what_open_nsfw_is_uncertain_of_does_not_count_unless_the_setting_says_so(told, monkeypatch):
    """Its makers take what is above 0.8 for unsafe. A server's model judges otherwise."""
    both = {"model": "NudeNet + open_nsfw", "model_version": "3.4.2 + 0.1.0"}
    frame = (0.0, {"nudity": 0.3, "sexual": 0.79})
    document, later = told(frame, model=both)
    assert (document["detected"], document["thresholds"]) == (False, {"nudity": 0.5, "sexual": 0.8})
    assert later["severity"] == {"nudity": "mild", "sexual": "mild", "violence": None, "gore": None}
    assert told((0.0, {"sexual": 0.8}), model=both)[0]["detected"] is True
    assert told(frame)[0]["detected"] is True
    monkeypatch.setenv("NSFW_THRESHOLD", "0.5")
    document, _ = told(frame, model=both)
    assert (document["detected"], document["thresholds"]) == (True, {"nudity": 0.5, "sexual": 0.5})
