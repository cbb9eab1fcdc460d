"""easy-VQA as `Questions`: one colored shape on a light ground, with questions in 24 phrasings.

The last 400 training images, with all their questions, are the validation split; the test images are the official
ones. The question without the image allows 67 %: most questions ask whether something is there, and mostly it is not.
"""

import functools

import numpy as np

from mmzoo.data.batches.questions import Questions, encode_rows, mirror_and_shift
from mmzoo.data.download.tfds import read_archive

CARD = {
    "name": "easy-VQA",
    "version": "3b553bb",
    "license": "MIT",
    "weights_license": "MIT",
    "published": "93.8 % by a small Keras model, 99.5 % by a larger one on twice the data (easy-VQA's authors)",
}
ANSWERS = (
    *("circle", "green", "red", "gray", "yes", "teal", "black"),
    *("rectangle", "yellow", "triangle", "brown", "blue", "no"),
)  # in the order of the archive
IMAGE = 64  # pixels
LENGTH = 48  # bytes of a question: the longest has 42


@functools.lru_cache(maxsize=3)
def easy_vqa(split, data_dir):
    """Load `train` (3,600 pictures), `validation` (400) or `test` (1,000) as `Questions`; labels index `ANSWERS`.

    Raises:
        BadInputError: the archive can neither be found in `data_dir` or MMZOO_DATA_DIR nor downloaded, or is damaged.
    """
    import tensorflow_datasets as tfds

    with read_archive("easy_vqa", data_dir) as builder:
        records = sorted(tfds.as_numpy(builder.as_dataset(split=split)), key=lambda record: record["number"])
    rows = []
    for i, record in enumerate(records):
        asked = record["questions"]
        rows += [(q.decode(), ANSWERS[a], i) for q, a in zip(asked["question"], asked["answer"], strict=True)]
    text, about, labels = encode_rows(rows, ANSWERS, LENGTH)
    return Questions(np.stack([record["image"] for record in records]), text, about, labels, change=mirror_and_shift)
