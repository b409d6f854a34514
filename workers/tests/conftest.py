"""Media on demand, made once for each set of arguments, and a report that remembers."""

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.speech import Spoken
from workers.engine.runner import Report
from workers.kinds import get_kind
from workers.providers.speech import whisper
from workers.providers.vision.local import LocalVision, local_vision
from workers.run import Done, run
from workers.tests import media
from workers.tests.detectors import make_detector

Make = Callable[..., Path]
_made: dict[str, Path] = {}


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


def _maker(make: Callable[..., Path], usual: str, folder: Path, tmp_path: Path) -> Make:
    counter = itertools.count()

    def made(suffix: str = usual, **arguments: object) -> Path:
        key = f"{make.__name__} {suffix} {sorted(arguments.items(), key=str)}"
        if key not in _made:
            _made[key] = make(folder / f"{make.__name__}-{len(_made)}{suffix}", **arguments)
        return Path(shutil.copy(_made[key], tmp_path / f"in-{next(counter)}{suffix}"))

    return made


@pytest.fixture
def make_video(media_folder: Path, tmp_path: Path) -> Make:
    """make_video(suffix=".mp4", seconds=…, size=…, …): see media.make_video."""
    return _maker(media.make_video, ".mp4", media_folder, tmp_path)


@pytest.fixture
def make_audio(media_folder: Path, tmp_path: Path) -> Make:
    """make_audio(suffix=".wav", seconds=…, channels=…, …): see media.make_audio."""
    return _maker(media.make_audio, ".wav", media_folder, tmp_path)


@pytest.fixture
def make_image(media_folder: Path, tmp_path: Path) -> Make:
    """make_image(suffix=".jpg", size=…, orientation=…, …): see media.make_image."""
    return _maker(media.make_image, ".jpg", media_folder, tmp_path)


@pytest.fixture
def vision(monkeypatch: pytest.MonkeyPatch) -> LocalVision:
    """The models for pictures that packages carry, on two threads; without them: skip, or fail where REQUIRE_SERVICES
    says that all must be there."""
    monkeypatch.setenv("MODEL_THREADS", "2")
    found = local_vision()
    told = [text for look, text in found.missing.items() if look in ("safety", "labels", "faces", "text")]
    if told and os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(told[0])
    if told:
        pytest.skip(told[0])
    return found


@pytest.fixture
def everyday(vision: LocalVision) -> LocalVision:
    """The same with the detector of everyday things."""
    told = vision.missing.get("objects")
    if told and os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(told)
    if told:
        pytest.skip(told)
    return vision


@pytest.fixture
def nothing_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no detector is installed."""
    monkeypatch.setattr("workers.providers.vision.local._fetched", lambda: None)


@pytest.fixture(scope="session")
def detector(media_folder: Path) -> Path:
    """A detector of red and blue things, as ONNX: see workers.tests.detectors."""
    pytest.importorskip("onnx")
    return make_detector(media_folder / "colours.onnx")


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """An empty folder to run a task in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


class Recorder:
    """A report that remembers; it says stop once `stop` is true."""

    def __init__(self) -> None:
        self.percents: list[float] = []
        self.plans: list[dict] = []
        self.runs: list[tuple[str, str]] = []  # command, what it printed
        self.stop = False

    def progress(self, percent: float) -> None:
        self.percents.append(percent)

    def should_stop(self) -> bool:
        return self.stop

    def planned(self, plan: dict) -> None:
        self.plans.append(plan)

    def ran(self, command: str, log: str, values: dict[str, str]) -> None:
        self.runs.append((command, log))


@dataclass(frozen=True)
class Transcribed:
    """What came of transcribing `real_speech` by tiny.en, with words; `folder` holds the document."""

    done: Done
    report: Recorder
    folder: Path


@pytest.fixture(scope="session")
def transcribed(real_speech: Spoken, tmp_path_factory: pytest.TempPathFactory) -> Transcribed:
    """Made once for all tests that read it. Tests that ask for it are in the group "speech". Without the model: skip,
    or fail where REQUIRE_SERVICES says that all must be there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECH_MODEL", "tiny.en")
        patch.setenv("MODEL_THREADS", "2")
        patch.setattr(whisper, "speaker_weights", lambda: None)
        missing = not isinstance(whisper.local_speech(), whisper.Whisper)
        if missing and os.environ.get("REQUIRE_SERVICES"):
            pytest.fail("The speech model tiny.en is not installed: `make intelligence` installs it.")
        if missing:
            pytest.skip("The speech model tiny.en is not installed: `make intelligence` installs it.")
        folder, report = tmp_path_factory.mktemp("transcribed"), Recorder()
        done = run(get_kind("speech"), {"words": True}, real_speech.path, folder, report=report)
        return Transcribed(done, report, folder)


@pytest.fixture
def report() -> Recorder:
    recorder = Recorder()
    _: Report = recorder  # it is one
    return recorder
