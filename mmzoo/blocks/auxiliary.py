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


class MeanOfAvailable(Layer):
    """Average the predictions of models whose modalities are available.

    Inputs: a prediction `(B, N)` of each of K models, and `present` `(B, M)`. Output: their mean `(B, N)`, in which
    each model counts as often as its modalities are available: one of a single modality not at all where that is
    missing, one of all modalities always. Without any modality the output is the mean of the latter, or 0.

    Args:
        modalities: for each model the index of its only modality, or -1 for all modalities.
    """

    def __init__(self, modalities: Sequence[int], **options) -> None:
        super().__init__(**options)
        self.modalities = [int(index) for index in modalities]

    def call(self, inputs: Sequence[KerasTensor]) -> KerasTensor:
        *predictions, present = inputs
        there = split_present(present, range(present.shape[-1]))
        always = float(self.modalities.count(-1))
        counted = [there[index] for index in self.modalities if index >= 0]
        count = sum(counted, always)
        if not always:
            # with nothing available the sum is 0, and so is the mean; an int8 file refuses to divide by 0
            count = count + ops.relu(1.0 - count)
        total = 0.0
        for prediction, index in zip(predictions, self.modalities, strict=True):
            total = total + (prediction if index < 0 else prediction * there[index])
        return total / count

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]

    def get_config(self) -> dict:
        return {**super().get_config(), "modalities": self.modalities}


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
