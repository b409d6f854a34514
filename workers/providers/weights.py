"""Weights as PyTorch's first file format and joblib have them, read without either. Runs only in the process that holds
models.

Both are pickles, which may name any code at all: only what names a plain array is unpickled here, and only numbers are
read beside it.

PyTorch's file is a series of pickles (a magic number, a version, the machine's types, the tensors by name, the keys of
their storages) and then each storage: the count of its numbers in eight bytes, and the numbers. In joblib's, each
array's numbers stand in the middle of the pickle, behind the record of its type and shape, a byte that counts those of
padding, and the padding.
"""

import collections
import math
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
MOST = 256 * 1024**2  # bytes of one array or storage


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
            storages[key] = _numbers(file, count * np.dtype(tensors.types[key]).itemsize)
    named = told[part] if part else told
    return {name: tensor.array(storages[tensor.key]) for name, tensor in named.items()}


def read_arrays(path: Path) -> Any:
    """What joblib.dump wrote into a file compressed by LZ4: arrays of 32 bit floats in lists and the like. Raises
    ValueError, pickle.UnpicklingError for what is no such file."""
    import lz4.frame

    with lz4.frame.open(path, "rb") as file:
        return _Arrays(file).load()


def _numbers(file: BinaryIO, size: int) -> bytes:
    if not 0 <= size <= MOST:
        raise ValueError("The weights are larger than any that are known.")
    data = file.read(size)
    if len(data) < size:
        raise ValueError("The weights are cut short.")
    return data


class _Tensor:
    def __init__(self, storage: tuple[Any, ...], offset: int, shape: tuple, strides: tuple, *_rest: Any) -> None:
        _, self.type, self.key, *_ = storage
        self.offset, self.shape, self.strides = offset, shape, strides

    def array(self, storage: bytes) -> Any:
        import numpy as np

        flat = np.frombuffer(storage, self.type)
        last = self.offset + sum((count - 1) * step for count, step in zip(self.shape, self.strides, strict=True))
        # numpy takes any steps, and reads beyond the storage by them.
        if min((self.offset, *self.shape, *self.strides)) < 0 or (math.prod(self.shape) and last >= len(flat)):
            raise ValueError("The weights name numbers that are not there.")
        flat = flat[self.offset :]
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


class _Float:
    """In place of numpy's type, which would take any."""

    def __init__(self, name: str, *_rest: Any) -> None:
        if name != "f4":
            raise pickle.UnpicklingError(f"{name} is no type of plain weights.")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] != "<":
            raise pickle.UnpicklingError("The weights are of another order of bytes.")


class _Array:
    """In place of joblib's record of an array."""

    shape: tuple[int, ...]
    order: str
    numpy_array_alignment_bytes: int | None = None

    def read(self, file: BinaryIO) -> Any:
        import numpy as np

        if self.numpy_array_alignment_bytes is not None:
            file.read(file.read(1)[0])
        flat = np.frombuffer(_numbers(file, 4 * math.prod(self.shape)), "<f4")
        return flat.reshape(self.shape, order="F" if self.order == "F" else "C")


_InPython: Any = pickle._Unpickler  # the one in C reads ahead, over the numbers


class _Arrays(_InPython):
    dispatch = dict(_InPython.dispatch)

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._numbers = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Array
        if (module, name) == ("numpy", "ndarray"):
            return None  # the record names it, and nothing is made of it
        if (module, name) == ("numpy", "dtype"):
            return _Float
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a plain array.")

    def load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _Array):
            self.stack[-1] = self.stack[-1].read(self._numbers)

    dispatch[pickle.BUILD[0]] = load_build
