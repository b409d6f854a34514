"""Things by a detector: one that is installed, or that the operator names. Runs only in the process that holds models.

Takes one picture: floats of 0 to 1 in the order 1, 3, height, width, or bytes in the order 1, height, width, 3; smaller
than that, it lies at the top left on grey. What comes out is told apart by its shape:

1, 4 + classes, n      middle, size and a score for each class: YOLOv8, YOLO11
1, n, 5 + classes      middle, size, a score of there being anything, one for each class: YOLOv5, YOLOv7
1, n, 6                corners, score, class: YOLOv10 and others that end with a suppression of their own
boxes, scores, labels  three outputs by these names: DETR and torchvision, corners in pixels of the input, or
detection_boxes, …     of TensorFlow's detectors: top, left, bottom, right as shares
keypoints, wh          CenterNet as a graph of TensorFlow.js (.json): heat of each class and distances to the four sides

Labels stand one a line in a file beside it (model.onnx, model.txt), or in the model's own metadata (`names`).
"""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from workers.engine.errors import ModelFailed
from workers.providers.vision.overlaps import strongest
from workers.providers.vision.sessions import Runtime, open_session
from workers.providers.vision.tfjs import from_tfjs

_USUAL_EDGE = 640  # of a model that takes any size
_MOST_EDGE = 4096
_KINDS = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_GREY = (114, 114, 114)
_CENTERNET = ("tower_0/keypoints", "tower_0/wh")
COCO = Path(__file__).with_name("coco.txt")  # the classes of the COCO dataset, in the usual order of its 80
_LEAST, _OVERLAP, _MOST = 0.25, 0.45, 300
_MOST_ENDED = 1000  # rows of a detector that suppresses by itself; others have one for every place


class Objects:
    def __init__(self, model: str, runtime: Runtime) -> None:
        self._light = 1.0  # what white is
        loaded: str | bytes = model
        if model.endswith(".json"):
            loaded, self._light = from_tfjs(Path(model), _CENTERNET), 255.0
        self._session = open_session(loaded, runtime)
        self._input, self._kind, self._size = _taken(self._session.get_inputs())
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._labels = _labels(Path(model), self._session)

    def __call__(self, picture: Image.Image) -> list[dict[str, Any]]:
        ratio = min(self._size[0] / picture.width, self._size[1] / picture.height)
        answer = self._session.run(None, {self._input: self._pixels(picture, ratio)})
        boxes, scores, kinds = self._read(answer, picture, ratio)
        return [self._told(*found) for found in zip(boxes, scores, kinds, strict=True)]

    def _pixels(self, picture: Image.Image, ratio: float) -> Any:
        import numpy as np

        canvas = Image.new("RGB", self._size, _GREY)
        size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
        canvas.paste(picture.resize(size, Image.Resampling.BILINEAR))
        if self._kind == "uint8":
            return np.asarray(canvas, np.uint8)[None]
        pixels = np.asarray(canvas, np.float32).transpose(2, 0, 1)[None] * (self._light / 255.0)
        return np.ascontiguousarray(pixels, self._kind)

    def _read(self, answer: list[Any], picture: Image.Image, ratio: float) -> tuple[Any, Any, Any]:
        """Boxes as shares of the picture, scores and the numbers of classes; the strongest first, without doubles."""
        import numpy as np

        named = dict(zip(self._outputs, answer, strict=True))
        if "detection_boxes" in named:
            boxes = named["detection_boxes"][0][:, [1, 0, 3, 2]] * np.tile(self._size, 2)
            scores, kinds = named["detection_scores"][0], named["detection_classes"][0]
        elif {"boxes", "scores", "labels"} <= set(named):
            boxes = named["boxes"].reshape(-1, 4)
            scores, kinds = named["scores"].reshape(-1), named["labels"].reshape(-1)
        elif {"keypoints", "wh"} <= set(named):
            boxes, scores, kinds = _of_heat(named["keypoints"][0], named["wh"][0], self._size)
        else:
            boxes, scores, kinds = _of_rows(answer[0])
        sure = scores >= _LEAST
        boxes, scores, kinds = boxes[sure], scores[sure], kinds[sure].astype(int)
        kept: list[int] = []
        for kind in np.unique(kinds):
            own = np.nonzero(kinds == kind)[0]
            kept += [int(own[number]) for number in strongest(boxes[own], scores[own], _OVERLAP)]
        kept = sorted(kept, key=lambda number: (-float(scores[number]), number))[:_MOST]
        return boxes[kept] / ratio / np.array([*picture.size, *picture.size]), scores[kept], kinds[kept]

    def _told(self, box: Any, score: float, kind: int) -> dict[str, Any]:
        left, top, right, bottom = (min(1.0, max(0.0, float(part))) for part in box)
        label = self._labels[kind] if 0 <= kind < len(self._labels) else f"class {kind}"
        told = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return told | {"confidence": min(1.0, float(score)), "label": label}


