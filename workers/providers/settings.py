"""How models run on this machine, by the environment. Raises ValueError naming the variable."""

import os

from workers.engine.limits import threads as ffmpeg_threads
from workers.engine.limits import whole_setting

DEVICES = ("auto", "cpu", "cuda")


def model_device() -> str:
    """MODEL_DEVICE: "cuda" or "cpu"; "auto" takes a GPU where one is seen."""
    asked = os.environ.get("MODEL_DEVICE", "").strip().lower() or "auto"
    if asked not in DEVICES:
        raise ValueError(f"MODEL_DEVICE must be one of {', '.join(DEVICES)}, not {asked!r}.")
    return asked


def model_threads() -> int:
    """MODEL_THREADS of one model, else this worker's share of the processors (FFMPEG_THREADS), else all of them."""
    return whole_setting("MODEL_THREADS", 0) or ffmpeg_threads() or os.cpu_count() or 1
