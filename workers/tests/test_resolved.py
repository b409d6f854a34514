"""Options with all that was left open filled in."""

import pytest

from workers.kinds import get_kind
from workers.resolved import resolved_options
from workers.run import check
from workers.tests.test_estimate import FILM, PHOTO


def resolved(kind: str, facts=FILM, **given):
    options = get_kind(kind).options.model_validate(given)
    return resolved_options(options, check(get_kind(kind), options, facts))


@pytest.mark.parametrize(
    ("kind", "facts", "given", "expected"),
    [
        ("image", PHOTO, {}, {"format": "jpeg", "width": 4000, "height": 3000, "quality": 80, "fit": "fill"}),
        ("image", PHOTO, {"width": "25%", "format": "png"}, {"format": "png", "width": 1000, "height": 750}),
        ("image", PHOTO, {"quality": "low", "filename": "a.webp"}, {"format": "webp", "quality": "low"}),
        ("video", FILM, {"height": 360}, {"format": "mp4", "codec": "h264", "width": 640, "height": 360}),
        ("video", FILM, {"bitrate": 2_000_000, "format": "webm"}, {"codec": "vp9", "quality": None}),
        ("audio", FILM, {"format": "m4a"}, {"format": "aac"}),
        ("audio", FILM, {"format": "alac"}, {"format": "alac"}),
        ("audio", FILM, {"format": "opus"}, {"format": "opus"}),
        ("audio", FILM, {"filename": "a.ogg"}, {"format": "ogg"}),
        ("subtitles", FILM, {}, {"format": "vtt", "language": None, "shift": 0.0}),
        ("subtitles", FILM, {"filename": "a.srt"}, {"format": "srt"}),
    ],
)
def test_what_was_left_open_is_told_as_it_will_be(kind, facts, given, expected):
    found = resolved(kind, facts, **given)
    assert {name: found[name] for name in expected} == expected


def test_what_is_only_echoed_stands_there_when_it_was_given():
    assert "description" not in resolved("image", PHOTO)
    assert resolved("image", PHOTO, description="A harbour")["description"] == "A harbour"


def test_a_kind_without_an_output_has_its_options_as_they_are():
    assert resolved("probe") == {"filename": None, "folder": None, "ref": None}
