"""Single stream: the tokens of all modalities go through one Transformer."""

from functools import partial

import keras
from keras import layers, ops

from mmzoo.blocks.position import AddPosition
from mmzoo.fusion.transformer import transformer


def single_stream(encoders, head, num_layers=2, num_heads=4, dropout=0.0, name="single_stream"):
    """Return a `keras.Model` on the dict `{modality: ..., "present": (B, M)}` with the output of `head`.

    Args:
        encoders: `{modality: keras.Model}`, each with one input and an output of tokens `(B, T, D)`. Each token gets
            a learned vector of its place.
        head: function of the embedding `(B, D)` to the answer.
        num_layers, num_heads, dropout: of the Transformer, `fusion.transformer`.

    `present` and the layer `embedding` are as in `late_fusion`. ViLT, Kim et al. 2021, section 3.1.
    """
    fuse = partial(transformer, num_layers=num_layers, num_heads=num_heads, dropout=dropout)

    def join(tokens, present):
        return fuse({modality: AddPosition(name=f"{modality}_place")(x) for modality, x in tokens.items()}, present)

    return from_tokens(encoders, join, head, name)


def from_tokens(encoders, join, head, name):
    """Return a model as `late_fusion` does, where `join` makes `(B, D)` of one modality's tokens too.

    `join` is a function of `({modality: (B, T, D)}, present)`. Of a single encoder's model `present` is no input.
    """
    inputs = {
        modality: keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=modality)
        for modality, encoder in encoders.items()
    }
    tokens = {modality: encoder(inputs[modality]) for modality, encoder in encoders.items()}
    if len(encoders) == 1:
        (alone,) = tokens.values()
        present = ops.reshape(alone[:, 0:1, 0:1], (-1, 1)) * 0.0 + 1.0
    else:
        present = inputs["present"] = keras.Input((len(encoders),), name="present")
    joint = join(tokens, present)
    joint = layers.Dense(joint.shape[-1], name="embedding")(joint)
    return keras.Model(inputs, head(layers.ReLU(name="embedding_relu")(joint)), name=name)
