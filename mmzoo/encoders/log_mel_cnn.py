"""A waveform to an embedding by convolutions over time on log-mel energies."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel import LogMel


def log_mel_cnn(samples, sample_rate, embed_dim, widths=(64, 64, 64, 64), num_mels=40, name="log_mel_cnn"):
    """Return a `keras.Model`: float32 waveforms `(B, samples)` in [-1, 1] to embeddings `(B, embed_dim)`.

    Frames of 25 ms every 10 ms. The mel bands are channels of a convolution over time, so that a layer is one
    wide matrix product and its first layer already hears all frequencies: TC-ResNet, Choi et al. 2019,
    section 3.1, here without residuals. Every stage but the last halves the time axis.
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


def example():
    """Return the encoder of a second of sound at 8 kHz, as `spoken_digits` has it."""
    return log_mel_cnn(8000, 8000, 64)
