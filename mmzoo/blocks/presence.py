"""A missing modality: its embedding is replaced by a learned one, and what is left may tell nothing."""

import itertools

import numpy as np
from keras import Layer, layers, ops


def split_present(present, modalities):
    """Cut `present` `(B, M)`, 1 where a modality is there and 0 where it is missing, into `{modality: (B, 1)}`."""
    return {name: present[:, i : i + 1] for i, name in enumerate(modalities)}


def replace_absent(embedding, present, name):
    """Return `embedding` `(B, D)` where `present` `(B, 1)` is 1 and a learned vector where it is 0.

    Of embeddings of places or steps, `(B, ..., D)`, each is replaced by the same. The learned vector is the kernel of a
    Dense layer on `1 - present`. Modality dropout trains it.
    """
    absent = layers.Dense(embedding.shape[-1], use_bias=False, kernel_initializer="zeros", name=f"{name}_absent")
    instead = absent(1.0 - present)
    if between := [1] * (len(embedding.shape) - 2):
        present, instead = (ops.reshape(x, (-1, *between, x.shape[-1])) for x in (present, instead))
    return layers.Add(name=f"{name}_or_absent")([embedding * present, instead])


class SharesWhereUnknown(Layer):
    """Probabilities `(B, C)` and `present` `(B, M)` to the same, or to fixed shares where what is there tells nothing.

    A class because of its weights, which nobody trains: `known` `(2**M,)`, 1 or 0 for each pattern of `present`, whose
    digits are the number in base 2 with the first modality in front, and `shares` `(C,)`. Fresh, it changes nothing.
    """

    def build(self, input_shape):
        (*_, classes), (*_, modalities) = input_shape
        kept = {"trainable": False, "dtype": "float32"}
        self.known = self.add_weight(shape=(2**modalities,), initializer="ones", name="known", **kept)
        self.shares = self.add_weight(shape=(classes,), initializer="zeros", name="shares", **kept)

    def call(self, inputs):
        probabilities, present = inputs
        digits = np.array(list(itertools.product((0, 1), repeat=present.shape[-1])), "float32")
        # 1 at the pattern that it is, 0 or less at all others
        matches = ops.matmul(present, ops.convert_to_tensor(2 * digits.T - 1)) + (1 - digits.sum(axis=1))
        known = ops.matmul(ops.relu(matches), ops.reshape(self.known, (-1, 1)))
        return probabilities * known + (1.0 - known) * self.shares

    def compute_output_shape(self, input_shape):
        return input_shape[0]
