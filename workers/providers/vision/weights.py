"""Weights as PyTorch's first file format has them, read without PyTorch. Runs only in the process that holds models.

Such a file is a series of pickles (a magic number, a version, the machine's types, the tensors by name, the keys of
their storages) and then each storage: the count of its numbers in eight bytes, and the numbers. Only what names a plain
tensor is unpickled.
"""

import collections
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def read_weights(path: Path, part: str = "") -> dict[str, Any]:
    """Arrays by the names of the layers; `part` names the entry that holds them, where the file has more than those.
    Raises ValueError, pickle.UnpicklingError for what is no such file."""
    import numpy as np

    with path.open("rb") as file:
        if (_Tensors(file).load(), _Tensors(file).load()) != (_MAGIC, _VERSION):
            raise ValueError(f"{path.name} is no file of PyTorch's first format.")
        _Tensors(file).load()
        tensors = _Tensors(file)
        told = tensors.load()
        storages = dict.fromkeys(_Tensors(file).load(), b"")
        for key in storages:
            (count,) = struct.unpack("<q", file.read(8))
            storages[key] = file.read(count * np.dtype(tensors.types[key]).itemsize)
    named = told[part] if part else told
    return {name: tensor.array(storages[tensor.key]) for name, tensor in named.items()}


class _Tensor:
    def __init__(self, storage: tuple[Any, ...], offset: int, shape: tuple, strides: tuple, *_rest: Any) -> None:
        _, self.type, self.key, *_ = storage
        self.offset, self.shape, self.strides = offset, shape, strides

    def array(self, storage: bytes) -> Any:
        import numpy as np

        flat = np.frombuffer(storage, self.type)[self.offset :]
        steps = [step * flat.itemsize for step in self.strides]
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, self.shape, steps, writeable=False))


class _Tensors(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.types: dict[str, str] = {}  # of storages, by their keys

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a plain tensor.")

    def persistent_load(self, pid: Any) -> Any:
        self.types[pid[2]] = pid[1]
        return pid
