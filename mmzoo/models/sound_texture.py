"""Audio encoder of convolutional features and of texture statistics."""

import keras
from keras import layers, ops

from mmzoo.blocks.auxiliary import MeanAnswer
from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel_texture import STATISTICS, LogMelTexture
from mmzoo.blocks.spec_augment import SpecAugment
from mmzoo.heads.classifier import classifier

NUM_MELS = 64
ALIKE = 4  # mel bands whose modulation is averaged
TOLD_UNITS = 32  # for modulation, and for tonality


def sound_texture(samples: int, sample_rate: int, width: int, embed_dim: int, dropout: float, seed: int) -> keras.Model:
    """Return a `keras.Model` of float32 waveforms `(B, samples)` in [-1, 1] to embeddings `(B, 2 * embed_dim)`.

    Log-mel frames are 25 ms every 20 ms. The first half of the embedding is convolutional, the second from statistics:
    modulation (McDermott and Simoncelli 2011) and spectral flatness (Gray and Markel 1974). `seed` is of SpecAugment.
    """
    waveform = keras.Input((samples,), name="audio")
    front_end = LogMelTexture(sample_rate, sample_rate // 40, sample_rate // 50, NUM_MELS, name="front_end")
    rows, frames = front_end(waveform), front_end.num_frames(samples)
    texture = rows[:, frames:]
    context = [_by_rate(texture[:, STATISTICS:-2]), layers.Flatten(name="tonality")(texture[:, -2:])]
    # nothing is learned before the first convolution, so that no gradient has to be taken back through it
    energies = SpecAugment(seed=seed, name="spec_augment")(rows[:, :frames])
    heard = _heard(_over_time(_convolved(energies, width)), context, embed_dim, dropout)
    measured = _measured(texture[:, :STATISTICS], context, embed_dim, dropout)
    return keras.Model(waveform, layers.Concatenate(name="embeddings")([heard, measured]), name="audio_encoder")


def two_heads(encoder: keras.Model, num_classes: int, name: str) -> keras.Model:
    """Return the model of `audio` to the mean of two heads' probabilities `(B, N)`, in training `(B, 3 * N)`.

    Each head takes a half of the embedding of a `sound_texture` encoder; `MeanAnswer` has the order of the outputs.
    """
    waveform = keras.Input(encoder.input.shape[1:], name="audio")
    both = layers.Identity(name="embedding")(encoder(waveform))
    dim = both.shape[-1] // 2
    parts = {"heard": both[:, :dim], "measured": both[:, dim:]}
    answers = [classifier(x, num_classes, name=f"{part}_probabilities") for part, x in parts.items()]
    return keras.Model({"audio": waveform}, MeanAnswer(name="probabilities")(answers), name=name)


def _convolved(energies, width):
    """Return the map `(B, T, 1, C)` of log-mel energies `(B, F, M)`, with learned weights over frequency."""
    x = layers.Reshape((*energies.shape[1:], 1), name="time_by_mel")(energies)
    x = conv_norm(x, width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * width, strides=2, name="stage1")
    x = conv_norm(x, 4 * width, strides=2, name="stage2")
    x = conv_norm(x, 4 * width, strides=2, name="stage3")
    bands = (1, x.shape[2])
    x = layers.DepthwiseConv2D(bands, depth_multiplier=2, use_bias=False, name="over_frequency")(x)
    x = layers.BatchNormalization(momentum=0.9, name="over_frequency_norm")(x)
    return layers.ReLU(name="over_frequency_relu")(x)


def _heard(pooled, context, embed_dim, dropout):
    """Return the embedding `(B, embed_dim)` of pooled features and of `context`, modulation and tonality."""
    contexts = [layers.Dense(TOLD_UNITS, activation="relu", name=f"heard_{i}")(y) for i, y in enumerate(context)]
    x = layers.Concatenate(name="heard_all")([pooled, *contexts])
    x = layers.Dropout(dropout, name="heard_dropout")(x)
    return layers.Dense(embed_dim, activation="relu", name="heard_embedding")(x)


def _measured(statistics, context, embed_dim, dropout):
    """Return the embedding `(B, embed_dim)` of `statistics` `(B, S, M)` and of `context`."""
    x = layers.Concatenate(name="measured_all")([layers.Flatten(name="statistics")(statistics), *context])
    x = layers.Dense(2 * embed_dim, activation="relu", name="measured_hidden")(x)
    x = layers.Dropout(dropout, name="measured_dropout")(x)
    return layers.Dense(embed_dim, activation="relu", name="measured_embedding")(x)


def _by_rate(rows):
    """Return the modulation `(B, R * M / ALIKE)` of neighboring mel bands, of `rows` `(B, R, M)`."""
    x = layers.Reshape((*rows.shape[1:], 1), name="rate_by_mel")(rows)
    x = layers.AveragePooling2D((1, ALIKE), name="modulation_of_bands")(x)
    return layers.Flatten(name="modulation")(x)


def _over_time(x):
    """Return mean, maximum and mean absolute deviation over time, `(B, 3 * C)`, of `x` `(B, T, 1, C)`.

    A variance needs squares, which lose precision in int8.
    """
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    most = layers.GlobalMaxPooling2D(name="most")(x)
    deviation = layers.GlobalAveragePooling2D(name="deviation")(ops.abs(x - mean))
    return layers.Concatenate(name="pool")([layers.Flatten(name="mean_flat")(mean), most, deviation])
