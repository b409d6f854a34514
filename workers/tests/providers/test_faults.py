"""Where a model, its process or its weights fail: whose fault that is, and that work goes on."""

import pickle
import shutil
import signal
import struct
from importlib import metadata
from pathlib import Path

import pytest

from workers.engine import host
from workers.engine.errors import EngineUnavailable, LimitExceeded, ModelFailed
from workers.engine.runner import Silent
from workers.providers import host as models
from workers.providers import operations
from workers.providers.vision.local import local_vision
from workers.tests.media import cornered

pytestmark = pytest.mark.xdist_group("vision")  # the models are loaded once


def objects(picture: Path):
    return local_vision().look([picture], looks=("objects",), report=Silent(), progress=lambda part: None)[0].objects


# --- The process ---


@pytest.fixture
def helper():
    """A helper that can be made to crash, whose faults are told as those of the process that holds models."""
    own = host.Host(faults=models._FAULTS)
    yield own
    own.end()


def test_a_crash_is_the_models_fault_and_the_next_file_is_served(helper):
    with pytest.raises(ModelFailed, match=r"^A model crashed at this file\.$"):
        helper.call("crash", {})
    assert helper.call("ping", {})


def test_a_process_that_is_killed_may_be_tried_again(helper):
    with pytest.raises(EngineUnavailable, match=r"^The process that holds models was killed from outside\.$"):
        helper.call("crash", {"number": signal.SIGKILL})
    assert helper.call("ping", {})


def test_a_model_that_is_too_slow_is_no_damaged_file(helper):
    helper.call("ping", {})  # a first request may take longer: it loads libraries
    with pytest.raises(LimitExceeded, match=r"^A model took longer than 0 seconds .* \(MODEL_TIMEOUT\)\.$"):
        helper.call("hang", {"seconds": 60}, timeout=0.2)


def test_a_sandbox_that_cannot_be_had_is_no_fault_of_a_file(helper, monkeypatch):
    monkeypatch.setattr(host, "helper_terms", lambda roots: {"files": False, "required": ["another kernel"]})
    with pytest.raises(EngineUnavailable, match=r"^The process that holds models does not start on this host\.$") as no:
        helper.call("ping", {})
    assert "SANDBOX requires another kernel" in no.value.log


def test_too_little_memory_names_its_setting(monkeypatch):
    def full(**args: object) -> None:
        raise MemoryError

    monkeypatch.setattr("workers.providers.vision.looking.look", full)
    with pytest.raises(ModelFailed, match="MODEL_ADDRESS_SPACE"):
        operations.OPERATIONS["vision.look"]()


# --- Models that operators name ---


