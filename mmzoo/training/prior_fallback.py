"""What a trained model says where what is present tells nothing: the shares of the classes, and no chance finding."""

import itertools
from typing import Any

import keras
import numpy as np

from mmzoo.artifacts.runtimes import batch_size
from mmzoo.blocks.presence import SharesWhereUnknown
from mmzoo.data.arrays import split_arrays

ROWS = 10_000  # of the validation split, at most


def settle(model: keras.Model, history: dict, recipe: Any, config: Any) -> tuple[keras.Model, dict]:
    """Return a trained model and its history, its layer `SharesWhereUnknown`, if any, set by the validation split.

    A pattern of `present` is unknown where the model is not right more often than the most frequent class is; where
    something is missing, not by more than the standard error of the difference: by chance alone a modality that tells
    nothing is right more often half the time.
    """
    layer = next((layer for layer in model.layers if isinstance(layer, SharesWhereUnknown)), None)
    if layer is None:
        return model, history
    inputs, labels = split_arrays(recipe, config, "validation")
    inputs, labels = {name: x[:ROWS] for name, x in inputs.items()}, labels[:ROWS]
    known, shares = np.ones(layer.known.shape[0]), np.zeros(layer.shares.shape[0])
    shares += np.bincount(labels, minlength=len(shares)) / len(labels)
    for i, pattern in enumerate(itertools.product((0, 1), repeat=inputs["present"].shape[1])):
        rows = (inputs["present"] >= pattern).all(axis=1)
        given = {name: x[rows] for name, x in inputs.items()}
        given["present"] = np.tile(np.array(pattern, np.float32), (rows.sum(), 1))
        if rows.any():
            told = model.predict(given, batch_size=batch_size(given), verbose=0).argmax(axis=1)
            gain = 1.0 * (told == labels[rows]) - (labels[rows] == shares.argmax())
            known[i] = gain.mean() > (0 if all(pattern) else gain.std() / np.sqrt(len(gain)))
    layer.set_weights([known, shares])
    return model, history
