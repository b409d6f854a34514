"""The process that holds models: one beside each worker that needs it, apart from the helper that opens media. So
models are loaded once, work can be stopped at once, and a library that crashes or leaks costs no worker."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from workers.engine import host
from workers.engine.confinement import Roots
from workers.engine.errors import ModelFailed
from workers.engine.limits import PictureLimits, model_limits
from workers.engine.runner import Stops
from workers.providers.settings import model_device

_UNBOUNDED = 2**50  # bytes; more than there is

_FAULTS = host.Faults(
    "The process that holds models",
    "A model took longer than {seconds:.0f} seconds over one part of the work (MODEL_TIMEOUT).",
    "A model crashed at this file.",
    ModelFailed,
)
_HOST = host.lasting(host.Host(operations="workers.providers.operations", bounds=lambda: _bounds(), faults=_FAULTS))
_reached: dict[Callable[[], Iterable[Path]], None] = {}  # in the order they came in


def _roots() -> Roots | None:
    """It reads what the media helper may write, and its models; it writes nothing."""
    media = host.roots()
    if media is None:
        return None
    read = (*media.write, *sorted({str(path) for paths in _reached for path in paths()}))
    devices = gpu_devices()
    return Roots(read=(*read, *(_ABOUT_GPUS if devices else ())), devices=devices)


# What their libraries ask of the machine before they use a device.
_ABOUT_GPUS = (
    *("/proc/driver/nvidia", "/proc/devices", "/sys/bus/pci", "/sys/devices", "/sys/module/nvidia"),
    *("/sys/class/kfd", "/sys/class/drm", "/sys/dev/char"),
)
_DEVICES = {"auto": ("nvidia*",), "cuda": ("nvidia*",), "rocm": ("kfd", "dri/renderD*"), "openvino": ("dri/renderD*",)}


def gpu_devices() -> tuple[str, ...]:
    """The devices of the GPU that MODEL_DEVICE means; none with MODEL_DEVICE=cpu. Raises ValueError."""
    found = (path for pattern in _DEVICES.get(model_device(), ()) for path in Path("/dev").glob(pattern))
    return tuple(sorted(str(path) for path in found))


def _bounds() -> PictureLimits:
    """As model_limits; no bound of the address space where a GPU is used, as CUDA maps all of its memory and more."""
    limits = model_limits()
    return replace(limits, memory=_UNBOUNDED) if gpu_devices() else limits


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
