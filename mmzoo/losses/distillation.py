"""Knowledge distillation from a teacher's probabilities with a temperature.

For a teacher's features as `y`, use Keras's `MeanSquaredError` and `CosineSimilarity`.
"""

from collections.abc import Callable

from keras import KerasTensor, losses, ops


def soft_labels(
    temperature: float = 4.0, hard_weight: float = 0.0, from_logits: bool = True
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the distillation loss `(B,)` of teacher and student logits `(B, N)`.

    Hinton et al. 2015, section 2: `T^2 * cross-entropy(softmax(teacher / T), softmax(student / T))`. The factor T^2
    keeps the size of the gradients at every temperature.

    If `hard_weight` is above 0, `y` is `(B, N + 1)`, and its last column is the class index. The loss is then
    `(1 - hard_weight)` of the above and `hard_weight` of the cross-entropy with that class. With `from_logits=False`
    both inputs are probabilities.

    Raises:
        ValueError: `y_true` has another width.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        student, teacher = ops.cast(y_pred, "float32"), ops.cast(y_true, "float32")
        classes = student.shape[1]
        width = classes + bool(hard_weight)
        if teacher.shape[1] != width:
            raise ValueError(f"soft_labels expects y_true (B, {width}). Received: y_true.shape={y_true.shape}")
        teacher, label = teacher[:, :classes], teacher[:, -1]
        if not from_logits:
            student, teacher = (ops.log(ops.maximum(p, 1e-7)) for p in (student, teacher))
        soft = -ops.sum(ops.softmax(teacher / temperature) * ops.log_softmax(student / temperature), axis=1)
        total = (1.0 - hard_weight) * temperature**2 * soft
        if not hard_weight:
            return total
        return total + hard_weight * losses.sparse_categorical_crossentropy(label, student, from_logits=True)

    return loss
