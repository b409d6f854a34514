"""The waveform of a sound: its data against peaks found another way, and its picture."""

import itertools
import json
import math
import struct
import wave
from dataclasses import replace

import pytest
from PIL import Image

from workers.engine.errors import SourceUnsupported
from workers.engine.probe import AudioStream, Probe
from workers.kinds.audio import KIND, AudioOptions, plan
from workers.kinds.base import Source
from workers.run import run

HOURS = AudioStream(0, "mp3", 2, layout="stereo", sample_rate=48_000, duration=14_400.0)


def planned(sound=HOURS, **options):
    facts = Probe("audio", "audio/mpeg", "mp3", 1000, demuxer="mp3", duration=sound.duration, audios=(sound,))
    return plan(AudioOptions.model_validate(options), Source(facts, lambda *_: None))


def write_wave(path, channels, rate=8_000):
    """A WAV file of the given samples."""
    with wave.open(str(path), "wb") as target:
        target.setnchannels(len(channels))
        target.setsampwidth(2)
        target.setframerate(rate)
        frames = itertools.chain.from_iterable(zip(*channels, strict=True))
        target.writeframes(b"".join(struct.pack("<h", sample) for sample in frames))
    return path


def rising(seed, count=20_000):
    """Samples that grow louder, up and down unlike."""
    return [
        round((number / count) * (30_000 if math.sin(seed * number) > 0 else 15_000) * math.sin(seed * number))
        for number in range(count)
    ]


def peaks(channels, block):
    """Lowest and highest of each block and channel: what audiowaveform would write."""
    count = len(channels[0])
    return [
        value
        for start in range(0, count, block)
        for samples in channels
        for value in (min(samples[start : start + block]), max(samples[start : start + block]))
    ]


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("seconds", "options", "block"),
    [
        (60.0, {}, 256),
        (14_400.0, {}, 692),  # a million points
        (14_400.0, {"split_channels": True}, 1_383),
        (60.0, {"samples_per_pixel": 512}, 512),
        (60.0, {"pixels_per_second": 20}, 2_400),
        (None, {}, 256),
    ],
)
def test_samples_of_each_point(seconds, options, block):
    found = planned(replace(HOURS, duration=seconds), format="json", **options)
    assert found.steps[-1].operations["samples_per_pixel"] == block
    assert f"asetnsamples=n={block}:p=0" in " ".join(found.steps[0].args)


@pytest.mark.parametrize("options", [{"samples_per_pixel": 2}, {"pixels_per_second": 10_000}])
def test_more_points_than_anybody_can_use_are_refused(options):
    with pytest.raises(SourceUnsupported, match=r"at most 3000000 are made, which is one for every 231 samples\."):
        planned(format="json", **options)


def test_a_picture_has_the_form_asked_for():
    (expected,) = planned(format="webp", width=300).expected
    assert (expected.name, expected.type, expected.media_type) == ("waveform.webp", "image/webp", "image")
    assert (expected.width, expected.height) == (300, 280)


# ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize(("bits", "scale"), [(16, 1), (8, 256)])
def test_the_data_are_the_peaks_of_each_block(tmp_path, workdir, bits, scale):
    samples = rising(0.37)
    source = write_wave(tmp_path / "in.wav", [samples])
    done = run(KIND, {"format": "json", "samples_per_pixel": 300, "bits": bits}, source, workdir)
    (output,) = done.outputs
    assert (output.name, output.type, output.entry, output.probe) == ("waveform.json", "application/json", True, None)
    assert json.loads(output.path.read_text()) == {
        "version": 2,
        "channels": 1,
        "sample_rate": 8_000,
        "samples_per_pixel": 300,
        "bits": bits,
        "length": 67,
        "data": [int(value / scale) for value in peaks([samples], 300)],
    }
    assert (done.result.type, done.result.format, done.result.duration) == ("application/json", "json", 2.5)
    assert done.result.filesize == output.path.stat().st_size


