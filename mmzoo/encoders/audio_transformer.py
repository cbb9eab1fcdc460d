"""AST: a small Transformer over patches of log-mel energies."""

import keras
from keras import layers

from mmzoo.blocks.attention import transformer_block
from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.position import AddPosition

HEAD = 16  # width of each attention head
NUM_MELS = 40
PATCH = 8  # frames, and mel bands: 80 ms by a fifth of the bands


def audio_transformer(
    samples: int,
    sample_rate: int,
    embed_dim: int,
    units: int = 64,
    num_layers: int = 4,
    dropout: float = 0.0,
    name: str = "audio_transformer",
) -> keras.Model:
    """Build an encoder of waveforms by a Transformer over log-mel patches.

    AST, Gong et al. 2021, section 2.1, with patches that do not overlap and without a class token. float32 waveforms
    `(B, samples)` in [-1, 1] to embeddings `(B, embed_dim)`.

    Frames of 25 ms every 10 ms, 40 mel bands. A strided convolution (layer `patches`) turns each square of 8 frames by
    8 bands into one token of `units` numbers. Tokens are in the order of time, low bands first; frames after the last
    whole square are left out. Learned positions are added (layer `positions`). Pre-norm Transformer blocks with heads
    of 16 follow. The mean over the normalized tokens goes through a Dense layer with ReLU. `dropout` acts on tokens and
    branches.

    Raises:
        ValueError: fewer than 8 frames, or `units` is not a multiple of 16.
    """
    if units < HEAD or units % HEAD:
        raise ValueError(f"audio_transformer expects units in multiples of {HEAD}. Received: {units=}")
    front_end = LogMel(sample_rate, sample_rate // 40, sample_rate // 100, NUM_MELS, name="front_end")
    if front_end.num_frames(samples) < PATCH:
        raise ValueError(f"audio_transformer expects at least {PATCH} frames. Received: {samples=}, {sample_rate=}")
    waveform = keras.Input((samples,), name="audio")
    x = front_end(waveform)
    x = layers.BatchNormalization(momentum=0.9, name="mel_norm")(x)
    x = layers.Reshape((*x.shape[1:], 1), name="time_by_mel")(x)
    x = layers.Conv2D(units, PATCH, PATCH, name="patches")(x)
    x = layers.Reshape((x.shape[1] * x.shape[2], units), name="time_by_time")(x)
    x = AddPosition(name="positions")(x)
    x = layers.Dropout(dropout, name="positions_dropout")(x)
    for i in range(num_layers):
        x = transformer_block(x, units // HEAD, dropout=dropout, name=f"block{i}")
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(waveform, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 60 tokens from 1 s at 8 kHz."""
    return audio_transformer(8000, 8000, 64)
