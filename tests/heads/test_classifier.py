"""The classification head: its formula, including extreme logits."""

import keras
import numpy as np
from on_device import randomize
from training_checks import check_gradients

from mmzoo.heads.classifier import classifier


def head(num_classes=3):
    x = keras.Input((4,), name="embedding")
    model = keras.Model({"embedding": x}, {"probabilities": classifier(x, num_classes)})
    randomize(model)
    return model


def test_formula():
    model, x = head(), np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    kernel, bias = model.get_weights()
    for scale in (1, 100):
        scores = scale * x @ kernel + bias
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        answer = np.asarray(model({"embedding": scale * x})["probabilities"])
        np.testing.assert_allclose(answer, e / e.sum(axis=1, keepdims=True), atol=1e-5)


def test_gradients():
    check_gradients(head(), {"embedding": np.ones((2, 4), "float32")})
