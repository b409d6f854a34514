"""Graphs of TensorFlow.js as ONNX: a small one, reckoned by hand beside it."""

import base64
import json
from pathlib import Path

import pytest

from workers.engine.errors import ModelFailed
from workers.providers.vision.sessions import Runtime, open_session
from workers.providers.vision.tfjs import from_tfjs

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")


def text(word: str) -> str:
    return base64.b64encode(word.encode()).decode()


def node(name: str, op: str, *inputs: str, **attributes) -> dict:
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def convolved(name: str, op: str, *inputs: str, stride: int = 1, fused: tuple[str, ...] = ()) -> dict:
    told = {"strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}}, "padding": {"s": text("SAME")}}
    return node(name, op, *inputs, **told, fused_ops={"list": {"s": [text(word) for word in fused]}})


@pytest.fixture
def written(tmp_path):
    """written(nodes, weights): the path of a graph for pictures of 4 × 4."""

    def made(nodes: list[dict], **weights) -> Path:
        size = [{"size": str(side)} for side in (1, 4, 4, 3)]
        first = {"name": "images", "op": "Placeholder", "attr": {"shape": {"shape": {"dim": size}}}}
        constants = [node(name, "Const") for name in weights]
        told = [
            {"name": name, "shape": list(array.shape), "dtype": "float32" if array.dtype.kind == "f" else "int32",
             **({"quantization": {"dtype": "float16"}} if array.dtype == np.float16 else {})}
            for name, array in weights.items()
        ]  # fmt: skip
        (tmp_path / "weights.bin").write_bytes(b"".join(array.tobytes() for array in weights.values()))
        manifest = [{"paths": ["weights.bin"], "weights": told}]
        graph = {"modelTopology": {"node": [first, *constants, *nodes]}, "weightsManifest": manifest}
        (tmp_path / "graph.json").write_text(json.dumps(graph))
        return tmp_path / "graph.json"

    return made


def run(path: Path, picture, *outputs: str):
    session = open_session(from_tfjs(path, outputs), Runtime("cpu", 1))
    return session.run(None, {"x": picture})


def test_what_comes_out_is_what_the_graph_says(written):
    kernel = np.arange(6, dtype=np.float16).reshape(1, 1, 3, 2)  # height, width, in, out
    each = np.array([[[[2.0], [0.5]]]], dtype=np.float32)  # height, width, channel, 1
    path = written(
        [
            convolved("a", "_FusedConv2D", "images", "kernel", "bias", fused=("BiasAdd", "Relu")),
            convolved("b", "DepthwiseConv2dNative", "a", "each"),
            node("c", "Add", "b", "more"),
            node("d", "Relu6", "c"),
            node("mean", "Mean", "d", "axes", keep_dims={"b": True}),
            node("e", "Mul", "d", "mean"),
            node("large", "ResizeBilinear", "e", "size", half_pixel_centers={"b": False}),
            node("two", "ConcatV2", "d", "e", "axis"),
            node("out/sure", "Sigmoid", "two"),
            node("out/large", "Identity", "large"),
        ],
        kernel=kernel,
        bias=np.array([-10.0, 1.0], dtype=np.float32),
        each=each,
        more=np.array([0.25, -1.0], dtype=np.float32),
        axes=np.array([1, 2], dtype=np.int32),
        axis=np.array(3, dtype=np.int32),
        size=np.array([8, 8], dtype=np.int32),
    )
    picture = np.random.default_rng(5).random((1, 3, 4, 4), dtype=np.float32) * 3
    a = np.maximum(np.einsum("bchw,co->bohw", picture, kernel[0, 0].astype(np.float32)) + np.array([[[-10]], [[1]]]), 0)
    d = np.clip(a * np.array([[[2.0]], [[0.5]]]) + np.array([[[0.25]], [[-1.0]]]), 0, 6)
    e = d * d.mean(axis=(2, 3), keepdims=True)
    sure, large = run(path, picture, "out/sure", "out/large")
    assert sure == pytest.approx(1 / (1 + np.exp(-np.concatenate([d, e], axis=1))), abs=1e-5)
    assert large.shape == (1, 2, 8, 8)
    assert large[..., ::2, ::2] == pytest.approx(e, abs=1e-5)
    assert large[0, 0, 0, 1] == pytest.approx((e[0, 0, 0, 0] + e[0, 0, 0, 1]) / 2, abs=1e-5)


def test_same_padding_with_strides_is_tensorflows(written):
    """It adds more below and to the right than above."""
    path = written(
        [convolved("a", "Conv2D", "images", "kernel", stride=2)], kernel=np.ones((3, 3, 3, 1), dtype=np.float32)
    )
    (sums,) = run(path, np.ones((1, 3, 4, 4), dtype=np.float32), "a")
    assert sums[0, 0].tolist() == [[27.0, 18.0], [18.0, 12.0]]


@pytest.mark.parametrize("content", [b"{}", b"no json", b'{"modelTopology": {"node": []}, "weightsManifest": []}'])
def test_what_is_no_graph_is_a_clear_failure(tmp_path, content):
    (tmp_path / "graph.json").write_bytes(content)
    with pytest.raises(ModelFailed, match=r"TensorFlow\.js"):
        from_tfjs(tmp_path / "graph.json", ("out",))


def test_a_part_that_is_not_known_is_named(written):
    with pytest.raises(ModelFailed, match="Einsum"):
        from_tfjs(written([node("out", "Einsum", "images")]), ("out",))
