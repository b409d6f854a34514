"""Sounds: planned without a process, made by the real ffmpeg, probed and measured."""

import re
from dataclasses import replace

import pytest

from workers.engine.errors import SourceUnsupported
from workers.engine.probe import AudioStream, Probe
from workers.kinds.audio import KIND, AudioOptions, output_format, plan
from workers.kinds.base import FfmpegStep, Source
from workers.run import run
from workers.tests.media import level

SOUND = AudioStream(0, "mp3", 2, layout="stereo", sample_rate=44_100, duration=10.0)
FACTS = Probe("audio", "audio/mpeg", "mp3", 1000, demuxer="mp3", duration=10.0, audios=(SOUND,))


def args_of(sound=SOUND, facts=FACTS, **options):
    given = Source(replace(facts, audios=(sound,) if sound else ()), lambda *_: None)
    steps = plan(AudioOptions.model_validate(options), given).steps
    return next(step.args for step in steps if isinstance(step, FfmpegStep) and step.args[-1] != "-")


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
        ({"filename": "a.json"}, {}, "mp3", "json"),
        ({"filename": "a.PNG"}, {}, "mp3", "png"),
        ({"codec": "opus"}, {}, "mp3", "opus"),
        ({"codec": "vorbis", "filename": "a.mp4a"}, {}, "mp3", "ogg"),
        ({"codec": "alac", "filename": "a.m4a"}, {}, "mp3", "aac"),
        ({"codec": "pcm"}, {"container": "mp4"}, "aac", "wav"),
    ],
)
def test_the_format_is_asked_for_or_named_or_kept(options, facts, codec, expected):
    probe = replace(FACTS, audios=(replace(SOUND, codec=codec),), **facts)
    assert output_format(AudioOptions.model_validate(options), probe).name == expected


def test_quality_and_bitrate():
    assert value(args_of(format="aac"), "-b:a") == "128000"
    assert value(args_of(replace(SOUND, channels=1), format="aac"), "-b:a") == "77000"
    surround = replace(SOUND, channels=6, layout="5.1")
    assert value(args_of(surround, format="aac", channels=6), "-b:a") == "320000"
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
    assert value(args_of(deep, format="flac", end=1), "-sample_fmt") == "s32"
    assert value(args_of(deep, format="wav"), "-c:a") == "pcm_s24le"
    assert value(args_of(format="wav"), "-c:a") == "pcm_s16le"


def test_a_silent_input_is_refused_in_words():
    with pytest.raises(SourceUnsupported, match="it has no sound"):
        args_of(None)


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
@pytest.mark.parametrize("options", [{"quality": 0}, {"bitrate": 320_000}])
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


# ── what belongs together ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "mp3", "codec": "opus"}, "must be one of mp3 for mp3"),
        ({"filename": "a.m4a", "codec": "opus"}, "must be one of aac, alac for aac"),
        ({"codec": "wma"}, "Input should be"),
        ({"format": "mp3", "filename": "a.png"}, "must suit the filename, which ends in .png"),
        ({"format": "json", "filename": "a.mp3"}, "must suit the filename, which ends in .mp3"),
        ({"filename": "a.gif"}, "must not end in .gif, which is an image"),
        ({"format": "mp3", "bits": 8}, "is only for format json"),
        ({"format": "json", "width": 100}, "is only for format png or webp or jpeg"),
        ({"filename": "a.png", "samples_per_pixel": 100}, "is only for format json"),
        ({"format": "json", "samples_per_pixel": 2, "pixels_per_second": 2}, "must not be given together with"),
        ({"format": "gif"}, "must be one of mp3, aac, wav, ogg, opus, flac, alac, json, png, webp, jpeg"),
    ],
)
def test_options_that_do_not_suit_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        AudioOptions.model_validate(options)


@pytest.mark.parametrize(
    ("container", "codec", "options", "copied"),
    [
        ("mp3", "mp3", {}, True),
        ("mp4", "aac", {"format": "m4a"}, True),
        ("ogg", "opus", {"format": "ogg", "codec": "opus"}, True),
        ("wav", "pcm_f32le", {}, True),
        ("wav", "pcm_s16be", {}, False),
        ("ts", "aac", {"format": "aac"}, False),
        ("mp3", "mp3", {"quality": 100}, False),
        ("mp3", "mp3", {"bitrate": 64_000}, False),
        ("mp3", "mp3", {"end": 5}, False),
        ("mp3", "mp3", {"channels": 1}, False),
        ("mp3", "mp3", {"normalize": True}, False),
        ("mp3", "mp3", {"sample_rate": 8_000}, False),
        ("mp3", "mp3", {"channels": 2, "sample_rate": 44_100}, True),
    ],
)
def test_what_is_copied(container, codec, options, copied):
    facts = replace(FACTS, container=container)
    rate = 48_000 if codec == "opus" else 44_100
    args = args_of(replace(SOUND, codec=codec, start=0.0, sample_rate=rate), facts, **options)
    assert (value(args, "-c:a") == "copy") is copied


def test_sound_that_begins_late_in_its_file_is_not_copied():
    facts = replace(FACTS, container="mp4")
    for start in (0.5, None):
        args = args_of(replace(SOUND, codec="aac", start=start), facts, format="aac")
        assert value(args, "-c:a") == "aac"


def test_large_waves_have_room_for_their_lengths():
    hours = replace(SOUND, codec="flac", channels=2, sample_rate=96_000, duration=14_400.0)
    assert value(args_of(hours, replace(FACTS, duration=14_400.0), format="wav"), "-rf64") == "auto"
    assert "-rf64" not in args_of(format="wav")


@pytest.mark.parametrize(("codec", "encoder"), [
    ("pcm_u8", "pcm_s16le"), ("pcm_s24be", "pcm_s24le"), ("pcm_s32be", "pcm_s32le"), ("pcm_f32be", "pcm_f32le"),
    ("pcm_f64be", "pcm_f64le"), ("mp3", "pcm_s16le"),
])  # fmt: skip
def test_waves_have_the_samples_of_the_input(codec, encoder):
    bits = int("".join(filter(str.isdigit, codec))) if codec.startswith("pcm") else None
    facts = replace(FACTS, container="caf")
    assert value(args_of(replace(SOUND, codec=codec, bit_depth=bits), facts, format="wav", end=1), "-c:a") == encoder


def test_sound_without_a_length_is_refused():
    with pytest.raises(SourceUnsupported, match="its sound has no length"):
        args_of(replace(SOUND, codec="pcm_s16le", duration=None), replace(FACTS, duration=None))
