"""What a task needs of another kind first, the questions it puts to models, and the documents that come of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from workers import asking
from workers.documents import read_document, write_document
from workers.engine.errors import MediaError, ModelMissing
from workers.engine.runner import Silent
from workers.kinds.base import Expected, Kind, ModelStep, Need, Options, Plan, Result
from workers.plans import FfmpegStep
from workers.providers.base import Box, Label, Model, Providers, Seen, Segment, Transcript, Word
from workers.run import run, source_from_path

EARS = Model("ears", "1")
HELLO = Transcript(
    (Segment(0.0, 1.0, "Hello there.", 0.9, words=(Word(0.0, 0.4, "Hello", 0.95), Word(0.5, 1.0, "there.", 0.85))),),
    "en",
    EARS,
    language_confidence=0.99,
)


class Ears:
    """A provider that hears the same in everything."""

    model = EARS

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    def transcribe(self, sound: Path, *, language, speakers, report, progress) -> Transcript:
        self.asked.append((sound.name, language))
        progress(0.5)
        return HELLO


class Eyes:
    def model(self, look: str) -> Model:
        if look == "faces":
            raise ModelMissing("Name a model in VISION_FACES_MODEL.")
        return Model("eyes", "2")

    def look(self, pictures, *, looks, report, progress):
        return [
            Seen(labels=(Label(picture.stem, 0.5),), objects=(Box(0, 0, 1, 1, 0.7, "cup"),)) for picture in pictures
        ]


def _heard_plan(options, source) -> Plan:
    sound = FfmpegStep(("-i", source.path, "-ac", "1", "-ar", "16000", "sound.wav"), source.probe.duration)
    heard = ModelStep("speech", {"sound": "sound.wav", "language": None}, "heard.json")
    return Plan((sound, heard), (Expected("heard.json", "application/json", None),))


def _told_plan(options, source) -> Plan:
    return Plan((), (Expected("heard.need.json", "application/json", None),), reads="nothing")


def _kind(name: str, plan, **more) -> Kind:
    made = {"summary": "Told.", "accepts": frozenset({"video", "audio"}), "object": "intelligence"}
    return Kind(name=name, options=Options, plan=plan, result=lambda plan, outputs: Result(), **(made | more))


HEARD = _kind("heard", _heard_plan)


@pytest.fixture
def kinds(monkeypatch):
    monkeypatch.setattr("workers.run._kind_named", lambda name: HEARD)


@pytest.mark.ffmpeg
def test_a_model_is_asked_and_its_answer_becomes_a_document_with_the_stamp_around_it(make_audio, workdir, report):
    ears = Ears()
    source = replace(source_from_path(make_audio()), providers=Providers(speech=ears))
    source = replace(source, stamp={"id": "file_1", "created": "then", "updated": "now"})
    done = run(HEARD, {}, source, workdir, report=report)
    assert ears.asked == [("sound.wav", None)]
    document = read_document(done.outputs[0].path)
    assert list(document)[:3] == ["id", "object", "kind"]
    assert list(document)[-2:] == ["created", "updated"]
    assert (document["id"], document["object"], document["kind"]) == ("file_1", "intelligence", "heard")
    assert Transcript.from_json({name: document[name] for name in HELLO.to_json()}) == HELLO
    assert done.plan["commands"][1].startswith("python -m workers model speech ")
    assert max(percent for percent in report.percents if percent < 100) > 50.0


@pytest.mark.ffmpeg
def test_without_a_model_the_way_to_one_is_told(make_audio, workdir):
    source = replace(source_from_path(make_audio()), providers=Providers())
    with pytest.raises(ModelMissing, match="make intelligence"):
        run(HEARD, {}, source, workdir)


@pytest.mark.ffmpeg
def test_what_is_needed_is_made_first_and_lies_at_its_place(make_audio, workdir, kinds):
    ears = Ears()
    source = replace(source_from_path(make_audio()), providers=Providers(speech=ears), stamp={"id": "file_2"})
    told = _kind("told", _told_plan, needs=lambda options, facts: (Need("heard"),))
    document = read_document(run(told, {}, source, workdir).outputs[0].path)
    assert (document["id"], document["kind"], document["segments"][0]["text"]) == ("file_2", "told", "Hello there.")


@pytest.mark.ffmpeg
def test_what_is_needed_is_taken_from_where_the_source_says(make_audio, workdir, kinds):
    def fetch(target: Path) -> None:
        write_document(target, {"id": "file_3", "text": ["Good day."]})

    source = replace(source_from_path(make_audio()), providers=Providers(), results={"heard": fetch})
    told = _kind("told", _told_plan, needs=lambda options, facts: (Need("heard"),))
    document = read_document(run(told, {}, source, workdir).outputs[0].path)
    assert document["text"] == ["Good day."]


@pytest.mark.ffmpeg
def test_work_goes_on_without_a_need_that_is_not_required_and_says_so(make_audio, workdir, kinds):
    def plan(options, source) -> Plan:
        sound = FfmpegStep(("-i", source.path, "sound.wav"), source.probe.duration)
        asked = ModelStep("language", {"ask": "titles", "sections": "none"}, "never.json", when="heard.need.json")
        return Plan((sound, asked), (Expected("sound.wav", "audio/wav", "audio", audio_codec="pcm"),))

    source = replace(source_from_path(make_audio()), providers=Providers())
    kind = _kind("told", plan, object="source", needs=lambda options, facts: (Need("heard", required=False),))
    done = run(kind, {}, source, workdir)
    assert done.warnings == (
        "Made without heard: There is no model for speech here. `make intelligence` installs one.",
    )
    required = replace(kind, needs=lambda options, facts: (Need("heard"),))
    again = workdir / "again"
    again.mkdir()
    with pytest.raises(MediaError, match="no model for speech"):
        run(required, {}, source, again)


def _see(workdir: Path, providers: Providers, **request) -> dict:
    frames = [{"file": f"frame-{number}.jpg", "time": float(number)} for number in range(2)]
    (workdir / "frames.json").write_text(json.dumps({"frames": frames}))
    request = {"frames": "frames.json", "looks": ["labels", "faces"], **request}
    return asking.ask("vision", request, workdir, providers, report=Silent(), progress=lambda part: None)


def test_pictures_are_looked_at_for_what_can_be_seen_here_and_the_rest_is_told(workdir):
    told = _see(workdir, Providers(vision=Eyes()), required=[])
    assert told["models"] == {"labels": {"model": "eyes", "model_version": "2"}}
    assert told["missing"] == {"faces": "Name a model in VISION_FACES_MODEL."}
    assert [item["time"] for item in told["frames"]] == [0.0, 1.0]
    seen = [Seen.from_json(item["seen"]) for item in told["frames"]]
    assert [item.labels[0].name for item in seen] == ["frame-0", "frame-1"]
    with pytest.raises(ModelMissing, match="VISION_FACES_MODEL"):
        _see(workdir, Providers(vision=Eyes()))
    with pytest.raises(ModelMissing, match="make intelligence"):
        _see(workdir, Providers())
    assert _see(workdir, Providers(), required=[])["frames"] == []
