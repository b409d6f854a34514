"""What tasks become when the server of the language model does as it likes: from the kind to the real socket."""

import json
from dataclasses import replace

import pytest
from PIL import Image

from ittyhost.providers.tests.server import drops, says, sends
from workers.engine.errors import ModelFailed
from workers.kinds import get_kind
from workers.providers.base import Providers
from workers.run import run, source_from_path

DESCRIBED = {
    "title": "Blue",
    "description": "A blue field.",
    "tags": [{"tag": "Blue", "confidence": 0.9}, {"tag": "field", "confidence": 0.2}],
    "language": "en",
    "confidence": 0.9,
}


@pytest.fixture
def describe(language, tmp_path):
    """The document of a description of a blue picture, by the server's model."""

    def made(**options):
        picture, workdir = tmp_path / "blue.png", tmp_path / "work"
        Image.new("RGB", (64, 48), "#336699").save(picture)
        workdir.mkdir()
        model = language(sees=True, timeout=20, tokens=8192)
        source = replace(source_from_path(picture), providers=Providers(language=model))
        done = run(get_kind("description"), options, source, workdir)
        return json.loads(done.outputs[0].path.read_text())

    return made


def test_a_picture_is_seen_and_described(server, describe):
    server.answers = [drops, says({"title": 7}), says(DESCRIBED, model="tiny-2")]
    assert describe(confidence=0.5) == {
        "object": "intelligence",
        "kind": "description",
        "title": "Blue",
        "description": "A blue field.",
        "tags": ["blue"],
        "confidences": {"blue": 0.9},
        "language": "en",
        "languages": ["en"],
        "confidence": 0.9,
        "model": "tiny",
        "model_version": "tiny-2",
        "notes": [],
    }
    assert [part["type"] for part in server.body(2)["messages"][1]["content"]] == ["text", "image_url"]


def test_a_server_that_does_not_work_ends_the_task_with_its_reason(server, describe):
    server.answers = [sends(b"", 403)]
    with pytest.raises(ModelFailed) as caught:
        describe()
    assert (caught.value.code, caught.value.message) == (
        "model_failed",
        "The language model answered 403 (forbidden): LANGUAGE_KEY is not accepted.",
    )
