"""What the process that holds models does with sound, apart from the model itself."""

from pathlib import Path

import pytest

from workers.engine.errors import ModelMissing
from workers.providers.speech import hearing
from workers.providers.speech.hearing import _Clock, whisper_model
from workers.providers.speech.weights import Weights


def test_times_in_clips_heard_as_one_are_those_of_the_whole_sound():
    clock = _Clock([10.0, 60.0], [5.0, 3.0])
    assert [clock.at(moment) for moment in (0.0, 4.9, 5.0, 7.5, 9.0)] == [10.0, 14.9, 60.0, 62.5, 63.0]
    # A word that was heard across the joint lies in the clip that its middle lies in.
    assert (clock.at(4.6, within=4.9), clock.at(5.2, within=4.9)) == (14.6, 15.0)
    assert (clock.at(4.8, within=5.1), clock.at(5.4, within=5.1)) == (60.0, 60.4)


@pytest.fixture
def folder(tmp_path):
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"first")
    return tmp_path


def test_a_model_is_loaded_once_and_anew_when_its_folder_is_replaced(folder, monkeypatch):
    loaded = []
    monkeypatch.setattr(hearing, "_loaded", {})
    monkeypatch.setattr(hearing, "_load", lambda *how: loaded.append(how) or len(loaded))
    weights = Weights("mine", str(folder), (str(folder / "model.bin"),))
    first = weights.version
    assert [whisper_model(weights.to_json(), "cpu", 1) for _ in range(3)] == [1, 1, 1]
    replaced(folder / "model.bin")
    assert [whisper_model(weights.to_json(), "cpu", 1) for _ in range(2)] == [2, 2]
    assert weights.version != first
    replaced(folder / "tokenizer.json")
    assert whisper_model(weights.to_json(), "cpu", 1) == 3


def test_a_model_that_was_taken_away_is_named(folder):
    weights = Weights("mine", str(folder), (str(folder / "model.bin"),))
    (folder / "model.bin").unlink()
    with pytest.raises(ModelMissing, match=r"The speech model mine is no longer there\."):
        whisper_model(weights.to_json(), "cpu", 1)


def replaced(path: Path) -> None:
    """By another file of the same size, as a download that is moved into place."""
    other = path.with_suffix(".new")
    other.write_bytes(b"other")
    other.replace(path)
