"""Time in videos: spans to the frame, sound in step, chapters, rates; and the same bytes from the same command."""

import array
import itertools
import os
import shlex
import subprocess

import av
import pytest

from workers.engine.capabilities import ffmpeg_path
from workers.engine.errors import SourceUnsupported
from workers.engine.probe import Chapter, probe
from workers.kinds import get_kind
from workers.kinds.video import KIND, VideoOptions, plan
from workers.run import run
from workers.tests.kinds.test_video import VIDEO, args_of, source, value
from workers.tests.media import ffmpeg, level

NUMBERED = "nullsrc=s=64x48:r=25:d=4,geq=lum=16+2*N:cb=128:cr=128,format=yuv420p"  # as bright as the frame's number
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "10")


def numbers(path):
    """(time, number its brightness tells) of every frame."""
    with av.open(str(path)) as container:
        return [(frame.time, round((_luma(frame) - 16) / 2)) for frame in container.decode(video=0)]


def _luma(frame):
    plane = frame.planes[0]
    row = bytes(plane)[: plane.width]
    return sum(row) / plane.width


# ── spans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
SOURCES = {
    "b-frames": (".mp4", (*X264, "-bf", "3", "-g", "50")),
    "open-gop": (".mp4", (*X264, "-x264-params", "open-gop=1:keyint=20:bframes=3:b-adapt=0:scenecut=0")),
    "open-gop-hevc": (
        *(".mp4", ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "10")),
        *("-x265-params", "log-level=error:open-gop=1:keyint=20:bframes=3"),
    ),
    "transport": (".ts", (*X264, "-bf", "2", "-g", "40")),
    "late-start": (".mkv", (*X264, "-bf", "2", "-g", "40", "-output_ts_offset", "100")),
    "mpeg2": (".ts", ("-c:v", "mpeg2video", "-q:v", "1", "-bf", "2", "-g", "15")),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        *((name, 1.2, 2.2) for name in SOURCES),
        ("b-frames", 0.0, 0.4),
        ("transport", 3.0, None),
        ("late-start", 3.0, None),
    ],
)
def test_a_span_has_exactly_its_frames(workdir, tmp_path, name, start, end):
    suffix, *args = SOURCES[name]
    args = [item for arg in args for item in ([arg] if isinstance(arg, str) else arg)]
    path = tmp_path / f"numbered{suffix}"
    ffmpeg("-f", "lavfi", "-i", NUMBERED, *args, path)
    options = {"format": "mp4", "quality": 100, "start": start, **({"end": end} if end else {})}
    found = numbers(run(KIND, options, path, workdir).outputs[0].path)
    first, last = round(start * 25), round((end or 4.0) * 25)
    assert [number for _, number in found] == pytest.approx(list(range(first, last)), abs=1)
    assert [time for time, _ in found] == pytest.approx([n / 25 for n in range(last - first)], abs=0.002)
    assert found[0][1] == first


@pytest.mark.ffmpeg
def test_what_an_edit_list_hides_stays_hidden(workdir, tmp_path):
    whole, path = tmp_path / "whole.mp4", tmp_path / "edited.mp4"
    ffmpeg("-f", "lavfi", "-i", NUMBERED, *X264, "-g", "100", whole)
    ffmpeg("-ss", "1", "-i", whole, "-c", "copy", path)
    options = {"quality": 100, "start": 0.4, "end": 0.8}
    found = numbers(run(KIND, options, path, workdir).outputs[0].path)
    assert [number for _, number in found] == pytest.approx(list(range(35, 45)), abs=1)


