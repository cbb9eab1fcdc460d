"""TC-ResNet without residuals: convolutions over time on log-mel energies."""

from collections.abc import Sequence

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel import LogMel


def log_mel_cnn(
    samples: int,
    sample_rate: int,
    embed_dim: int,
    widths: Sequence[int] = (64, 64, 64, 64),
    num_mels: int = 40,
    name: str = "log_mel_cnn",
) -> keras.Model:
    """Build an encoder of waveforms by convolutions over log-mel frames.

    TC-ResNet, Choi et al. 2019, section 3.1, without residuals. float32 waveforms `(B, samples)` in [-1, 1] to
    embeddings `(B, embed_dim)`.

    Frames of 25 ms every 10 ms. The mel bands are channels of a convolution over time. A layer is one wide matrix
    product, and the first layer already covers all frequencies. Every stage but the last halves the time axis.
    """
    waveform = keras.Input((samples,), name="audio")
    front_end = LogMel(sample_rate, sample_rate // 40, sample_rate // 100, num_mels, name="front_end")
    x = front_end(waveform)
    x = layers.Reshape((x.shape[1], 1, num_mels), name="time_by_mel")(x)
    x = layers.BatchNormalization(momentum=0.9, name="mel_norm")(x)
    for i, width in enumerate(widths):
        strides = (1 if i == len(widths) - 1 else 2, 1)
        x = conv_norm(x, width, (5 if i == 0 else 3, 1), strides, name=f"stage{i}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(waveform, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 1 s of audio at 8 kHz."""
    return log_mel_cnn(8000, 8000, 64)
