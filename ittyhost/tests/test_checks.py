"""What a host lacks is told before it starts."""

import os
from pathlib import Path

import pytest
from django.core.checks import run_checks

from ittyhost import checks, queue
from ittyhost.checks import DEVICES, MODELS, PARTS, SERVERS, SETTINGS, models_told, problems
from workers.engine import confinement, runner
from workers.engine.capabilities import ffmpeg_path
from workers.engine.errors import ModelMissing
from workers.providers import Model, Providers

pytestmark = pytest.mark.django_db  # a new bucket asks the database whether files were ever stored


def found(tag: str = PARTS) -> dict[str, str]:
    """The messages of the checks of one tag, by id."""
    return {item.id: item.msg for item in run_checks(tags=[tag], include_deployment_checks=True)}


def test_this_host_has_all_it_needs():
    assert found(SETTINGS) | found(SERVERS) | found(PARTS) == {}


def test_a_host_without_landlock_is_told_and_refused_where_it_is_required(monkeypatch):
    monkeypatch.setattr(confinement.sandbox, "landlock_abi", lambda: 0)
    told = "SANDBOX: tools are held by seccomp and resource limits, without landlock."
    assert found(PARTS) == {"ittyhost.W002": told}
    monkeypatch.setenv("SANDBOX", "required")
    assert found(PARTS) == {"ittyhost.E007": "SANDBOX: this host has no landlock."}


