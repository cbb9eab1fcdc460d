"""Spoken sentences with lip video: arrays and batches for speech recognition.

Audio and lips of a sentence are shifted in time together, so that their alignment is kept.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.blocks.temporal import stack_frames
from mmzoo.data.augment.batch import draw, draw_gain, drop_modalities, mix_noise
from mmzoo.data.augment.images import change_colors, cut_out
from mmzoo.data.augment.words import RISE, TICKS, draw_words, lay_words, spell_words, spread_letters, word_letters
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.errors import BadInputError

CHARACTERS = " abcdefghijklmnopqrstuvwxyz"  # label 1 is the space, 0 is none
LONGEST = 32  # characters of a sentence
MOST = 2 * LONGEST  # and of a training sequence, of two sentences
STEPS = 2  # of what is told, for each picture
RATE = 25  # frames of the lips in a second
CLEAN = 100.0  # dB; from here on no noise is added
EVALUATION_BATCH = 20
NOISE_ROWS = 32
SNR_DB = (-10.0, 20.0)  # of training
UNSPOILED = 0.2  # share of training sentences without noise
SHIFT = 5  # frames: how much sooner or later a sentence may begin
ZOOM, SLIDE = 0.1, 0.06  # of the sides of a picture


@dataclass(frozen=True, eq=False)
class Sentences:
    """One split: `audio` `(N, S)` int16, `video` `(N, T, H, W, 1)` uint8 at 25 frames a second, and `labels`.

    Labels `(N, 32)` int32 number the characters of `CHARACTERS` from 1, with zeros behind the last. `noise` `(R, S)`
    float32 has rows of RMS 1. `words` `(N, W, 2)` int32 are the begin and end of each of the W words of a sentence, in
    ticks of 10 ms; None where unknown.
    """

    audio: np.ndarray
    video: np.ndarray
    labels: np.ndarray
    noise: np.ndarray
    words: np.ndarray | None = None


def encode_sentences(texts: Sequence[str]) -> np.ndarray:
    """Return labels `(N, 32)` of `texts` in small letters and spaces.

    Raises:
        BadInputError: a text is empty, longer than 32 characters, or has other characters.
    """
    labels = np.zeros((len(texts), LONGEST), np.int32)
    for row, text in zip(labels, texts, strict=True):
        if not 0 < len(text) <= LONGEST or set(text) - set(CHARACTERS):
            raise BadInputError(f"text: expected 1 to {LONGEST} letters a to z and spaces. Received: {text!r:.60}")
        row[: len(text)] = [CHARACTERS.index(character) + 1 for character in text]
    return labels


@dataclass(frozen=True)
class Augmentation:
    """Hold the settings of the augmentation of training sentences.

    Attributes:
        missing: probability that a modality is missing.
        joined: probability that a sentence is spliced of other words.
        epochs: epochs of the training, in the first third of which all sentences are spliced.
    """

    missing: float = 0.0
    joined: float = 0.0
    epochs: int = 1


def training_sentences(
    data: Sentences, modalities: tuple[str, ...], batch_size: int, seed: int, epoch: int, augmentation: Augmentation
) -> tf.data.Dataset:
    """Return batches of one epoch: `{"audio": (B, S), "video": (B, T*H, W, 1), "present": (B, M)}` and labels.

    Onset and loudness of a sentence vary, with pink noise at -10 to 20 dB or none. Its frames are mirrored or not,
    shifted, enlarged and changed in brightness and contrast, all of a sentence alike. In the first epochs all sentences
    are spliced of more and more words, see `mmzoo.data.augment.words`; later the fraction `augmentation.joined` is.

    Labels are `(B, 64 + 2T)`: the characters of a sequence, then, in the epochs in which all are spliced, the target of
    each of its 2T steps: 1 is silence, 2 the first character, and so on; later, or without words, 0.
    """
    steps = max(1, augmentation.epochs * (len(data.labels) // batch_size))
    make = _training(data, tuple(modalities), augmentation, steps)
    return training_batches(make, len(data.labels), batch_size, seed, epoch)


@functools.lru_cache(maxsize=2)
def _training(data: Sentences, modalities: tuple[str, ...], augmentation: Augmentation, steps: int) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs of `steps` together."""
    noise, take = tf.constant(data.noise), _taker(data, modalities, augmentation.joined)

    @tf.function
    def make(index, seed):
        size, augmented = tf.shape(index)[0], {}
        inputs, labels = take(index, seed, tf.cast(seed[1], tf.float32) / steps)
        if "audio" in modalities:
            sound = draw_gain(inputs["audio"], seed)
            noisy = mix_noise(sound, tf.fill([size], sound.shape[1]), noise, SNR_DB, seed)
            augmented["audio"] = tf.where(draw(seed, 201, [size, 1]) < UNSPOILED, sound, noisy)
        if "video" in modalities:
            augmented["video"] = _spoil_lips(inputs["video"], seed)
        if len(modalities) > 1:
            augmented["present"] = drop_modalities(size, len(modalities), seed, augmentation.missing)
        return augmented, labels

    return make


