"""Sounds: planned without a process, made by the real ffmpeg, probed and measured."""

import re
import shlex
import subprocess
from dataclasses import replace

import pytest
from PIL import Image

from workers.engine.capabilities import ffmpeg_path
from workers.engine.errors import MediaError, SourceUnsupported
from workers.engine.probe import AudioStream, Probe, probe
from workers.kinds.audio import KIND, AudioOptions, output_format, plan
from workers.kinds.base import FfmpegStep, Source
from workers.run import run
from workers.tests import media
from workers.tests.media import clicks_of, level, loudness

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


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────
CLICKS = (0.5, 1.25, 2.0)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["mp3", "aac", "ogg", "opus", "flac", "alac", "wav"])
@pytest.mark.parametrize(("start", "end"), [(None, None), (1.1234, 2.25)])
def test_sound_stays_where_it_is_to_the_sample(make_audio, workdir, name, start, end):
    """Encoders begin with samples of their own; a player must know how many to leave out."""
    source = make_audio(".flac", seconds=3.0, sample_rate=48_000, clicks=CLICKS)
    options = {"format": name, "quality": 100} | ({"start": start, "end": end} if start else {})
    done = run(KIND, options, source, workdir)
    begin, finish = start or 0.0, end or 3.0
    found, length = clicks_of(done.outputs[0].path)
    assert found == [round((click - begin) * 48_000) for click in CLICKS if begin <= click < finish]
    assert length == round((finish - begin) * 48_000)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".opus", ".ogg", ".wav"])
def test_decoders_are_given_a_running_start(make_audio, workdir, suffix):
    """Cut where a packet begins, the first samples of a lossy sound would be wrong: its decoder needs those before."""
    source = make_audio(suffix, seconds=3.0, sample_rate=48_000, clicks=CLICKS)
    done = run(KIND, {"format": "wav", "start": 1.2499, "end": 2.1}, source, workdir)
    found, length = clicks_of(done.outputs[0].path)
    assert (found, length) == ([round(0.0001 * 48_000), round(0.7501 * 48_000)], round(0.8501 * 48_000))


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("suffix", "name"), [(".mp3", "mp3"), (".m4a", "aac"), (".opus", "opus"), (".mka", "aac")])
def test_copied_sound_stays_where_it_is(make_audio, workdir, suffix, name):
    codec = "aac" if suffix == ".mka" else None
    source = make_audio(suffix, seconds=3.0, sample_rate=48_000, clicks=CLICKS, codec=codec)
    done = run(KIND, {"format": name}, source, workdir)
    assert done.warnings == ("Copied without re-encoding: the input is already as it is asked for.",)
    found, _ = clicks_of(done.outputs[0].path)
    assert found == pytest.approx([round(click * 48_000) for click in CLICKS], abs=24)  # Matroska counts milliseconds


@pytest.mark.ffmpeg
def test_sound_that_begins_after_the_picture_keeps_its_distance(make_video, make_audio, workdir, tmp_path):
    late = tmp_path / "late.mp4"
    sound = make_audio(".wav", seconds=2.0, sample_rate=48_000, clicks=(0.5,))
    media.ffmpeg(
        *("-i", make_video(audio=None, seconds=2.5), "-itsoffset", "0.4", "-i", sound),
        *("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", late),
    )
    for options in ({}, {"start": 0.2}):
        done = run(KIND, {"format": "wav"} | options, late, workdir)
        (found,), length = clicks_of(done.outputs[0].path)
        begin = options.get("start", 0.0)
        assert found == pytest.approx((0.9 - begin) * 48_000, abs=48)
        assert length == pytest.approx((2.4 - begin) * 48_000, abs=1100)  # AAC's last packet is whole
        (workdir / "source").unlink()


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".mp3", ".aac"])
def test_sound_whose_file_says_no_length_is_counted(make_audio, workdir, suffix):
    """Ten seconds of almost silence after one that is loud: by the first packets' bitrate it were much shorter."""
    extra = ("-af", "volume='if(lt(t,1),8,0.001)':eval=frame", "-id3v2_version", "0")
    extra += ("-q:a", "2", "-write_xing", "0") if suffix == ".mp3" else ()
    source = make_audio(suffix, seconds=11.0, extra=extra[:2] if suffix == ".aac" else extra)
    done = run(KIND, {"format": "wav", "start": 9.0}, source, workdir)
    assert done.result.duration == pytest.approx(2.0, abs=0.06)


# ── channels and loudness ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["aac", "opus", "ogg", "flac"])
def test_surround_is_kept_where_it_is_asked_for(make_audio, workdir, name):
    source = make_audio(".wav", channels=6, layout="5.1(side)", only=4, sample_rate=48_000)
    done = run(KIND, {"format": name, "channels": 6}, source, workdir)
    sound = done.outputs[0].probe.audio
    assert (sound.channels, sound.sample_rate) == (6, 48_000)
    loud = [level(done.outputs[0].path, channel) > -40 for channel in (2, 3, 4, 5)]
    assert loud == [False, False, True, False]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("channels", "part"), [(3, 0.0), (7, 0.0), (8, 0.0), (16, -12.04)])
