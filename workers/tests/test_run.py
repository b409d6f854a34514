"""A task from options to verified files, and what a wrong output is told as."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from workers import verify as verification
from workers.engine.errors import LimitExceeded, OutputMismatch, SourceUnsupported, Stopped
from workers.engine.probe import Probe, probe
from workers.kinds import get_kind
from workers.kinds.base import Expected, Output, Plan, Source
from workers.run import check, run

IMAGE = get_kind("image")


def test_the_source_is_fetched_after_planning_as_the_plan_says(make_image, workdir, report):
    path = make_image()
    fetched = []

    def fetch(target, reads):
        assert report.plans, "fetched before the plan was told"
        fetched.append((target.name, reads))
        target.write_bytes(path.read_bytes())

    done = run(IMAGE, {"width": 20}, Source(probe(path), fetch), workdir, report=report)
    assert fetched == [("source", "whole")]
    assert done.result.width == 20


def test_bad_options_stop_before_anything(make_image, workdir):
    with pytest.raises(ValidationError):
        run(IMAGE, {"width": 0}, make_image(), workdir)
    assert list(workdir.iterdir()) == []


def test_a_stop_before_the_start_fetches_nothing(make_image, workdir, report):
    report.stop = True
    with pytest.raises(Stopped):
        run(IMAGE, {}, make_image(), workdir, report=report)
    assert list(workdir.iterdir()) == []


def test_a_source_can_be_checked_without_running(make_image):
    facts = probe(make_image(size=(128, 96)))
    assert check(IMAGE, {"width": 32}, facts).expected[0].height == 24
    with pytest.raises(SourceUnsupported, match="video needs video; the input is an image file"):
        check(get_kind("video"), {}, facts)
    with pytest.raises(LimitExceeded, match="8192"):
        check(IMAGE, {"width": "9999%"}, facts)
    with pytest.raises(ValidationError):
        check(IMAGE, {"width": 0}, facts)


FACTS = Probe("image", "image/png", "png", 10, width=10, height=10)
EXPECTED = Expected("image.png", "image/png", "image", width=10, height=10)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(FACTS, width=11), "11 × 10 pixels, not 10 × 10"),
        (replace(FACTS, media_type="audio"), "type audio, not image"),
        (replace(FACTS, has_location=True), "location"),
        (replace(FACTS, faststart=False), "index"),
    ],
)
def test_an_output_that_is_not_as_planned_is_refused(tmp_path, facts, words):
    path = tmp_path / "image.png"
    path.write_bytes(b"x")
    with pytest.raises(OutputMismatch, match=words):
        verification.verify(Plan((), (EXPECTED,)), [Output(path, True, "image.png", "image/png", facts)], path)


@pytest.mark.parametrize("content", [None, b""])
def test_an_output_that_is_not_there_is_refused(tmp_path, content):
    path = tmp_path / "image.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OutputMismatch, match="Nothing was made"):
        verification.verify(Plan((), (EXPECTED,)), [Output(path, True, "image.png", "image/png")], path)
    with pytest.raises(OutputMismatch, match="Nothing was made"):
        verification.verify(Plan((), (EXPECTED,)), [], path)


def test_an_output_that_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    with pytest.raises(OutputMismatch, match="cannot be read back"):
        verification.verify(Plan((), (EXPECTED,)), [Output(path, True, "image.png", "image/png")], path)


@pytest.mark.ffmpeg
def test_codecs_and_lengths_are_compared(make_video):
    path = make_video(seconds=1.0, extra=("-movflags", "+faststart"))
    right = Expected(
        path.name, "video/mp4", "video", width=64, height=48, duration=1.0, video_codec="h264", audio_codec="aac"
    )
    output = Output(path, True, path.name, "video/mp4")
    assert verification.verify(Plan((), (right,)), [output], path)[0].probe.codec == "h264"
    for wrong, words in [
        (replace(right, duration=2.0, until=2.0), "damaged or cut short: only 1.0. of 2.00 s"),
        (replace(right, duration=2.0, until=0.9), "The output is 1.0. s long, not 2.00 s."),
        (replace(right, duration=2.0), "The output is 1.0. s long, not 2.00 s."),
        (replace(right, duration=0.5), "s long, not 0.50 s"),
        (replace(right, video_codec="vp9"), "video codec is h264, not vp9"),
        (replace(right, audio_codec=None), "audio codec is aac, not None"),
    ]:
        with pytest.raises(OutputMismatch, match=words):
            verification.verify(Plan((), (wrong,)), [output], path)


@pytest.mark.ffmpeg
def test_an_index_at_the_end_is_refused(make_video):
    path = make_video(seconds=1.0)
    right = Expected(path.name, "video/mp4", "video", video_codec="h264", audio_codec="aac")
    with pytest.raises(OutputMismatch, match="index"):
        verification.verify(Plan((), (right,)), [Output(path, True, path.name, "video/mp4")], path)


@pytest.mark.ffmpeg
def test_checking_can_be_stopped(make_video, make_image, workdir, report):
    path = make_image(".png")
    output = Output(path, True, "image.png", "image/png")
    report.stop = True
    with pytest.raises(Stopped):
        verification.verify(Plan((), (EXPECTED,)), [output], path, report=report)
    report.stop = False
    kind = get_kind("video")

    def execute(plan, source, folder, given):
        outputs = kind.execute(plan, source, folder, given)
        report.stop = True
        return outputs

    with pytest.raises(Stopped):
        run(replace(kind, execute=execute), {}, make_video(seconds=0.4), workdir, report=report)
