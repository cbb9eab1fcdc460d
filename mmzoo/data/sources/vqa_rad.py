"""VQA-RAD as `Questions`: clinicians' questions about radiographs, CTs and MRIs, with answers.

Lau et al. 2018, A dataset of clinically generated visual questions and answers about radiology images. Answers are
classes: the answers of the official training questions. In the official split every test image is a training image
too, and most test questions rephrase a training question, so recognizing an image helps. Training therefore does not
augment the images: a cropped image is harder to recognize. The validation questions are drawn from the training
questions as the test questions were.
"""

import functools

import numpy as np

from mmzoo.data.batches.questions import Questions, encode_rows
from mmzoo.data.download.tfds import read_archive

CARD = {
    "name": "VQA-RAD",
    "version": "4ae21bc",
    "license": "CC0 1.0",
    "weights_license": "CC0 1.0",
    "published": "closed questions 75.1 %, open ones 43.9 % by BAN with MEVF (Nguyen et al. 2019). Every picture "
    "of the test is one of training too, mostly with a rephrasing of the question",
}
IMAGE = 96  # pixels
LENGTH = 136  # bytes of a question: the longest has 134
KINDS = ("closed", "open")  # answers to choose from, mostly yes or no; and any words
UNSEEN = "(an answer that is not in training)"  # the last class: no example of it is ever trained on


@functools.lru_cache(maxsize=1)
def answers(data_dir):
    """Return the answers of the official training questions, the most frequent first, then `UNSEEN`."""
    rows = [row for split in ("train", "validation") for _, asked in _records(split, data_dir) for row in asked]
    found, count = np.unique([row["answer"] for row in rows], return_counts=True)
    return (*found[np.argsort(-count, kind="stable")].tolist(), UNSEEN)


@functools.lru_cache(maxsize=3)
def vqa_rad(split, data_dir):
    """Load `train`, `validation` or `test` (451 questions) as `Questions`; labels index `answers`, kinds are `KINDS`.

    Raises:
        BadInputError: the archive can neither be found in `data_dir` or MMZOO_DATA_DIR nor downloaded, or is damaged.
    """
    classes, records = answers(data_dir), _records(split, data_dir)
    known = set(classes)
    rows = [
        (row["question"], row["answer"] if row["answer"] in known else UNSEEN, i)
        for i, (_, asked) in enumerate(records)
        for row in asked
    ]
    kinds = tuple(row["kind"] for _, asked in records for row in asked)
    images = np.stack([image for image, _ in records])
    return Questions(images, *encode_rows(rows, classes, LENGTH), kinds=kinds)


@functools.lru_cache(maxsize=3)
def _records(split, data_dir):
    """List the resized images of a split, each with its question rows."""
    import tensorflow_datasets as tfds
    from PIL import Image

    found = {}
    with read_archive("vqa_rad", data_dir) as builder:
        for record in tfds.as_numpy(builder.as_dataset(split=split)):
            picture = Image.fromarray(record["image"]).resize((IMAGE, IMAGE), Image.Resampling.BILINEAR)
            columns = {name: [value.decode() for value in values] for name, values in record["questions"].items()}
            asked = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            found[record["name"].decode()] = np.asarray(picture), asked
    return [found[name] for name in sorted(found)]
