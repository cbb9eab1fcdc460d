"""Loss and accuracy of a score of anomalies with one logit for each kind of synthetic anomaly."""

from collections.abc import Callable, Sequence

from keras import KerasTensor, ops


def kind_loss(kinds: Sequence[int]) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the sum `(B,)` of the binary cross-entropies of all logits.

    Labels are the kind of an example `(B,)`, of which only those in `kinds` have a logit. The output is `(B, K + 1)`:
    a logit for each of the K `kinds`, in their order, and the score, which is not trained.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        logits = ops.cast(y_pred, "float32")[:, :-1]
        return ops.sum(ops.softplus(logits) - _targets(y_true, kinds) * logits, axis=-1)

    return loss


def kind_accuracy(kinds: Sequence[int]) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the fraction `(B,)` of logits with the right sign; labels and output as in `kind_loss`."""

    def right(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        return ops.mean(ops.cast(ops.equal(y_pred[:, :-1] > 0, _targets(y_true, kinds) > 0), "float32"), axis=-1)

    return right


def _targets(y_true: KerasTensor, kinds: Sequence[int]) -> KerasTensor:
    kind = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
    return ops.concatenate([ops.cast(ops.equal(kind, k), "float32") for k in kinds], axis=-1)
