"""Single-stream model: one Transformer over the tokens of all modalities."""

from collections.abc import Callable, Mapping
from functools import partial

import keras
from keras import layers, ops

from mmzoo.blocks.position import AddPosition
from mmzoo.fusion.transformer import transformer


def single_stream(
    encoders: Mapping[str, keras.Model],
    head: Callable[[keras.KerasTensor], keras.KerasTensor],
    num_layers: int = 2,
    num_heads: int = 4,
    dropout: float = 0.0,
    name: str = "single_stream",
) -> keras.Model:
    """Build a single-stream model on the dict `{modality: ..., "present": (B, M)}`.

    ViLT, Kim et al. 2021, section 3.1. The output is the output of `head`; `present` and the layer `embedding` are as
    in `late_fusion`.

    Args:
        encoders: `{modality: keras.Model}`, each with one input and an output of tokens `(B, T, D)`. Learned positions
            are added to the tokens.
        head: function of the embedding `(B, D)` to the prediction.
        num_layers, num_heads, dropout: of the Transformer, `fusion.transformer`.
    """
    fuse = partial(transformer, num_layers=num_layers, num_heads=num_heads, dropout=dropout)

    def join(tokens: dict[str, keras.KerasTensor], present: keras.KerasTensor) -> keras.KerasTensor:
        return fuse({modality: AddPosition(name=f"{modality}_place")(x) for modality, x in tokens.items()}, present)

    return from_tokens(encoders, join, head, name)


def from_tokens(
    encoders: Mapping[str, keras.Model],
    join: Callable[[dict[str, keras.KerasTensor], keras.KerasTensor], keras.KerasTensor],
    head: Callable[[keras.KerasTensor], keras.KerasTensor],
    name: str,
) -> keras.Model:
    """Build a model from token encoders, as `late_fusion` does.

    `join` is a function of `({modality: (B, T, D)}, present)` to `(B, D)`, also for one modality. A model of a single
    encoder has no input `present`.
    """
    inputs = {
        modality: keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=modality)
        for modality, encoder in encoders.items()
    }
    tokens = {modality: encoder(inputs[modality]) for modality, encoder in encoders.items()}
    if len(encoders) == 1:
        (only,) = tokens.values()
        present = ops.reshape(only[:, 0:1, 0:1], (-1, 1)) * 0.0 + 1.0
    else:
        present = inputs["present"] = keras.Input((len(encoders),), name="present")
    joint = join(tokens, present)
    joint = layers.Dense(joint.shape[-1], name="embedding")(joint)
    return keras.Model(inputs, head(layers.ReLU(name="embedding_relu")(joint)), name=name)
