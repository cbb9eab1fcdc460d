"""Archives (.npz, .keras) of bounded size: what their members declare is checked before they are unpacked."""

import math
import zipfile
from pathlib import Path

import numpy as np

LARGEST = 2 << 30  # bytes of all members together, unpacked


def check_archive(path: str | Path, largest: int = LARGEST) -> None:
    """Check that the members of a zip archive have at most `largest` bytes together, unpacked.

    Reading a member ends at the size that it declares.

    Raises:
        ValueError: they have more, or the file is no zip archive.
    """
    try:
        with zipfile.ZipFile(path) as file:
            size = sum(info.file_size for info in file.infolist())
    except Exception as error:  # of many kinds, in a damaged archive
        raise _wrong(path, "a whole zip archive", error) from None
    if size > largest:
        raise ValueError(f"{path}: expected at most {largest:,} bytes, unpacked. Received: {size:,}")


def read_npz(path: str | Path, largest: int = LARGEST) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz file, `{name: array}`, without pickled objects.

    Raises:
        ValueError: the file cannot be read, is damaged, has more than `largest` bytes unpacked, or the shape of an
            array is not of the size of its member.
    """
    check_archive(path, largest)
    try:
        with zipfile.ZipFile(path) as file:
            for info in file.infolist():
                _check_member(file, info)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:
        raise _wrong(path, "a whole .npz file", error) from None


def _check_member(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Check that a member has the bytes of the array in its header: NumPy allocates them before it reads."""
    with file.open(info) as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(member)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or member.tell() + size != info.file_size:
            raise ValueError(f"{info.filename}, {dtype} of shape {str(shape)[:80]} in {info.file_size} bytes")


def _wrong(path: str | Path, expected: str, error: Exception) -> ValueError:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200] or type(error).__name__
    return ValueError(f"{path}: expected {expected}. Received: {reason}")
