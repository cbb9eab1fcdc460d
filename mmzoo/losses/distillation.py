"""Learn from a teacher's probabilities: soft labels with a temperature.

For a teacher's features as `y`, Keras's `MeanSquaredError` and `CosineSimilarity` serve.
"""

from keras import losses, ops


def soft_labels(temperature=4.0, hard_weight=0.0, from_logits=True):
    """Return the loss `(B,)` of a teacher's logits `(B, N)` and the student's `(B, N)`.

    `T^2 * cross-entropy(softmax(teacher / T), softmax(student / T))`: with T^2 the gradients keep their size at every
    temperature. With `hard_weight` above 0, `y` is `(B, N + 1)`, whose last column is the class index, and the loss is
    `(1 - hard_weight)` of the above and `hard_weight` of the cross-entropy with that class. `from_logits=False`: both
    give probabilities.

    Hinton et al. 2015, section 2.

    Raises:
        ValueError: `y_true` has another width.
    """

    def loss(y_true, y_pred):
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
