"""DS-CNN: depthwise separable convolutions over time and frequency of a waveform."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm, depthwise_separable
from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.mfcc import Mfcc

NUM_MELS = 40
NUM_COEFFICIENTS = 10
FRONT_ENDS = ("mfcc", "log_mel")


def ds_cnn(
    samples: int,
    sample_rate: int,
    embed_dim: int,
    width: int = 64,
    num_layers: int = 4,
    front_end: str = "mfcc",
    name: str = "ds_cnn",
) -> keras.Model:
    """Build a keyword-spotting encoder by depthwise separable convolutions.

    DS-CNN, Zhang et al. 2017 (Hello Edge), section 3.5 and its size S. float32 waveforms `(B, samples)` in [-1, 1] to
    embeddings `(B, embed_dim)`.

    Frames of 40 ms every 20 ms. A convolution of 10 frames by 4 coefficients halves both axes. Then come `num_layers`
    depthwise separable convolutions of 3x3, all of `width` channels. Global average pooling and a Dense layer with ReLU
    follow. `front_end` is `mfcc` (10 coefficients of 40 mel bands) or `log_mel` (40 bands: four times the cost after
    the front end).

    Raises:
        ValueError: `front_end` is neither `mfcc` nor `log_mel`.
    """
    if front_end not in FRONT_ENDS:
        raise ValueError(f"ds_cnn expects front_end to be one of {', '.join(FRONT_ENDS)}. Received: {front_end=}")
    waveform = keras.Input((samples,), name="audio")
    frame_length, hop = sample_rate // 25, sample_rate // 50
    if front_end == "mfcc":
        x = Mfcc(sample_rate, frame_length, hop, NUM_MELS, NUM_COEFFICIENTS, name="front_end")(waveform)
    else:
        x = LogMel(sample_rate, frame_length, hop, NUM_MELS, name="front_end")(waveform)
    # each coefficient is normalized separately: the first, the loudness, is far larger than the last
    x = layers.BatchNormalization(momentum=0.9, name="coefficient_norm")(x)
    x = layers.Reshape((*x.shape[1:], 1), name="time_by_coefficient")(x)
    x = conv_norm(x, width, (10, 4), 2, name="stem")
    for i in range(num_layers):
        x = depthwise_separable(x, width, name=f"stage{i}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(waveform, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 49 frames from 1 s at 8 kHz."""
    return ds_cnn(8000, 8000, 64)
