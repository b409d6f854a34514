"""What the process that holds models does. Each operation takes JSON data; pictures and sound are given by their paths.

Models stay loaded between requests, by the arguments they were loaded with.
"""

import os
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

from workers.engine.errors import EngineUnavailable, MediaError, ModelFailed

NO_MEMORY = "The model needs more memory than it may have (MODEL_ADDRESS_SPACE)."


def load() -> None:
    """Nothing beforehand: each model is loaded with the first request that needs it."""
    # numpy's own threads wait for each other by spinning, which takes the cores from the models' threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _in(module: str, name: str) -> Callable[..., Any]:
    """The function of that name, looked for when it is needed: so nobody pays for what is not asked.

    Pictures and sound come here as the service's own JPEGs and WAVs: whatever else is raised is no file's fault.
    """

    def run(**args: Any) -> Any:
        try:
            return getattr(import_module(module), name)(**args)
        except (MediaError, EngineUnavailable, OSError):
            raise
        except MemoryError as exc:
            raise ModelFailed(NO_MEMORY, log=traceback.format_exc()) from exc
        except Exception as exc:
            raise ModelFailed("A model failed at this file.", log=traceback.format_exc()) from exc

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
    "vision.device": _in("workers.providers.vision.sessions", "device_used"),
    "vision.look": _in("workers.providers.vision.looking", "look"),
}
