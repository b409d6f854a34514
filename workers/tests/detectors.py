"""A detector made on the spot: the boxes around what is red and what is blue, in the form that YOLOv8 answers in."""

from pathlib import Path

EDGE = 160


def make_detector(path: Path) -> Path:
    """An ONNX model at `path`, with its labels beside it. It takes floats of 0 to 1 and answers 1, 4 + 2, 64."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    def constant(value, kind="float32") -> str:
        constants.append(numpy_helper.from_array(np.array(value, kind), f"c{len(constants)}"))
        return constants[-1].name

    def node(op: str, *inputs: str, outputs: int = 1, **attributes) -> list[str]:
        names = [f"n{len(nodes)}.{number}" for number in range(outputs)]
        nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names

    channels = node("Split", "x", constant([1, 1, 1], "int64"), outputs=3, axis=1)
    columns = []
    for number, own in enumerate((0, 2)):
        (others,) = node("Max", *(channels[other] for other in range(3) if other != own))
        (more,) = node("Sub", channels[own], others)
        (there,) = node("Cast", *node("Greater", more, constant(0.4)), to=TensorProto.FLOAT)
        ends = []
        for axis in (3, 2):
            (line,) = node("ReduceMax", there, axes=[5 - axis], keepdims=1)
            (first,) = node("ArgMax", line, axis=axis)
            (last,) = node("ArgMax", line, axis=axis, select_last_index=1)
            ends += [node("Cast", first, to=TensorProto.FLOAT)[0], node("Cast", last, to=TensorProto.FLOAT)[0]]
        (width,), (height,) = (node("Add", *node("Sub", ends[at + 1], ends[at]), constant(1.0)) for at in (0, 2))
        middles = [
            node("Add", ends[at], *node("Div", side, constant(2.0)))[0] for at, side in ((0, width), (2, height))
        ]
        (score,) = node("Mul", *node("ReduceMax", there, keepdims=1), constant(0.9))
        (nothing,) = node("Mul", score, constant(0.0))
        scores = [score, nothing] if number == 0 else [nothing, score]
        rows = [node("Reshape", value, constant([1, 1, 1], "int64"))[0] for value in (*middles, width, height, *scores)]
        columns += node("Concat", *rows, axis=1)
    (both,) = node("Concat", *columns, axis=2)
    nodes.append(helper.make_node("Pad", [both, constant([0, 0, 0, 0, 0, 62], "int64")], ["output0"]))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, EDGE, EDGE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 6, 64])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    path.with_suffix(".txt").write_text("red thing\nblue thing\n")
    return path
