"""Weighted sums of losses over modalities or tasks, with fixed or learned weights.

All predictions are one output of the model, so that its metrics stay. Tasks are `(loss, y_width, pred_width)` in the
order of targets and predictions along the last axis.
"""

from collections.abc import Callable, Sequence

from keras import KerasTensor, ops

Loss = Callable[[KerasTensor, KerasTensor], KerasTensor]
Task = tuple[Loss, int, int]  # loss, y_width, pred_width


def over_modalities(loss: Loss, weights: Sequence[float]) -> Loss:
    """Create a weighted sum of `loss` over M unimodal predictions `(B, M, ...)`.

    `sum_m weights[m] * loss_m`, with one target.

    Raises:
        ValueError: `weights` are not M numbers.
    """

    def total(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        if y_pred.shape[1] != len(weights):
            raise ValueError(f"over_modalities expects (B, {len(weights)}, ...). Received: y_pred.shape={y_pred.shape}")
        return sum(weight * loss(y_true, ops.cast(y_pred[:, i], "float32")) for i, weight in enumerate(weights))

    return total


def over_tasks(tasks: Sequence[Task], weights: Sequence[float]) -> Loss:
    """Create a weighted sum of task losses.

    Targets are `(B, sum of y_width)`, predictions `(B, sum of pred_width)`. `tasks` are `(loss, y_width, pred_width)`;
    `weights` has one number per task.

    Raises:
        ValueError: the widths do not add up.
    """

    def total(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        return sum(w * x for w, x in zip(weights, _task_losses(tasks, y_true, y_pred, extra=0), strict=True))

    return total


def by_uncertainty(tasks: Sequence[Task]) -> Loss:
    """Create a sum of task losses with learned uncertainty weights.

    Kendall et al. 2018, section 3.2, equations 7 and 10: `sum_k exp(-s_k) * loss_k + s_k / 2`, `s_k = log(sigma_k^2)`.
    Targets are as in `over_tasks`. Predictions end with the `s`, as from `mmzoo.blocks.uncertainty.Uncertainty`:
    `(B, sum of pred_width + tasks)`. For a regression, the loss in the paper is half the squared error.

    Raises:
        ValueError: the widths do not add up.
    """

    def total(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        log_variances = ops.cast(y_pred[:, -len(tasks) :], "float32")
        parts = _task_losses(tasks, y_true, y_pred, extra=len(tasks))
        return sum(ops.exp(-s) * x + 0.5 * s for s, x in zip(ops.unstack(log_variances, axis=1), parts, strict=True))

    return total


def _task_losses(tasks: Sequence[Task], y_true: KerasTensor, y_pred: KerasTensor, extra: int) -> list[KerasTensor]:
    """Compute the loss of each task on its own columns.

    `extra` columns at the end of `y_pred` belong to no task.
    """
    expected = sum(task[1] for task in tasks), sum(task[2] for task in tasks) + extra
    if (y_true.shape[1], y_pred.shape[1]) != expected:
        raise ValueError(
            f"tasks expect y_true (B, {expected[0]}) and y_pred (B, {expected[1]}). "
            f"Received: y_true.shape={y_true.shape}, y_pred.shape={y_pred.shape}"
        )
    parts, i, j = [], 0, 0
    for loss, y_width, pred_width in tasks:
        parts.append(loss(y_true[:, i : i + y_width], ops.cast(y_pred[:, j : j + pred_width], "float32")))
        i, j = i + y_width, j + pred_width
    return parts
