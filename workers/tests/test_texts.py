"""What documents and tracks say: of every kind, and of broken ones."""

import json

import pytest

from workers.texts import cues_of, text_of

VTT = """WEBVTT - a title

NOTE nobody says this

STYLE
::cue { color: red }

1
00:00:00.000 --> 00:00:01.900 align:start
<v Anna>Good <b>morning</b> everyone.</v>

intro
01:02:03.500 --> 01:02:04.250
Fish &amp; chips
for <i>two</i>
"""
SRT = """1
00:00:01,500 --> 00:00:02,000
{\\an8}<font color=red>Hello</font>

2
00:00:03,000 --> 00:00:04,000

""".replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("kind", "document", "text"),
    [
        ("speech", {"text": ["Good day.", "The map."], "timeline": [{"text": "Good day."}]}, "Good day.\nThe map."),
        ("speech", {"detected": False, "text": [], "timeline": []}, ""),
        ("description", {"title": "Dawn", "description": "Boats.", "tags": ["sea", "sun"]}, "Dawn\nBoats.\nsea\nsun"),
        ("tags", {"tags": ["cat", "sofa"], "confidence": 0.4}, "cat\nsofa"),
        ("prompt", {"prompt": "What is it?", "text": "A cat."}, "A cat."),
        ("prompt", {"prompt": "What is it?", "text": {"json": True}}, ""),
        ("outline", {"timeline": [{"title": "Welcome", "start": 0}, {"title": "The map"}]}, "Welcome\nThe map"),
        ("chapters", {"chapters": [{"index": 0, "title": "Welcome"}]}, "Welcome"),
        ("objects", {"timeline": [{"label": "cat"}, {"label": "dog"}, {"label": "cat"}]}, "cat\ndog"),
        ("text", {"text": ["EXIT"], "timeline": [{"text": "EXIT"}, {"text": "Open"}, {"text": "EXIT"}]}, "EXIT\nOpen"),
        ("nsfw", {"detected": True, "text": ["no"]}, ""),
        ("speech", {"text": "whole", "timeline": None}, "whole"),
        ("outline", {"timeline": ["no object", 3, None]}, ""),
        ("outline", {"timeline": {"title": "no list"}}, ""),
    ],
)  # fmt: skip
def test_what_a_document_says(tmp_path, kind, document, text):
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document))
    assert text_of(kind, path, "application/json") == text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'"text"'])
def test_a_document_that_is_none_says_nothing(tmp_path, content):
    path = tmp_path / "document.json"
    path.write_bytes(content)
    assert text_of("speech", path, "application/json") == ""


def test_cues_are_read_without_their_marks():
    assert cues_of(VTT.encode()) == [(0.0, 1.9, "Good morning everyone."), (3723.5, 3724.25, "Fish & chips for two")]
    assert cues_of(SRT.encode()) == [(1.5, 2.0, "Hello")]
    assert cues_of(b"no cues\n\n--> \n\n00:00:01.000 -->\n<script>alert(1)</script>") == []


def test_what_tracks_say(tmp_path):
    path = tmp_path / "track"
    path.write_text(VTT)
    said = "Good morning everyone.\nFish & chips for two"
    assert [text_of(kind, path, "text/vtt") for kind in ("subtitles", "chapters", "thumbnails")] == [said, said, ""]
