"""What the process that holds models does. Each operation takes JSON data; pictures and sound are given by their paths.

Models stay loaded between requests, by the arguments they were loaded with.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any


def load() -> None:
    """Nothing beforehand: each model is loaded with the first request that needs it."""
    # numpy's own threads wait for each other by spinning, which takes the cores from the models' threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _in(module: str, name: str) -> Callable[..., Any]:
    """The function of that name, looked for when it is needed: so nobody pays for what is not asked."""

    def run(**args: Any) -> Any:
        return getattr(import_module(module), name)(**args)

    return run


_HEARING, _VOICES = "workers.providers.speech.hearing", "workers.providers.speech.voices"

OPERATIONS: dict[str, Callable[..., Any]] = {
    "ping": lambda: os.getpid(),
    "speech.length": _in(_HEARING, "length"),
    "speech.detect": _in(_HEARING, "detect"),
    "speech.languages": _in(_HEARING, "languages"),
    "speech.hear": _in(_HEARING, "hear"),
    "speech.voices": _in(_VOICES, "voices"),
    "speech.alike": _in(_VOICES, "alike"),
    "vision.look": _in("workers.providers.vision.looking", "look"),
}
