"""ONNX models, loaded. Runs only in the process that holds models."""

from dataclasses import dataclass
from typing import Any

from workers.engine.errors import EngineUnavailable, ModelFailed


@dataclass(frozen=True)
class Runtime:
    """Where models run: `device` is "auto", "cpu" or "cuda"; `threads` 0 leaves their number to the library."""

    device: str = "auto"
    threads: int = 0

    def providers(self) -> list[str]:
        """ONNX Runtime's names for what computes, the first that can. Raises EngineUnavailable."""
        import onnxruntime

        has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
        if self.device == "cuda" and not has_cuda:
            raise EngineUnavailable("MODEL_DEVICE is cuda, but this host's onnxruntime has no CUDA.")
        return ["CUDAExecutionProvider"] * (self.device != "cpu" and has_cuda) + ["CPUExecutionProvider"]


def open_session(model: str | bytes, runtime: Runtime) -> Any:
    """A session of the ONNX model at a path, or of its bytes. Raises ModelFailed, EngineUnavailable."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = runtime.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    # Arenas keep the most that any picture needed; what is asked for here differs with each.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(model, sess_options=options, providers=runtime.providers())
    except Exception as exc:  # of many kinds, all of onnxruntime's own
        if type(exc).__module__.startswith("onnxruntime"):
            raise ModelFailed(
                "The model cannot be loaded: it is no ONNX that onnxruntime reads.", log=repr(exc)
            ) from exc
        raise
