"""What each modality tells alone, learned from every row beside what all tell together."""

import numpy as np
from keras import Layer, ops

from mmzoo.blocks.presence import split_present


class OnlyOne(Layer):
    """Answers `(B, N)` of all together, of each of M modalities alone, and `present` `(B, M)`: the one that counts.

    It is that of the modality alone where no other is there, else that of all together.
    """

    def call(self, inputs):
        together, *alone, present = inputs
        # a column is 1 where its modality is the only one, else 0 or less: twice itself, less the sum of all
        only = ops.relu(ops.matmul(present, ops.convert_to_tensor(2 * np.eye(len(alone), dtype="float32") - 1)))
        columns = [*split_present(only, range(len(alone))).values()]
        told = together * (1.0 - sum(columns[1:], columns[0]))
        for answer, column in zip(alone, columns, strict=True):
            told = told + answer * column
        return told

    def compute_output_shape(self, input_shape):
        return input_shape[0]


class MeanAnswer(Layer):
    """Several answers `(B, N)` to one question: their mean; in training `(B, (1 + M) * N)`, the mean and then each.

    From that each learns by `mmzoo.losses.auxiliary` as if it were alone, so that they err differently. Hansen and
    Salamon 1990, Neural network ensembles.
    """

    def call(self, answers, training=False):
        mean = sum(answers[1:], answers[0]) * (1 / len(answers))
        return ops.concatenate([mean, *answers], axis=-1) if training else mean

    def compute_output_shape(self, input_shape):
        return input_shape[0]


class Beside(Layer):
    """The answer `(B, N)`; in training `(B, (1 + M) * N)`, from which `mmzoo.losses.auxiliary` learns.

    Inputs are the answer, that of all M modalities together, those of each alone, and `present` `(B, M)`. In training
    that of all together comes first; in place of the answer of a modality that a row has not, it is repeated.
    """

    def call(self, inputs, training=False):
        answer, together, *alone, present = inputs
        if not training:
            return answer
        there = split_present(present, range(len(alone)))
        each = [x * there[i] + together * (1.0 - there[i]) for i, x in enumerate(alone)]
        return ops.concatenate([together, *each], axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