def test_nothing_of_odd_layouts_is_lost(make_audio, workdir, channels, part):
    """The third is the centre, and heard in full; of sixteen loose channels each is heard alike."""
    layout = "hexadecagonal" if channels == 16 else None
    source = make_audio(".wav", channels=channels, layout=layout, only=2)
    done = run(KIND, {"format": "wav", "channels": 1}, source, workdir)
    assert done.warnings == (f"{channels} channels were mixed down to mono.",)
    assert level(done.outputs[0].path) == pytest.approx(level(source, 2) + part, abs=0.1)


@pytest.mark.ffmpeg
def test_mono_as_stereo_is_as_loud_on_both_sides(make_audio, workdir):
    source = make_audio(".wav", channels=1)
    done = run(KIND, {"format": "wav", "channels": 2}, source, workdir)
    assert [level(done.outputs[0].path, side) for side in (0, 1)] == pytest.approx([level(source)] * 2, abs=0.05)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["mp3", "aac", "opus", "flac"])
def test_normalized_sound_has_the_loudness_asked_for(make_audio, workdir, name):
    source = make_audio(".wav", seconds=4.0, gain=-14)
    done = run(KIND, {"format": name, "normalize": -23}, source, workdir)
    integrated, peak = loudness(done.outputs[0].path)
    assert integrated == pytest.approx(-23.0, abs=0.5)
    assert peak < -1.0
    assert done.outputs[0].probe.audio.sample_rate == (48_000 if name == "opus" else 44_100)
    assert done.warnings == ("The loudness is measured first, then brought to −23 LUFS with peaks up to −1.5 dBTP.",)


@pytest.mark.ffmpeg
def test_peaks_are_held_and_the_loudness_comes_out_all_the_same(make_audio, workdir):
    """Quiet noise with bursts, as speech has them: a plain gain would clip."""
    burst = ("-af", "asetnsamples=441,volume='if(lt(mod(t,1),0.02),6,1)':eval=frame")
    source = make_audio(".wav", seconds=4.0, extra=burst)
    before, highest = loudness(source)
    assert highest + (-12.0 - before) > 0.5
    done = run(KIND, {"format": "wav", "normalize": -12}, source, workdir)
    integrated, peak = loudness(done.outputs[0].path)
    assert integrated == pytest.approx(-12.0, abs=0.5)
    assert peak <= -1.4
    assert done.warnings[-1].startswith("A limiter took up to ")


@pytest.mark.ffmpeg
@pytest.mark.parametrize("arguments", [{"gain": -120.0, "seconds": 1.0}, {"seconds": 0.2}])
def test_silent_and_very_short_sound_is_not_made_louder(make_audio, workdir, arguments):
    source = make_audio(".wav", **arguments)
    done = run(KIND, {"format": "flac", "normalize": True}, source, workdir)
    assert done.warnings[-1] == "The sound is silent, or too short to be measured: its loudness was left as it is."
    assert level(done.outputs[0].path) == pytest.approx(level(source), abs=0.2) or level(source) < -90


@pytest.mark.ffmpeg
def test_the_track_asked_for_is_heard(make_audio, workdir, tmp_path):
    quiet, loud = make_audio(".wav", gain=-20), make_audio(".wav")
    both = tmp_path / "both.mka"
    media.ffmpeg(
        *("-i", quiet, "-i", loud, "-map", "0", "-map", "1", "-c:a", "flac"),
        *("-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=eng", both),
    )
    for wanted, expected in ((1, level(loud)), ("de", level(quiet)), ("en", level(loud))):
        done = run(KIND, {"format": "wav", "audio_track": wanted}, both, workdir)
        assert level(done.outputs[0].path) == pytest.approx(expected, abs=0.1)
        assert len(done.warnings) == 1
        assert done.warnings[0].startswith("Not used: audio stream ")
        (workdir / "source").unlink()


# ── exactness ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["flac", "alac", "wav"])
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le"])
def test_lossless_sound_is_the_same_to_the_bit(make_audio, workdir, name, codec):
    source = make_audio(".wav", codec=codec, extra=("-af", "volume=0.7321"))
    done = run(KIND, {"format": name, "bitrate": 64_000}, source, workdir)
    assert samples_in(done.outputs[0].path) == samples_in(source)


