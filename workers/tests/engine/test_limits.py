"""Budgets: defaults, the environment, a kind and a project; and sources over them, refused by their headers."""

from dataclasses import replace

import pytest

from workers.budgets import check_source
from workers.engine import host
from workers.engine.errors import LimitExceeded
from workers.engine.limits import (
    MIB,
    SETTINGS,
    PictureLimits,
    SourceLimits,
    TaskLimits,
    check_changes,
    names_of,
    source_limits,
    task_limits,
)
from workers.engine.probe import AudioStream, Image, Probe, VideoStream
from workers.kinds import all_kinds
from workers.run import check, run

VIDEO = VideoStream(0, "h264", 640, 360, 640, 360, frame_rate=30.0, duration=100.0)
FILM = Probe("video", "video/mp4", "mp4", 5000, duration=100.0, width=640, height=360, demuxer="mov", videos=(VIDEO,),
             audios=(AudioStream(1, "aac", 2),))  # fmt: skip
MOVING = Probe("image", "image/gif", "gif", 9, width=90, height=80, image=Image("gif", "P", 90, 80, frames=50))


@pytest.mark.parametrize(
    ("facts", "limit", "told"),
    [
        (FILM, {"bytes": 4999}, "The file has 5,000 bytes; at most 4,999 are accepted."),
        (FILM, {"streams": 1}, "The file has 2 streams; at most 1 are accepted."),
        (FILM, {"duration": 60.0}, "The file is 100 seconds long; at most 60 are accepted."),
        (FILM, {"video_frames": 2999}, "The video has 3,000 frames; at most 2,999 are accepted."),
        (MOVING, {"frames": 49}, "The picture has 50 frames; at most 49 are accepted."),
    ],
)
def test_a_source_over_a_limit_is_told_the_limit_and_its_own_value(facts, limit, told):
    check_source(facts, SourceLimits())
    with pytest.raises(LimitExceeded) as caught:
        check_source(facts, replace(SourceLimits(), **limit))
    assert (caught.value.message, caught.value.code) == (told, "limit_exceeded")


@pytest.mark.parametrize(
    ("facts", "kind", "limit", "told"),
    [
        (FILM, "video", {"edge": 600}, "The video is 640 × 360 pixels; at most 600 on the longest edge are accepted."),
        (FILM, "video", {"pixels": 9000}, "The video is 640 × 360 pixels, 230,400 in all; at most 9,000 are accepted."),
        (FILM, "image", {"pixels": 9000}, "The video is 640 × 360 pixels, 230,400 in all; at most 9,000 are accepted."),
        (MOVING, "image", {"pixels": 7199}, "The picture is 90 × 80 pixels, 7,200 in all; at most 7,199 are accepted."),
    ],
)
def test_work_on_pictures_is_refused_when_they_are_too_large(facts, kind, limit, told):
    with pytest.raises(LimitExceeded) as caught:
        check(all_kinds()[kind], {}, facts, replace(SourceLimits(), **limit))
    assert caught.value.message == told


def test_sound_is_made_of_a_video_whose_picture_is_too_large():
    assert check(all_kinds()["audio"], {}, FILM, replace(SourceLimits(), edge=10, pixels=10)).steps


def test_a_header_may_count_more_frames_than_its_length_holds():
    many = replace(FILM, videos=(replace(VIDEO, frames=9_000_000),))
    with pytest.raises(LimitExceeded, match="9,000,000 frames"):
        check_source(many, SourceLimits())


