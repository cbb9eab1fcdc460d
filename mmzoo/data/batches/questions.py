"""Questions about images with answers: checked and encoded rows, and batches."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import drop_modalities
from mmzoo.data.decode.text import encode_bytes
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.errors import BadInputError

EVALUATION_BATCH = 500
SMALLEST_EPOCH = 4096  # examples: a small split is passed several times
SHIFT = 2  # pixels
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # pictures `(B, H, W, C)` uint8, seed `(2,)` -> the same
NAMED = 3  # bad rows that a message names


@dataclass(frozen=True, eq=False)
class Questions:
    """One split: `images` `(K, H, W, 3)` uint8, each with several questions, `text` `(N, L)` int32 byte ids.

    `about` `(N,)` int32 is the image of a question and `labels` `(N,)` int32 its answer. `change` is the augmentation
    of a batch of images that keeps the answers true. `kinds`, where the source has any, are the kinds of the questions,
    by which scores are split.
    """

    images: np.ndarray
    text: np.ndarray
    about: np.ndarray
    labels: np.ndarray
    change: Change | None = None
    kinds: tuple[str, ...] = ()


def check_rows(name: str, rows: Sequence[tuple], answers: Sequence[str], pictures: Sequence[int], length: int) -> None:
    """Raise BadInputError unless each of `rows` is `(question, answer, picture)` as it can be learned from.

    A question is text of at most `length` bytes that says something, its answer one of `answers`, its picture one of
    `pictures`. The message names the file `name` and lists all bad rows.
    """
    pictures, bad = set(pictures), []
    for i, row in enumerate(rows):
        if wrong := _wrong(row, answers, pictures, length):
            bad.append(f"row {i}: {wrong}")
    if bad:
        more = f"; and {len(bad) - NAMED} rows more" if len(bad) > NAMED else ""
        expected = (
            f"rows of a question of 1 to {length} bytes, one of {len(answers)} answers, and a picture that is there"
        )
        raise BadInputError(f"{name}: expected {expected}. Received: {'; '.join(bad[:NAMED])}{more}")
    if not rows:
        raise BadInputError(f"{name}: expected rows of question, answer and picture. Received: none")


def _wrong(row, answers, pictures, length):
    """Return the error of a row, "" if it is valid."""
    if not isinstance(row, list | tuple) or len(row) != 3:
        return f"{row!r:.60}"
    question, answer, picture = row
    if not isinstance(question, str) or not question.strip():
        return f"an empty question, {question!r:.40}"
    if len(question.encode(errors="replace")) > length:
        return f"a question of {len(question.encode(errors='replace'))} bytes, {question!r:.40}"
    if answer not in answers:
        return f"an unknown answer, {answer!r:.40}"
    if picture not in pictures:
        return f"no picture {picture!r:.40}"
    return ""


def encode_rows(
    rows: Sequence[tuple[str, str, int]], answers: Sequence[str], length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn rows `(question, answer, picture)` into `text` `(N, length)`, `about` and `labels` `(N,)`, all int32."""
    number = {answer: i for i, answer in enumerate(answers)}
    text = encode_bytes([question for question, _, _ in rows], length)
    about = np.array([picture for _, _, picture in rows], np.int32)
    return text, about, np.array([number[answer] for _, answer, _ in rows], np.int32)


@functools.lru_cache(maxsize=1)
def join(first: Questions, second: Questions) -> Questions:
    """Return the questions of two splits of one source as one."""
    about = np.concatenate([first.about, second.about + np.int32(len(first.images))])
    joined = {
        name: np.concatenate([getattr(x, name) for x in (first, second)]) for name in ("images", "text", "labels")
    }
    return Questions(**joined, about=about, change=first.change, kinds=first.kinds + second.kinds)


def training_questions(
    data: Questions, modalities: tuple[str, ...], batch_size: int, seed: int, epoch: int, dropout: float
) -> tf.data.Dataset:
    """Return batches `({"image": (B, H, W, 3), "text": (B, L), "present": (B, 2)}, label)` of one epoch.

    With probability `dropout` one modality is missing. Pictures are changed as `data` says.
    """
    make, size = _training(data, tuple(modalities), dropout), len(data.labels)
    return training_batches(make, size, batch_size, seed, epoch, passes=-(-SMALLEST_EPOCH // size))


@functools.lru_cache(maxsize=2)
def _training(data: Questions, modalities: tuple[str, ...], dropout: float) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs."""
    bank = _Bank(data, modalities)

    @tf.function
    def make(index, seed):
        inputs, label = bank.examples(index)
        count = tf.shape(index)[0]
        if data.change and "image" in inputs:
            inputs["image"] = data.change(inputs["image"], seed)
        if len(modalities) > 1:
            inputs["present"] = drop_modalities(count, len(modalities), seed, dropout)
        return inputs, label

    return make


def mirror_and_shift(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror half of the pictures `(B, H, W, C)`, and shift all alike by up to `SHIFT` pixels; the border is repeated.

    For questions to which left and right mean nothing.
    """
    seeds = [seed + tf.constant([0, 30 + i]) * 100_003 for i in range(2)]  # others than augment's
    count, (height, width) = tf.shape(images)[0], images.shape[1:3]
    mirror = tf.random.stateless_uniform([count], seeds[0])[:, None, None, None] < 0.5
    images = tf.where(mirror, tf.reverse(images, [2]), images)
    border = [[0, 0], [SHIFT, SHIFT], [SHIFT, SHIFT], [0, 0]]
    top, left = tf.unstack(tf.random.stateless_uniform([2], seeds[1], 0, 2 * SHIFT + 1, tf.int32))
    images = tf.pad(images, border, "SYMMETRIC")[:, top : top + height, left : left + width]
    return tf.ensure_shape(images, [None, height, width, 3])


def evaluation_questions(data: Questions, modalities: tuple[str, ...], seed: int) -> tf.data.Dataset:
    """Return every question once, in its order, with its picture; both are present."""
    bank = _Bank(data, modalities)

    def make(index, seed):
        inputs, label = bank.examples(index)
        if len(modalities) > 1:
            inputs["present"] = tf.ones([tf.shape(index)[0], len(modalities)])
        return inputs, label

    return evaluation_batches(make, len(data.labels), EVALUATION_BATCH, seed)


class _Bank:
    """The arrays of a split as tensors, made once; each picture lies there once, however often it is asked about."""

    def __init__(self, data: Questions, modalities: tuple[str, ...]):
        self.images = tf.constant(data.images) if "image" in modalities else None
        self.text = tf.constant(data.text) if "text" in modalities else None
        self.about, self.labels = tf.constant(data.about), tf.constant(data.labels)

    def examples(self, index):
        """Return `({modality: ...}, label)` of questions `(B,)`."""
        inputs = {}
        if self.images is not None:
            inputs["image"] = tf.gather(self.images, tf.gather(self.about, index))
        if self.text is not None:
            inputs["text"] = tf.gather(self.text, index)
        return inputs, tf.gather(self.labels, index)