def samples_in(path):
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", path, "-f", "s32le", "-c:a", "pcm_s32le", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.ffmpeg
def test_floating_point_beyond_full_scale_is_kept(make_audio, workdir):
    source = make_audio(".wav", codec="pcm_f32le", gain=30)
    done = run(KIND, {"format": "wav", "sample_rate": 48_000}, source, workdir)
    assert done.outputs[0].probe.audio.codec == "pcm_f32le"
    assert level(done.outputs[0].path) == pytest.approx(9.0, abs=0.3)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("options", [
    {"format": "mp3", "normalize": -18, "channels": 1}, {"format": "flac", "sample_rate": 48_000}, {"format": "opus"},
])  # fmt: skip
def test_the_commands_make_the_same_bytes_again(make_audio, workdir, tmp_path, options):
    source = make_audio(".wav", seconds=1.0, tags={"title": "Tone"})
    done = run(KIND, options, source, workdir)
    again = tmp_path / "again"
    again.mkdir()
    (again / "source").symlink_to(source)
    for command in done.plan["commands"]:
        program, *args = shlex.split(command)
        assert program == "ffmpeg"
        subprocess.run([ffmpeg_path(), *args], cwd=again, capture_output=True, check=True)
    output = done.outputs[0]
    assert (again / output.name).read_bytes() == output.path.read_bytes()
    assert re.search(rb"La(vf|vc)\d", output.path.read_bytes()) is None  # no version of the program


# ── covers, chapters, titles ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["mp3", "aac", "alac", "flac", "ogg", "opus", "wav"])
def test_cover_chapters_and_titles_come_along(make_audio, make_image, workdir, name):
    cover = make_image(".jpg", size=(80, 60), gps=True)
    chapters = ((0.0, 0.6, "One"), (0.6, 1.0, "Two = 2; three"))
    tags = {"title": "Tone", "artist": "Sine", "comment": "home"}
    source = make_audio(".mp3", cover=cover, chapters=chapters, tags=tags)
    assert probe(source).covers
    assert b"Exif" in source.read_bytes()
    done = run(KIND, {"format": name, "quality": 50}, source, workdir)
    facts = done.outputs[0].probe
    assert {key: facts.tags.get(key) for key in tags} == {"title": "Tone", "artist": "Sine", "comment": None}
    if name == "wav":
        assert (facts.covers, facts.chapters) == ((), ())
        assert done.warnings == ("The chapters were left out.", "Not used: cover picture 1 (mjpeg).")
        return
    assert [(item.codec, item.width, item.height) for item in facts.covers] == [("mjpeg", 80, 60)]
    assert [item.title for item in facts.chapters] == ["One", "Two = 2; three"]
    assert [item.start for item in facts.chapters] == pytest.approx([0.0, 0.6], abs=0.03)  # but for the encoder's delay
    taken = workdir / "taken.jpg"
    media.ffmpeg("-i", done.outputs[0].path, "-map", "0:v", "-c", "copy", "-f", "image2", "-update", "1", taken)
    with Image.open(taken) as picture:
        assert media.upright(picture)
        assert not picture.getexif()
    assert done.warnings == ()


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("suffix", "settings", "codec"), [
    (".png", {"alpha": 128}, "png"), (".jpg", {"orientation": 6}, "mjpeg"), (".webp", {}, "mjpeg"),
])  # fmt: skip
def test_covers_of_other_types(make_audio, make_image, workdir, suffix, settings, codec):
    source = make_audio(".mp3", cover=make_image(suffix, **settings))
    done = run(KIND, {"format": "opus"}, source, workdir)
    (cover,) = done.outputs[0].probe.covers
    assert (cover.codec, cover.width, cover.height) == (codec, 64, 48)


@pytest.mark.ffmpeg
def test_a_damaged_cover_costs_only_itself(make_audio, make_image, workdir):
    source = make_audio(".flac", cover=make_image(".jpg", size=(400, 300)))
    data = bytearray(source.read_bytes())
    place = data.index(b"\xff\xd8\xff")
    data[place + 20 : place + 700] = bytes(680)
    source.write_bytes(data)
    done = run(KIND, {"format": "mp3"}, source, workdir)
    assert done.outputs[0].probe.covers == ()
    assert done.warnings == ("The cover picture is damaged and was left out.",)


@pytest.mark.ffmpeg
def test_copied_sound_that_turns_out_damaged_is_encoded(make_audio, workdir):
    source = make_audio(".mp3", seconds=2.0)
    data = bytearray(source.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    source.write_bytes(data + b"APETAGEX" + bytes(120))
    done = run(KIND, {}, source, workdir)
    assert done.warnings == (
        "Copied without re-encoding: the input is already as it is asked for.",
        "The input is damaged in places, so it was encoded again after all.",
    )
    assert done.outputs[0].probe.duration == pytest.approx(2.0, abs=0.06)


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize("options", [{}, {"format": "wav"}, {"format": "json"}, {"format": "png"}])
def test_sound_that_ends_before_its_header_says_is_told(make_audio, workdir, options):
    source = make_audio(".flac", seconds=3.0, extra=("-af", "volume=0.7"), keep=0.5)
    with pytest.raises(MediaError, match="The input is damaged or cut short: only "):
        run(KIND, options, source, workdir)
