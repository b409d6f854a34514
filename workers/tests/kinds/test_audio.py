"""Sounds: planned without a process, made by the real ffmpeg, probed and measured."""

from dataclasses import replace

import pytest

from workers.engine.errors import SourceUnsupported
from workers.engine.probe import AudioStream, Probe
from workers.kinds.audio import KIND, AudioOptions, output_format, plan
from workers.kinds.base import Source
from workers.run import run
from workers.tests.media import level

SOUND = AudioStream(0, "mp3", 2, layout="stereo", sample_rate=44_100, duration=10.0)
FACTS = Probe("audio", "audio/mpeg", "mp3", 1000, demuxer="mp3", duration=10.0, audios=(SOUND,))


def args_of(sound=SOUND, facts=FACTS, **options):
    given = Source(replace(facts, audios=(sound,) if sound else ()), lambda *_: None)
    return plan(AudioOptions.model_validate(options), given).steps[0].args


def value(args, name):
    return args[args.index(name) + 1]


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("options", "facts", "codec", "expected"),
    [
        ({}, {}, "mp3", "mp3"),
        ({}, {"media_type": "video", "container": "mp4"}, "aac", "mp3"),
        ({}, {"container": "mp4"}, "aac", "aac"),
        ({}, {"container": "mp4"}, "alac", "alac"),
        ({}, {"container": "ogg"}, "vorbis", "ogg"),
        ({}, {"container": "ogg"}, "opus", "opus"),
        ({}, {"container": "flac"}, "flac", "flac"),
        ({}, {"container": "wav"}, "pcm_s16le", "wav"),
        ({}, {"container": "wma"}, "wmav2", "mp3"),
        ({"filename": "a.flac"}, {}, "mp3", "flac"),
        ({"filename": "a.m4a"}, {}, "mp3", "aac"),
        ({"filename": "a.b"}, {}, "mp3", "mp3"),
        ({"filename": "a.flac", "format": "wav"}, {}, "mp3", "wav"),
    ],
)
def test_the_format_is_asked_for_or_named_or_kept(options, facts, codec, expected):
    probe = replace(FACTS, audios=(replace(SOUND, codec=codec),), **facts)
    assert output_format(AudioOptions.model_validate(options), probe).name == expected


def test_quality_and_bitrate():
    assert value(args_of(), "-b:a") == "128000"
    assert value(args_of(replace(SOUND, channels=1)), "-b:a") == "80000"
    assert value(args_of(bitrate=256_000, quality="low"), "-b:a") == "256000"
    assert value(args_of(format="opus"), "-b:a") == "96000"
    rates = [
        int(value(args_of(quality=quality), "-b:a")) for quality in ("very_low", "low", "medium", "high", "very_high")
    ]
    assert rates == sorted(rates)
    assert len(set(rates)) == 5


@pytest.mark.parametrize(("rate", "wanted", "bitrate", "used"), [
    (8_000, "8000", 320_000, "64000"), (22_050, "22050", 320_000, "160000"), (96_000, "48000", 320_000, "320000"),
    (44_100, "44100", 100_000, "96000"),
])  # fmt: skip
def test_mp3_gets_rates_it_knows(rate, wanted, bitrate, used):
    args = args_of(replace(SOUND, sample_rate=rate), format="mp3", bitrate=bitrate)
    assert (value(args, "-ar"), value(args, "-b:a")) == (wanted, used)


def test_deep_sound_stays_deep():
    deep = replace(SOUND, codec="flac", bit_depth=24)
    assert value(args_of(deep, format="flac"), "-sample_fmt") == "s32"
    assert value(args_of(deep, format="wav"), "-c:a") == "pcm_s24le"
    assert value(args_of(format="wav"), "-c:a") == "pcm_s16le"


def test_a_silent_input_is_refused_in_words():
    with pytest.raises(SourceUnsupported, match="it has no sound"):
        args_of(None)


