"""What the process that holds models is asked of pictures. Models stay loaded, by what they were loaded from."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from workers.engine.errors import ModelFailed
from workers.providers.faults import at_fault
from workers.providers.vision import faces, labels, objects, safety, writing
from workers.providers.vision.sessions import Runtime, unusable

# Name of a model: what is made of the path that it is loaded from.
_MODELS: dict[str, Callable[[str, Runtime], Callable[[Image.Image], Any]]] = {
    "open_nsfw": safety.Sexual,
    "nudenet": safety.Nudity,
    "efficientnet": labels.Classifier,
    "mtcnn": faces.Faces,
    "detector": objects.Objects,
    "ppocr": writing.Reader,
}
# By name, path and runtime: the version that was loaded, and the model.
_loaded: dict[tuple[str, str, Runtime], tuple[str, Callable[[Image.Image], Any]]] = {}
# Until when, by the monotonic clock, the processor does what a GPU failed at: another program may have its memory.
_without_gpu: dict[tuple[str, str], float] = {}
GPU_AGAIN = 600.0  # seconds


@dataclass(frozen=True)
class Asked:
    """A model: its name in _MODELS, where it is loaded from, which version that is, and what it is to operators."""

    name: str
    path: str
    version: str
    called: str


def look(
    pictures: Sequence[str], looks: Mapping[str, Mapping[str, Sequence[str]]], device: str, threads: int
) -> list[dict[str, Any]]:
    """What Seen.to_json tells of each picture, of what was asked for. `looks` says for each what tells it, as Asked:
    {"safety": {"sexual": ["open_nsfw", PATH, VERSION, "open_nsfw"]}, "labels": {"": [...]}}, where another version than
    before is loaded anew; `device` and `threads` as in Runtime. Raises ModelFailed, EngineUnavailable."""
    runtime = Runtime(device, threads)
    asked = {look: {part: Asked(*told) for part, told in parts.items()} for look, parts in looks.items()}
    told = []
    for path in pictures:
        with Image.open(path, formats=("JPEG", "PNG")) as opened:
            picture = opened.convert("RGB")
        told.append({name: _looked(name, picture, parts, runtime) for name, parts in asked.items()})
    return told


def _looked(look: str, picture: Image.Image, parts: Mapping[str, Asked], runtime: Runtime) -> Any:
    found = {part: _told(look, picture, asked, runtime) for part, asked in parts.items()}
    return found.get("", found)


def _told(look: str, picture: Image.Image, asked: Asked, runtime: Runtime) -> Any:
    """By the GPU; where that fails, and was not named, by the processor. Raises ModelFailed, EngineUnavailable."""
    place = (asked.name, asked.path)
    if runtime.gpu and not runtime.insists and _without_gpu.get(place, 0.0) > time.monotonic():
        runtime = runtime.on_cpu()
    try:
        return _answer(look, picture, asked, runtime)
    except ModelFailed as exc:
        if not runtime.gpu:
            raise
        _loaded.pop((*place, runtime), None)  # and the memory it has there
        answer = _answer(look, picture, asked, runtime.on_cpu())
        if runtime.insists:
            raise unusable(runtime, exc.log) from exc
        _without_gpu[place] = time.monotonic() + GPU_AGAIN
        return answer


def _answer(look: str, picture: Image.Image, asked: Asked, runtime: Runtime) -> Any:
    model = _model(asked, runtime)
    with at_fault(f"The model {asked.called} failed at a picture"):
        return model.embedding(picture) if look == "embedding" else model(picture)


def _model(asked: Asked, runtime: Runtime) -> Any:
    key = (asked.name, asked.path, runtime)
    if key not in _loaded or _loaded[key][0] != asked.version:
        _loaded.pop(key, None)  # an operator put another file in its place
        with at_fault(f"The model {asked.called} cannot be loaded"):
            try:
                _loaded[key] = (asked.version, _MODELS[asked.name](asked.path, runtime))
            except ImportError as exc:
                raise ModelFailed("a package that it needs is not installed here", log=repr(exc)) from exc
    return _loaded[key][1]
