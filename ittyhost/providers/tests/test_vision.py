"""Pictures looked at behind HTTP, alone and together with models of this machine."""

from pathlib import Path

import pytest
from PIL import Image

from ittyhost.providers.tests.server import says, sends
from ittyhost.providers.vision import ChatVision, CombinedVision
from workers.engine.errors import ModelFailed, ModelMissing
from workers.engine.runner import Silent
from workers.providers.base import Box, Label, Model, Seen

PLACE = {"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4, "confidence": 0.9}


@pytest.fixture
def remote(endpoint) -> ChatVision:
    return ChatVision(endpoint(name="vision model", setting="VISION", model="eye", timeout=20), tokens=2048)


@pytest.fixture
def pictures(tmp_path) -> list[Path]:
    paths = [tmp_path / f"frame-{number}.jpg" for number in (1, 2)]
    for path in paths:
        Image.new("RGB", (64, 48), "#336699").save(path)
    return paths


class Local:
    """A model of this machine that knows labels alone."""

    def model(self, look: str) -> Model:
        if look != "labels":
            raise ModelMissing(f"There is no model for {look} here.")
        return Model("local", "1")

    def look(self, pictures, *, looks, report, progress):
        assert looks == ["labels"]
        progress(1.0)
        return [Seen(labels=(Label("harbour", 0.7),)) for _ in pictures]


def look(vision, pictures, *looks):
    told: list[float] = []
    seen = vision.look(pictures, looks=looks, report=Silent(), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    return seen


def test_each_picture_is_asked_for_all_that_it_is_looked_at_for(server, remote, pictures):
    server.answers = [
        says({"objects": [{"label": "Boat", **PLACE}], "faces": [], "caption": " A harbour. "}),
        says({"objects": [], "faces": [PLACE], "caption": ""}, model="eye-2"),
    ]
    assert look(remote, pictures, "objects", "faces", "caption") == [
        Seen(objects=(Box(0.1, 0.2, 0.3, 0.4, 0.9, label="boat"),), caption="A harbour."),
        Seen(faces=(Box(0.1, 0.2, 0.3, 0.4, 0.9),)),
    ]
    assert remote.model("faces") == Model("eye", "eye-2")
    schema = server.body(0)["response_format"]["json_schema"]
    assert (schema["strict"], schema["schema"]["required"]) == (True, ["objects", "faces", "caption"])


def test_every_look_is_read(server, remote, pictures):
    answer = {
        "safety": {"nudity": 0.1, "sexual": 0, "violence": 2, "gore": -1},
        "text": [{"text": "OPEN  24 h", **PLACE}],
        "labels": [{"name": "Cafe", "confidence": 0.8}],
    }
    server.answers = [says(answer)]
    assert look(remote, pictures[:1], "safety", "text", "labels") == [
        Seen(
            safety={"nudity": 0.1, "sexual": 0.0, "violence": 1.0, "gore": 0.0},
            text=(Box(0.1, 0.2, 0.3, 0.4, 0.9, text="OPEN 24 h"),),
            labels=(Label("cafe", 0.8),),
        )
    ]


def test_boxes_are_kept_within_the_picture(server, remote, pictures):
    places = [
        {"x": 0.8, "y": -0.1, "width": 0.5, "height": 0.3},
        {"x": 1.4, "y": 0, "width": 1, "height": 1},
        {"x": 0, "y": 0, "width": 0, "height": 1},
        {"x": 100, "y": 200, "width": 300, "height": 400},
    ]
    server.answers = [says({"faces": [{**place, "confidence": 7} for place in places]})]
    assert look(remote, pictures[:1], "faces") == [Seen(faces=(Box(0.8, 0.0, 0.2, 0.2, 1.0),))]


def test_what_no_chat_can_do_is_told(remote, pictures):
    with pytest.raises(ModelMissing) as caught:
        look(remote, pictures, "embedding")
    assert caught.value.message == "No model that VISION_URL can name makes embeddings of pictures."


def test_a_failure_ends_the_look_with_the_first_picture(server, remote, pictures):
    server.answers = [sends(b"", 401)]
    with pytest.raises(ModelFailed) as caught:
        look(remote, pictures, "caption")
    assert caught.value.message == "The vision model answered 401 (unauthorized): VISION_KEY is not accepted."
    assert len(server.asked) == 1


def test_each_look_goes_to_the_model_that_it_is_named_for(server, remote, pictures):
    vision = CombinedVision(remote, ("caption",), Local())
    server.answers = [says({"caption": "One."}), says({"caption": "Two."})]
    labels = (Label("harbour", 0.7),)
    assert look(vision, pictures, "labels", "caption") == [
        Seen(labels=labels, caption="One."),
        Seen(labels=labels, caption="Two."),
    ]
    assert (vision.model("labels"), vision.model("caption").name) == (Model("local", "1"), "eye")
    assert look(vision, pictures, "labels") == [Seen(labels=labels)] * 2
    assert len(server.asked) == 2
    with pytest.raises(ModelMissing, match="no model for safety here"):
        look(vision, pictures, "safety")
