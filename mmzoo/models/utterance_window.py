"""Encoder of a window of utterances: the middle one and a weighted mean of all."""

import keras
import numpy as np
from keras import layers, ops

from mmzoo.blocks.standardize import Standardize

OUTLIER = 4.0  # standard deviations at which features are clipped


def utterance_window(context: int, examples: np.ndarray, units: int, dropout: float, modality: str) -> keras.Model:
    """Return a `keras.Model` of windows `(B, context, C)` to embeddings `(B, units)` of the middle utterance.

    `examples` `(N, C)` are the training features, whose mean and variance standardize the input. `dropout` is of
    features and of the hidden layer.
    """
    rows = keras.Input((context, examples.shape[1]), name=modality)
    front_end = Standardize(name="front_end")
    x = front_end(rows)
    front_end.adapt(examples)
    x = ops.minimum(ops.maximum(x, -OUTLIER), OUTLIER)
    x = layers.Dropout(dropout, name="feature_dropout")(x)
    x = layers.Dense(units, activation="relu", name="utterances")(x)
    x = layers.Dropout(dropout, name="utterance_dropout")(x)
    x = _in_context(x) if context > 1 else layers.Reshape((units,), name="middle")(x)
    x = layers.Dense(units, activation="relu", name="embedding")(x)
    return keras.Model(rows, x, name=f"{modality}_encoder")


def _in_context(x):
    """Return the middle of a window `(B, context, D)` and its weighted mean, `(B, 2 * D)`.

    Each channel has learned weights by position, equal at first.
    """
    context, units = x.shape[1:]
    middle = layers.Reshape((units,), name="middle")(x[:, context // 2 : context // 2 + 1])
    equal = keras.initializers.Constant(1 / context)
    x = layers.Reshape((context, 1, units), name="over_time")(x)
    x = layers.DepthwiseConv2D((context, 1), depthwise_initializer=equal, name="around")(x)
    return layers.Concatenate(name="in_context")([middle, layers.Reshape((units,), name="mean")(x)])