def _taken(inputs: Sequence[Any]) -> tuple[str, str, tuple[int, int]]:
    """The name of the input, numpy's name of its numbers, and the picture's width and height. Raises ModelFailed."""
    if len(inputs) != 1:
        raise ModelFailed(f"it takes {', '.join(item.name for item in inputs)}, and not a picture alone")
    (taken,) = inputs
    kind = _KINDS.get(taken.type, "")
    shape = list(taken.shape)
    if len(shape) == 4 and kind and _fits(shape[0], 1) and _fits(shape[3 if kind == "uint8" else 1], 3):
        sides = shape[1:3] if kind == "uint8" else shape[2:4]
        height, width = (side if isinstance(side, int) and side > 0 else _USUAL_EDGE for side in sides)
        if max(height, width) <= _MOST_EDGE:
            return taken.name, kind, (width, height)
    raise ModelFailed(
        f"it takes {taken.type} of {shape}, not one picture (floats of 1, 3, height, width or bytes of 1, height, "
        f"width, 3; {_MOST_EDGE} pixels an edge at most)"
    )


def _fits(side: Any, wanted: int) -> bool:
    """Whether a side is that long; names and nothing stand for any length."""
    return not isinstance(side, int) or side in (wanted, -1)


def _of_heat(heat: Any, sides: Any, size: tuple[int, int]) -> tuple[Any, Any, Any]:
    """Where a class is hotter than all around it, there is one; the distances to its sides are told beside."""
    import numpy as np

    rows, columns = heat.shape[1:]
    around = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-1.0)
    hottest = np.max([around[:, y : y + rows, x : x + columns] for y in range(3) for x in range(3)], axis=0)
    kinds, y, x = np.nonzero((heat == hottest) & (heat >= _LEAST))
    middle = np.stack([x * size[0] / columns, y * size[1] / rows], axis=1)
    away = sides[:, y, x].T
    return np.concatenate([middle - away[:, :2], middle + away[:, 2:]], axis=1), heat[kinds, y, x], kinds


def _of_rows(value: Any) -> tuple[Any, Any, Any]:
    import numpy as np

    if value.ndim != 3 or len(value) != 1 or min(value.shape[1:]) < 5:
        raise ModelFailed(f"its answer, of shape {list(value.shape)}, is of no kind that is known")
    rows = value[0]
    if rows.shape[1] == 6 and 6 < rows.shape[0] <= _MOST_ENDED:
        return rows[:, :4], rows[:, 4], rows[:, 5]
    anything = rows.shape[0] > rows.shape[1]
    rows = rows if anything else rows.T
    scores = rows[:, 5:] * rows[:, 4:5] if anything else rows[:, 4:]
    half = rows[:, 2:4] / 2
    boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    return boxes, scores.max(axis=1), scores.argmax(axis=1)


def _labels(model: Path, session: Any) -> list[str]:
    beside = model.with_suffix(".txt")
    if beside.is_file():
        return [line.strip() for line in beside.read_text("utf-8").splitlines()]
    if model.suffix == ".json":
        return COCO.read_text("utf-8").splitlines()
    told = session.get_modelmeta().custom_metadata_map.get("names")
    try:
        names = ast.literal_eval(told) if told else []
    except (SyntaxError, ValueError):
        names = []
    return [str(name) for name in (names.values() if isinstance(names, dict) else names)]