# ── sound in step ────────────────────────────────────────────────────────────────────────────────────────────────────
def flashes(path, times):
    """When the picture turns white nearest to each of the times, seconds."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        lit = [(frame.time, _luma(frame) > 120) for frame in container.decode(video=0)]
    return _onsets([time for (_, before), (time, now) in itertools.pairwise(lit) if now and not before], times)


def beeps(path, times):
    """When the sound sets in nearest to each of the times, seconds."""
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", path, "-ac", "1", "-ar", "8000"]
    command += ["-af", "aresample=async=1:min_hard_comp=0.003:first_pts=0", "-f", "f32le", "-"]
    samples = array.array("f", subprocess.run(command, capture_output=True, timeout=150, check=True).stdout)
    step = 40  # 5 ms
    loud = [max(map(abs, samples[at : at + step])) > 0.1 for at in range(0, len(samples), step)]
    return _onsets([at * step / 8000 for at in range(1, len(loud)) if loud[at] and not loud[at - 1]], times)


def _onsets(found, times):
    return [min(found, key=lambda moment: abs(moment - time)) for time in times]


def beeping(path, seconds, *, every, rate=10, pictures="null", sounds="anull", codec="pcm_s16le", extra=()):
    """White for half a second and a tone with it, every so many seconds."""
    white = f"gte(mod(T,{every}),{every}-1)*lt(mod(T,{every}),{every}-0.5)".replace(",", "\\,")
    tone = f"0.5*sin(2*PI*1000*t)*gte(mod(t,{every}),{every}-1)*lt(mod(t,{every}),{every}-0.5)".replace(",", "\\,")
    ffmpeg(
        *("-f", "lavfi", "-i", f"nullsrc=s=32x32:r={rate}:d={seconds},geq=lum=16+200*{white}:cb=128:cr=128,{pictures}"),
        *("-f", "lavfi", "-i", f"aevalsrc={tone}:s=8000:d={seconds},{sounds}", *extra),
        *("-c:v", "libx264", "-preset", "ultrafast", "-fps_mode", "passthrough", "-c:a", codec, path),
    )
    return path


@pytest.fixture(scope="module")
def ten_minutes(tmp_path_factory):
    """Frames are missing here and there, a second of sound is missing, and its clock runs slow by a thousandth."""
    return beeping(
        tmp_path_factory.mktemp("long") / "long.mkv",
        600,
        every=60,
        pictures="select='1-eq(mod(n\\,7)\\,3)*lt(mod(t\\,60)\\,50)'",
        sounds="asetpts=PTS*1.001,aselect='not(between(t\\,100\\,101))'",
    )


@pytest.mark.ffmpeg
@pytest.mark.parametrize("options", [{}, {"fps": 12}], ids=str)
def test_sound_is_in_step_at_the_end_of_ten_minutes(ten_minutes, workdir, options):
    path = ten_minutes
    times = [59.0 + 60 * number for number in range(10)]
    before = [b - f for b, f in zip(beeps(path, times), flashes(path, times), strict=True)]
    assert before[-1] == pytest.approx(0.6, abs=0.02)  # the source itself is as late as its clock says
    done = run(KIND, {"format": "mp4", "width": 16, **options}, path, workdir)
    out = done.outputs[0].path
    after = [b - f for b, f in zip(beeps(out, times), flashes(out, times), strict=True)]
    # A steady rate of 12 moves a frame by half of 83 ms at most; sound is not moved.
    slack = 0.04 if not options else 0.083
    assert after == pytest.approx(before, abs=slack)
    assert beeps(out, times) == pytest.approx(beeps(path, times), abs=0.04)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("late", ["sound", "picture"])
@pytest.mark.parametrize(("suffix", "format"), [(".mkv", "mp4"), (".mp4", "mp4"), (".ts", "mp4"), (".mp4", "webm")])
def test_what_begins_later_stays_later(workdir, tmp_path, suffix, late, format):
    plain, path = beeping(tmp_path / "plain.mkv", 4, every=2), tmp_path / f"late{suffix}"
    sound, picture = ("0.7", "0") if late == "sound" else ("0", "0.7")
    ffmpeg(
        *("-itsoffset", picture, "-i", plain, "-itsoffset", sound, "-i", plain, "-map", "0:v", "-map", "1:a"),
        *("-c:v", "copy", "-c:a", "aac", "-ar", "16000", path),
    )
    done = run(KIND, {"format": format}, path, workdir)
    shift = 0.7 if late == "sound" else -0.7
    seen, heard = flashes(done.outputs[0].path, [1.0, 3.0]), beeps(done.outputs[0].path, [1.0, 3.0])
    assert [b - f for b, f in zip(heard, seen, strict=True)] == pytest.approx([shift, shift], abs=0.06)
    facts = done.outputs[0].probe
    if not any("copied" in note for note in done.warnings):
        # The first picture is there from the beginning, and the silence before the sound is sound.
        assert (facts.video.start, facts.audio.start) == (pytest.approx(0, abs=0.03), pytest.approx(0, abs=0.03))


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("options", "times"), [({"fps": 20}, [0.0, 0.05, 0.1]), ({"start": 0.3, "end": 1.3}, [0.0, 0.5, 0.6])], ids=str
)
def test_a_late_picture_is_shown_from_the_beginning(workdir, tmp_path, options, times):
    path = tmp_path / "late.mkv"
    ffmpeg(
        *("-itsoffset", "0.7", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1", "-f", "lavfi", "-i", "sine=d=2"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path),
    )
    found = numbers(run(KIND, {"format": "mp4", **options}, path, workdir).outputs[0].path)
    assert [time for time, _ in found[:3]] == pytest.approx(times, abs=0.002)


@pytest.mark.ffmpeg
def test_the_track_asked_for_is_heard(make_video, workdir, tmp_path):
    path = tmp_path / "tracks.mkv"
    tones = [item for tone in (300, 2000) for item in ("-f", "lavfi", "-i", f"sine=f={tone}:d=1")]
    ffmpeg(
        *("-i", make_video(audio=None), *tones, "-map", "0", "-map", "1", "-map", "2", "-c:v", "copy", "-c:a", "aac"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre", path),
    )
    done = run(KIND, {"audio_track": "fr", "format": "mp4"}, path, workdir)
    assert [track.language for track in done.outputs[0].probe.audios] == ["fre"]
    assert done.warnings[-1] == "Not used: audio stream 1 (aac, eng)."
    assert "Copied without re-encoding" in done.warnings[0]


@pytest.mark.ffmpeg
def test_sound_can_be_left_out(make_video, workdir):
    done = run(KIND, {"audio": False}, make_video(), workdir)
    assert done.outputs[0].probe.audios == ()
    assert done.plan["expected"][0]["audios"] == 0
    assert done.warnings == (
        "Copied without re-encoding: the input is already as it is asked for.",
        "Not used: audio stream 0 (aac).",
    )


@pytest.mark.ffmpeg
@pytest.mark.parametrize("format", ["mp4", "webm"])
def test_a_coarse_clock_of_the_picture_is_not_the_sounds(make_video, workdir, format):
    path = make_video(".avi", seconds=2.5, fps=20, codec="mpeg4", audio_codec="libmp3lame")
    done = run(KIND, {"format": format}, path, workdir)
    assert level(done.outputs[0].path) == pytest.approx(level(path), abs=1.0)


# ── streams that end before others ───────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def unequal(make_video, tmp_path):
    """A file whose picture or sound is a quarter as long as the other."""

    def made(suffix, *, short):
        lengths = [0.5 if kind == short else 2.0 for kind in ("picture", "sound")]
        path = tmp_path / f"unequal{suffix}"
        inputs = [f"testsrc2=s=64x48:r=25:d={lengths[0]}", f"sine=f=440:r=44100:d={lengths[1]}"]
        sources = itertools.chain.from_iterable(("-f", "lavfi", "-i", one) for one in inputs)
        ffmpeg(*sources, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", path)
        return path

    return made


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("options", "first", "count"),
    [
        ({"start": 0.3, "end": 0.8}, 8, 12),  # the next frame, shown from the beginning on
        ({"start": 0.3, "end": 0.8, "fps": 30}, 8, 15),
        ({"start": 3.97}, 99, 1),
        ({"start": 1.21, "end": 1.22}, 30, 1),
    ],
    ids=str,
)
def test_a_span_that_begins_within_a_frame_has_a_picture_from_its_beginning(workdir, tmp_path, options, first, count):
    path = tmp_path / "in.mp4"
    ffmpeg("-f", "lavfi", "-i", NUMBERED, *X264, path)
    made = numbers(run(KIND, {"quality": "very_high"} | options, path, workdir).outputs[0].path)
    assert (made[0], len(made)) == ((0.0, first), count)


@pytest.mark.ffmpeg
def test_a_slide_show_begins_with_what_is_shown_then(workdir, tmp_path):
    path = tmp_path / "in.mp4"
    ffmpeg("-f", "lavfi", "-i", NUMBERED.replace("r=25", "r=1"), *X264, path)
    made = numbers(run(KIND, {"start": 1.5, "quality": "very_high"}, path, workdir).outputs[0].path)
    assert made == [(0.0, 1), (0.5, 2), (1.5, 3)]


@pytest.mark.ffmpeg
def test_one_frame_stays_one_at_a_rate_it_is_too_short_for(make_video, workdir):
    done = run(KIND, {"fps": 1}, make_video(seconds=0.04, audio=None), workdir)
    assert done.outputs[0].probe.video.frames == 1


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv"])
@pytest.mark.parametrize("options", [{}, {"end": 1.5}], ids=str)
def test_one_stream_may_end_before_the_file_does(unequal, workdir, suffix, options):
    sound, picture = workdir / "sound", workdir / "picture"
    sound.mkdir()
    picture.mkdir()
    done = run(get_kind("audio"), {"format": "wav"} | options, unequal(suffix, short="sound"), sound)
    assert done.outputs[0].probe.duration == pytest.approx(0.5, abs=0.06)
    done = run(KIND, {"audio": False} | options, unequal(suffix, short="picture"), picture)
    assert done.outputs[0].probe.duration == pytest.approx(0.5, abs=0.06)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("suffix", "heard"), [(".mp4", False), (".mkv", False), (".flv", True)])
def test_a_span_after_the_end_of_the_sound_is_silent(unequal, workdir, suffix, heard):
    done = run(KIND, {"start": 1.0}, unequal(suffix, short="sound"), workdir)
    assert done.outputs[0].probe.duration == pytest.approx(1.0, abs=0.06)
    assert (done.outputs[0].probe.audio is not None) is heard  # Flash video does not tell when its streams end
    assert ("The sound was left out: it ends before the span begins." in done.warnings) is not heard


@pytest.mark.ffmpeg
def test_a_span_after_the_end_of_the_picture_is_refused(unequal, workdir):
    with pytest.raises(SourceUnsupported, match="start is 1 s, but the picture ends before that") as told:
        run(KIND, {"start": 1.0}, unequal(".mp4", short="picture"), workdir)
    assert told.value.param == "start"


# ── chapters ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def chaptered(make_video, tmp_path):
    path, words = tmp_path / "chapters.mkv", tmp_path / "chapters.txt"
    words.write_text(
        ";FFMETADATA1\nlocation=+35.6586+139.7454/\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=Harbour\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=3000\ntitle=Light\n"
    )
    ffmpeg("-i", make_video(".mkv", seconds=3.0), "-i", words, "-map", "0", "-map_metadata", "1", "-c", "copy", path)
    return path


@pytest.mark.ffmpeg
@pytest.mark.parametrize("format", ["mp4", "mov", "mkv", "webm"])
def test_chapters_are_kept_in_every_format(chaptered, workdir, format):
    # Other inputs beside the source do not confuse them.
    layers = [{"kind": "text", "text": "Harbour"}]
    output = run(KIND, {"format": format, "width": 64, "layers": layers}, chaptered, workdir).outputs[0]
    found = output.probe
    assert b"+35.6" not in output.path.read_bytes()
    assert found.chapters == (Chapter(0.0, 1.5, "Harbour"), Chapter(1.5, 3.0, "Light"))
    assert found.subtitles == ()


@pytest.mark.ffmpeg
def test_chapters_move_with_a_span(chaptered, workdir):
    found = run(KIND, {"format": "mp4", "start": 1.0, "end": 2.0}, chaptered, workdir).outputs[0].probe
    assert found.chapters == (Chapter(0.0, 0.5, "Harbour"), Chapter(0.5, 1.0, "Light"))


def test_chapters_of_an_uneven_span_are_left_out_and_that_is_told():
    given = source({"variable": True}, chapters=(Chapter(0.0, 5.0, "Harbour"),))
    found = plan(VideoOptions(start=4.0), given)
    assert value(found.steps[0].args, "-map_chapters") == "-1"
    assert "Chapters were left out: the span begins between two pictures." in found.notes


# ── rates and settings ───────────────────────────────────────────────────────────────────────────────────────────────
def test_key_frames_come_every_five_seconds_at_any_rate():
    assert value(args_of(), "-g") == "125"
    assert value(args_of(fps=60), "-g") == "300"
    assert value(args_of(source({"frame_rate": 1.0, "base_rate": 1.0})), "-g") == "5"
    uneven = args_of(source({"variable": True, "frame_rate": 2.0}))
    assert value(uneven, "-force_key_frames") == "expr:gte(t,n_forced*5)"
    assert "+cgop" in value(args_of(), "-flags:v")


def test_constant_quality_has_a_ceiling_that_grows_with_the_picture():
    assert value(args_of(), "-maxrate") == str(round(1920 * 1080 * 25 * 0.25))
    assert value(args_of(width=64), "-maxrate") == "2000000"
    assert value(args_of(quality=95), "-maxrate") == str(round(1920 * 1080 * 25 * 0.25) * 2)
    assert value(args_of(format="webm"), "-b:v") == str(round(1920 * 1080 * 25 * 0.25))


def test_the_share_of_processors_is_told_in_each_encoders_words(monkeypatch):
    monkeypatch.setenv("FFMPEG_THREADS", "2")
    assert ":pools=2:frame-threads=2" in value(args_of(codec="h265"), "-x265-params")
    assert value(args_of(codec="av1"), "-svtav1-params") == "lp=2"
    assert value(args_of(format="webm"), "-tile-columns") == "2"


def test_a_rate_is_expected_only_where_it_is_sure():
    def rate(given, **options):
        return plan(VideoOptions(**options), given).expected[0].fps

    assert rate(source()) == 25.0
    assert rate(source(container="mkv")) is None
    assert rate(source({"variable": True})) is None
    assert rate(source({"variable": True}), fps=12.5) == 12.5
    assert VIDEO.frame_rate == 25.0


# ── the same bytes ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "options",
    [{"format": "mp4"}, {"codec": "h265"}, {"format": "webm"}, {"codec": "av1"}, {"format": "mkv", "normalize": True}],
    ids=str,
)
def test_the_commands_of_a_plan_make_the_same_file_again(make_video, workdir, tmp_path, monkeypatch, options):
    monkeypatch.setenv("FFMPEG_THREADS", "2")
    path = make_video(seconds=1.0, size=(256, 144), extra=("-vf", "noise=alls=20:allf=t,format=yuv420p"))
    done = run(KIND, {"height": 128, **options}, path, workdir)
    first = done.outputs[0].path.read_bytes()
    again = tmp_path / "again"
    again.mkdir()
    os.symlink(path, again / "source")
    for command in done.plan["commands"]:
        _, *args = shlex.split(command)
        subprocess.run([ffmpeg_path(), *args], cwd=again, capture_output=True, check=True, timeout=150)
    assert (again / done.outputs[0].name).read_bytes() == first
    assert b"Lavf6" not in first
    assert b"x264 - core" not in first or options.get("codec") is None  # H.264's own note has no date
    assert probe(path).video.frame_rate == 25.0