def test_the_project_goes_before_the_environment_and_that_before_the_kind(monkeypatch):
    own = {"source": {"duration": 50.0, "edge": 100, "streams": 5}}
    monkeypatch.setenv("MEDIA_MAX_EDGE", "200")
    project = {"source": {"edge": 300}, "kinds": {"video": {"source": {"edge": 400}, "run": {"wall": 7}}}}
    for kind, edge, wall in (("video", 400, 7), ("audio", 300, 21_600.0)):
        limits = task_limits(kind, own=own, project=project)
        assert (limits.source.edge, limits.run.wall) == (edge, wall)
        assert (limits.source.duration, limits.source.streams, limits.source.frames) == (50.0, 5, 10_000)
    assert task_limits("video", own=own).source.edge == 200
    assert task_limits("video", own=own, project={}).run == TaskLimits().run


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], "Limits are an object"),
        ({"sauce": {}}, "'sauce' is none of source, run, picture, kinds"),
        ({"source": 4}, "source is an object of bytes, pixels"),
        ({"source": {"edges": 4}}, "source.edges is unknown; there are bytes, pixels"),
        ({"source": {"edge": 0}}, "source.edge must be a whole number above 0"),
        ({"source": {"edge": 4.5}}, "source.edge must be a whole number"),
        ({"source": {"edge": True}}, "source.edge must be a whole number"),
        ({"source": {"duration": float("nan")}}, "source.duration must be a number above 0"),
        ({"run": {"wall": "long"}}, "run.wall must be a number above 0"),
        ({"run": {"memory": 10**30}}, "run.memory must be a whole number"),
        ({"picture": {"requests": 5}}, "picture.requests is unknown"),
        ({"kinds": {"vidio": {}}}, "'vidio' is no kind of task"),
        ({"kinds": {"video": {"kinds": {}}}}, "kinds stands in the outermost object only"),
        ({"kinds": {"video": {"run": {"wall": 0}}}}, "run.wall must be a number above 0"),
    ],
)
def test_a_wrong_change_is_told_by_its_name(changes, told):
    with pytest.raises(ValueError, match=told.replace(".", r"\.")):
        check_changes(changes, kinds=all_kinds())


def test_every_kinds_own_changes_are_known():
    for kind in all_kinds().values():
        check_changes(kind.limits)


def test_every_limit_has_a_setting_and_every_setting_a_limit(monkeypatch):
    for group, variables in SETTINGS.items():
        assert set(variables) == set(names_of(group))
    monkeypatch.setenv("MEDIA_MAX_SECONDS", "60")
    assert source_limits().duration == 60.0
    assert isinstance(source_limits().duration, float)
    monkeypatch.setenv("MEDIA_MAX_STREAMS", "0")
    with pytest.raises(ValueError, match="MEDIA_MAX_STREAMS must be a whole number, 1 or more, not '0'"):
        task_limits()


@pytest.mark.ffmpeg
def test_a_run_and_the_helper_are_held_to_what_the_task_may_use(make_video, make_image, workdir, tmp_path):
    slow = make_video(seconds=3.0, size=(320, 240))
    tight = TaskLimits(run=replace(TaskLimits().run, wall=0.05))
    with pytest.raises(LimitExceeded, match="longer than 0 seconds"):
        run(all_kinds()["video"], {"codec": "h265"}, slow, workdir, limits=tight)
    picture = make_image(size=(2000, 2000))
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    small = TaskLimits(picture=PictureLimits(output=500))
    with pytest.raises(LimitExceeded, match="grew beyond"):
        run(all_kinds()["image"], {}, picture, first, limits=small)
    assert run(all_kinds()["image"], {"width": 20}, picture, second, limits=TaskLimits()).outputs


@pytest.mark.ffmpeg
def test_pixels_are_counted_by_the_projects_limits_in_the_helper_too(make_image, tmp_path):
    step = {"source": "source", "type": None, "orient": True, "variants": []}
    variant = {"target": "o.png", "format": "png", "quality": 80, "background": None, "scaled": [8, 6], "crop": [0, 0]}
    step["variants"] = [variant | {"size": [8, 6], "place": [0, 0], "canvas": [8, 6]}]
    (tmp_path / "source").write_bytes(make_image().read_bytes())
    asked = {"cwd": str(tmp_path), "operations": step}
    with pytest.raises(LimitExceeded, match="3,072 in all; at most 3,000 are accepted"):
        host.call("picture", asked | {"limits": {"pixels": 3000}})
    assert host.call("picture", asked | {"limits": {"pixels": 3072}})


@pytest.mark.ffmpeg
def test_one_request_may_have_less_memory_than_the_next_and_more_than_usual():
    held = host.Host(PictureLimits(memory=700 * MIB))
    try:
        pid = held.call("ping", {})
        assert held.call("ping", {}, limits=PictureLimits(memory=600 * MIB)) == pid
        assert held.call("ping", {}) == pid
        assert held.call("ping", {}, limits=PictureLimits(memory=900 * MIB)) != pid
    finally:
        held.end()
