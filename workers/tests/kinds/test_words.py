"""description, tags and prompt: what is planned, and what is told of real files."""

import json
import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from workers.describing import SPEECH
from workers.engine.errors import ModelFailed, ModelMissing
from workers.engine.probe import AudioStream, Image, Probe, VideoStream
from workers.kinds import get_kind
from workers.options import option_errors
from workers.plans import Source
from workers.providers.base import Box, Label, Model, Providers, Seen, Segment, Transcript
from workers.run import check, run, source_from_path
from workers.tests.media import frames_of
from workers.tests.models import Teller

SOUND = AudioStream(1, "aac", 2)
PICTURE = VideoStream(0, "h264", 64, 48, 64, 48, frame_rate=25.0)
VIDEO = Probe("video", "video/mp4", "mp4", 1000, "mov", 2.0, None, 64, 48, (PICTURE,), (SOUND,))
STILL = Probe("image", "image/jpeg", "jpeg", 1000, width=64, height=48, image=Image("jpeg", "RGB", 64, 48))
AUDIO = Probe("audio", "audio/wav", "wav", 1000, "wav", 2.0, audios=(SOUND,))


class Heard:
    """A model for speech that hears the same in every sound."""

    model = Model("ears", "1")

    def transcribe(self, sound, *, language, speakers, report, progress):
        progress(1.0)
        text = "Fishing boats leave the harbour. The fish market opens when the fishing boats return."
        return Transcript((Segment(0.0, 0.9, text, 0.8),), "en", self.model, 0.9)


class Eyes:
    """A model for pictures that sees the same in every one."""

    def model(self, look):
        if look == "caption":
            raise ModelMissing("There is no model for captions here.")
        return Model("eyes", "1")

    def look(self, pictures, *, looks, report, progress):
        progress(1.0)
        box = Box(0, 0, 1, 1, 0.9, text="HARBOUR 7")
        return [Seen(labels=(Label("boat", 0.7), Label("cup", 0.2)), text=(box,)) for _ in pictures]


def told(done):
    return json.loads(done.outputs[0].path.read_text())


def with_models(path, **models):
    return replace(source_from_path(path), providers=Providers(**models))


@pytest.mark.parametrize("name", ["description", "tags", "prompt"])
def test_speech_is_waited_for_where_there_is_sound_and_done_without_where_it_fails(name):
    kind = get_kind(name)
    options = kind.options()
    assert [(need.kind, need.required) for need in kind.needs(options, VIDEO)] == [("speech", False)]
    assert kind.needs(options, STILL) == ()


@pytest.mark.parametrize(("facts", "asked"), [(VIDEO, ["vision", "vision", "language"]), (AUDIO, ["language"])])
def test_what_can_be_seen_is_looked_at(facts, asked):
    steps = get_kind("description").plan(get_kind("description").options(), Source(facts, lambda *_: None)).steps
    assert [step.ability for step in steps if hasattr(step, "ability")] == asked


@pytest.mark.ffmpeg
def test_a_video_is_described_by_what_is_said_seen_and_written_in_it(make_video, workdir):
    source = with_models(make_video(seconds=1.0, size=(64, 48), channels=1), speech=Heard(), vision=Eyes())
    done = run(get_kind("description"), {}, source, workdir)
    document = told(done)
    assert document == {
        "object": "intelligence",
        "kind": "description",
        "title": "Fishing boats",
        "description": (
            "Fishing boats leave the harbour. The fish market opens when the fishing boats return. It shows: boat. "
            "A 1 second 64 × 48 video with sound in English."
        ),
        "tags": document["tags"],
        "confidences": document["confidences"],
        "language": "en",
        "languages": ["en"],
        "confidence": document["confidence"],
        "model": "extractive",
        "model_version": "1",
        "notes": ["Made without a language model, of words and facts that are there: set LANGUAGE_URL to use one."],
    }
    assert list(document["confidences"]) == document["tags"]
    assert {"fishing boats": 0.8, "boat": 0.7}.items() <= document["confidences"].items()
    assert done.result.model_dump(mode="json").items() <= document.items()


@pytest.mark.ffmpeg
def test_less_sure_tags_are_left_out(make_image, workdir):
    source = with_models(make_image(size=(64, 48)), vision=Eyes())
    done = run(get_kind("tags"), {"confidence": 0.75}, source, workdir)
    assert told(done)["tags"] == ["harbour"]
    (workdir / "again").mkdir()
    done = run(get_kind("tags"), {"confidence": 0.1}, source, workdir / "again")
    assert told(done)["confidences"] == {"harbour": 0.8, "boat": 0.7, "cup": 0.2}


