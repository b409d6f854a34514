"""Videos: planned without a process, made by the real ffmpeg, probed and decoded."""

from dataclasses import replace

import pytest

from workers.encoders.video import ENCODERS
from workers.engine.errors import (
    EngineUnavailable,
    LimitExceeded,
    MediaError,
    OutputMismatch,
    SourceUnsupported,
    Stopped,
)
from workers.engine.probe import AudioStream, Probe, VideoStream, probe
from workers.kinds.base import Source
from workers.kinds.video import KIND, VideoOptions, output_format, plan
from workers.run import run
from workers.tests.engine.test_runner import processes_in
from workers.tests.media import BLUE, GREEN, RED, WHITE, corner_colors, frames_of, level, near

VIDEO = VideoStream(0, "h264", 1920, 1080, 1920, 1080, frame_rate=25.0, base_rate=25.0, time_base=(1, 12_800))
SOUND = AudioStream(1, "aac", 2, layout="stereo", sample_rate=48_000)
FACTS = replace(
    Probe("video", "video/mp4", "mp4", 1000, demuxer="mov,mp4", duration=10.0, width=1920, height=1080),
    videos=(VIDEO,),
    audios=(SOUND,),
)


def source(video=None, **facts):
    whole = replace(FACTS, **facts)
    if video:
        stream = replace(VIDEO, **video)
        whole = replace(whole, videos=(stream,), width=stream.width, height=stream.height)
    return Source(whole, lambda *_: None)


def args_of(given=None, **options):
    (step,) = plan(VideoOptions.model_validate(options), given or source()).steps
    return step.args


def value(args, name):
    return args[args.index(name) + 1]


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_defaults_are_h264_and_aac_in_mp4_with_the_index_first():
    args = args_of()
    assert (value(args, "-c:v"), value(args, "-c:a"), value(args, "-f")) == ("libx264", "aac", "mov")
    assert args[-1] == "video.mp4"
    assert value(args, "-movflags") == "+faststart"
    graph = value(args, "-filter_complex")
    assert "format=yuv420p" in graph
    assert "scale=1920:1080" in graph
    assert "-t" not in args
    assert "-ss" not in args


@pytest.mark.parametrize(
    ("options", "start", "length", "expected"),
    [
        ({"start": 2}, "2", None, 8.0),
        ({"start": 2.5, "duration": 3}, "2.5", "3", 3.0),
        ({"duration": 3}, None, "3", 3.0),
        ({"end": 4}, None, "4", 4.0),
        ({"start": 1, "end": 4}, "1", "3", 3.0),
        ({"start": 1, "end": 4, "duration": 9}, "1", "3", 3.0),
        ({"start": 8, "duration": 9}, "8", None, 2.0),
    ],
)
def test_spans(options, start, length, expected):
    found = plan(VideoOptions.model_validate(options), source())
    args = found.steps[0].args
    assert ("-ss" in args) == bool(start)
    assert not start or value(args, "-ss") == start
    assert ("-t" in args) == bool(length)
    assert not length or value(args, "-t") == length
    assert found.expected[0].duration == expected
    if options.get("duration") == 9 and "end" not in options:
        assert found.notes == ("The input ends after 10 s, so the output is 2 s long.",)


@pytest.mark.parametrize(
    ("options", "container", "expected"),
    [
        ({}, "mp4", "mp4"),
        ({}, "webm", "webm"),
        ({}, "mov", "mov"),
        ({}, "mkv", "mp4"),
        ({"filename": "a.webm"}, "mp4", "webm"),
        ({"filename": "a.cut"}, "mp4", "mp4"),
        ({"filename": "a.MOV", "codec": "h265"}, "mp4", "mov"),
        ({"filename": "a.webm", "format": "mov"}, "mp4", "mov"),
        ({"codec": "h264"}, "webm", "mp4"),
        ({"codec": "vp9"}, "webm", "webm"),
    ],
)
def test_the_format_is_asked_for_or_named_or_kept(options, container, expected):
    assert output_format(VideoOptions.model_validate(options), replace(FACTS, container=container)).name == expected


def test_quality_and_bitrate():
    assert value(args_of(), "-crf") == "23"
    assert value(args_of(quality="medium"), "-crf") == value(args_of(quality=80), "-crf")
    crf = [int(value(args_of(quality=quality), "-crf")) for quality in (0, 30, 60, 80, 95, 100)]
    assert crf == sorted(crf, reverse=True)
    args = args_of(bitrate=1_000_000, quality="high")
    assert value(args, "-b:v") == "1000000"
    assert "-crf" not in args


