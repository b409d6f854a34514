"""Where models for pictures run: the device that is named, what a GPU that fails costs, and what is told of it."""

import pytest
from PIL import Image

from workers.engine.errors import EngineUnavailable, ModelFailed
from workers.providers import host
from workers.providers.vision import local, looking, sessions
from workers.providers.vision.local import local_vision
from workers.providers.vision.sessions import Runtime, device_used, open_session

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

NVIDIA = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
PICTURE = Image.new("RGB", (8, 8))
# This onnxruntime warns of a device that it was not built for, where one that was says nothing at all.
unbuilt = pytest.mark.filterwarnings("ignore:Specified provider:UserWarning")


def have(monkeypatch, names: list[str]) -> None:
    """As if onnxruntime were one that was built for those."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: names)


def small() -> bytes:
    from workers.providers.vision.graphs import Graph

    graph = Graph()
    return graph.model((1, 3, 8, 8), {"y": graph.node("Relu", "x")})


@pytest.mark.parametrize(
    ("device", "there", "used"),
    [
        ("auto", ["AzureExecutionProvider", "CPUExecutionProvider"], ""),
        ("auto", NVIDIA, "CUDAExecutionProvider"),
        ("auto", ["OpenVINOExecutionProvider", "CPUExecutionProvider"], ""),
        ("cpu", NVIDIA, ""),
        ("cuda", NVIDIA, "CUDAExecutionProvider"),
        ("rocm", ["MIGraphXExecutionProvider", "CPUExecutionProvider"], "MIGraphXExecutionProvider"),
        ("coreml", ["CoreMLExecutionProvider", "CPUExecutionProvider"], "CoreMLExecutionProvider"),
        ("openvino", ["OpenVINOExecutionProvider", "CPUExecutionProvider"], "OpenVINOExecutionProvider"),
    ],
)
def test_a_device_is_taken_where_this_onnxruntime_has_it(monkeypatch, device, there, used):
    have(monkeypatch, there)
    assert Runtime(device).gpu == used


def test_every_device_that_can_be_named_is_one_of_onnxruntimes():
    assert set(sessions._GPUS.values()) <= set(ort.get_all_providers())


def test_a_device_that_onnxruntime_was_not_built_for_is_told_by_its_setting(monkeypatch):
    have(monkeypatch, ["CPUExecutionProvider"])
    with pytest.raises(EngineUnavailable, match=r"^MODEL_DEVICE is rocm, but .* has no MIGraphXExecutionProvider\.$"):
        Runtime("rocm").gpu  # noqa: B018


@unbuilt
def test_a_gpu_whose_libraries_are_missing_is_done_without_and_refused_where_it_was_named(monkeypatch):
    """onnxruntime then gives a session of the processor alone, without a word."""
    have(monkeypatch, NVIDIA)
    assert open_session(small(), Runtime("auto")).get_providers() == ["CPUExecutionProvider"]
    with pytest.raises(EngineUnavailable, match=r"^MODEL_DEVICE is cuda, but it cannot be used on this host\.$") as no:
        open_session(small(), Runtime("cuda"))
    assert "libraries or a driver are missing" in no.value.log
    assert device_used("auto", 1) == {"device": "cpu", "trouble": ""}
    assert device_used("cuda", 1) == {
        "device": "",
        "trouble": "MODEL_DEVICE is cuda, but it cannot be used on this host.",
    }


@unbuilt
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_file_that_is_no_model_is_no_fault_of_the_gpu(monkeypatch, device):
    have(monkeypatch, NVIDIA)
    with pytest.raises(ModelFailed, match="no ONNX"):
        open_session(b"this is no model", Runtime(device))


@pytest.fixture
def full_gpu(monkeypatch) -> list[str]:
    """A model that has no memory on a GPU, and the devices it was loaded on."""
    loaded: list[str] = []

    class Model:
        def __init__(self, path: str, runtime: Runtime) -> None:
            loaded.append(runtime.device)
            self.device = runtime.device

        def __call__(self, picture: Image.Image) -> str:
            if self.device != "cpu":
                raise RuntimeError("Failed to allocate memory for requested buffer of size 4194304")
            return "seen"

    have(monkeypatch, NVIDIA)
    monkeypatch.setitem(looking._MODELS, "full", Model)
    monkeypatch.setattr(looking, "_loaded", {})
    monkeypatch.setattr(looking, "_without_gpu", {})
    return loaded


ASKED = {"": looking.Asked("full", "x", "1", "full")}


def test_what_a_gpu_has_no_room_for_the_processor_does_and_the_gpu_is_left_alone_for_a_while(full_gpu, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(looking.time, "monotonic", lambda: now)
    assert looking._looked("labels", PICTURE, ASKED, Runtime("auto")) == "seen"
    assert looking._looked("labels", PICTURE, ASKED, Runtime("auto")) == "seen"
    assert full_gpu == ["auto", "cpu"]
    now += looking.GPU_AGAIN + 1
    assert looking._looked("labels", PICTURE, ASKED, Runtime("auto")) == "seen"
    assert full_gpu == ["auto", "cpu", "auto"]


def test_a_gpu_that_was_named_and_has_no_room_is_this_hosts_fault(full_gpu):
    with pytest.raises(EngineUnavailable, match="MODEL_DEVICE is cuda") as no:
        looking._looked("labels", PICTURE, ASKED, Runtime("cuda"))
    assert "Failed to allocate memory" in no.value.log


def test_devices_are_those_of_the_gpu_that_is_meant(monkeypatch):
    there = {"nvidia*": ["nvidia0"], "kfd": ["kfd"], "dri/renderD*": ["dri/renderD128"]}
    monkeypatch.setattr(host.Path, "glob", lambda self, pattern: [self / name for name in there[pattern]])
    found = {}
    for device in ("auto", "cuda", "rocm", "openvino", "coreml", "cpu"):
        monkeypatch.setenv("MODEL_DEVICE", device)
        found[device] = host.gpu_devices()
    nvidia, amd, intel = ("/dev/nvidia0",), ("/dev/dri/renderD128", "/dev/kfd"), ("/dev/dri/renderD128",)
    assert found == {"auto": nvidia, "cuda": nvidia, "rocm": amd, "openvino": intel, "coreml": (), "cpu": ()}


def test_nothing_is_asked_of_a_host_without_a_gpu_and_what_is_missing_is_told_of_one_with(vision, monkeypatch):
    asked = []

    def call(op: str, args: dict) -> dict[str, str]:
        asked.append((op, args["device"]))
        return {"device": "cpu", "trouble": ""}

    monkeypatch.setattr(local.host, "call", call)
    monkeypatch.setattr(local.host, "gpu_devices", tuple)
    assert local_vision().device_used() == ("cpu", "")
    assert asked == []
    monkeypatch.setattr(local.host, "gpu_devices", lambda: ("/dev/nvidia0",))
    device, trouble = local_vision().device_used()
    assert (device, trouble.startswith("A GPU is here that onnxruntime cannot use")) == ("cpu", True)
    assert asked == [("vision.device", "auto")]


def test_the_process_that_holds_models_tells_what_it_computes_on(vision):
    assert host.call("vision.device", {"device": "cpu", "threads": 1}) == {"device": "cpu", "trouble": ""}
    told = host.call("vision.device", {"device": "rocm", "threads": 1})
    assert (told["device"], told["trouble"].startswith("MODEL_DEVICE is rocm")) == ("", True)
