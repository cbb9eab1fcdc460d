"""Missing modalities: presence columns, learned replacements and a fallback to class priors."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from keras import KerasTensor, Layer, layers, ops


def split_present(present: KerasTensor, modalities: Iterable[str]) -> dict[str, KerasTensor]:
    """Split `present` `(B, M)` into `{modality: (B, 1)}`.

    1 marks an available modality, 0 a missing one.
    """
    return {name: present[:, i : i + 1] for i, name in enumerate(modalities)}


def replace_absent(embedding: KerasTensor, present: KerasTensor, name: str) -> KerasTensor:
    """Replace the embedding of a missing modality by a learned vector.

    `embedding` `(B, D)` stays where `present` `(B, 1)` is 1 and is replaced where it is 0. Each place or step of
    `(B, ..., D)` gets the same vector. The learned vector is the kernel of a Dense layer on `1 - present`. Modality
    dropout trains it.
    """
    absent = layers.Dense(embedding.shape[-1], use_bias=False, kernel_initializer="zeros", name=f"{name}_absent")
    instead = absent(1.0 - present)
    if between := [1] * (len(embedding.shape) - 2):
        present, instead = (ops.reshape(x, (-1, *between, x.shape[-1])) for x in (present, instead))
    return layers.Add(name=f"{name}_or_absent")([embedding * present, instead])


class ConstantWhereNothing(Layer):
    """Replace predictions by constants where no modality is available.

    Inputs: predictions `(B, N)` and `present` `(B, M)`. Output: predictions `(B, N)`.

    Args:
        constants: `N` values, as the mean of a target or the frequencies of labels in the training rows.
    """

    def __init__(self, constants: Sequence[float], **options) -> None:
        super().__init__(**options)
        self.constants = [float(value) for value in constants]

    def call(self, inputs: Sequence[KerasTensor]) -> KerasTensor:
        predictions, present = inputs
        nothing = ops.relu(1.0 - ops.sum(present, axis=1, keepdims=True))
        constants = ops.cast(ops.convert_to_tensor(np.array([self.constants], "float32")), nothing.dtype)
        return predictions * (1.0 - nothing) + nothing * constants

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]

    def get_config(self) -> dict:
        return {**super().get_config(), "constants": self.constants}


class SharesWhereUnknown(Layer):
    """Replace probabilities by class priors for uninformative modality subsets.

    Inputs: probabilities `(B, C)` and `present` `(B, M)`. Output: probabilities `(B, C)`.

    A class because of its weights, both not trainable. `known` `(2**M,)` is 1 or 0 for each pattern of `present`. The
    pattern, read in base 2 with the first modality as leading digit, is the index. `shares` `(C,)` are the class
    priors. A new layer changes nothing.
    """

    def build(self, input_shape: Sequence[tuple[int | None, ...]]) -> None:
        (*_, classes), (*_, modalities) = input_shape
        frozen = {"trainable": False, "dtype": "float32"}
        self.known = self.add_weight(shape=(2**modalities,), initializer="ones", name="known", **frozen)
        self.shares = self.add_weight(shape=(classes,), initializer="zeros", name="shares", **frozen)

    def call(self, inputs: Sequence[KerasTensor]) -> KerasTensor:
        probabilities, present = inputs
        digits = np.array(list(itertools.product((0, 1), repeat=present.shape[-1])), "float32")
        # 1 at the pattern of the row, 0 or less at all others
        matches = ops.matmul(present, ops.convert_to_tensor(2 * digits.T - 1)) + (1 - digits.sum(axis=1))
        known = ops.matmul(ops.relu(matches), ops.reshape(self.known, (-1, 1)))
        return probabilities * known + (1.0 - known) * self.shares

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]
