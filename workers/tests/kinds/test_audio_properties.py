"""Sounds with any options: what is made is what was planned, and what is refused is refused in words."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from workers.encoders.audio import AUDIO_ENCODERS
from workers.engine.errors import MediaError
from workers.engine.probe import AudioStream, Chapter, Cover, Probe
from workers.kinds.audio import KIND, PICTURES, AudioOptions, plan
from workers.kinds.base import FfmpegStep, Source
from workers.measures import PLACE
from workers.options import option_errors
from workers.run import run
from workers.tests import media

FORMATS = ("mp3", "aac", "wav", "ogg", "opus", "flac", "alac")
LAYOUTS = ("mono", "stereo", "2.1", "4.0", "5.1", "5.1(side)", "7.1", "22.2", "3 channels", "ambisonic 1", None)
SOUNDS = {
    "format": st.sampled_from(FORMATS),
    "quality": st.sampled_from((0, 50, 100, "low")),
    "bitrate": st.integers(32_000, 320_000),
    "channels": st.sampled_from((1, 2, 6)),
    "sample_rate": st.sampled_from((8_000, 22_050, 44_100, 48_000, 96_000)),
    "normalize": st.one_of(st.booleans(), st.floats(-30, -12)),
    "audio_track": st.sampled_from((0, "en")),
    "start": st.floats(0, 0.9),
    "duration": st.floats(0.05, 3),
}
WAVEFORMS = {
    "format": st.sampled_from(("json", *PICTURES)),
    "normalize": st.booleans(),
    "start": st.floats(0, 0.9),
}
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2)
)


def facts_of(layout, channels, rate, duration, codec, container, extras):
    sound = AudioStream(
        0, codec, channels, layout=layout, sample_rate=rate, duration=duration, start=0.0, language="eng"
    )
    covers = (Cover(1, "mjpeg", 10, 10),) if extras else ()
    chapters = (Chapter(0.0, 1.0, "a"),) if extras else ()
    return Probe(
        *("audio", "audio/x", container, 1000),
        demuxer=container,
        duration=duration,
        audios=(sound,),
        covers=covers,
        chapters=chapters,
    )


SOURCES = st.builds(
    facts_of,
    layout=st.sampled_from(LAYOUTS),
    channels=st.integers(1, 24),
    rate=st.sampled_from((None, 7_350, 44_100, 96_000, 705_600)),
    duration=st.one_of(st.none(), st.floats(0.001, 20_000)),
    codec=st.sampled_from(("mp3", "aac", "pcm_s16le", "pcm_f32be", "flac", "opus", "vorbis")),
    container=st.sampled_from(("mp3", "mp4", "ogg", "wav", "mkv")),
    extras=st.booleans(),
)


def planned(options, facts):
    try:
        return plan(AudioOptions.model_validate(options), Source(facts, lambda *_: None))
    except MediaError as refusal:
        return refusal


@settings(max_examples=120)
@given(options=st.fixed_dictionaries({}, optional=SOUNDS), facts=SOURCES)
def test_every_plan_is_whole(options, facts):
    """Whatever is measured is measured before it is used, and nothing comes out that no codec has."""
    found = planned(options, facts)
    if isinstance(found, MediaError):
        assert found.message.endswith(".")
        return
    measured: set[str] = {"cover"}
    for step in found.steps:
        if isinstance(step, FfmpegStep):
            used = {name.rpartition(".")[0] for arg in step.args for name in PLACE.findall(arg)}
            assert used <= measured
            measured |= {step.measures.split()[0].partition("/")[0]} if step.measures else set()
    (expected,) = found.expected
    assert 1 <= expected.channels <= (2 if expected.audio_codec == "mp3" else 8)
    assert expected.channels <= max(2, facts.audios[0].channels)
    assert expected.audio_codec in (*AUDIO_ENCODERS, "pcm")
    if expected.audio_codec in ("mp3", "aac", "opus", "vorbis"):
        assert expected.sample_rate <= 48_000
    assert json.loads(json.dumps(found.to_json())) == found.to_json()


@settings(max_examples=120)
@given(options=st.dictionaries(st.sampled_from(sorted(AudioOptions.model_fields)), ANYTHING, max_size=4))
def test_options_of_any_kind_are_taken_or_named(options):
    try:
        AudioOptions.model_validate(options)
    except ValidationError as refusal:
        found = option_errors(refusal)
        assert {name for name, _ in found} <= set(options)
        assert all(sentence.startswith(name) and sentence.endswith(".") for name, sentence in found)


@pytest.fixture(scope="module")
def two_seconds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    return [
        media.make_audio(folder / "a.mp3", seconds=2.0),
        media.make_audio(folder / "b.wav", seconds=2.0, channels=6, sample_rate=48_000),
        media.make_audio(folder / "c.opus", seconds=2.0, channels=1, sample_rate=48_000),
    ]


@pytest.mark.ffmpeg
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_made_is_what_was_planned(two_seconds, data):
    source = data.draw(st.sampled_from(two_seconds))
    kind = data.draw(st.sampled_from((SOUNDS, SOUNDS, SOUNDS, WAVEFORMS)))
    options = data.draw(
        st.fixed_dictionaries({}, optional={name: kind[name] for name in kind if name != "audio_track"})
    )
    with tempfile.TemporaryDirectory() as folder:
        done = run(KIND, options, source, Path(folder))
        expected = done.plan["expected"][0]
        (output,) = done.outputs
        assert output.path.stat().st_size == done.result.filesize
        if expected.get("media_type") != "audio":
            return
        sound = output.probe.audio
        assert (sound.channels, sound.sample_rate) == (expected["channels"], expected["sample_rate"])
        samples, rate = media.samples_of(output.path)
        assert len(samples) / rate == pytest.approx(expected["duration"], abs=0.0301)  # an MP3's own delay and padding
        assert max(map(abs, samples)) < 32_767 or "normalize" not in options
