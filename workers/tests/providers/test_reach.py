"""What the process that holds models may read: the work directories and models, and nothing else."""

import os
import socket
import sys
from pathlib import Path

import pytest

from workers.engine import host, sandbox
from workers.engine.confinement import Roots
from workers.providers import host as models
from workers.providers.speech import whisper
from workers.providers.speech.weights import Weights, named_folders

linux = pytest.mark.skipif(
    sys.platform != "linux" or not sandbox.landlock_abi() or not sandbox.knows_calls(),
    reason="Landlock and seccomp are Linux's, and a container's profile may have neither",
)


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


@linux
def test_a_model_that_was_taken_over_reads_work_and_models_writes_nothing_and_reaches_nobody(monkeypatch, tmp_path):
    for name in ("work", "bucket", "model"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "secrets.json").write_text("secret")
    monkeypatch.setenv("LANGUAGE_KEY", "secret")
    monkeypatch.setattr(models, "_reached", {lambda: [tmp_path / "model"]: None})
    roots = Roots(read=(str(tmp_path / "bucket"),), write=(str(tmp_path / "work"),))
    monkeypatch.setattr(host._HOST, "roots", lambda: roots)
    own = host.Host(operations="workers.tests.providers.prying", bounds=models._bounds, faults=models._FAULTS)
    own.roots = models._roots
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            reached = own.call("connect", {"port": server.getsockname()[1]})
        read = {name: own.call("read", {"path": str(tmp_path / name)}) for name in READ}
        wrote = {name: own.call("write", {"path": str(tmp_path / name / "new")}) for name in ("work", "model")}
        others = own.call("read", {"path": f"/proc/{os.getpid()}/environ"})
        forked, environment = own.call("fork", {}), own.call("environment", {})
    finally:
        own.end()
    assert read == READ
    assert set(wrote.values()) == {"PermissionError"}
    assert (reached, forked, others) == ("PermissionError", "PermissionError", "PermissionError")
    assert "LANGUAGE_KEY" not in environment


READ = {"work/file": "work", "model/file": "model", "bucket/file": "PermissionError", "secrets.json": "PermissionError"}
