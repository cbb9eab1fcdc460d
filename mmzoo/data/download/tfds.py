"""tfds records as NumPy arrays, from the user's data folder or prepared by tfds."""

import contextlib
import functools
import importlib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import absl.logging
import numpy as np

from mmzoo.data.download.archive import data_dirs
from mmzoo.errors import BadInputError

MNIST_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz"
TIMEOUT = 10  # seconds


@functools.lru_cache(maxsize=3)
def mnist(split: str, data_dir: str | Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Load MNIST: uint8 images `(N, 28, 28, 1)`, white on black, and int32 labels.

    Examples are in the order of tfds' records. `train` is the first 55,000 training images, `validation` the last
    5,000, `test` the 10,000 test images. The arrays are read-only and cached.
    """
    import tensorflow_datasets as tfds

    def prepare(builder: Any) -> None:
        # without a connection, tfds would retry for minutes
        urllib.request.urlopen(MNIST_URL, timeout=TIMEOUT).close()
        builder.download_and_prepare()

    part = {"train": "train[:55000]", "validation": "train[55000:]", "test": "test"}[split]
    with _read("mnist", lambda place: tfds.builder("mnist", data_dir=place), prepare, data_dir) as builder:
        records = tfds.as_numpy(builder.as_dataset(split=part, batch_size=-1))
    images, labels = records["image"], records["label"].astype("int32")
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


@functools.lru_cache(maxsize=3)
def fsdd(split: str, data_dir: str | Path | None) -> tuple[dict[str, Any], ...]:
    """List the records of the Free Spoken Digit Dataset, cached.

    See `builders.fsdd`. `+` joins splits.
    """
    import tensorflow_datasets as tfds

    with read_archive("fsdd", data_dir) as builder:
        records = list(tfds.as_numpy(builder.as_dataset(split=split)))
    return tuple(sorted(records, key=lambda row: (row["label"], row["speaker"], row["recording"])))


def read_archive(name: str, data_dir: str | Path | None) -> AbstractContextManager[Any]:
    """Open the builder `name` of `mmzoo.data.builders`, from a pinned archive.

    Returns a context manager of the builder.

    Raises:
        BadInputError: see `_read`.
    """
    import tensorflow_datasets as tfds

    importlib.import_module(f"mmzoo.data.builders.{name}")  # registers the builder
    kind = tfds.builder_cls(name)

    def prepare(builder: Any) -> None:
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))

    return _read(name, lambda place: kind(data_dir=place, archive_dir=data_dir), prepare, data_dir)


@contextlib.contextmanager
def _read(
    name: str, builder_in: Callable[[Path | None], Any], prepare: Callable[[Any], None], data_dir: str | Path | None
) -> Iterator[Any]:
    """Yield a builder with records available.

    Records are in `place/tfds` or `place` of a data folder, or prepared in tfds' own folder. Existing ones may be
    read-only.

    Raises:
        BadInputError: the records cannot be prepared, or are damaged.
    """
    absl.logging.set_verbosity(absl.logging.ERROR)  # tfds warns of remains of an attempt without a connection
    places = [place / folder for place in data_dirs(data_dir) for folder in ("tfds", ".")]
    found = next((place for place in places if (place / name).is_dir()), None)
    where = found / name if found else f"{name} (not in `data_dir` or MMZOO_DATA_DIR)"
    try:
        builder = builder_in(found)
        if not found and not builder.is_prepared():
            prepare(builder)
        yield builder
    except BadInputError:
        raise
    except Exception as error:  # tfds, TensorFlow, the connection and the disk raise different types
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise BadInputError(f"{where}: expected readable records, or to prepare them. Received: {reason}") from None
