"""Rows of a table, decoded on disk, as the batches that a model learns from and is scored on."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.audio import shift_waveforms
from mmzoo.data.augment.batch import draw, draw_gain
from mmzoo.data.augment.images import change_colors, crop_images
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.data.tables.rows import Rows, kind_of, rows_of

EVALUATION_BATCH = 100
AREA = (0.8, 1.0)  # of a picture that training sees
COLORS = {
    "brightness": 0.15,
    "contrast": 0.15,
    "saturation": 0.15,
    "hue": 0.0,
}  # what is said of a picture may be its color
SHIFT = 0.1  # of the length of a sound, by which training moves it
GAIN = 6.0  # decibels by which training changes the loudness
HIDDEN_BYTES = 0.1  # probability that training hides a text's byte
HIDDEN_CELLS = 0.1  # and that it hides a number, category or date
SMALLEST_EPOCH = 2048  # examples: a small table is passed several times, each time changed otherwise
LARGEST_EPOCH = 100_000  # examples: of a large table an epoch is a part, so that a stop or a budget is never far


@dataclass(frozen=True, eq=False)
class Examples:
    """Which `index` of the decoded `rows` one split is, and `labels`: see `mmzoo.data.tables.source`."""

    rows: Rows
    index: np.ndarray
    labels: np.ndarray


def training_rows(
    data: Examples, modalities: Sequence[str], batch_size: int, seed: int, epoch: int, dropout: float, augment: bool
) -> tf.data.Dataset:
    """Return batches `({modality: (B, ...), ..., "present": (B, M)}, label)` of one epoch.

    With `augment` pictures and videos, all frames alike, are cropped and change color, sounds move in time and change
    loudness, and single bytes of texts and single cells are hidden. With probability `dropout` an example has one of
    its modalities alone, each as likely, or as often some of them, each choice as likely, unless it has none of these.
    """
    make = _training(data, tuple(modalities), dropout, augment)
    return training_batches(make, len(data.index), batch_size, seed, epoch, *_passes(len(data.index)))


@functools.lru_cache(maxsize=2)
def _training(data: Examples, modalities: tuple[str, ...], dropout: float, augment: bool) -> Make:
    """Return `make` of `training_batches`: one for all epochs."""
    fetch = _fetch(data, modalities)

    @tf.function
    def make(index, seed):
        inputs, there = fetch(index)
        if augment:
            inputs = {
                name: _augment(kind_of(name), x, seed, i, data.rows.empty) for i, (name, x) in enumerate(inputs.items())
            }
        if len(modalities) > 1:
            inputs["present"] = _some(there, seed, dropout)
        return inputs, tf.gather(tf.constant(data.labels), index)

    return make


def evaluation_rows(data: Examples, modalities: Sequence[str], seed: int) -> tf.data.Dataset:
    """Return every row once, in its order, as it is; `present` is what the row has."""
    fetch = _fetch(data, modalities)

    def make(index, seed):
        inputs, there = fetch(index)
        if len(modalities) > 1:
            inputs["present"] = there
        return inputs, tf.gather(tf.constant(data.labels), index)

    return evaluation_batches(make, len(data.index), EVALUATION_BATCH, seed)


def as_inputs(rows: Rows, index: np.ndarray, modalities: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the inputs of a model, `{modality: (N, ...), "present": (N, M)}`, of the rows `index`."""
    inputs = {name: _in_units(kind_of(name), rows_of(rows.arrays[name], index)) for name in modalities}
    if len(modalities) > 1:
        inputs["present"] = _present(rows, modalities)[index]
    return inputs


def _passes(size: int) -> tuple[int, int]:
    """Return how often an epoch passes `size` examples, and into how many epochs it divides them."""
    return max(1, -(-SMALLEST_EPOCH // size)), max(1, round(size / LARGEST_EPOCH))


def _present(rows, modalities):
    places = [list(rows.arrays).index(name) for name in modalities]
    return rows.present[:, places].astype(np.float32)


def _in_units(kind, stored):
    """Return what is stored as the model takes it: sounds in [-1, 1], ids of texts as int32."""
    if kind == "audio":
        return stored.astype(np.float32) / np.float32(32768)
    return stored.astype(np.int32) if kind == "text" else stored


def _fetch(data, modalities):
    """Return a function of numbers of examples `(B,)` to `({modality: (B, ...)}, present (B, M))`, read from disk."""
    present = _present(data.rows, modalities)
    stored = [data.rows.arrays[name] for name in modalities]
    kinds = [kind_of(name) for name in modalities]
    types = [{"image": tf.uint8, "video": tf.uint8, "text": tf.int32}.get(kind, tf.float32) for kind in kinds]

    def read(index):
        rows = data.index[index]
        return [*(_in_units(kind, rows_of(x, rows)) for kind, x in zip(kinds, stored, strict=True)), present[rows]]

    def fetch(index):
        *found, there = tf.numpy_function(read, [index], [*types, tf.float32], stateful=False)
        for x, array in zip(found, stored, strict=True):
            x.set_shape((None, *array.shape[1:]))
        there.set_shape((None, len(modalities)))
        return dict(zip(modalities, found, strict=True)), there

    return fetch


def _some(there, seed, probability):
    """Return of `there` `(B, M)`, 1 and 0, what is left: with `probability` one or some of the modalities, else all."""
    size, count = tf.shape(there)[0], there.shape[1]
    choice = tf.cast(draw(seed, 96, [size, 1], 1, 2**count - 1), tf.int32)  # as bits
    some = tf.cast(tf.bitwise.bitwise_and(tf.bitwise.right_shift(choice, tf.range(count)[None]), 1), tf.float32)
    alone = tf.one_hot(tf.argmax(there * draw(seed, 94, [size, count], 0.5), axis=1), count)
    happens = draw(seed, 97, [size, 1])
    left = there * tf.where(happens < probability / 2, alone, tf.where(happens < probability, some, 1.0))
    return tf.where(tf.reduce_any(left > 0, axis=1, keepdims=True), left, there)


def _augment(kind, x, seed, place, empty):
    seed = seed + tf.constant([0, 31]) * place  # two pictures of a row are not changed alike
    if kind == "image":
        return change_colors(crop_images(x, seed, AREA), seed, **COLORS)
    if kind == "video":
        return change_colors(_crop_frames(x, seed), seed, **COLORS)
    if kind == "audio":
        return draw_gain(shift_waveforms(x, seed, max(1, int(SHIFT * x.shape[1]))), seed, GAIN)
    if kind == "text":
        hidden = draw(seed, 95, tf.shape(x)) < HIDDEN_BYTES
        return tf.where(hidden & (x > 0), 1, x)  # 1 is no byte, and not the padding
    if empty is None:
        return x
    # a cell may be missing later, of a column that has no missing one here
    row, columns = empty
    hidden = draw(seed, 98, [tf.shape(x)[0], int(columns[-1]) + 1]) < HIDDEN_CELLS
    return tf.where(tf.gather(hidden, columns, axis=1), row, x)


def _crop_frames(strips, seed):
    """Crop strips of square frames `(B, T*S, S, C)`, all frames of one alike: as channels of one picture."""
    _, height, side, channels = strips.shape
    frames = tf.reshape(strips, (-1, height // side, side, side, channels))
    stacked = tf.reshape(tf.transpose(frames, (0, 2, 3, 1, 4)), (-1, side, side, height // side * channels))
    cropped = tf.reshape(crop_images(stacked, seed, AREA), (-1, side, side, height // side, channels))
    return tf.reshape(tf.transpose(cropped, (0, 3, 1, 2, 4)), (-1, height, side, channels))
