"""What the process that holds models may read: the work directories and models, and nothing else."""

from pathlib import Path

from workers.engine import host
from workers.engine.confinement import Roots
from workers.providers import host as models
from workers.providers.speech import whisper
from workers.providers.speech.weights import Weights, named_folders


def test_a_model_in_a_folder_of_its_own_is_within_reach(monkeypatch, tmp_path):
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    monkeypatch.setenv("SPEECH_MODEL", str(tmp_path))
    monkeypatch.setattr(whisper, "find_spec", lambda name: name)  # installed or not: nothing is loaded here
    monkeypatch.setattr(models, "_reached", {})
    monkeypatch.setattr(host._HOST, "roots", lambda: Roots(read=("/bucket",), write=("/work",)))
    found = whisper.local_speech()
    assert found is not None
    assert found.weights == Weights(tmp_path.name, str(tmp_path), (str(tmp_path / "model.bin"),))
    assert models._roots() == Roots(read=("/work", str(tmp_path.resolve())))


def test_a_model_of_a_package_adds_nothing(monkeypatch):
    for asked in ("", "tiny.en", "/no/such/folder"):
        monkeypatch.setenv("SPEECH_MODEL", asked)
        assert named_folders() == []
    monkeypatch.setenv("SPEECH_MODEL", "/")
    assert named_folders()[0] == Path("/")
