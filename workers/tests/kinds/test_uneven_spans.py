"""Spans of videos whose frames stand for unequal times: what a viewer sees at every moment of them."""

import array
import itertools
import subprocess
from dataclasses import replace

import av
import pytest

from workers.engine.capabilities import ffmpeg_path
from workers.engine.probe import probe
from workers.kinds.video import KIND, VideoOptions, plan
from workers.run import run
from workers.tests.kinds.test_video import source, value
from workers.tests.media import frames_of, near

# Seconds; each frame is as bright as its time tells. The sound begins at SOUND.
TIMES = (0.0, 0.1, 0.2, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 3.5, 4.5)
SOUND = 3.0
_EXPRESSION = "lt(t,0.25)+between(t,1.05,2.05)+between(t,3.45,3.55)+between(t,4.45,4.55)".replace(",", "\\,")
_EXTRA = (
    *("-vf", f"geq=lum=16+40*T:cb=128:cr=128,select={_EXPRESSION},format=yuv420p", "-fps_mode", "passthrough"),
    *("-g", "4", "-bf", "0"),
)
_SPANS = [
    {"duration": 0.8},  # ends in a gap
    {"start": 0.5, "duration": 0.4},  # within one
    {"start": 0.5, "end": 1.45},  # begins in one
    {"start": 1.25, "end": 2.7},
    {"start": 2.4, "end": 3.9},  # from one into another
    {"start": 1.2, "end": 1.6},  # on frames
    {"start": 3.9},  # to the end
    {"start": 4.7},  # after the last frame
]


def made(make_video, suffix, audio):
    webm = suffix == ".webm"
    sound = ("-af", f"volume=0:enable=lt(t\\,{SOUND})") if audio else ()
    return make_video(
        suffix,
        seconds=5.0,
        fps=10,
        audio=audio,
        codec="libvpx-vp9" if webm else "libx264",
        sample_rate=48_000,
        extra=(*_EXTRA, *sound),
    )


def shown(path):
    """(time, the source's time its brightness tells) of every frame."""
    with av.open(str(path)) as container:
        return [(frame.time, (_luma(frame) - 16) / 40) for frame in container.decode(video=0)]


def _luma(frame):
    plane = frame.planes[0]
    rows = [bytes(plane)[row * plane.line_size :][: plane.width] for row in range(plane.height)]
    return sum(map(sum, rows)) / (plane.width * plane.height)


def begins(path):
    """When the sound is first heard, seconds."""
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", path, "-ac", "1", "-ar", "48000", "-f", "f32le", "-"]
    samples = array.array("f", subprocess.run(command, capture_output=True, timeout=150, check=True).stdout)
    return next(place for place, sample in enumerate(samples) if abs(sample) > 0.02) / 48_000


@pytest.mark.ffmpeg
@pytest.mark.parametrize("span", _SPANS, ids=str)
@pytest.mark.parametrize(("suffix", "audio"), [(".mp4", None), (".mp4", "sine"), (".webm", None), (".webm", "sine")])
def test_a_span_shows_what_the_source_shows(make_video, workdir, suffix, audio, span):
    path = made(make_video, suffix, audio)
    whole = probe(path).duration
    start, end = span.get("start", 0.0), span.get("end", span.get("start", 0.0) + span.get("duration", 9.0))
    end = min(end, whole)
    if start >= whole:
        pytest.skip("this container ends with its last frame")
    done = run(KIND, span, path, workdir)
    facts = done.outputs[0].probe
    frames = shown(done.outputs[0].path)
    assert facts.container == suffix.removeprefix(".")
    assert facts.duration == pytest.approx(end - start, abs=0.1)
    assert frames[0][0] == pytest.approx(0.0, abs=0.002)
    for time, told in frames:
        assert told == pytest.approx(max(t for t in TIMES if t <= start + time + 0.003), abs=0.06)
    # Every frame of the span keeps its time; at most one is repeated, to last until the end, but for the source's last.
    inside = [time - start for time in TIMES if start < time < end - 0.002]
    times = [time for time, _ in frames]
    assert all(any(abs(time - other) < 0.003 for other in times) for time in inside)
    assert len(times) <= len(inside) + (2 if end < TIMES[-1] else 8)
    assert all(after > before for before, after in itertools.pairwise(times))
    assert (facts.audio is not None) == (audio is not None)
    if audio and start < SOUND < end:
        assert begins(done.outputs[0].path) == pytest.approx(SOUND - start, abs=0.03)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1"])
def test_a_span_with_a_steady_rate_begins_in_a_gap(make_video, workdir, codec):
    options = {"start": 0.5, "end": 1.5, "fps": 20, "codec": codec, "width": 128, "format": "mp4"}
    done = run(KIND, options, made(make_video, ".mp4", "sine"), workdir)
    frames = shown(done.outputs[0].path)
    assert [round(time, 2) for time, _ in frames] == [number / 20 for number in range(20)]
    assert [told for _, told in frames[:12]] == pytest.approx([0.2] * 12, abs=0.06)
    assert [told for _, told in frames[12:14]] == pytest.approx([1.1] * 2, abs=0.06)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuvj420p"])
def test_frames_are_not_converted_on_the_way(make_video, workdir, pix_fmt):
    extra = tuple(text.replace("format=yuv420p", f"format={pix_fmt}") for text in _EXTRA)
    path = make_video(".mkv", seconds=5.0, fps=10, audio=None, pix_fmt=pix_fmt, extra=extra)
    done = run(KIND, {"start": 0.5, "end": 1.5, "format": "mp4"}, path, workdir)
    assert done.outputs[0].probe.video.color_range == "tv"
    assert near(frames_of(done.outputs[0].path)[0].getpixel((5, 5)), frames_of(path)[2].getpixel((5, 5)), 4)


def test_only_uneven_sources_take_the_longer_way():
    even = plan(VideoOptions(start=2.0, end=4.0), source()).steps[0].args
    assert "streamselect" not in value(even, "-filter_complex")
    assert "-noaccurate_seek" not in even
    for facts in ({"variable": True}, {"frame_rate": 24.1}):
        args = plan(VideoOptions(start=4.0, end=6.0), source(facts)).steps[0].args
        assert "streamselect" in value(args, "-filter_complex")
        assert "atrim=end=5:start=3" in value(args, "-filter_complex")
        assert (value(args, "-ss"), value(args, "-t")) == ("1", "2")
        assert "-noaccurate_seek" in args
        assert "streamselect" not in value(plan(VideoOptions(), source(facts)).steps[0].args, "-filter_complex")


def test_a_span_of_unknown_length_still_begins_with_what_is_shown():
    given = source({"variable": True}, duration=None)
    given = replace(given, probe=replace(given.probe, audios=()))
    args = plan(VideoOptions(start=2.0), given).steps[0].args
    assert "nullsrc=duration=3:rate=1" in value(args, "-filter_complex")
    assert "trim=start=2" in value(args, "-filter_complex")
    assert "-t" not in args