def failing_detector(path: Path) -> Path:
    """An ONNX model that loads, and fails at every picture."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    shape = numpy_helper.from_array(np.array([1, 3, 7, 7], "int64"), "shape")
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "failing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_that_fails_at_a_picture_is_not_the_pictures_fault(vision, monkeypatch, tmp_path):
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(failing_detector(tmp_path / "failing.onnx")))
    cornered((64, 64)).save(tmp_path / "x.png")
    with pytest.raises(
        ModelFailed, match=r"^The model failing\.onnx that VISION_OBJECTS_MODEL names failed at a picture\.$"
    ) as failed:
        objects(tmp_path / "x.png")
    assert "Reshape" in failed.value.log


def model(path: Path, *inputs: tuple[str, str, list]) -> Path:
    """An ONNX model with those inputs (name, type, shape), that answers with the first."""
    from onnx import TensorProto, helper

    taken = [helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape) for name, kind, shape in inputs]
    answer = helper.make_tensor_value_info("y", getattr(TensorProto, inputs[0][1]), None)
    graph = helper.make_graph([helper.make_node("Identity", [inputs[0][0]], ["y"])], "wrong", taken, [answer])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


PICTURES = (
    "not one picture \\(floats of 1, 3, height, width or bytes of 1, height, width, 3; 4096 pixels an edge at most\\)"
)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([("x", "FLOAT", [1, 3, 64])], rf"it takes tensor\(float\) of \[1, 3, 64\], {PICTURES}"),
        ([("x", "FLOAT", [1, 64, 64, 3])], rf"it takes tensor\(float\) of \[1, 64, 64, 3\], {PICTURES}"),
        ([("x", "FLOAT", [16, 3, 64, 64])], rf"it takes tensor\(float\) of \[16, 3, 64, 64\], {PICTURES}"),
        ([("x", "FLOAT", [1, 3, 9999, 9999])], rf"it takes tensor\(float\) of \[1, 3, 9999, 9999\], {PICTURES}"),
        ([("x", "STRING", ["n"])], rf"it takes tensor\(string\) of \['n'\], {PICTURES}"),
        (
            [("pixels", "FLOAT", [1, 3, 64, 64]), ("mask", "FLOAT", [1])],
            "it takes pixels, mask, and not a picture alone",
        ),
    ],
)
def test_a_model_that_takes_no_picture_is_told_by_its_setting(vision, monkeypatch, tmp_path, inputs, told):
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(model(tmp_path / "own.onnx", *inputs)))
    cornered((64, 64)).save(tmp_path / "x.png")
    with pytest.raises(
        ModelFailed, match=rf"^The model own\.onnx that VISION_OBJECTS_MODEL names cannot be loaded: {told}\.$"
    ):
        objects(tmp_path / "x.png")


def test_a_model_whose_answer_is_no_boxes_is_told_by_its_setting(vision, monkeypatch, tmp_path):
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(model(tmp_path / "own.onnx", ("x", "FLOAT16", [1, 3, 64, 64]))))
    cornered((64, 64)).save(tmp_path / "x.png")
    told = r"own\.onnx that VISION_OBJECTS_MODEL names failed at a picture: its answer, of shape \[1, 3, 64, 64\],"
    with pytest.raises(ModelFailed, match=told):
        objects(tmp_path / "x.png")


def test_a_file_that_is_no_model_is_told_by_its_setting(vision, monkeypatch, tmp_path):
    (tmp_path / "own.onnx").write_bytes(b"\x08\x08" * 500)
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(tmp_path / "own.onnx"))
    cornered((64, 64)).save(tmp_path / "x.png")
    with pytest.raises(ModelFailed, match=r"own\.onnx that VISION_OBJECTS_MODEL names cannot be loaded: it is no ONNX"):
        objects(tmp_path / "x.png")


def test_a_model_that_is_replaced_is_loaded_anew(vision, detector, monkeypatch, tmp_path):
    model = tmp_path / "own.onnx"
    shutil.copy(detector, model)
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(model))
    cornered((64, 64)).save(tmp_path / "x.png")
    model.with_suffix(".txt").write_text("red\nblue\n")
    before = local_vision().model("objects").version
    assert {box.label for box in objects(tmp_path / "x.png")} == {"red", "blue"}
    failing_detector(model)
    assert local_vision().model("objects").version != before
    with pytest.raises(ModelFailed, match="failed at a picture"):
        objects(tmp_path / "x.png")


# --- Weights ---


def packed(path: Path, content: bytes) -> Path:
    frame = pytest.importorskip("lz4.frame")
    path.write_bytes(frame.compress(content))
    return path


def test_the_weights_of_faces_are_what_joblib_reads(vision):
    joblib, numpy = pytest.importorskip("joblib"), pytest.importorskip("numpy")
    from workers.providers.weights import read_arrays

    folder = Path(str(metadata.distribution("mtcnn").locate_file("mtcnn/assets/weights")))
    for name, count in (("pnet", 13), ("rnet", 16), ("onet", 21)):
        ours, theirs = read_arrays(folder / f"{name}.lz4"), joblib.load(folder / f"{name}.lz4")
        assert len(ours) == len(theirs) == count
        for own, other in zip(ours, theirs, strict=True):
            numpy.testing.assert_array_equal(own, other, strict=True)


def test_weights_of_faces_that_would_run_something_are_refused(tmp_path):
    from workers.providers.weights import read_arrays

    with pytest.raises(pickle.UnpicklingError, match=r"print is no part of a plain array"):
        read_arrays(packed(tmp_path / "call.lz4", pickle.dumps([print], 4)))


def test_weights_of_faces_that_hold_objects_are_refused(tmp_path):
    """joblib would unpickle them in turn."""
    joblib, numpy = pytest.importorskip("joblib"), pytest.importorskip("numpy")
    pytest.importorskip("lz4")
    from workers.providers.weights import read_arrays

    joblib.dump([numpy.array([print, None])], tmp_path / "objects.lz4", compress="lz4")
    with pytest.raises(pickle.UnpicklingError, match="O8 is no type of plain weights"):
        read_arrays(tmp_path / "objects.lz4")


def test_weights_of_faces_that_are_cut_short_are_refused(tmp_path):
    joblib, numpy = pytest.importorskip("joblib"), pytest.importorskip("numpy")
    frame = pytest.importorskip("lz4.frame")
    from workers.providers.weights import read_arrays

    joblib.dump([numpy.zeros(1000, "float32")], tmp_path / "whole.lz4", compress="lz4")
    whole = frame.decompress((tmp_path / "whole.lz4").read_bytes())
    with pytest.raises(ValueError, match="cut short"):
        read_arrays(packed(tmp_path / "short.lz4", whole[:3000]))


@pytest.mark.parametrize(("offset", "shape", "strides"), [(0, (5,), (1,)), (3, (2,), (1,)), (0, (2, 2), (9, 1)),
                                                          (-1, (2,), (1,)), (3, (2,), (-1,))])  # fmt: skip
def test_a_tensor_reaches_no_further_than_its_numbers(offset, shape, strides):
    pytest.importorskip("numpy")
    from workers.providers.weights import _Tensor

    tensor = _Tensor((None, "<f4", "0"), offset, shape, strides)
    with pytest.raises(ValueError, match="not there"):
        tensor.array(struct.pack("<4f", 1, 2, 3, 4))
    whole = _Tensor((None, "<f4", "0"), 0, (2, 2), (1, 2)).array(struct.pack("<4f", 1, 2, 3, 4))
    assert whole.tolist() == [[1, 3], [2, 4]]