def test_odd_sizes_become_even_and_hdr_is_mapped():
    assert "scale=640:360" in value(args_of(width=641), "-filter_complex")
    hdr = source({"hdr": "pq", "bit_depth": 10, "color_transfer": "smpte2084", "color_primaries": "bt2020",
                  "color_matrix": "bt2020nc"})  # fmt: skip
    found = plan(VideoOptions(), hdr)
    assert "tonemap=mobius" in value(found.steps[0].args, "-filter_complex")
    assert found.expected[0].colors == ("bt709", "bt709", "bt709")
    assert "zscale" in found.steps[0].needs


def test_interlaced_video_is_deinterlaced_and_progressive_is_not():
    assert "bwdif" in value(args_of(source({"interlaced": True, "field_order": "tt"})), "-filter_complex")
    assert "bwdif" not in value(args_of(), "-filter_complex")


def test_the_best_streams_are_taken_and_the_others_named():
    videos = (replace(VIDEO, index=0, width=320, height=180), replace(VIDEO, index=3, default=True))
    audios = (SOUND, replace(SOUND, index=4, default=True, language="eng"))
    found = plan(VideoOptions(), source(videos=videos, audios=audios))
    args = found.steps[0].args
    assert value(args, "-filter_complex").startswith("[0:3]")
    assert "[0:4]aresample" in value(args, "-filter_complex")
    assert value(args, "-metadata:s:a:0") == "language=eng"
    assert found.notes == ("Not used: video stream 0 (h264, 320×180); audio stream 1 (aac).",)


def test_titles_stay_and_the_rest_goes():
    args = args_of(source(tags={"title": "Harbour"}))
    assert value(args, "-metadata") == "title=Harbour"
    assert value(args, "-map_metadata:g") == "-1"


def test_the_share_of_processors_is_kept(monkeypatch):
    assert "-threads" not in args_of()
    monkeypatch.setenv("FFMPEG_THREADS", "2")
    assert args_of().count("-threads") == 2


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        (source(), {"start": 11}, SourceUnsupported, "start is 11 s, but the input is only 10 s long."),
        (source(videos=()), {}, SourceUnsupported, "no picture"),
        (source({"width": 16384, "height": 100}), {}, LimitExceeded, "8192"),
        (source(), {"width": "900%"}, LimitExceeded, "8192"),
        (source(), {"width": 10, "codec": "h265"}, SourceUnsupported, "h265 needs 16 × 16 pixels at least"),
    ],
)
def test_what_cannot_be_made_is_told_before_anything_runs(given, options, error, words):
    with pytest.raises(error, match=words) as caught:
        args_of(given, **options)
    assert caught.value.param == next(iter(options), None)


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
def test_a_plain_video(make_video, workdir, report):
    done = run(KIND, {"width": 32}, make_video(seconds=2.0, channels=2), workdir, report=report)
    (output,) = done.outputs
    facts = output.probe
    assert (output.name, output.type, output.entry) == ("video.mp4", "video/mp4", True)
    assert facts.displayed == (32, 24)
    assert facts.duration == pytest.approx(2.0, abs=0.05)
    assert (facts.video.codec, facts.video.pix_fmt, facts.audio.codec) == ("h264", "yuv420p", "aac")
    assert facts.faststart is True
    assert (facts.video.color_primaries, facts.video.color_matrix, facts.video.color_range) == (
        "smpte170m", "smpte170m", "tv",
    )  # fmt: skip
    assert (done.result.fps, done.result.frames, done.result.rotation) == (25.0, 50, 0)
    assert report.plans == [done.plan]
    assert report.percents[-1] == 100.0


@pytest.mark.ffmpeg
@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_rotation_is_baked_in(make_video, workdir, rotate):
    done = run(KIND, {}, make_video(rotate=rotate, corners=True), workdir)
    facts = done.outputs[0].probe
    assert facts.rotation == 0
    assert facts.displayed == ((48, 64) if rotate in (90, 270) else (64, 48))
    turned = {90: [GREEN, WHITE, RED, BLUE], 180: [WHITE, BLUE, GREEN, RED], 270: [BLUE, RED, WHITE, GREEN]}[rotate]
    first = frames_of(done.outputs[0].path)[0]
    assert all(near(a, b, 30) for a, b in zip(corner_colors(first).values(), turned, strict=True))


@pytest.mark.ffmpeg
def test_anamorphic_video_gets_square_pixels(make_video, workdir):
    facts = run(KIND, {}, make_video(size=(64, 48), sample_aspect=(64, 45)), workdir).outputs[0].probe
    assert facts.displayed == (90, 48)  # 91 shown
    assert facts.video.sample_aspect == (1, 1)


@pytest.mark.ffmpeg
def test_a_rotated_anamorphic_video(make_video, workdir):
    facts = run(KIND, {}, make_video(size=(64, 48), sample_aspect=(2, 1), rotate=90), workdir).outputs[0].probe
    assert facts.displayed == (48, 128)


