"""Facts of a file as a kind of its own: all of them, and nothing made."""

import json

import pytest

from workers.engine.probe import Image, Probe, VideoStream
from workers.kinds.probe import KIND, fact_warnings, probe_result
from workers.run import check, run

BT709 = {"color_primaries": "bt709", "color_transfer": "bt709", "color_matrix": "bt709"}


def a_video(**fields) -> VideoStream:
    plain = {"index": 0, "codec": "h264", "width": 64, "height": 48, "coded_width": 64, "coded_height": 48}
    return VideoStream(**plain | BT709 | fields)


def facts_of(*videos: VideoStream, **fields) -> Probe:
    known = {"media_type": "video", "mime": "video/mp4", "container": "mp4", "size": 9, "duration": 1.0}
    return Probe(**known | {"videos": videos, "width": 64, "height": 48} | fields)


@pytest.mark.ffmpeg
def test_everything_that_is_known_is_told_and_nothing_is_left_in_the_work_directory(make_video, workdir, report):
    source = make_video(seconds=1.0, size=(64, 48), channels=2)
    done = run(KIND, {}, source, workdir, report=report)
    told = done.result.model_dump(mode="json")
    assert (done.outputs, list(workdir.iterdir())) == ((), [])
    assert (told["kind"], told["width"], told["height"], told["filesize"]) == ("video", 64, 48, source.stat().st_size)
    assert told["duration"] == pytest.approx(1.0, abs=0.05)
    assert [stream["codec"] for stream in told["video_streams"]] == ["h264"]
    assert [stream["channels"] for stream in told["audio_streams"]] == [2]
    assert json.loads(json.dumps(done.plan)) == done.plan
    assert (done.plan["steps"], done.plan["commands"], done.plan["reads"]) == ([], [], "nothing")


def test_a_picture_is_told_of_without_a_length():
    picture = {"media_type": "image", "mime": "image/jpeg", "container": "jpeg", "size": 5, "width": 8, "height": 4}
    told = probe_result(Probe(**picture, image=Image("jpeg", "CMYK", 8, 4, orientation=1, icc="")))
    assert (told.format, told.orientation, told.duration, told.warnings) == ("jpeg", "landscape", None, ())
    assert (told.image["mode"], told.image["coded_width"], told.image["icc"]) == ("CMYK", 8, "")


@pytest.mark.parametrize(
    ("video", "words"),
    [
        ({"hdr": "pq"}, "It is HDR (PQ)."),
        ({"interlaced": True}, "It is interlaced."),
        ({"variable": True}, "Its frame rate varies."),
        ({"rotation": 90}, "It is turned by 90° for display."),
        ({"sample_aspect": (4, 3)}, "Its pixels are not square (4:3)."),
        (
            {"color_primaries": None, "color_matrix": None},
            "It does not say which colours it has: they are guessed by its size.",
        ),
    ],
)
def test_what_will_matter_later_is_said_in_words(video, words):
    assert fact_warnings(facts_of(a_video(**video))) == (words, "It has no sound.")


def test_a_plan_of_it_has_no_step_and_says_what_matters():
    plan = check(KIND, {}, facts_of(a_video(), has_location=True, faststart=False))
    assert (plan.steps, plan.expected) == ((), ())
    assert plan.notes == (
        "It has no sound.",
        "Its index comes after its media: players must load all of it first.",
        "It says where it was taken.",
    )
