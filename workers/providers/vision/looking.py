"""What the process that holds models is asked of pictures. Models stay loaded, by what they were loaded from."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from PIL import Image

from workers.engine.errors import EngineUnavailable, MediaError, ModelFailed
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
# By name, path and runtime: the version that was loaded, and the model.
_loaded: dict[tuple[str, str, Runtime], tuple[str, Callable[[Image.Image], Any]]] = {}


def look(
    pictures: Sequence[str], looks: Mapping[str, Mapping[str, Sequence[str]]], device: str, threads: int
) -> list[dict[str, Any]]:
    """What Seen.to_json tells of each picture, of what was asked for. `looks` says for each what tells it:
    {"safety": {"sexual": ["open_nsfw", PATH, VERSION]}, "labels": {"": ["efficientnet", PATH, VERSION]}}, where another
    version than before is loaded anew; `device` and `threads` as in Runtime. Raises ModelFailed, EngineUnavailable."""
    runtime = Runtime(device, threads)
    told = []
    for path in pictures:
        with Image.open(path, formats=("JPEG", "PNG")) as opened:
            picture = opened.convert("RGB")
        told.append({name: _looked(picture, parts, runtime) for name, parts in looks.items()})
    return told


def _looked(picture: Image.Image, parts: Mapping[str, Sequence[str]], runtime: Runtime) -> Any:
    found = {}
    for part, (name, path, version) in parts.items():
        model = _model(name, path, version, runtime)
        with _at_fault(f"The model {name} failed at a picture."):
            found[part] = model(picture)
    return found.get("", found)


def _model(name: str, path: str, version: str, runtime: Runtime) -> Callable[[Image.Image], Any]:
    key = (name, path, runtime)
    if key not in _loaded or _loaded[key][0] != version:
        _loaded.pop(key, None)  # an operator put another file in its place
        with _at_fault(f"The model {name} cannot be loaded."):
            try:
                _loaded[key] = (version, _MODELS[name](path, runtime))
            except ImportError as exc:
                raise ModelFailed(f"A package that {name} needs is not installed here.", log=repr(exc)) from exc
    return _loaded[key][1]


@contextmanager
def _at_fault(what: str) -> Iterator[None]:
    """Whatever a model's library raises is the model's fault: the picture is one of ours. Raises ModelFailed."""
    try:
        yield
    except (MediaError, EngineUnavailable, MemoryError, OSError):
        raise
    except Exception as exc:
        raise ModelFailed(what, log=traceback.format_exc()) from exc