@pytest.mark.ffmpeg
def test_channels_apart_and_together(tmp_path, workdir):
    channels = [rising(0.37), rising(0.11)]
    source = write_wave(tmp_path / "in.wav", channels)
    asked = {"format": "json", "samples_per_pixel": 256, "split_channels": True}
    apart = json.loads(run(KIND, asked, source, workdir).outputs[0].path.read_text())
    assert (apart["channels"], apart["length"], apart["data"]) == (2, 79, peaks(channels, 256))
    (tmp_path / "two").mkdir()
    done = run(KIND, asked | {"split_channels": False}, source, tmp_path / "two")
    together = json.loads(done.outputs[0].path.read_text())
    mixed = [(first + second) / 2 for first, second in zip(*channels, strict=True)]
    assert (together["channels"], together["length"]) == (1, 79)
    assert together["data"] == pytest.approx(peaks([mixed], 256), abs=1)
    assert done.warnings == ()


@pytest.mark.ffmpeg
def test_a_span_of_the_sound(tmp_path, workdir):
    samples = rising(0.37)
    source = write_wave(tmp_path / "in.wav", [samples])
    options = {"format": "json", "pixels_per_second": 100, "start": 1.25, "end": 2.0}
    found = json.loads(run(KIND, options, source, workdir).outputs[0].path.read_text())
    assert (found["samples_per_pixel"], found["length"]) == (80, 75)
    assert found["data"] == peaks([samples[10_000:16_000]], 80)


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def half_loud(tmp_path):
    """A quarter silent, then half of full scale up, a quarter of it down."""
    loud = [16_384 if number % 2 else -8_192 for number in range(6_000)]
    return write_wave(tmp_path / "in.wav", [[0] * 2_000 + loud])


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["png", "webp"])
def test_the_picture_is_symmetric_on_nothing(tmp_path, workdir, name):
    options = {"format": name, "width": 400, "height": 101, "color": "#f00"}
    done = run(KIND, options, half_loud(tmp_path), workdir)
    assert (done.result.type, done.result.width, done.result.height) == (f"image/{name}", 400, 101)
    assert done.outputs[0].preview is not None
    with Image.open(done.outputs[0].path) as picture:
        assert (picture.size, picture.mode) == ((400, 101), "RGBA")
        alpha = picture.getchannel("A")
        columns = [[alpha.getpixel((x, y)) for y in range(101)] for x in range(400)]
        assert picture.getpixel((300, 50)) == (255, 0, 0, 255)
    assert all(column == pytest.approx(column[::-1], abs=64) for column in columns)
    heights = [sum(column) / 255 for column in columns]
    assert heights[:95] == pytest.approx([1.0] * 95, abs=0.3)  # silence is a line
    assert heights[105:] == pytest.approx([50.0] * 295, abs=1.0)  # half of full scale is half of the height
    assert any(0 < value < 255 for column in columns for value in column)  # smooth edges


@pytest.mark.ffmpeg
def test_colours_and_backgrounds(tmp_path, workdir):
    source = half_loud(tmp_path)
    for options, corner, middle in (
        ({"format": "jpeg"}, (255, 255, 255), (37, 99, 235)),
        ({"format": "jpeg", "color": "#fff", "background": "#000"}, (0, 0, 0), (255, 255, 255)),
        ({"format": "png", "color": "#00ff0080", "background": "#ff0000"}, (255, 0, 0), (127, 128, 0)),
    ):
        done = run(KIND, options | {"width": 64, "height": 64}, source, workdir)
        with Image.open(done.outputs[0].path) as picture:
            plain = picture.convert("RGB")
        assert plain.getpixel((1, 1)) == pytest.approx(corner, abs=6)
        assert plain.getpixel((48, 32)) == pytest.approx(middle, abs=6)
        (workdir / "source").unlink()


@pytest.mark.ffmpeg
def test_a_sound_of_few_samples_fills_its_picture(tmp_path, workdir):
    source = write_wave(tmp_path / "in.wav", [[32_767, -32_768] * 20])
    done = run(KIND, {"filename": "w.png", "width": 200, "height": 50}, source, workdir)
    with Image.open(done.outputs[0].path) as picture:
        assert [picture.getpixel((x, 5))[3] for x in (0, 100, 199)] == [255, 255, 255]