@pytest.mark.ffmpeg
def test_silent_video_is_fine(make_video, workdir):
    facts = run(KIND, {}, make_video(audio=None), workdir).outputs[0].probe
    assert facts.audios == ()


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("options", "video", "audio", "mime"),
    [
        ({"format": "mp4", "codec": "h265"}, "h265", "aac", "video/mp4"),
        ({"format": "mp4", "codec": "av1"}, "av1", "aac", "video/mp4"),
        ({"format": "mp4", "codec": "vp9"}, "vp9", "aac", "video/mp4"),
        ({"format": "mov"}, "h264", "aac", "video/quicktime"),
        ({"format": "webm"}, "vp9", "opus", "video/webm"),
        ({"format": "webm", "codec": "av1"}, "av1", "opus", "video/webm"),
        ({"format": "webm", "bitrate": 400_000}, "vp9", "opus", "video/webm"),
        ({"codec": "av1", "bitrate": 400_000}, "av1", "aac", "video/mp4"),
        ({"codec": "h265", "bitrate": 400_000}, "h265", "aac", "video/mp4"),
    ],
)
def test_every_codec_and_container(make_video, workdir, options, video, audio, mime):
    # SVT-AV1 takes no picture smaller than 64 pixels.
    done = run(KIND, options, make_video(seconds=0.5, size=(128, 96), channels=2), workdir)
    facts = done.outputs[0].probe
    assert (facts.video.codec, facts.audio.codec, facts.mime) == (video, audio, mime)
    assert (facts.video.color_matrix, facts.video.rotation) == ("smpte170m", 0)


@pytest.mark.ffmpeg
def test_a_span_is_exact(make_video, workdir):
    source_path = make_video(seconds=4.0, fps=25, extra=("-g", "250"))
    done = run(KIND, {"start": 1.2, "end": 2.2}, source_path, workdir)
    facts = done.outputs[0].probe
    assert facts.duration == pytest.approx(1.0, abs=0.05)
    assert facts.frames == 25


@pytest.mark.ffmpeg
def test_fps_changes_the_rate_and_only_when_asked(make_video, workdir, tmp_path):
    source_path = make_video(seconds=2.0, fps=24000 / 1001)
    facts = run(KIND, {"fps": 12}, source_path, workdir).outputs[0].probe
    assert (facts.fps, facts.frames) == (12.0, 24)
    (tmp_path / "two").mkdir()
    facts = run(KIND, {}, source_path, tmp_path / "two").outputs[0].probe
    assert facts.fps == pytest.approx(23.976, abs=0.001)


@pytest.mark.ffmpeg
def test_variable_timing_is_kept(make_video, workdir):
    # Frames at 0, 1, 2, 4, 8, 16 … hundredths of a second.
    source_path = make_video(
        ".mkv",
        seconds=1.0,
        fps=100,
        audio=None,
        extra=("-bf", "0", "-vf", "select=not(bitand(n\\,n-1)),format=yuv420p", "-fps_mode", "passthrough"),
    )
    assert probe(source_path).video.variable
    assert not probe(make_video()).video.variable
    before = _times(source_path)
    done = run(KIND, {"format": "mp4"}, source_path, workdir)
    assert _times(done.outputs[0].path) == pytest.approx(before, abs=0.0011)


def _times(path):
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = sorted(
            float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.pts is not None
        )
    return [time - times[0] for time in times]


@pytest.mark.ffmpeg
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p", "yuv422p", "yuvj420p"])
def test_every_pixel_format_becomes_playable(make_video, workdir, pix_fmt):
    done = run(KIND, {}, make_video(pix_fmt=pix_fmt, seconds=0.4, corners=True), workdir)
    facts = done.outputs[0].probe
    assert (facts.video.pix_fmt, facts.video.bit_depth, facts.video.color_range) == ("yuv420p", 8, "tv")
    assert near(corner_colors(frames_of(done.outputs[0].path)[0])["bottom-right"], WHITE, 12)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("transfer", "kind"), [("smpte2084", "pq"), ("arib-std-b67", "hlg")])
def test_hdr_becomes_bt709(make_video, workdir, transfer, kind):
    source_path = make_video(
        codec="libx265", pix_fmt="yuv420p10le", colors=("bt2020", transfer, "bt2020nc"), seconds=0.4, size=(128, 96)
    )
    assert probe(source_path).video.hdr == kind
    facts = run(KIND, {"width": 101}, source_path, workdir).outputs[0].probe
    video = facts.video
    assert (video.hdr, video.bit_depth, video.pix_fmt) == (None, 8, "yuv420p")
    assert (video.color_primaries, video.color_transfer, video.color_matrix) == ("bt709", "bt709", "bt709")


