"""What the process that holds models is asked of pictures. Models stay loaded, by what they were loaded from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image

from workers.engine.errors import ModelFailed
from workers.providers.vision import faces, labels, objects, safety, writing
from workers.providers.vision.sessions import Runtime

# Name of a model: what is made of the path that it is loaded from.
_MODELS: dict[str, Callable[[str, Runtime], Callable[[Image.Image], Any]]] = {
    "open_nsfw": safety.Sexual,
    "nudenet": safety.Nudity,
    "efficientnet": labels.Classifier,
    "mtcnn": faces.Faces,
    "detector": objects.Objects,
    "ppocr": writing.Reader,
}
_loaded: dict[tuple[str, str, Runtime], Callable[[Image.Image], Any]] = {}


def look(
    pictures: Sequence[str], looks: Mapping[str, Mapping[str, Sequence[str]]], device: str, threads: int
) -> list[dict[str, Any]]:
    """What Seen.to_json tells of each picture, of what was asked for. `looks` says for each what tells it:
    {"safety": {"sexual": ["open_nsfw", PATH]}, "labels": {"": ["efficientnet", PATH]}}; `device` and `threads` as in
    Runtime. Raises ModelFailed, EngineUnavailable."""
    runtime = Runtime(device, threads)
    told = []
    for path in pictures:
        with Image.open(path, formats=("JPEG", "PNG")) as opened:
            picture = opened.convert("RGB")
        told.append({name: _looked(picture, parts, runtime) for name, parts in looks.items()})
    return told


def _looked(picture: Image.Image, parts: Mapping[str, Sequence[str]], runtime: Runtime) -> Any:
    found = {part: _model(name, path, runtime)(picture) for part, (name, path) in parts.items()}
    return found.get("", found)


def _model(name: str, path: str, runtime: Runtime) -> Callable[[Image.Image], Any]:
    key = (name, path, runtime)
    if key not in _loaded:
        try:
            _loaded[key] = _MODELS[name](path, runtime)
        except ImportError as exc:
            raise ModelFailed(f"A package that {name} needs is not installed here.", log=repr(exc)) from exc
    return _loaded[key]
