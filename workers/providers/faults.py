"""Whose fault it is when a model fails. Runs only in the process that holds models."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from workers.engine.errors import EngineUnavailable, MediaError, ModelFailed


@contextmanager
def at_fault(what: str) -> Iterator[None]:
    """Whatever a model's library raises is the model's fault: pictures and sound are the service's own. Raises
    ModelFailed with `what`, a sentence without its stop, and passes on what has a meaning of its own: what is the
    machine's, and MemoryError."""
    try:
        yield
    except ModelFailed as exc:
        raise ModelFailed(f"{what}: {exc.message}.", log=exc.log) from exc
    except (MediaError, EngineUnavailable, MemoryError, OSError):
        raise
    except Exception as exc:  # onnxruntime has exceptions of its own, CTranslate2 has any
        raise ModelFailed(f"{what}.", log=traceback.format_exc()) from exc
