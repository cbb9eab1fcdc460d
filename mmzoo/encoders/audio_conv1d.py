"""M5: convolutions over the samples of a waveform, without a spectrum."""

from collections.abc import Sequence

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm

HOP = 4  # samples: the step of the first convolution, and the divisor of each pooling


def audio_conv1d(
    samples: int, embed_dim: int, widths: Sequence[int] = (32, 32, 64, 128), name: str = "audio_conv1d"
) -> keras.Model:
    """Build an encoder of waveforms by convolutions over samples.

    M5, Dai et al. 2017, table 1, at a quarter of its channels. float32 waveforms `(B, samples)` in [-1, 1] to
    embeddings `(B, embed_dim)`.

    The front end scales each waveform to mean 0 and variance 1; silence under 1/300 of full scale stays low. The first
    convolution covers 80 samples every 4, 10 ms at 8 kHz. The others cover 3 steps. A maximum over 4 steps follows each
    convolution; the mean over time and a Dense layer with ReLU follow the last.

    Time is the height of an image of width 1. Groups of 4 samples are the channels of the first convolution: the same
    sum as over 80 samples of one channel, in one wide matrix product.

    Raises:
        ValueError: `samples` is no multiple of 4, or too short for the poolings.
    """
    shortest = HOP * HOP ** len(widths)
    if samples % HOP or samples < shortest:
        raise ValueError(f"audio_conv1d expects a multiple of {HOP} samples, at least {shortest}. Received: {samples=}")
    waveform = keras.Input((samples,), name="audio")
    x = layers.LayerNormalization(epsilon=1e-5, center=False, scale=False, name="front_end")(waveform)
    x = layers.Reshape((samples // HOP, 1, HOP), name="time_by_hop")(x)
    for i, width in enumerate(widths):
        x = conv_norm(x, width, (80 // HOP if i == 0 else 3, 1), name=f"stage{i}")
        x = layers.MaxPooling2D((HOP, 1), name=f"stage{i}_pool")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(waveform, x, name=name)


def example() -> keras.Model:
    """Return the encoder of a second of audio at 8 kHz."""
    return audio_conv1d(8000, 64)
