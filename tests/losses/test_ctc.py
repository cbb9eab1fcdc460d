"""CTC against PyTorch, with either padding and with labels that do not fit."""

import keras
import numpy as np
from torch import tensor
from torch.nn.functional import ctc_loss

from mmzoo.losses import ctc

LOGITS = np.random.default_rng(0).normal(size=(6, 5, 4)).astype("float32")
LABELS = np.array([[1, 2, 2, 3], [3, 0, 0, 0], [2, 1, 0, 0], [1, 1, 1, 0], [1, 2, 2, 2], [0, 0, 0, 0]])
LENGTHS = [4, 1, 2, 3, 4, 0]  # of five frames the first and the fourth need all, the fifth needs six


def by_torch(logits):
    log_p = tensor(logits).log_softmax(-1).transpose(0, 1)
    return ctc_loss(log_p, tensor(LABELS), [5] * 6, LENGTHS, reduction="none", zero_infinity=True).numpy()


def test_ctc_equals_torch():
    expected = by_torch(LOGITS)
    assert expected[4] == 0
    assert np.all(expected[[0, 1, 2, 3, 5]] > 0)
    np.testing.assert_allclose(ctc.ctc(LABELS, LOGITS), expected, rtol=1e-4)
    padded = np.where(LABELS == 0, -1, LABELS).astype("float32")
    np.testing.assert_allclose(ctc.ctc(padded, LOGITS), expected, rtol=1e-4)


def test_ctc_of_log_probabilities_equals_ctc_of_logits():
    shares = tensor(LOGITS).log_softmax(-1).numpy()
    np.testing.assert_allclose(ctc.ctc(LABELS, shares), ctc.ctc(LABELS, LOGITS), rtol=1e-4)


def test_ctc_equals_keras_if_labels_fit():
    fit = [0, 1, 2, 3, 5]
    own = keras.losses.CTC(reduction=None)(LABELS[fit], LOGITS[fit])
    np.testing.assert_allclose(ctc.ctc(LABELS, LOGITS).numpy()[fit], own, rtol=1e-5)


def test_right_costs_less_than_wrong():
    said = 9 * np.eye(4, dtype="float32")[[[1, 0, 2, 2, 0]]]
    right, wrong = (float(ctc.ctc(np.array([y]), said)[0]) for y in ([1, 2, 0], [2, 1, 0]))
    assert right < 0.1 < wrong
