"""Auxiliary unimodal predictions, trained with the fused prediction on every row."""

from collections.abc import Sequence

import numpy as np
from keras import KerasTensor, Layer, ops

from mmzoo.blocks.presence import split_present


class OnlyOne(Layer):
    """Select the unimodal prediction for rows with exactly one modality.

    Inputs: the fused prediction `(B, N)`, the unimodal prediction `(B, N)` of each of M modalities, and `present`
    `(B, M)`. Output: `(B, N)`. Rows with any other number of modalities get the fused prediction.
    """

    def call(self, inputs: Sequence[KerasTensor]) -> KerasTensor:
        fused, *unimodal, present = inputs
        # a column is 1 where its modality is the only one, else 0 or less: twice its value minus the sum of all
        only = ops.relu(ops.matmul(present, ops.convert_to_tensor(2 * np.eye(len(unimodal), dtype="float32") - 1)))
        columns = [*split_present(only, range(len(unimodal))).values()]
        output = fused * (1.0 - sum(columns[1:], columns[0]))
        for prediction, column in zip(unimodal, columns, strict=True):
            output = output + prediction * column
        return output

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]


class MeanAnswer(Layer):
    """Average predictions `(B, N)` of an ensemble.

    Hansen and Salamon 1990, Neural network ensembles. In inference the output is the mean `(B, N)` of M predictions. In
    training it is `(B, (1 + M) * N)`: the mean, then each prediction. `mmzoo.losses.auxiliary` trains each prediction
    on its own from that output, so that the errors of the members differ.
    """

    def call(self, answers: Sequence[KerasTensor], training: bool = False) -> KerasTensor:
        mean = sum(answers[1:], answers[0]) * (1 / len(answers))
        return ops.concatenate([mean, *answers], axis=-1) if training else mean

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]


class Beside(Layer):
    """Append auxiliary predictions in training, for the losses in `mmzoo.losses.auxiliary`.

    Inputs: the prediction, the fused prediction and the unimodal prediction of each of M modalities, `(B, N)` each, and
    `present` `(B, M)`. In inference the output is the prediction `(B, N)`. In training it is `(B, (1 + M) * N)`: the
    fused prediction, then the unimodal ones. The fused prediction replaces the unimodal prediction of a missing
    modality.
    """

    def call(self, inputs: Sequence[KerasTensor], training: bool = False) -> KerasTensor:
        prediction, fused, *unimodal, present = inputs
        if not training:
            return prediction
        there = split_present(present, range(len(unimodal)))
        auxiliary = [x * there[i] + fused * (1.0 - there[i]) for i, x in enumerate(unimodal)]
        return ops.concatenate([fused, *auxiliary], axis=-1)

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]
