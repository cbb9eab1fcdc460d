"""tfds records as NumPy arrays: those already in the user's data folder, else prepared in tfds' own."""

from mmzoo import BadInputError
from mmzoo.data.archive import data_dirs


def mnist(split, data_dir):
    """Load MNIST: uint8 `(N, 28, 28, 1)` white on black, and int32 labels, in the order of tfds' records.

    `train` is the first 55,000 training pictures, `validation` the last 5,000, `test` the 10,000 of the
    test set.
    """
    import tensorflow_datasets as tfds

    part = {"train": "train[:55000]", "validation": "train[55000:]", "test": "test"}[split]
    records = _load(
        "mnist", lambda place: tfds.builder("mnist", data_dir=place), part, data_dir, batch_size=-1
    )
    return records["image"], records["label"].astype("int32")


def fsdd(split, data_dir):
    """List the records of the Free Spoken Digit Dataset, see `fsdd.Fsdd`; `+` joins splits."""
    from mmzoo.data.datasets.fsdd import Fsdd  # registers the builder

    return list(_load("fsdd", lambda place: Fsdd(data_dir=place, archive_dir=data_dir), split, data_dir))


def _load(name, builder_in, split, data_dir, batch_size=None):
    """Records found in `place/tfds` or `place` of the user's folders need no preparing, and may be read-only.

    Raises BadInputError where they can be neither found nor prepared, or are damaged.
    """
    import tensorflow_datasets as tfds

    places = [place / folder for place in data_dirs(data_dir) for folder in ("tfds", ".")]
    found = next((place for place in places if (place / name).is_dir()), None)
    try:
        builder = builder_in(found)
        if found is None:
            builder.download_and_prepare()
        return tfds.as_numpy(builder.as_dataset(split=split, batch_size=batch_size))
    except BadInputError:
        raise
    except Exception as error:  # tfds, TensorFlow, requests and the disk each have their own
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        where = found / name if found else f"{name} in --data-dir or MMZOO_DATA_DIR, or to download it"
        raise BadInputError(f"expected to read {where}. Received: {reason}") from None
