"""Soft labels against PyTorch and against Keras's own distillation, up to the teacher's entropy."""

import keras
import numpy as np
import pytest

from mmzoo.losses import distillation


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32") * 2


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def test_soft_labels_are_cross_entropy_of_torch_times_the_square_of_the_temperature():
    from torch import tensor
    from torch.nn.functional import cross_entropy

    teacher, student = draw(5, 4), draw(5, 4, seed=1)
    expected = 9 * cross_entropy(tensor(student) / 3, tensor(teacher).div(3).softmax(1), reduction="none")
    np.testing.assert_allclose(distillation.soft_labels(3.0)(teacher, student), expected, rtol=1e-5)


def test_soft_labels_equal_keras_divergence_plus_teacher_entropy():
    teacher, student = draw(5, 4), draw(5, 4, seed=1)
    # an instance: by its default, a name, Keras 3.15 compares logits as if they were probabilities
    own = keras.distillation.LogitsDistillation(loss=keras.losses.KLDivergence(), temperature=3.0)
    own = own.compute_loss(teacher, student)
    p = softmax(teacher / 3)
    entropy = 9 * np.mean(-np.sum(p * np.log(p), axis=1))
    assert np.mean(distillation.soft_labels(3.0)(teacher, student)) - entropy == pytest.approx(float(own), rel=1e-3)


def test_soft_labels_hard_weight_adds_cross_entropy():
    teacher, student, label = draw(5, 4), draw(5, 4, seed=1), np.array([0, 3, 1, 1, 2])
    soft = np.asarray(distillation.soft_labels(2.0)(teacher, student))
    hard = -np.log(softmax(student))[np.arange(5), label]
    cost = distillation.soft_labels(2.0, hard_weight=0.3)(np.c_[teacher, label].astype("float32"), student)
    np.testing.assert_allclose(cost, 0.7 * soft + 0.3 * hard, rtol=1e-5)


def test_soft_labels_of_probabilities_equal_logits():
    teacher, student, label = draw(5, 4), draw(5, 4, seed=1), np.array([0, 3, 1, 1, 2])
    given = distillation.soft_labels(2.0, 0.3)(np.c_[teacher, label].astype("float32"), student)
    shares = np.c_[softmax(teacher), label].astype("float32")
    same = distillation.soft_labels(2.0, 0.3, from_logits=False)(shares, softmax(student))
    np.testing.assert_allclose(same, given, rtol=1e-3)


def test_right_costs_less_than_wrong():
    teacher = draw(5, 4)
    cost = [np.mean(distillation.soft_labels()(teacher, x)) for x in (teacher, 0 * teacher, -teacher)]
    assert cost == sorted(cost)


def test_soft_labels_wrong_width_raises():
    for weight, width in ((0.0, 5), (0.5, 4)):
        with pytest.raises(ValueError, match="Received: y_true"):
            distillation.soft_labels(hard_weight=weight)(draw(5, width), draw(5, 4))
