"""Sounds as they are heard: made by the real tools, then decoded and measured."""

import re
import shlex
import subprocess

import pytest
from PIL import Image

from workers.engine.capabilities import ffmpeg_path
from workers.engine.errors import MediaError
from workers.engine.probe import probe
from workers.kinds.audio import KIND
from workers.run import run
from workers.tests import media
from workers.tests.media import clicks_of, level, loudness

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
    assert integrated == pytest.approx(-23.0, abs=0.15)
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
