"""Faces: MTCNN, three small networks one after the other. Runs only in the process that holds models.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016. The weights
come from the package mtcnn (MIT). The first network looks at the whole picture at many sizes and proposes; the others
look closer at what is left.
"""

from pathlib import Path
from typing import Any

from PIL import Image

from workers.providers.vision.graphs import Graph
from workers.providers.vision.overlaps import strongest
from workers.providers.vision.sessions import Runtime, open_session
from workers.providers.weights import read_arrays

EDGE = 960  # pixels of the longest edge looked at: more finds smaller faces, and takes longer
SMALLEST = 24  # pixels of a face in that
_CELL, _STRIDE, _FACTOR = 12, 2, 0.709
_LEAST = (0.6, 0.7, 0.9)  # of the three networks; the last takes textures for faces below that
_MOST_PROPOSED = 1500  # of a picture that is nothing but texture
_BATCH = 128


class Faces:
    def __init__(self, folder: str, runtime: Runtime) -> None:
        """`folder` holds pnet.lz4, rnet.lz4 and onet.lz4."""
        made = ((_proposing, "pnet"), (_refining, "rnet"), (_deciding, "onet"))
        self._propose, self._refine, self._decide = (
            open_session(make(read_arrays(Path(folder) / f"{name}.lz4")), runtime) for make, name in made
        )

    def __call__(self, picture: Image.Image) -> list[dict[str, Any]]:
        import numpy as np

        shrunk = min(1.0, EDGE / max(picture.size))
        size = (max(1, round(picture.width * shrunk)), max(1, round(picture.height * shrunk)))
        picture = picture.resize(size, Image.Resampling.BILINEAR) if size != picture.size else picture
        boxes = self._proposed(picture)
        boxes, _ = self._looked(self._refine, picture, boxes, 24, _LEAST[1], 0.7)
        boxes, scores = self._looked(self._decide, picture, boxes, 48, _LEAST[2], 0.7, of_smaller=True)
        whole = np.array([*size, *size])
        return [_told(box, float(score)) for box, score in zip(boxes / whole, scores, strict=True)]

    def _proposed(self, picture: Image.Image) -> Any:
        """Where there may be a face."""
        import numpy as np

        found, scores = [np.empty((0, 4))], [np.empty(0)]
        scale = _CELL / SMALLEST
        while min(picture.size) * scale >= _CELL:
            size = (max(_CELL, round(picture.width * scale)), max(_CELL, round(picture.height * scale)))
            shifts, faces = self._propose.run(None, {"x": _pixels(picture.resize(size, Image.Resampling.BILINEAR))})
            rows, columns = np.nonzero(faces[0, 1] > _LEAST[0])
            corner = np.stack([columns, rows, columns, rows], axis=1) * _STRIDE + np.array([0, 0, _CELL, _CELL])
            boxes = (corner + shifts[0][:, rows, columns].T * _CELL) / np.tile(
                [size[0] / picture.width, size[1] / picture.height], 2
            )
            sure = faces[0, 1][rows, columns]
            kept = strongest(boxes, sure, 0.5)[:_MOST_PROPOSED]
            found.append(boxes[kept])
            scores.append(sure[kept])
            scale *= _FACTOR
        boxes, sure = np.concatenate(found), np.concatenate(scores)
        return boxes[strongest(boxes, sure, 0.7)[:_MOST_PROPOSED]]

    def _looked(
        self, network: Any, picture: Image.Image, boxes: Any, edge: int, least: float, most: float, **how: bool
    ) -> tuple[Any, Any]:
        """Those of the boxes that a network takes for faces, put right, and how sure it is."""
        import numpy as np

        if not len(boxes):
            return boxes, np.empty(0)
        squares = _squares(boxes)
        shifts, scores = [], []
        for start in range(0, len(squares), _BATCH):
            cuts = [_pixels(_cut(picture, box, edge))[0] for box in squares[start : start + _BATCH]]
            shift, faces = network.run(None, {"x": np.stack(cuts)})
            shifts.append(shift)
            scores.append(faces[:, 1])
        sure = np.concatenate(scores)
        sizes = np.tile(squares[:, 2:] - squares[:, :2], 2)
        boxes = squares + np.concatenate(shifts) * sizes
        boxes, sure = boxes[sure > least], sure[sure > least]
        kept = strongest(boxes, sure, most, **how)
        return boxes[kept], sure[kept]


