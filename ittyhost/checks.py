"""Start-up checks: what no process can work with is told by its name before anything is migrated or started.

`ittyhost.launcher.setup` runs them all, each role those of its own machine, `manage.py check --deploy` on demand.
"""

import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseProblem
from django.db import connection

from ittyhost import queue
from ittyhost.api.versions import default_version
from ittyhost.providers import providers
from workers.engine import runner
from workers.engine.capabilities import WANTED, capabilities
from workers.engine.confinement import LAYERS, sandbox_layers, sandbox_mode
from workers.engine.errors import EngineUnavailable, MediaError, ModelMissing
from workers.providers.host import end as end_models
from workers.providers.vision.local import local_vision
from workers.typefaces import FontFolderError, font_folder, typefaces

SETTINGS = "settings"  # values and folders: nothing is asked over the network
SERVERS = "servers"  # whether those answer that the settings name
PARTS = "parts"  # what this host has, and the bucket, once that was made
MODELS = "models"  # what answers for each ability: nothing that keeps the service from starting
DEVICES = "devices"  # what models run on, where there is a GPU: of the host of each worker

logger = logging.getLogger(__name__)

BROKER_SECONDS = 3.0  # a broker that was started a moment ago may need them


def problems(*tags: str) -> tuple[list[str], list[str]]:
    """What the checks of these tags find: errors, which forbid the start, and warnings. One line each."""
    found = run_checks(tags=tags, include_deployment_checks=True)
    lines = [(item.is_serious(), " ".join(f"{item.msg} {item.hint or ''}".split())) for item in found]
    return [line for serious, line in lines if serious], [line for serious, line in lines if not serious]


@register(SETTINGS)
def check_default_version(**_: Any) -> list[CheckMessage]:
    """API_DEFAULT_VERSION must be a version of ours."""
    try:
        default_version()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="ittyhost.E002")]
    return []


@register(SETTINGS, deploy=True)
def check_folders(**_: Any) -> list[CheckMessage]:
    """WORK_DIR, made if missing, and the folder of LIVENESS_FILE must take files."""
    work, alive = Path(settings.WORK_DIR), settings.LIVENESS_FILE
    found: list[CheckMessage] = []
    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=work).close()
    except OSError as exc:
        found.append(Error(f"WORK_DIR: {work} cannot be written ({exc.strerror}).", id="ittyhost.E003"))
    if alive:
        try:
            tempfile.TemporaryFile(dir=Path(alive).parent).close()
        except OSError as exc:
            found.append(Error(f"LIVENESS_FILE: {alive} cannot be written ({exc.strerror}).", id="ittyhost.E004"))
    return found


@register(SETTINGS, deploy=True)
def check_fonts(**_: Any) -> list[CheckMessage]:
    """FONT_DIR must be a folder; one that holds no font is most likely another than was meant."""
    try:
        folder = font_folder()
    except FontFolderError as exc:
        return [Error(str(exc), id="ittyhost.E008")]
    if folder and not any(Path(face.path).is_relative_to(folder.absolute()) for face in typefaces()):
        return [Warning(f"FONT_DIR: {folder} holds no font that can be read.", id="ittyhost.W004")]
    return []


@register(SETTINGS, deploy=True)
def check_model_settings(**_: Any) -> list[CheckMessage]:
    """What chooses the models must be readable; the sentence of a wrong value names it."""
    try:
        providers()
    except ModelMissing:
        return []  # what is named may be in order, and not here: check_models tells
    except ValueError as exc:
        return [Error(str(exc), id="ittyhost.E010")]
    return []


@register(SERVERS, deploy=True)
def check_database(**_: Any) -> list[CheckMessage]:
    """The database must answer, and let us in."""
    try:
        connection.ensure_connection()
    except DatabaseProblem as exc:
        return [Error(f"DATABASE_URL: the database does not answer: {str(exc)[:500]}", id="ittyhost.E005")]
    return []


@register(SERVERS, deploy=True)
def check_broker(**_: Any) -> list[CheckMessage]:
    """An operator's own broker must answer; the embedded one starts later, and stops the start itself if it cannot."""
    if not os.environ.get("BROKER_URL", "").strip():
        return []
    until = time.monotonic() + BROKER_SECONDS
    while (trouble := queue.trouble()) and time.monotonic() < until:
        time.sleep(0.25)
    return [Error(f"BROKER_URL: the broker does not answer: {trouble}", id="ittyhost.E006")] if trouble else []