def test_an_ffmpeg_that_does_not_start_in_its_walls_is_told(monkeypatch):
    terms = confinement.tool_terms(ffmpeg_path(), Path("/tmp"))
    monkeypatch.setattr(runner, "tool_terms", lambda program, cwd: terms | {"execute": []})
    assert list(found(PARTS)) == ["ittyhost.E009"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "API_DEFAULT_VERSION",
            "foo",
            "API_DEFAULT_VERSION: must be one of 2024-03-21, 2024-08-21, 2025-01-01, 2025-07-01, 2025-08-20, "
            "not 'foo'.",
        ),
        ("KEY_RING", ("abc",), "KEY_RING: key 1 is not URL-safe base64."),
        ("WORK_DIR", "/proc/nope", "WORK_DIR: /proc/nope cannot be written (No such file or directory)."),
        (
            "LIVENESS_FILE",
            "/nonexistent/x",
            "LIVENESS_FILE: /nonexistent/x cannot be written (No such file or directory).",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_told_by_its_name(settings, name, value, message):
    setattr(settings, name, value)
    assert problems(SETTINGS) == ([message], [])


def test_a_broker_of_the_operators_that_does_not_answer_is_told(settings, monkeypatch):
    monkeypatch.setattr(checks, "BROKER_SECONDS", 0.0)
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setenv("BROKER_URL", settings.BROKER_URL)
    queue._client.cache_clear()
    try:
        said = found(SERVERS)["ittyhost.E006"]
    finally:
        queue._client.cache_clear()
    assert said.startswith("BROKER_URL: the broker does not answer: ")


def test_a_folder_of_fonts_must_hold_fonts(monkeypatch, tmp_path):
    monkeypatch.setenv("FONT_DIR", str(tmp_path))
    assert found(SETTINGS) == {"ittyhost.W004": f"FONT_DIR: {tmp_path} holds no font that can be read."}
    monkeypatch.setenv("FONT_DIR", "/nowhere")
    assert found(SETTINGS) == {"ittyhost.E008": "FONT_DIR names '/nowhere', which is no folder."}


def test_a_missing_ffmpeg_is_named(monkeypatch):
    monkeypatch.setenv("FFMPEG", "/nowhere/ffmpeg")
    assert "FFMPEG" in found()["ittyhost.E001"]


def test_a_poor_build_is_told_with_what_it_lacks(monkeypatch, tmp_path):
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\necho 'ffmpeg version 0.1 of a test'\necho ' V..... libx264 H.264'\n")
    poor.chmod(0o755)
    monkeypatch.setenv("FFMPEG", str(poor))
    message = found()["ittyhost.W001"]
    assert "libx265" in message
    assert "libx264" not in message.partition("lacks")[2]


def test_a_bucket_that_cannot_be_written_is_told(settings, tmp_path):
    blocked = tmp_path / "file"
    Path(blocked).write_text("no folder")
    settings.BUCKET_URL = f"file://{blocked}{os.sep}bucket"
    assert "BUCKET_URL" in found()["media_app.E001"]


def logged(caplog):
    """What the checks have said; another thread may say something of its own meanwhile."""
    return [record for record in caplog.records if record.name == "ittyhost.checks"]


class Hearing:
    """Stands for a provider: what it says of itself is asked, and nothing else."""

    model = Model("whisper-base", "d01c3014881c")


def test_which_model_answers_for_what_is_told_and_how_to_get_the_others(monkeypatch, caplog):
    monkeypatch.setattr(checks, "providers", lambda: Providers(speech=Hearing()))
    caplog.set_level("INFO", "ittyhost.checks")
    errors, warnings = problems(MODELS)
    assert errors == []
    assert warnings[0] == (
        "MODELS: none for vision: safety, vision: objects, vision: faces, vision: text, vision: labels, "
        "vision: caption, vision: embedding. There is no model for pictures here. `make intelligence` installs some."
    )
    assert warnings[1] == (
        "MODELS: none for language. No language model is named: words are taken from what is there. Set LANGUAGE_URL "
        "to have one write them."
    )
    told = [(record.ability, record.model, record.model_version) for record in logged(caplog)]
    assert told == [("speech", "whisper-base", "d01c3014881c")]
    assert models_told() == (
        "Models: speech (whisper-base). None for safety, objects, faces, text, labels, caption, embedding, language."
    )


def test_a_model_that_is_named_and_not_installed_is_told_and_stops_nothing(monkeypatch):
    def missing() -> Providers:
        raise ModelMissing("The speech model base that SPEECH_MODEL names is not installed.")

    monkeypatch.setattr(checks, "providers", missing)
    told = "The speech model base that SPEECH_MODEL names is not installed."
    assert (problems(SETTINGS), problems(MODELS)) == (([], []), ([], [f"MODELS: none. {told}"]))
    assert models_told() == f"Models: none. {told}"


def test_a_setting_of_models_that_means_nothing_stops_the_start(monkeypatch):
    monkeypatch.setenv("SPEECH_MODEL", "/no/such/model")
    [error], _ = problems(SETTINGS)
    assert error.startswith("SPEECH_MODEL must be base, tiny.en or a folder with a model")


class Seeing:
    """Models for pictures that run on what it is told."""

    def __init__(self, device: str, trouble: str) -> None:
        self.told = device, trouble

    def device_used(self) -> tuple[str, str]:
        return self.told


def test_what_pictures_are_looked_at_by_is_told_where_it_is_no_processor(monkeypatch, caplog):
    monkeypatch.setattr(checks, "providers", Providers)
    monkeypatch.setattr(checks, "local_vision", lambda: Seeing("cuda", ""))
    caplog.set_level("INFO", "ittyhost.checks")
    assert problems(DEVICES) == ([], [])
    assert [record.device for record in logged(caplog)] == ["cuda"]
    assert models_told().endswith(" Pictures are looked at by cuda.")
    monkeypatch.setattr(checks, "local_vision", lambda: Seeing("cpu", ""))
    assert (problems(DEVICES), "looked at by" in models_told()) == (([], []), False)


def test_a_gpu_that_cannot_be_used_is_told_with_what_it_takes(monkeypatch):
    trouble = "MODEL_DEVICE is cuda, but it cannot be used on this host."
    monkeypatch.setattr(checks, "local_vision", lambda: Seeing("", trouble))
    hint = "It takes the device's own onnxruntime, libraries and driver; MODEL_DEVICE=cpu does without."
    assert problems(DEVICES) == ([], [f"{trouble} {hint}"])


def test_a_device_that_is_named_and_not_there_is_told_by_the_process_that_holds_models(monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("MODEL_DEVICE", "rocm")
    if not checks.local_vision().parts:
        told = "There are no models here: `make intelligence` installs some."
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(told)
        pytest.skip(told)
    _, [warning] = problems(DEVICES)
    assert "this host's onnxruntime has no MIGraphXExecutionProvider." in warning
