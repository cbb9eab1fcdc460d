"""A waveform to an embedding by convolutions over its samples, without a spectrum."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm

HOP = 4  # samples that the first convolution steps on, and each pooling divides by


def audio_conv1d(samples, embed_dim, widths=(32, 32, 64, 128), name="audio_conv1d"):
    """Return a `keras.Model`: float32 waveforms `(B, samples)` in [-1, 1] to embeddings `(B, embed_dim)`.

    The front end scales each waveform to mean 0 and variance 1, and leaves silence under 1/300 of full scale low. The
    first convolution hears 80 samples every 4, which is 10 ms at 8 kHz, the others 3 steps; each is followed by a
    maximum over 4 steps, the last by the mean over time and a Dense layer with ReLU. Time is the height of a picture
    of width 1, and groups of 4 samples are the channels of the first convolution: the same sum as over 80 samples
    of one channel, in one wide matrix product. M5, Dai et al. 2017, table 1, at a quarter of its channels.

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


def example():
    """Return the encoder of a second of sound at 8 kHz."""
    return audio_conv1d(8000, 64)