@pytest.mark.ffmpeg
def test_interlaced_video_becomes_progressive(make_video, workdir):
    source_path = make_video(".ts", codec="mpeg2video", interlaced=True, size=(64, 64), audio=None)
    facts = run(KIND, {}, source_path, workdir).outputs[0].probe
    assert not facts.video.interlaced
    assert facts.container == "mp4"


@pytest.mark.ffmpeg
def test_alpha_is_kept_in_webm_and_black_elsewhere(make_video, workdir, tmp_path):
    source_path = make_video(
        ".webm", codec="libvpx-vp9", pix_fmt="yuva420p", extra=("-auto-alt-ref", "0"), seconds=0.4, audio=None
    )
    assert run(KIND, {}, source_path, workdir).result.transparency is True
    (tmp_path / "two").mkdir()
    assert run(KIND, {"format": "mp4"}, source_path, tmp_path / "two").result.transparency is False


@pytest.mark.ffmpeg
@pytest.mark.parametrize("fit", ["fill", "cover", "contain"])
def test_fits(make_video, workdir, fit):
    options = {"width": 60, "height": 100, "fit": fit, "position": "top-left", "background": "#00ff00"}
    done = run(KIND, options, make_video(corners=True, size=(128, 64), seconds=0.4), workdir)
    assert done.outputs[0].probe.displayed == (60, 100)
    first = frames_of(done.outputs[0].path)[0]
    if fit == "contain":
        assert near(first.getpixel((30, 80)), (0, 255, 0), 30)
        assert near(first.getpixel((10, 5)), RED, 30)
    elif fit == "cover":
        assert near(first.getpixel((50, 10)), RED, 30)
        assert near(first.getpixel((50, 90)), BLUE, 30)
    else:
        assert near(first.getpixel((50, 10)), GREEN, 30)


@pytest.mark.ffmpeg
def test_location_goes_and_the_title_stays(make_video, workdir):
    tags = {"title": "Harbour", "location": "+35.6586+139.7454/", "comment": "serial 123"}
    done = run(KIND, {"format": "mp4"}, make_video(".mov", tags=tags), workdir)
    facts = done.outputs[0].probe
    assert facts.tags["title"] == "Harbour"
    assert not facts.has_location
    data = done.outputs[0].path.read_bytes()
    assert b"+35.65" not in data
    assert b"serial" not in data


@pytest.mark.ffmpeg
def test_surround_is_mixed_so_that_speech_stays(make_video, make_audio, workdir, tmp_path):
    from workers.tests.media import ffmpeg

    picture, speech = make_video(audio=None), make_audio(".wav", channels=6, only=2)
    both = tmp_path / "both.mkv"
    ffmpeg("-i", picture, "-i", speech, "-c:v", "copy", "-c:a", "flac", both)
    done = run(KIND, {}, both, workdir)
    assert done.outputs[0].probe.audio.channels == 2
    assert done.warnings == (
        "The picture was copied without re-encoding; the sound was made anew.",
        "6 channels were mixed down to stereo.",
    )
    before = level(speech, channel=2)
    for channel in (0, 1):
        assert level(done.outputs[0].path, channel) == pytest.approx(before - 3.0, abs=0.6)


@pytest.mark.ffmpeg
def test_a_video_cut_short_is_told(make_video, workdir):
    source_path = make_video(".mkv", seconds=10.0, keep=0.3)
    with pytest.raises(OutputMismatch, match="damaged or cut short"):
        run(KIND, {"format": "mp4"}, source_path, workdir)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".jpg", ".wav"])
def test_what_is_no_video_is_refused_in_words(make_image, make_audio, workdir, suffix):
    source_path = make_image() if suffix == ".jpg" else make_audio()
    with pytest.raises(MediaError, match="video needs video; the input is an"):
        run(KIND, {}, source_path, workdir)
    assert list(workdir.iterdir()) == []


@pytest.mark.ffmpeg
def test_a_cancelled_video_leaves_no_ffmpeg(make_video, workdir, report):
    source_path = make_video(seconds=20.0, size=(640, 480), audio=None)
    tell = report.progress

    def progress(percent: float) -> None:
        tell(percent)
        report.stop = percent > 0  # at the first word of many: to the end it takes 12 processor seconds

    report.progress = progress
    with pytest.raises(Stopped):
        run(KIND, {"codec": "av1", "quality": 100}, source_path, workdir, report=report)
    assert 0 < report.percents[-1] < 60
    assert processes_in(workdir) == []


@pytest.mark.ffmpeg
def test_a_missing_encoder_is_the_hosts_fault(make_video, workdir, monkeypatch):
    monkeypatch.setitem(ENCODERS, "h264", "no_such_encoder")
    with pytest.raises(EngineUnavailable, match="no_such_encoder"):
        run(KIND, {"width": 32}, make_video(), workdir)
