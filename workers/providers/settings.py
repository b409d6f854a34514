"""How models run on this machine, by the environment. Raises ValueError naming the variable."""

import os

from workers.engine.limits import threads as ffmpeg_threads
from workers.engine.limits import whole_setting

DEVICES = ("auto", "cpu", "cuda", "rocm", "coreml", "openvino")


def model_device() -> str:
    """MODEL_DEVICE, one of DEVICES; "auto" takes an NVIDIA GPU where one can be used, else the processor."""
    asked = os.environ.get("MODEL_DEVICE", "").strip().lower() or "auto"
    if asked not in DEVICES:
        raise ValueError(f"MODEL_DEVICE must be one of {', '.join(DEVICES)}, not {asked!r}.")
    return asked


def speech_device() -> str:
    """The same for CTranslate2, which knows "auto", "cpu" and "cuda": it decides by itself about others."""
    device = model_device()
    return device if device in ("cpu", "cuda") else "auto"


def model_threads() -> int:
    """MODEL_THREADS of one model, else this worker's share of the processors (FFMPEG_THREADS), else all of them."""
    return whole_setting("MODEL_THREADS", 0) or ffmpeg_threads() or os.cpu_count() or 1
