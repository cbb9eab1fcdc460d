"""Class-prior fallback for modality subsets that do not beat the majority class on validation."""

import itertools

import keras
import numpy as np

from mmzoo.artifacts.runtimes import batch_size
from mmzoo.blocks.presence import SharesWhereUnknown
from mmzoo.data.arrays import split_arrays
from mmzoo.experiment import Experiment

ROWS = 10_000  # maximum validation rows


def fit_prior_fallback(model: keras.Model, history: dict, experiment: Experiment) -> tuple[keras.Model, dict]:
    """Set the layer `SharesWhereUnknown` of a trained model from the validation split.

    The layer returns the class prior for the modality subsets (patterns of `present`) that are marked unknown. The
    empty subset is unknown. The only modality of a unimodal model is known. With several modalities, the full set is
    unknown if the model is not more accurate than the majority class. Any other subset is unknown if its
    gain in accuracy does not exceed the standard error of the gain: by chance, an uninformative modality beats the
    majority class half the time.

    Returns:
        the model and its history; both unchanged if the model does not have the layer.
    """
    layer = next((layer for layer in model.layers if isinstance(layer, SharesWhereUnknown)), None)
    if layer is None:
        return model, history
    inputs, labels = split_arrays(experiment, "validation")
    inputs, labels = {name: x[:ROWS] for name, x in inputs.items()}, labels[:ROWS]
    known, prior = np.ones(layer.known.shape[0]), np.zeros(layer.shares.shape[0])
    prior += np.bincount(labels, minlength=len(prior)) / len(labels)
    for i, pattern in enumerate(itertools.product((0, 1), repeat=inputs["present"].shape[1])):
        rows = (inputs["present"] >= pattern).all(axis=1)
        given = {name: x[rows] for name, x in inputs.items()}
        given["present"] = np.tile(np.array(pattern, np.float32), (rows.sum(), 1))
        if rows.any():
            predicted = model.predict(given, batch_size=batch_size(given), verbose=0).argmax(axis=1)
            gain = 1.0 * (predicted == labels[rows]) - (labels[rows] == prior.argmax())
            better = gain.mean() > (0 if all(pattern) else gain.std() / np.sqrt(len(gain)))
            known[i] = any(pattern) and (better or len(pattern) == 1)
    layer.set_weights([known, prior])
    return model, history
