"""The process that holds models: one beside each worker that needs it, apart from the helper that opens media. So
models are loaded once, work can be stopped at once, and a library that crashes or leaks costs no worker."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workers.engine import host
from workers.engine.confinement import Roots
from workers.engine.limits import model_limits
from workers.engine.runner import Stops

_HOST = host.lasting(host.Host(operations="workers.providers.operations", bounds=model_limits))
_reached: dict[Callable[[], Iterable[Path]], None] = {}  # in the order they came in


def _roots() -> Roots | None:
    """It reads what the media helper may write, and its models; it writes nothing."""
    media = host.roots()
    if media is None:
        return None
    return Roots(read=(*media.write, *sorted({str(path) for paths in _reached for path in paths()})))


_HOST.roots = _roots


def reach(paths: Callable[[], Iterable[Path]]) -> None:
    """Have it read these folders and files as well, asked anew at each call: models that are in no package."""
    _reached[paths] = None


def call(op: str, args: dict[str, Any], *, report: Stops | None = None, timeout: float | None = None) -> Any:
    """What an operation of workers.providers.operations gives. Raises MediaError, EngineUnavailable, Stopped."""
    return _HOST.call(op, args, report=report, timeout=timeout)


def end() -> None:
    """End the process; the next call loads the models anew."""
    _HOST.end()
