"""Networks as ONNX graphs, for weights that come without one. Runs only in the process that holds models."""

from typing import Any

_OPSET, _IR = 17, 8


class Graph:
    """A network put together layer by layer; each method takes the name of a value and gives that of the next."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def weight(self, array: Any, kind: str = "float32") -> str:
        from onnx import numpy_helper

        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(array.astype(kind), name))
        return name

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def convolution(self, value: str, kernel: Any, bias: Any, **attributes: Any) -> str:
        """`kernel` in the order out, in, height, width."""
        shape = list(kernel.shape[2:])
        return self.node("Conv", value, self.weight(kernel), self.weight(bias), kernel_shape=shape, **attributes)

    def dense(self, value: str, kernel: Any, bias: Any) -> str:
        """`kernel` in the order in, out."""
        return self.node("Gemm", value, self.weight(kernel), self.weight(bias))

    def clipped(self, value: str, low: float, high: float) -> str:
        import numpy as np

        return self.node("Clip", value, self.weight(np.array(low)), self.weight(np.array(high)))

    def model(self, shape: tuple[int | str, ...], outputs: dict[str, str]) -> bytes:
        """The whole of it, whose input is `x` of that shape; `outputs` are values by the names they go out under."""
        from onnx import TensorProto, helper

        nodes = [*self._nodes, *(helper.make_node("Identity", [value], [name]) for name, value in outputs.items())]
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        return bytes(model.SerializeToString())