def _told(box: Any, score: float) -> dict[str, Any]:
    left, top, right, bottom = (min(1.0, max(0.0, float(part))) for part in box)
    return {"x": left, "y": top, "width": right - left, "height": bottom - top, "confidence": score, "label": "face"}


def _pixels(picture: Image.Image) -> Any:
    import numpy as np

    return ((np.asarray(picture, np.float32) - 127.5) / 128.0).transpose(2, 0, 1)[None]


def _squares(boxes: Any) -> Any:
    """The same boxes made square about their middles."""
    import numpy as np

    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def _cut(picture: Image.Image, box: Any, edge: int) -> Image.Image:
    """What a box covers, black where that is beyond the picture."""
    left, top, right, bottom = (float(part) for part in box)
    place = (
        max(1e-3, right - left) / edge, 0.0, left,
        0.0, max(1e-3, bottom - top) / edge, top,
    )  # fmt: skip
    return picture.transform((edge, edge), Image.Transform.AFFINE, place, Image.Resampling.BILINEAR)


# --- The networks; their weights come in Keras's order: height, width, in, out ---


class _Layers:
    """A graph, and the weights for it in the order of the layers."""

    def __init__(self, weights: list[Any]) -> None:
        self.graph, self._weights = Graph(), iter(weights)

    def convolution(self, value: str) -> str:
        kernel, bias = next(self._weights), next(self._weights)
        return self.graph.convolution(value, kernel.transpose(3, 2, 0, 1), bias)

    def dense(self, value: str) -> str:
        return self.graph.dense(value, next(self._weights), next(self._weights))

    def active(self, value: str) -> str:
        """A ramp with a slope of its own for each channel below zero."""
        slopes = next(self._weights).reshape(-1)
        return self.graph.node("PRelu", value, self.graph.weight(slopes))

    def active_map(self, value: str) -> str:
        slopes = next(self._weights).reshape(-1, 1, 1)
        return self.graph.node("PRelu", value, self.graph.weight(slopes))

    def pooled(self, value: str, edge: int, *, same: bool) -> str:
        padding = {"auto_pad": "SAME_UPPER"} if same else {}
        return self.graph.node("MaxPool", value, kernel_shape=[edge, edge], strides=[2, 2], **padding)

    def flat(self, value: str) -> str:
        """In the order that the weights were trained in: columns, rows, channels."""
        return self.graph.node("Flatten", self.graph.node("Transpose", value, perm=[0, 3, 2, 1]))


def _proposing(weights: list[Any]) -> bytes:
    net = _Layers(weights)
    value = net.pooled(net.active_map(net.convolution("x")), 2, same=True)
    value = net.active_map(net.convolution(net.active_map(net.convolution(value))))
    shifts = net.convolution(value)
    faces = net.graph.node("Softmax", net.convolution(value), axis=1)
    return net.graph.model((1, 3, "height", "width"), {"shifts": shifts, "faces": faces})


def _refining(weights: list[Any]) -> bytes:
    net = _Layers(weights)
    value = net.pooled(net.active_map(net.convolution("x")), 3, same=True)
    value = net.pooled(net.active_map(net.convolution(value)), 3, same=False)
    value = net.active(net.dense(net.flat(net.active_map(net.convolution(value)))))
    shifts = net.dense(value)
    return net.graph.model(("n", 3, 24, 24), {"shifts": shifts, "faces": _sure(net, value)})


def _deciding(weights: list[Any]) -> bytes:
    net = _Layers(weights)
    value = net.pooled(net.active_map(net.convolution("x")), 3, same=True)
    value = net.pooled(net.active_map(net.convolution(value)), 3, same=False)
    value = net.pooled(net.active_map(net.convolution(value)), 2, same=True)
    value = net.active(net.dense(net.flat(net.active_map(net.convolution(value)))))
    shifts = net.dense(value)
    net.dense(value)  # eyes, nose and mouth, which nobody asks for
    return net.graph.model(("n", 3, 48, 48), {"shifts": shifts, "faces": _sure(net, value)})


def _sure(net: _Layers, value: str) -> str:
    return net.graph.node("Softmax", net.dense(value), axis=1)
