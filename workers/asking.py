"""What a plan asks of models: requests as plain data, put to whatever provider there is.

speech    {"sound": FILE, "language": "en" or null, "speakers": null, true, false or a number}
          → Transcript.to_json()
vision    {"frames": FILE, "looks": ["safety", …], "required": ["safety"]}, FILE being what workers.seen.sampling wrote:
          {"frames": [{"file": "frame-00001.jpg", "time": 0.0}, …]}
          → {"frames": [{"time": 0.0, "seen": Seen.to_json()}, …], "models": {look: {"model", "model_version"}},
             "missing": {look: sentence}}
language  {"ask": NAME, …}: the requests of workers.language
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from workers import language
from workers.documents import read_document
from workers.engine.errors import ModelMissing
from workers.engine.runner import Report
from workers.plans import ModelStep, Step
from workers.providers.base import Progress, Providers


def ask(
    ability: str,
    request: Mapping[str, Any],
    workdir: Path,
    providers: Providers,
    *,
    report: Report,
    progress: Progress,
) -> dict[str, Any]:
    """The answer as JSON data; `note` in it is for people. Raises as providers do (workers.providers.base)."""
    return _ABILITIES[ability](request, workdir, providers, report, progress)


def check(ability: str, request: Mapping[str, Any], providers: Providers) -> None:
    """Raises ModelMissing where a request can have no answer here; nothing is loaded for it."""
    if ability == "speech":
        providers.the_speech()
    if ability == "vision":
        for look in request.get("required", request["looks"]):
            providers.the_vision().model(look)
    if ability == "language":
        language.check(request, providers)


def check_steps(steps: Iterable[Step], providers: Providers) -> None:
    """Raises ModelMissing where one of them can have no answer here: told before hours of other work, not after."""
    for step in steps:
        if isinstance(step, ModelStep) and step.when is None:
            check(step.ability, step.request, providers)


def _speech(
    request: Mapping[str, Any], workdir: Path, providers: Providers, report: Report, progress: Progress
) -> dict[str, Any]:
    transcript = providers.the_speech().transcribe(
        workdir / request["sound"],
        language=request.get("language"),
        speakers=request.get("speakers"),
        report=report,
        progress=progress,
    )
    return transcript.to_json()


def _vision(
    request: Mapping[str, Any], workdir: Path, providers: Providers, report: Report, progress: Progress
) -> dict[str, Any]:
    frames = read_document(workdir / request["frames"])["frames"]
    models, missing = {}, {}
    for look in request["looks"]:
        try:
            models[look] = providers.the_vision().model(look).to_json()
        except ModelMissing as exc:
            if look in request.get("required", request["looks"]):
                raise
            missing[look] = exc.message
    told: dict[str, Any] = {"models": models, "missing": missing, "frames": []}
    if models:
        pictures = [workdir / frame["file"] for frame in frames]
        seen = providers.the_vision().look(pictures, looks=tuple(models), report=report, progress=progress)
        told["frames"] = [
            {"time": frame["time"], "seen": item.to_json()} for frame, item in zip(frames, seen, strict=True)
        ]
    return told


_Ability = Callable[[Mapping[str, Any], Path, Providers, Report, Progress], dict[str, Any]]
_ABILITIES: dict[str, _Ability] = {"speech": _speech, "vision": _vision, "language": language.ask}