@pytest.mark.ffmpeg
def test_without_any_model_the_facts_are_told(make_audio, workdir):
    done = run(get_kind("description"), {}, with_models(make_audio(seconds=1.0)), workdir)
    document = told(done)
    assert (document["title"], document["description"]) == ("1 second recording", "A 1 second recording.")
    assert (document["tags"], document["confidence"], document["model"]) == ([], 0.0, "extractive")
    assert any(note.startswith("Made without speech: There is no model for speech here.") for note in done.warnings)


@pytest.mark.ffmpeg
def test_a_prompt_is_answered_in_text_or_by_a_schema(make_image, workdir):
    schema = {"type": "object", "properties": {"boats": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}}
    model = Teller("Two boats.", {"boats": 2})
    source = with_models(make_image(size=(64, 48)), vision=Eyes(), language=model)
    done = run(get_kind("prompt"), {"prompt": "How many boats?"}, source, workdir)
    assert told(done) == {
        "object": "intelligence",
        "kind": "prompt",
        "prompt": "How many boats?",
        "text": "Two boats.",
        "model": "teller",
        "model_version": "7",
        "notes": [],
    }
    (workdir / "again").mkdir()
    done = run(get_kind("prompt"), {"prompt": "How many boats?", "schema": schema}, source, workdir / "again")
    assert told(done)["data"] == {"boats": 2}
    assert done.result.data == {"boats": 2}
    assert model.asked[1][1] == {"type": "object", "properties": {"boats": {"type": "integer"}}}


@pytest.mark.ffmpeg
def test_a_prompt_without_a_model_says_what_to_set_before_anything_is_fetched_or_heard(make_audio, workdir):
    source = with_models(make_audio())
    assert get_kind("prompt").needs(get_kind("prompt").options(), source.probe) == (SPEECH,)
    with pytest.raises(ModelMissing, match=r"set LANGUAGE_URL"):
        run(get_kind("prompt"), {}, source, workdir)
    assert list(workdir.iterdir()) == []


@pytest.mark.ffmpeg
def test_a_model_that_fails_fails_the_task(make_image, workdir):
    model = Teller(ModelFailed("The language model answered 500."))
    with pytest.raises(ModelFailed, match="answered 500"):
        run(get_kind("description"), {}, with_models(make_image(size=(64, 48)), language=model), workdir)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        (
            "description",
            {"language": "not a language"},
            "language must be a language by its code of ISO 639-1, such as en, or by its English name.",
        ),
        ("tags", {"confidence": 2.0}, "confidence must be at most 1."),
        ("prompt", {"prompt": "  "}, "prompt must not be empty."),
        (
            "prompt",
            {"schema": {"type": "string"}},
            'schema must be the schema of an object: its "type" must be "object".',
        ),
    ],
)
def test_bad_options_are_named(name, options, sentence):
    with pytest.raises(ValidationError) as caught:
        check(get_kind(name), options, STILL)
    assert [text for _, text in option_errors(caught.value)] == [sentence]


@pytest.mark.ffmpeg
def test_of_a_film_that_is_cut_short_what_can_be_read_is_told_and_that_it_is_not_all(make_video, workdir):
    film = make_video(".mkv", seconds=8.0, fps=10, size=(64, 48), channels=1, keep=0.5, extra=("-g", "10"))
    readable, model = len(frames_of(film)) / 10, Teller("A test picture.")
    assert 2.0 < readable < 6.0
    for name in ("description", "tags", "prompt"):
        place = workdir / name
        place.mkdir()
        source = with_models(film, speech=Heard(), language=model if name == "prompt" else None)
        document = told(run(get_kind(name), {}, source, place))
        [note] = re.findall(r"The input is damaged or cut short: .*? read\.", " ".join(document["notes"]))
        end = float(note.split("only ")[1].split()[0])
        assert (
            note == f"The input is damaged or cut short: only {end:.2f} of {source.probe.duration:.2f} s could be read."
        )
        assert end == pytest.approx(readable, abs=0.5)
        if name == "description":
            assert document["description"].endswith(f"A {end:.0f} second 64 × 48 video with sound in English.")
    assert f"A {end:.0f} second 64 × 48 video" in model.asked[0][0][1].text
