"""Several losses in one: over modalities or tasks, with fixed weights, or by learned uncertainty.

All predictions are one output of the model, so that its metrics stay. Tasks are `(loss, y_width, pred_width)` in the
order in which targets and predictions stand along the last axis.
"""

from keras import ops


def over_modalities(loss, weights):
    """Return the loss of one target and the predictions `(B, M, ...)` from M modalities: `sum_m weights[m] * loss_m`.

    Raises:
        ValueError: `weights` are not M numbers.
    """

    def total(y_true, y_pred):
        if y_pred.shape[1] != len(weights):
            raise ValueError(f"over_modalities expects (B, {len(weights)}, ...). Received: y_pred.shape={y_pred.shape}")
        return sum(weight * loss(y_true, ops.cast(y_pred[:, i], "float32")) for i, weight in enumerate(weights))

    return total


def over_tasks(tasks, weights):
    """Return the loss of targets `(B, sum of y_width)` and predictions `(B, sum of pred_width)`: a weighted sum.

    `tasks` are `(loss, y_width, pred_width)`, `weights` a number for each.

    Raises:
        ValueError: the widths do not add up.
    """

    def total(y_true, y_pred):
        return sum(w * x for w, x in zip(weights, _task_losses(tasks, y_true, y_pred, extra=0), strict=True))

    return total


def by_uncertainty(tasks):
    """Return the loss of targets and predictions as in `over_tasks`, each task weighed by its learned uncertainty.

    `sum_k exp(-s_k) * loss_k + s_k / 2`, `s_k = log(sigma_k^2)`: the predictions end with the `s`, as
    `mmzoo.blocks.uncertainty.Uncertainty` appends them, `(B, sum of pred_width + tasks)`. For a regression, the loss
    that the paper weighs so is half the squared error.

    Kendall et al. 2018, section 3.2, equations 7 and 10.

    Raises:
        ValueError: the widths do not add up.
    """

    def total(y_true, y_pred):
        log_variances = ops.cast(y_pred[:, -len(tasks) :], "float32")
        parts = _task_losses(tasks, y_true, y_pred, extra=len(tasks))
        return sum(ops.exp(-s) * x + 0.5 * s for s, x in zip(ops.unstack(log_variances, axis=1), parts, strict=True))

    return total


def _task_losses(tasks, y_true, y_pred, extra):
    """Return the loss of each task on its own columns; `extra` columns at the end of `y_pred` belong to none."""
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
