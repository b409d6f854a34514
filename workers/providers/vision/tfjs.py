"""Networks as TensorFlow.js has them (a graph as JSON, its weights beside it), as ONNX. Runs only in the process that
holds models.

Values go through in the order 1, channels, height, width. Only what detectors for small devices are made of is known.
"""

import base64
import json
from pathlib import Path
from typing import Any

from workers.engine.errors import ModelFailed
from workers.providers.vision.graphs import Graph

MOST = 256 * 1024**2  # bytes of weights
_PLAIN = {"Relu": "Relu", "Sigmoid": "Sigmoid", "Identity": "Identity"}
_PAIRED = {"Add": "Add", "AddV2": "Add", "Mul": "Mul", "Sub": "Sub"}


def from_tfjs(path: Path, outputs: tuple[str, ...]) -> bytes:
    """The ONNX model of a graph's named nodes, told under the last part of their names; its input is `x`. Raises
    ModelFailed."""
    try:
        told = json.loads(path.read_bytes())
        nodes = {node["name"]: node for node in told["modelTopology"]["node"]}
        return _Network(nodes, _weights(path, told["weightsManifest"])).model(outputs)
    except (KeyError, ValueError, OSError, IndexError) as exc:
        raise ModelFailed("it is no graph of TensorFlow.js that is known", log=repr(exc)) from exc


def _weights(path: Path, manifest: list[dict[str, Any]]) -> dict[str, Any]:
    import numpy as np

    found = {}
    for group in manifest:
        data = b"".join((path.parent / Path(name).name).read_bytes()[:MOST] for name in group["paths"])
        place = 0
        for item in group["weights"]:
            stored = item.get("quantization", {}).get("dtype", item["dtype"])
            kind = np.dtype({"float32": "<f4", "float16": "<f2", "int32": "<i4"}[stored])
            count = int(np.prod(item["shape"], dtype=np.int64))
            array = np.frombuffer(data, kind, count, place).reshape(item["shape"])
            found[item["name"]] = array.astype(item["dtype"])
            place += count * kind.itemsize
    return found


class _Network:
    def __init__(self, nodes: dict[str, Any], weights: dict[str, Any]) -> None:
        self._nodes, self._weights = nodes, weights
        self._graph = Graph()
        self._values: dict[str, str] = {}
        self._shape: tuple[int | str, ...] = ()

    def model(self, outputs: tuple[str, ...]) -> bytes:
        told = {name.rpartition("/")[2]: self._value(name) for name in outputs}
        return self._graph.model(self._shape, told)

    def _value(self, name: str) -> str:
        """Nodes come after what they are made of; chains are too long for calls within calls."""
        waiting = [name]
        while waiting:
            now = waiting[-1]
            missing = [item for item in self._nodes[now].get("input", ()) if item not in self._values]
            missing = [item for item in missing if self._nodes[item]["op"] != "Const"]
            if now in self._values or not missing:
                self._values.setdefault(now, self._made(self._nodes[now]))
                waiting.pop()
            else:
                waiting += missing
        return self._values[name]

    def _made(self, node: dict[str, Any]) -> str:
        op, inputs, graph = node["op"], node.get("input", []), self._graph
        if op == "Placeholder":
            height, width = (int(side["size"]) for side in node["attr"]["shape"]["shape"]["dim"][1:3])
            self._shape = (1, 3, height, width)
            return "x"
        if op in _PLAIN:
            return graph.node(_PLAIN[op], self._values[inputs[0]])
        if op == "Relu6":
            return graph.clipped(self._values[inputs[0]], 0.0, 6.0)
        if op in _PAIRED:
            return graph.node(_PAIRED[op], *(self._either(item) for item in inputs))
        if "Conv2" in op:
            return self._convolution(node, depthwise="Depthwise" in op)
        if op == "Mean":
            return graph.node("ReduceMean", self._values[inputs[0]], axes=[2, 3], keepdims=1)
        if op == "ConcatV2":
            return graph.node("Concat", *(self._values[item] for item in inputs[:-1]), axis=1)
        if op == "ResizeBilinear":
            return self._resized(node)
        raise ModelFailed(f"it has a part that is not known here, {op}")

    def _either(self, name: str) -> str:
        """A value, or weights for each channel or for all."""
        if name in self._values:
            return self._values[name]
        array = self._weights[name]
        return self._graph.weight(array.reshape(-1, 1, 1) if array.ndim == 1 else array)

    def _convolution(self, node: dict[str, Any], *, depthwise: bool) -> str:
        import numpy as np

        value, kernel = node["input"][0], self._weights[node["input"][1]]  # height, width, in, out
        kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
        groups = kernel.shape[0] if depthwise else 1
        kernel = kernel.reshape(-1, 1, *kernel.shape[2:]) if depthwise else kernel
        bias = self._weights[node["input"][2]].reshape(-1) if len(node["input"]) > 2 else np.zeros(len(kernel))
        strides = [int(step) for step in node["attr"]["strides"]["list"]["i"][1:3]]
        pads = {"SAME": "SAME_UPPER", "VALID": "VALID"}[_text(node["attr"]["padding"]["s"])]
        made = self._graph.convolution(self._values[value], kernel, bias, strides=strides, group=groups, auto_pad=pads)
        for fused in node["attr"].get("fused_ops", {}).get("list", {}).get("s", ()):
            made = {"BiasAdd": lambda made: made, "Relu": lambda made: self._graph.node("Relu", made),
                    "Relu6": lambda made: self._graph.clipped(made, 0.0, 6.0)}[_text(fused)](made)  # fmt: skip
        return made

    def _resized(self, node: dict[str, Any]) -> str:
        import numpy as np

        height, width = (int(side) for side in self._weights[node["input"][1]])
        mode = "half_pixel" if node["attr"].get("half_pixel_centers", {}).get("b") else "asymmetric"
        like = self._graph.node("Shape", self._values[node["input"][0]], end=2)
        size = self._graph.node("Concat", like, self._graph.weight(np.array([height, width]), "int64"), axis=0)
        nothing = self._graph.weight(np.zeros(0))
        return self._graph.node("Resize", self._values[node["input"][0]], nothing, nothing, size, mode="linear",
                                coordinate_transformation_mode=mode)  # fmt: skip


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("ascii")
