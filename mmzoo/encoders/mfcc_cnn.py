"""TC-ResNet without residuals: convolutions over time on MFCC."""

from collections.abc import Sequence

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.mfcc import Mfcc

NUM_MELS = 40


def mfcc_cnn(
    samples: int,
    sample_rate: int,
    embed_dim: int,
    widths: Sequence[int] = (64, 64, 64, 64),
    num_coefficients: int = 20,
    name: str = "mfcc_cnn",
) -> keras.Model:
    """Build an encoder of waveforms by convolutions over MFCC frames.

    TC-ResNet, Choi et al. 2019, section 3.1, on MFCC as in the paper, without residuals. float32 waveforms
    `(B, samples)` in [-1, 1] to embeddings `(B, embed_dim)`.

    Frames of 25 ms every 10 ms, 40 mel bands. The first `num_coefficients` of their DCT are channels of a convolution
    over time. Every stage but the last halves the time axis. The last coefficients, the fine shape of the spectrum, are
    left out; `log_mel_cnn` keeps them.

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


def example() -> keras.Model:
    """Return the encoder of a second of audio at 8 kHz."""
    return mfcc_cnn(8000, 8000, 64)
