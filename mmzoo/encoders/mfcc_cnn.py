"""A waveform to an embedding by convolutions over time on cepstral coefficients (MFCC)."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.mfcc import Mfcc

NUM_MELS = 40


def mfcc_cnn(samples, sample_rate, embed_dim, widths=(64, 64, 64, 64), num_coefficients=20, name="mfcc_cnn"):
    """Return a `keras.Model`: float32 waveforms `(B, samples)` in [-1, 1] to embeddings `(B, embed_dim)`.

    Frames of 25 ms every 10 ms, 40 mel bands, and the first `num_coefficients` of their DCT as channels of a
    convolution over time. Every stage but the last halves the time axis. TC-ResNet, Choi et al. 2019, section 3.1, on
    MFCC as there, here without residuals. What the last coefficients would hold, the fine shape of the spectrum, is
    left out; `log_mel_cnn` keeps it.

    Raises:
        ValueError: more coefficients than the 40 bands.
    """
    waveform = keras.Input((samples,), name="audio")
    frame_length, hop = sample_rate // 40, sample_rate // 100
    x = Mfcc(sample_rate, frame_length, hop, NUM_MELS, num_coefficients, name="front_end")(waveform)
    x = layers.Reshape((x.shape[1], 1, num_coefficients), name="time_by_coefficient")(x)
    x = layers.BatchNormalization(momentum=0.9, name="mfcc_norm")(x)
    for i, width in enumerate(widths):
        strides = (1 if i == len(widths) - 1 else 2, 1)
        x = conv_norm(x, width, (5 if i == 0 else 3, 1), strides, name=f"stage{i}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(waveform, x, name=name)


def example():
    """Return the encoder of a second of sound at 8 kHz."""
    return mfcc_cnn(8000, 8000, 64)
