"""Training and evaluation batches from the decoded rows of a table."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.audio import shift_waveforms
from mmzoo.data.augment.batch import draw, draw_gain
from mmzoo.data.augment.images import change_colors, crop_images
from mmzoo.data.augment.series import jitter_series
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.data.tables.rows import Rows, kind_of, rows_of

EVALUATION_BATCH = 100
AREA = (0.8, 1.0)  # fraction of an image kept by a random crop
COLORS = {"brightness": 0.15, "contrast": 0.15, "saturation": 0.15, "hue": 0.0}  # no hue: labels may name colors
SHIFT = 0.1  # maximum time shift of a waveform, as a fraction of its length
GAIN = 6.0  # maximum change of the level, dB
SCALED, NOISE = 0.1, 0.05  # change of a series' channels, and noise, both of their deviation, at most
HIDDEN_BYTES = 0.1  # probability of masking a byte of a text
HIDDEN_COUNTS = 0.3  # probability of dropping a word, a pair of words or a character n-gram of a text
HIDDEN_CELLS = 0.1  # probability of masking a number, category or date
SMALLEST_EPOCH = 2048  # examples: a small table is repeated within an epoch, with other augmentation
STORED = {"uint8": tf.uint8, "uint16": tf.int32}  # types on disk, and in a batch: others are float32
LARGEST_EPOCH = 100_000  # examples: a large table takes several epochs, so that stops and budgets apply in time


@dataclass(frozen=True, eq=False)
class Examples:
    """Hold one split: decoded `rows`, its `index` and its `labels`.

    The labels are described in `mmzoo.data.tables.source`.
    """

    rows: Rows
    index: np.ndarray
    labels: np.ndarray


def training_rows(
    data: Examples, modalities: Sequence[str], batch_size: int, seed: int, epoch: int, dropout: float, augment: bool
) -> tf.data.Dataset:
    """Return the training batches of one epoch.

    With `augment`, images and videos are cropped and color-jittered, all frames of a video alike. Waveforms are shifted
    in time and change their level. Channels of series are scaled and get noise. Single bytes or counts of texts and
    single cells are masked. Modality dropout affects an example with probability `dropout`. Half of these examples keep
    one available modality, uniformly chosen. The other half keep a uniformly chosen subset, or all modalities if none
    of the subset is available.

    Returns:
        batches `({modality: (B, ...), ..., "present": (B, M)}, label)`.
    """
    make = _training(data, tuple(modalities), dropout, augment)
    return training_batches(make, len(data.index), batch_size, seed, epoch, *_passes(len(data.index)))


@functools.lru_cache(maxsize=2)
def _training(data: Examples, modalities: tuple[str, ...], dropout: float, augment: bool) -> Make:
    """Return `make` of `training_batches`: one for all epochs."""
    fetch = _fetch(data, modalities)

    @tf.function
    def make(index: tf.Tensor, seed: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        inputs, available = fetch(index)
        if augment:
            inputs = {
                name: _augment(kind_of(name), x, seed, i, data.rows.empty) for i, (name, x) in enumerate(inputs.items())
            }
        inputs["present"] = _drop_modalities(available, seed, dropout) if len(modalities) > 1 else available
        return inputs, tf.gather(tf.constant(data.labels), index)

    return make


def evaluation_rows(data: Examples, modalities: Sequence[str], seed: int) -> tf.data.Dataset:
    """Return batches of every row once, in order, without augmentation or dropout.

    `present` marks the available modalities of a row.
    """
    fetch = _fetch(data, modalities)

    def make(index: tf.Tensor, seed: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        inputs, available = fetch(index)
        inputs["present"] = available
        return inputs, tf.gather(tf.constant(data.labels), index)

    return evaluation_batches(make, len(data.index), EVALUATION_BATCH, seed)


def as_inputs(rows: Rows, index: np.ndarray, modalities: Sequence[str]) -> dict[str, np.ndarray]:
    """Return model inputs for the rows `index`.

    Inputs are `{modality: (N, ...), "present": (N, M)}`.
    """
    inputs = {name: _in_units(kind_of(name), rows_of(rows.arrays[name], index)) for name in modalities}
    inputs["present"] = _present(rows, modalities)[index]
    return inputs


def epoch_line(size: int) -> str:
    """Return a line on how often an epoch has each of `size` training rows, or which part of them."""
    repeats, parts = _passes(size)
    if parts > 1:
        return f"an epoch has one of {parts} parts of the {size:,} training rows"
    return f"an epoch has each of the {size:,} training rows {'once' if repeats == 1 else f'{repeats} times'}"


def _passes(size: int) -> tuple[int, int]:
    """Return the repetitions of `size` examples per epoch, and epochs per pass."""
    return max(1, -(-SMALLEST_EPOCH // size)), max(1, round(size / LARGEST_EPOCH))


def _present(rows: Rows, modalities: Sequence[str]) -> np.ndarray:
    places = [list(rows.arrays).index(name) for name in modalities]
    return rows.present[:, places].astype(np.float32)


def _in_units(kind: str, stored: np.ndarray) -> np.ndarray:
    """Convert stored values to model inputs.

    Waveforms become [-1, 1], byte ids of texts int32; hashed counts stay uint8.
    """
    if kind == "audio":
        return stored.astype(np.float32) / np.float32(32768)
    return stored.astype(np.int32) if stored.dtype == np.uint16 else stored


def _fetch(data: Examples, modalities: Sequence[str]) -> Callable[[tf.Tensor], tuple[dict[str, tf.Tensor], tf.Tensor]]:
    """Return a function that reads examples from disk.

    The function maps example numbers `(B,)` to `({modality: (B, ...)}, present (B, M))`.
    """
    present = _present(data.rows, modalities)
    stored = [data.rows.arrays[name] for name in modalities]
    kinds = [kind_of(name) for name in modalities]
    types = [STORED.get(np.dtype(x.dtype).name, tf.float32) for x in stored]

    def read(index: np.ndarray) -> list[np.ndarray]:
        rows = data.index[index]
        return [*(_in_units(kind, rows_of(x, rows)) for kind, x in zip(kinds, stored, strict=True)), present[rows]]

    def fetch(index: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        *found, available = tf.numpy_function(read, [index], [*types, tf.float32], stateful=False)
        for x, array in zip(found, stored, strict=True):
            x.set_shape((None, *array.shape[1:]))
        available.set_shape((None, len(modalities)))
        return dict(zip(modalities, found, strict=True)), available

    return fetch


def _drop_modalities(available: tf.Tensor, seed: tf.Tensor, probability: float) -> tf.Tensor:
    """Apply modality dropout to `available` `(B, M)` of 0 and 1.

    An affected example keeps one modality or a random subset, equally often.
    """
    size, count = tf.shape(available)[0], available.shape[1]
    choice = tf.cast(draw(seed, 96, [size, 1], 1, 2**count - 1), tf.int32)  # as bits
    subset = tf.cast(tf.bitwise.bitwise_and(tf.bitwise.right_shift(choice, tf.range(count)[None]), 1), tf.float32)
    single = tf.one_hot(tf.argmax(available * draw(seed, 94, [size, count], 0.5), axis=1), count)
    sample = draw(seed, 97, [size, 1])
    kept = available * tf.where(sample < probability / 2, single, tf.where(sample < probability, subset, 1.0))
    return tf.where(tf.reduce_any(kept > 0, axis=1, keepdims=True), kept, available)


def _augment(
    kind: str, x: tf.Tensor, seed: tf.Tensor, place: int, empty: tuple[np.ndarray, np.ndarray] | None
) -> tf.Tensor:
    seed = seed + tf.constant([0, 31]) * place  # different augmentation for two images of a row
    if kind == "image" and x.dtype != tf.uint8:
        return x  # features of a frozen network
    if kind == "image":
        return change_colors(crop_images(x, seed, AREA), seed, **COLORS)
    if kind == "video":
        return change_colors(_crop_frames(x, seed), seed, **COLORS)
    if kind == "audio":
        return draw_gain(shift_waveforms(x, seed, max(1, int(SHIFT * x.shape[1]))), seed, GAIN)
    if kind == "series":
        return jitter_series(x, seed, SCALED, NOISE)
    if kind == "text" and x.dtype == tf.uint8:
        return _drop_counts(x, seed)
    if kind == "text":
        hidden = draw(seed, 95, tf.shape(x)) < HIDDEN_BYTES
        return tf.where(hidden & (x > 0), 1, x)  # id 1 is neither a byte nor padding
    if empty is None:
        return x
    # cells may be missing at prediction even in columns without missing cells here
    row, columns = empty
    hidden = draw(seed, 98, [tf.shape(x)[0], int(columns[-1]) + 1]) < HIDDEN_CELLS
    return tf.where(tf.gather(hidden, columns, axis=1), row, x)


def _drop_counts(counts: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Set counts `(B, C)` to 0 with the probability `HIDDEN_COUNTS`.

    A random byte for each is a quarter of the work of a random float.
    """
    size, width = tf.shape(counts)[0], counts.shape[1]
    words = tf.random.stateless_uniform(
        [size, width // 4], seed + tf.constant([0, 95]) * 100_003, None, None, tf.uint32
    )
    drawn = tf.reshape(tf.bitcast(words, tf.uint8), (size, width))
    return tf.where(drawn < round(256 * HIDDEN_COUNTS), tf.zeros_like(counts), counts)


def _crop_frames(strips: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Crop strips `(B, T*S, S, C)`, all square frames of a strip alike.

    The frames become channels of one image for the crop.
    """
    _, height, side, channels = strips.shape
    frames = tf.reshape(strips, (-1, height // side, side, side, channels))
    stacked = tf.reshape(tf.transpose(frames, (0, 2, 3, 1, 4)), (-1, side, side, height // side * channels))
    cropped = tf.reshape(crop_images(stacked, seed, AREA), (-1, side, side, height // side, channels))
    return tf.reshape(tf.transpose(cropped, (0, 3, 1, 2, 4)), (-1, height, side, channels))
