"""NLVR as `Questions`: whether a sentence about three boxes with blocks or scattered shapes is true.

Suhr et al. 2017, A Corpus of Natural Language for Visual Reasoning. Each image has three gray boxes; a
sentence comes with up to six orders of the boxes, never in two splits. The training split is the 1,000 examples that
its repository shows, validation is its `dev`, test its public `test`.
"""

import functools

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import draw
from mmzoo.data.batches.questions import Questions, check_rows, encode_rows
from mmzoo.data.download.archive import read_arrays
from mmzoo.errors import BadInputError

CARD = {
    "name": "NLVR, 1,000 training sentences",
    "version": "1892484",
    "license": "CC BY 4.0",
    "weights_license": "CC BY 4.0",
    "published": "66.1 % by a neural module network on all 74,460 training examples; 56.2 % by the majority "
    "(Suhr et al. 2017)",
}
FILES = {"train": "train1000.npz", "validation": "dev.npz", "test": "test.npz"}
FOLDER = "arrays/nlvr_mini"
SOURCE = (
    "the pictures and sentences of github.com/lil-lab/nlvr at 1892484, nlvr/{dev,test} and nlvr/train/examples.html, "
    "as arrays image_idx (N, 50, 200) uint8, of every second pixel its row of palette (5, 3) uint8, "
    "label (N,) bool and sentence (N,), saved with numpy.savez"
)
KEYS = ("image_idx", "palette", "label", "sentence")
ANSWERS = ("false", "true")
HEIGHT, WIDTH = 50, 200  # pixels
TOWER = range(20, 30)  # columns of a box
BOX, STRIDE = 50, 75  # pixels: the width of a box, and from one to the next
COLUMNS = tuple((i * STRIDE, i * STRIDE + BOX) for i in range(3))  # of each box the first, and the first behind it
LENGTH = 128  # bytes of a sentence: the longest has 113
COLORS = {"yellow": 2, "blue": 3, "black": 4}  # rows of the palette


@functools.lru_cache(maxsize=3)
def nlvr(split, data_dir):
    """Load `train` (1,000 sentences of pictures), `validation` (5,934) or `test` (5,940); labels index `ANSWERS`.

    Raises:
        BadInputError: the file is in neither `data_dir` nor MMZOO_DATA_DIR, damaged, or of other arrays; a sentence is
            empty, or a label neither 0 nor 1.
    """
    path, arrays = read_arrays(FILES[split], FOLDER, KEYS, SOURCE, data_dir)
    _check(path, arrays)
    spoken = zip(arrays["sentence"].tolist(), arrays["label"].tolist(), strict=True)
    rows = [(words, ANSWERS[label] if label in (0, 1) else str(label), i) for i, (words, label) in enumerate(spoken)]
    check_rows(str(path), rows, ANSWERS, range(len(rows)), LENGTH)
    images, palette = arrays["image_idx"], arrays["palette"]
    return Questions(palette[images], *encode_rows(rows, ANSWERS, LENGTH), rearrange, tuple(kinds_of(images)))


def _check(path, arrays):
    count = len(arrays["label"]) if arrays["label"].ndim else 0
    shapes = {"image_idx": (count, HEIGHT, WIDTH), "palette": (5, 3), "label": (count,), "sentence": (count,)}
    for name, shape in shapes.items():
        if not count or arrays[name].shape != shape:
            raise BadInputError(f"{path}: expected {name} of shape {shape}: {SOURCE}. Received: {arrays[name].shape}")
    for name in ("image_idx", "palette"):
        if arrays[name].dtype != np.uint8:
            raise BadInputError(f"{path}: expected {name} as uint8: {SOURCE}. Received: {arrays[name].dtype}")
    bad = np.flatnonzero(arrays["image_idx"].max(axis=(1, 2)) >= len(arrays["palette"]))
    if len(bad):
        said = f"picture {bad[0]} with {arrays['image_idx'][bad[0]].max()}; {len(bad)} in all"
        raise BadInputError(f"{path}: expected rows of the palette, 0 to 4, in image_idx. Received: {said}")


def kinds_of(images):
    """List for each of `images` `(N, 50, 200)` of palette rows `tower` or `scatter`: towers stand in the middle."""
    column = np.arange(WIDTH) % STRIDE
    aside = (column < TOWER.start) | (column >= TOWER.stop)
    return ["scatter" if there else "tower" for there in (images[:, :, aside] > 1).any(axis=(1, 2))]


def rearrange(images, seed):
    """Permute the boxes of images `(B, 50, 200, 3)` uniformly.

    No sentence depends on the order of the boxes. They are not mirrored: 30 of 1,000 sentences use right and left.
    """
    boxes = tf.stack([images[:, :, first:last] for first, last in COLUMNS], axis=1)
    order = tf.argsort(draw(seed, 30, [tf.shape(images)[0], 3]), axis=1)
    boxes = tf.unstack(tf.gather(boxes, order, batch_dims=1), axis=1)
    between = images[:, :, BOX:STRIDE]
    return tf.concat([boxes[0], between, boxes[1], between, boxes[2]], axis=2)
