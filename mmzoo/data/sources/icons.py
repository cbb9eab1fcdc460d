"""Icons as `Described`: Lucide, drawn in lines, and FxEmojis, pictograms in color; asked for by their names.

A hash of its drawing puts an icon into a split: 70 % training, 10 % validation, 20 % test. No picture is
in two splits, but relatives are: `file-plus` may be for training and `file-x` to test.
"""

import functools
import io
import itertools

import numpy as np

from mmzoo.data.batches.image_text import Described, encode_ways, split_of
from mmzoo.data.download.archive import read_arrays
from mmzoo.data.download.tfds import read_archive
from mmzoo.errors import BadInputError

CARDS = {
    "lucide": {
        "name": "Lucide icons, split by what they look like",
        "version": "33a44aa",
        "license": "ISC",
        "weights_license": "ISC",
    },
    "fxemoji": {
        "name": "FxEmojis by the Mozilla Foundation, split by what they look like",
        "version": "270af34",
        "license": "CC-BY-4.0",
        "weights_license": "CC-BY-4.0",
    },
}
IMAGE = 48  # pixels
LENGTH = 64  # bytes of a description
WAYS = 16  # in which an icon is described
SAID = 8  # tags and categories in a description, at most
FILE = "fxemoji_64.npz"
FOLDER = "arrays/fxemoji"
SOURCE = (
    "svgs/ of github.com/mozilla/fxemoji at 270af34 as arrays jpg (bytes of 64x64 pictures one after another, uint8), "
    "jpg_off (N + 1,), name, short and category (N,) of strings, saved with numpy.savez"
)


@functools.lru_cache(maxsize=3)
def lucide(split, data_dir):
    """Load `train` (70 % of 1,776 icons), `validation` (10 %) or `test` (20 %) as `Described`.

    The name is asked for; training also sees tags and categories, in any order, of which some are left out.

    Raises:
        BadInputError: the archive can neither be found in `data_dir` or MMZOO_DATA_DIR nor downloaded, or is damaged.
    """
    import tensorflow_datasets as tfds

    with read_archive("lucide", data_dir) as builder:
        records = sorted(tfds.as_numpy(builder.as_dataset(split=split)), key=lambda record: record["name"])
    drawn = list(dict.fromkeys(record["svg"] for record in records))
    images = np.stack([np.repeat(record["image"], 3, axis=-1) for record in records])
    names = [record["name"].decode().replace("-", " ") for record in records]
    tags, categories = (
        [[word.decode().lower() for word in record[key]] for record in records] for key in ("tags", "categories")
    )
    known = [[*some, *more] for some, more in zip(tags, categories, strict=True)]
    ids = np.array([drawn.index(record["svg"]) for record in records], np.int32)
    said = tuple(", ".join(words) for words in tags)
    return Described(images, encode_ways(_ways(names, known), LENGTH), ids, said, lines=True)


@functools.lru_cache(maxsize=3)
def fxemoji(split, data_dir):
    """Load `train` (70 % of 1,026 pictograms), `validation` (10 %) or `test` (20 %) as `Described`.

    The name in Unicode is asked for; training also sees the designer's name and the category.

    Raises:
        BadInputError: the file is in neither `data_dir` nor MMZOO_DATA_DIR, damaged, or of other arrays.
    """
    jpegs, names, shorts, categories = _fxemoji(data_dir)
    mine = [i for i, jpeg in enumerate(jpegs) if split_of(jpeg) == split]
    drawn = list(dict.fromkeys(jpegs[i] for i in mine))
    ids = np.array([drawn.index(jpegs[i]) for i in mine], np.int32)
    known = [[shorts[i], categories[i]] for i in mine]
    ways = encode_ways(_ways([names[i] for i in mine], known), LENGTH)
    images = np.stack([_decode(jpegs[i], names[i]) for i in mine])
    return Described(images, ways, ids, tuple(", ".join(words) for words in known))


def _ways(names, known):
    """Return `WAYS` descriptions of each icon: its name, then mostly its name with some of its tags."""
    ways = []
    for name, words in zip(names, known, strict=True):
        rng = np.random.default_rng(list(name.encode()))
        said = [name]
        while len(said) < WAYS:
            few = rng.permutation(words)[: rng.integers(min(len(words), SAID) + 1)].tolist()
            said.append(", ".join([name, *few] if rng.random() < 0.7 or not few else few))
        ways.append(said)
    return ways


@functools.lru_cache(maxsize=1)
def _fxemoji(data_dir):
    """Return the JPEGs, as bytes, and the names, designer's names and categories of all pictograms."""
    keys = ("jpg", "jpg_off", "name", "short", "category")
    path, arrays = read_arrays(FILE, FOLDER, keys, SOURCE, data_dir)
    blob, ends, *words = arrays.values()
    counts = {len(ends) - 1, *map(len, words)}
    if len(counts) > 1 or counts <= {0} or ends[-1] != len(blob) or any(array.dtype.kind != "U" for array in words):
        raise BadInputError(f"{path}: expected {SOURCE}. Received: {sorted(counts)} rows, {len(blob)} bytes")
    jpegs = [blob[start:end].tobytes() for start, end in itertools.pairwise(ends)]
    return jpegs, *(array.tolist() for array in words)


def _decode(jpeg, name):
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInputError(f"{FILE}: {name}: expected a JPEG. Received: {error}") from None
    return np.asarray(picture.resize((IMAGE, IMAGE), Image.Resampling.BILINEAR))