def test_the_cover_is_left_out_and_named(make_audio):
    from workers.engine.probe import Cover

    given = Source(replace(FACTS, covers=(Cover(1, "mjpeg", 100, 100),)), lambda *_: None)
    found = plan(AudioOptions(), given)
    assert found.notes == ("Not used: cover picture 1 (mjpeg).",)
    assert "-vn" in found.steps[0].args


# ── sounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "mime", "codec", "extension"),
    [
        ("mp3", "audio/mpeg", "mp3", "mp3"),
        ("aac", "audio/mp4", "aac", "m4a"),
        ("wav", "audio/wav", "pcm_s16le", "wav"),
        ("ogg", "audio/ogg", "vorbis", "ogg"),
        ("opus", "audio/ogg", "opus", "opus"),
        ("flac", "audio/flac", "flac", "flac"),
        ("alac", "audio/mp4", "alac", "m4a"),
    ],
)
def test_every_format_from_a_video(make_video, workdir, name, mime, codec, extension):
    done = run(KIND, {"format": name}, make_video(seconds=1.0, channels=2), workdir)
    (output,) = done.outputs
    assert (output.name, output.type) == (f"audio.{extension}", mime)
    assert (output.probe.audio.codec, output.probe.media_type, output.probe.mime) == (codec, "audio", mime)
    assert output.probe.duration == pytest.approx(1.0, abs=0.1)
    assert level(output.path) == pytest.approx(-21.0, abs=1.0)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["mp3", "aac", "ogg", "opus", "flac", "alac", "wav"])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (96_000, 2), (48_000, 6)])
@pytest.mark.parametrize("options", [{}, {"quality": 0}, {"quality": 100}, {"bitrate": 32_000}, {"bitrate": 320_000}])
def test_every_rate_and_layout_can_be_made(make_audio, workdir, name, rate, channels, options):
    source = make_audio(".wav", seconds=0.4, sample_rate=rate, channels=channels)
    done = run(KIND, {"format": name} | options, source, workdir)
    assert done.outputs[0].probe.audio.channels == min(2, channels)


@pytest.mark.ffmpeg
def test_a_span_is_exact(make_audio, workdir):
    done = run(KIND, {"start": 0.5, "end": 1.25, "format": "wav"}, make_audio(seconds=3.0), workdir)
    assert done.result.duration == pytest.approx(0.75, abs=0.001)


@pytest.mark.ffmpeg
def test_speech_in_the_centre_keeps_its_loudness(make_audio, workdir):
    source = make_audio(".wav", channels=6, only=2)
    done = run(KIND, {"format": "wav"}, source, workdir)
    assert done.warnings == ("6 channels were mixed down to stereo.",)
    for channel in (0, 1):
        assert level(done.outputs[0].path, channel) == pytest.approx(level(source, 2) - 3.0, abs=0.3)


@pytest.mark.ffmpeg
def test_low_frequencies_alone_are_left_out_and_loud_mixes_do_not_clip(make_audio, workdir, tmp_path):
    done = run(KIND, {"format": "wav"}, make_audio(".wav", channels=6, only=3), workdir)
    assert level(done.outputs[0].path) < -80
    (tmp_path / "two").mkdir()
    done = run(KIND, {"format": "wav"}, make_audio(".wav", channels=6), tmp_path / "two")
    assert level(done.outputs[0].path) < -3.2  # a full-scale sine is −3.01


@pytest.mark.ffmpeg
def test_titles_stay(make_audio, workdir):
    done = run(KIND, {"format": "flac"}, make_audio(".mp3", tags={"title": "Tone", "comment": "home"}), workdir)
    assert done.outputs[0].probe.tags["title"] == "Tone"
    assert b"home" not in done.outputs[0].path.read_bytes()


@pytest.mark.ffmpeg
def test_a_silent_video_is_refused_in_words(make_video, workdir):
    with pytest.raises(SourceUnsupported, match="Audio cannot be made from this input: it has no sound"):
        run(KIND, {}, make_video(audio=None), workdir)
