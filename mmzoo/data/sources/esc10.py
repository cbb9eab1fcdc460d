"""ESC-10 as `Sounds`: 5 s of a dog, rain, the sea, ..., in five official folds, which share no recording.

Piczak 2015, ESC: Dataset for Environmental Sound Classification, section 2. Fold `f` is for the test and the next one
for validation; the other three train.
"""

import functools

import numpy as np

from mmzoo.data.batches.clips import Sounds
from mmzoo.data.download.tfds import read_archive

CARD = {
    "name": "ESC-10, one of five official folds for the test",
    "version": "553c8f1",
    "license": "CC BY 3.0",
    "weights_license": "CC BY 3.0",
    "attribution": "Karol J. Piczak; the authors of the clips, from Freesound, are named in "
    "https://github.com/karolpiczak/ESC-10/blob/553c8f1743b9dba6b282e1323c3ca8fa76923448/README.md",
    "published": "72.7 % by a random forest, 95.7 % by people, mean of the five folds (Piczak 2015)",
}
CLASSES = (
    *("dog_bark", "rain", "sea_waves", "baby_cry", "clock_tick"),
    *("person_sneeze", "helicopter", "chainsaw", "rooster", "fire_crackling"),
)
FOLDERS = tuple(name.replace("_", " ").capitalize() for name in CLASSES)  # as the archive names them
FOLDS = (1, 2, 3, 4, 5)
SAMPLE_RATE = 16000  # Hz
SAMPLES = 5 * SAMPLE_RATE


def folds_of(split, fold):
    """Return the folds of which `split` consists where `fold` is for the test; `+` joins splits."""
    following = fold % len(FOLDS) + 1
    rest = tuple(number for number in FOLDS if number not in (fold, following))
    folds = {"train": rest, "validation": (following,), "test": (fold,)}
    return tuple(sorted(number for part in split.split("+") for number in folds[part]))


@functools.lru_cache(maxsize=3)
def esc10(split, fold, data_dir):
    """Load `train` (240 clips), `validation` (80), `test` (80) or those joined by `+` as `Sounds`.

    Labels index `CLASSES`.

    Raises:
        BadInputError: the archive can neither be found in `data_dir` or MMZOO_DATA_DIR nor downloaded, or is damaged.
    """
    import tensorflow_datasets as tfds

    parts = "+".join(f"fold{number}" for number in folds_of(split, fold))
    with read_archive("esc10", data_dir) as builder:
        records = sorted(tfds.as_numpy(builder.as_dataset(split=parts)), key=lambda record: record["name"])
    clips = np.stack([record["audio"] for record in records])
    return Sounds(clips, np.array([record["label"] for record in records], np.int32), len(CLASSES))