def _taker(data, modalities, joined):
    """Return a function of index, seed and progress to sound and lips, moved in time or of words joined, and labels."""
    count, steps = data.video.shape[:2]
    ticks = steps * TICKS
    audio = tf.constant(data.audio.reshape(count * ticks, -1))
    video, labels = tf.constant(data.video.reshape(count * steps, *data.video.shape[2:])), tf.constant(data.labels)
    said_at = tf.zeros([count * ticks], tf.int32)
    joined = 0.0 if data.words is None else joined
    if joined:
        spans, letters = tf.constant(data.words), word_letters(data.labels, data.words.shape[1])
        said_at = tf.constant(1 + spread_letters(letters, data.words, ticks).ravel())

    def take(index, seed, progress):
        size, index = tf.shape(index)[0], tf.cast(index, tf.int32)
        moved = TICKS * tf.cast(tf.floor(draw(seed, 200, [size, 1], -SHIFT, SHIFT + 1)), tf.int32)
        at = index[:, None] * ticks + _still(tf.range(ticks)[None] - moved, ticks)
        said = tf.pad(tf.gather(labels, index), ((0, 0), (0, MOST - LONGEST)))
        if joined:
            anew = draw(seed, 206, [size, 1]) < tf.where(progress < RISE, 1.0, joined)
            sentence, place, number = draw_words(letters, size, seed, progress)
            said_by, tick, fits = lay_words(spans, sentence, place, number, ticks, seed)
            at = tf.where(anew, said_by * ticks + tick, at)
            said = tf.where(anew, spell_words(tf.constant(letters), sentence, place, fits, MOST), said)
        inputs = {}
        if "audio" in modalities:
            sound = tf.cast(tf.gather(audio, at), tf.float32) / 32768.0
            inputs["audio"] = tf.reshape(sound, (-1, ticks * audio.shape[1]))
        if "video" in modalities:
            inputs["video"] = tf.gather(video, at[:, TICKS // 2 :: TICKS] // TICKS)
        told = tf.gather(said_at, at[:, TICKS // STEPS // 2 :: TICKS // STEPS])
        return inputs, tf.concat([said, tf.where(progress < RISE, told, 0)], axis=1)

    return take


def _still(tick, ticks):
    return tf.clip_by_value(tick, 0, ticks - 1)


def evaluation_sentences(data: Sentences, modalities: tuple[str, ...], seed: int, snr_db: float) -> tf.data.Dataset:
    """Return every sentence once, in its order, with pink noise at `snr_db`; from 100 dB on there is none."""
    audio, video, labels, noise = (tf.constant(x) for x in (data.audio, data.video, data.labels, data.noise))

    def make(index, seed):
        inputs = {}
        if "audio" in modalities:
            sound = tf.cast(tf.gather(audio, index), tf.float32) / 32768.0
            if snr_db < CLEAN:
                sound = mix_noise(sound, tf.fill([tf.shape(index)[0]], sound.shape[1]), noise, snr_db, seed)
            inputs["audio"] = sound
        if "video" in modalities:
            inputs["video"] = stack_frames(tf.gather(video, index))
        if len(modalities) > 1:
            inputs["present"] = tf.ones([tf.shape(index)[0], len(modalities)])
        return inputs, tf.gather(labels, index)

    return evaluation_batches(make, len(data.labels), EVALUATION_BATCH, seed)


def _spoil_lips(video, seed):
    """Mirror, move, enlarge and light videos `(B, T, H, W, 1)`, all frames of one alike; return them as strips."""
    steps, height, width = video.shape[1:4]
    x = tf.transpose(video[..., 0], (0, 2, 3, 1))  # the frames as channels, so that one move is of all
    size = tf.shape(x)[0]
    x = tf.where(draw(seed, 202, [size, 1, 1, 1]) < 0.5, x[:, :, ::-1], x)
    zoom = draw(seed, 203, [size], 1 - ZOOM, 1 + ZOOM)
    across, down = (draw(seed, salt, [size], -SLIDE, SLIDE) for salt in (204, 205))
    center = tf.stack([(0.5 + across) * width, (0.5 + down) * height], axis=1)
    half = tf.stack([width / zoom / 2, height / zoom / 2], axis=1)
    x = cut_out(x, tf.concat([center - half, center + half], axis=1))
    strip = tf.reshape(tf.transpose(x, (0, 3, 1, 2)), (-1, steps * height, width, 1))
    return change_colors(strip, seed)
