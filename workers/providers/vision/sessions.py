"""ONNX models, loaded. Runs only in the process that holds models."""

from dataclasses import dataclass, replace
from typing import Any

from workers.engine.errors import EngineUnavailable, ModelFailed

# What computes in ONNX Runtime's words, by those of MODEL_DEVICE.
_GPUS = {
    "cuda": "CUDAExecutionProvider",
    "rocm": "MIGraphXExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
# Others than CUDA build a model anew for each size of picture that they meet: only who names them wants that.
_AUTO = "cuda"
# Pictures come in many sizes: what is best for one is not looked for by trying everything, and no memory is set aside.
_HOW = {"CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}}
_CPU = "CPUExecutionProvider"


@dataclass(frozen=True)
class Runtime:
    """Where models run: `device` is one of workers.providers.settings.DEVICES; `threads` 0 leaves their number to the
    library."""

    device: str = "auto"
    threads: int = 0

    @property
    def gpu(self) -> str:
        """What else than the processor computes, in ONNX Runtime's words; "" where nothing does. Raises
        EngineUnavailable where what is named is not in this onnxruntime."""
        import onnxruntime

        if self.device == "cpu":
            return ""
        wanted = _GPUS[_AUTO if self.device == "auto" else self.device]
        if wanted in onnxruntime.get_available_providers():
            return wanted
        if self.device == "auto":
            return ""
        raise EngineUnavailable(f"MODEL_DEVICE is {self.device}, but this host's onnxruntime has no {wanted}.")

    @property
    def insists(self) -> bool:
        """Whether it is that device or none."""
        return self.device != "auto"

    def on_cpu(self) -> "Runtime":
        return replace(self, device="cpu")


def open_session(model: str | bytes, runtime: Runtime) -> Any:
    """A session of the ONNX model at a path, or of its bytes. A GPU that cannot be used is done without, unless it was
    named. Raises ModelFailed whose message is the end of a sentence (workers.providers.vision.looking begins it),
    EngineUnavailable."""
    gpu = runtime.gpu
    if not gpu:
        return _session(model, runtime, [])
    trouble = "it was left out: libraries or a driver are missing"  # of which onnxruntime says nothing
    try:
        session = _session(model, runtime, [(gpu, _HOW.get(gpu, {}))])
        if session.get_providers()[0] == gpu:
            return session
    except ModelFailed as exc:
        trouble = exc.log
    session = _session(model, runtime, [])  # fails where the model is at fault
    if runtime.insists:
        raise unusable(runtime, trouble)
    return session


def unusable(runtime: Runtime, log: str) -> EngineUnavailable:
    """That the device which was named does not work."""
    return EngineUnavailable(f"MODEL_DEVICE is {runtime.device}, but it cannot be used on this host.", log=log)


def device_used(device: str, threads: int) -> dict[str, str]:
    """{"device": what computes here, found out by loading a small model, "trouble": why it is not the one that is
    named}."""
    from workers.providers.vision.graphs import Graph

    graph = Graph()
    small = graph.model((1, 3, 8, 8), {"y": graph.node("Relu", "x")})
    try:
        used = open_session(small, Runtime(device, threads)).get_providers()[0]
    except (EngineUnavailable, ModelFailed) as exc:
        return {"device": "", "trouble": str(exc)}
    return {"device": next((name for name, called in _GPUS.items() if called == used), "cpu"), "trouble": ""}


def _session(model: str | bytes, runtime: Runtime, gpus: list[tuple[str, dict[str, str]]]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = runtime.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    # Arenas keep the most that any picture needed; what is asked for here differs with each.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    try:
        # Falling back is ours: onnxruntime's own says so on standard output only, and also where a GPU was named.
        return onnxruntime.InferenceSession(
            model, sess_options=options, providers=[*gpus, (_CPU, {})], disable_fallback=True
        )
    except Exception as exc:  # of many kinds, all of onnxruntime's own
        if gpus or type(exc).__module__.startswith("onnxruntime"):
            raise ModelFailed("it is no ONNX that onnxruntime reads", log=repr(exc)) from exc
        raise