@register(PARTS, deploy=True)
def check_ffmpeg(**_: Any) -> list[CheckMessage]:
    """An ffmpeg must be there; what a poorer build lacks is told before a task asks for it."""
    try:
        found = capabilities()
    except EngineUnavailable as exc:
        return [Error(f"FFMPEG: {exc}", id="ittyhost.E001")]
    missing = found.missing(WANTED)
    if missing:
        lacks = f"{found.path} ({found.version}) lacks {', '.join(missing)}: tasks that need them will not be made."
        return [Warning(lacks, hint="Set FFMPEG to a fuller build.", id="ittyhost.W001")]
    return []


@register(PARTS, deploy=True)
def check_sandbox(**_: Any) -> list[CheckMessage]:
    """What confines the tools here; and that ffmpeg starts within it, its libraries being where they may be read."""
    mode, layers = sandbox_mode(), sandbox_layers()
    missing = [layer for layer in LAYERS if layer not in layers]
    if missing and mode == "required":
        return [Error(f"SANDBOX: this host has no {' and no '.join(missing)}.", id="ittyhost.E007")]
    if trouble := runner.start_trouble():
        hint = "Name the folders of its libraries in SANDBOX_FOLDERS."
        return [Error(f"FFMPEG: it does not start when it is confined: {trouble}", hint=hint, id="ittyhost.E009")]
    logger.info("tools are confined", extra={"sandbox": mode, "layers": list(layers)})
    if missing:
        held = " and ".join((*layers, "resource limits"))
        told = f"SANDBOX: tools are held by {held}, without {' and '.join(missing)}."
        hint = "Landlock needs Linux 5.13 or newer and, in a container, Docker 23 or newer." if mode == "auto" else ""
        return [Warning(told, hint=hint, id="ittyhost.W002")]
    return []


@register(MODELS, deploy=True)
def check_models(**_: Any) -> list[CheckMessage]:
    """Which model answers for what. Where none does, the way to one is told; everything else works without it."""
    missing: dict[str, list[str]] = {}
    try:
        standings = providers().standings()
    except ModelMissing as exc:  # one that is named is not here
        return [Warning(f"MODELS: none. {exc.message}", id="ittyhost.W005")]
    for standing in standings:
        if standing.model is None:
            missing.setdefault(standing.missing, []).append(standing.ability)
        else:
            logger.info("a model is there", extra={"ability": standing.ability, **standing.model.to_json()})
    return [
        Warning(f"MODELS: none for {', '.join(abilities)}. {sentence}", id="ittyhost.W005")
        for sentence, abilities in missing.items()
    ]


@register(DEVICES, deploy=True)
def check_model_device(**_: Any) -> list[CheckMessage]:
    """That models for pictures run where they are to."""
    device, trouble = _model_device()
    if device not in ("", "cpu"):
        logger.info("models for pictures run on a device of their own", extra={"device": device})
    hint = "It takes the device's own onnxruntime, libraries and driver; MODEL_DEVICE=cpu does without."
    return [Warning(trouble, hint=hint, id="ittyhost.W006")] if trouble else []


def _model_device() -> tuple[str, str]:
    """LocalVision.device_used of this host; nothing where the settings cannot be read, which has been told."""
    try:
        return local_vision().device_used()
    except ValueError:
        return "", ""
    except (EngineUnavailable, MediaError) as exc:
        return "", exc.message
    finally:
        end_models()  # this process asks no more of it


def models_told() -> str:
    """One line for the person who starts the service: which model answers for what."""
    try:
        standings = providers().standings()
    except ModelMissing as exc:
        return f"Models: none. {exc.message}"
    named = {each.ability.removeprefix("vision: "): each.model for each in standings}
    there = [f"{ability} ({model.name})" for ability, model in named.items() if model is not None]
    missing = [ability for ability, model in named.items() if model is None]
    told = f"Models: {', '.join(there) or 'none'}." + (f" None for {', '.join(missing)}." if missing else "")
    device, _ = _model_device()
    return told if device in ("", "cpu") else f"{told} Pictures are looked at by {device}."
