"""The encoder of hashed text: its formula, the linear models among its weights, learning, and the device."""

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize
from training_checks import check_gradients, check_memorizes

from mmzoo.device.text_hash import SIZE, text_counts
from mmzoo.encoders.text_hash import text_hash
from mmzoo.export.quantize import split
from mmzoo.models.transfer import read_model

TEXTS = ["a", "😀 naïve", "the cat sat on the mat, the the", "to be or not to be, that's 32 b. " * 30]
SENTENCES = [f"{who} {what} the {where}" for who in ("ann", "bob") for what in ("saw", "met") for where in
             ("sea", "sun", "inn", "elm")]  # fmt: skip


def counts_of(texts):
    return np.stack([text_counts(text) for text in texts])


def frequencies(counts):
    x = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1).astype(float)), 0)
    return np.concatenate([half / np.linalg.norm(half, axis=1, keepdims=True) for half in np.split(x, 2, axis=1)], 1)


@pytest.fixture(scope="module")
def encoder():
    model = text_hash(12, rank=8)
    randomize(model)
    return model


def test_text_hash_formula(encoder):
    w = {weight.path: np.asarray(weight, np.float64) for weight in encoder.weights}
    expected = frequencies(counts_of(TEXTS)) @ w["table/kernel"] @ w["embedding/kernel"] + w["embedding/bias"]
    np.testing.assert_allclose(np.asarray(encoder(counts_of(TEXTS))), expected, atol=1e-4)
    assert (encoder.name, encoder.input.dtype, encoder.output.shape) == ("text_hash", "uint8", (None, 12))


def test_text_hash_starts_from_a_table():
    table = np.random.default_rng(0).normal(size=(SIZE, 4)).astype(np.float32)
    encoder = text_hash(6, 4, table)
    np.testing.assert_array_equal(np.asarray(encoder.get_layer("table").kernel), table)
    with pytest.raises(ValueError, match=r"a table of shape \(32768, 8\). Received: \(32768, 4\)"):
        text_hash(6, 8, table)


def test_text_hash_and_a_linear_head_are_a_linear_model():
    rng = np.random.default_rng(0)
    coefficients, x = rng.normal(size=(SIZE, 3)), counts_of(TEXTS)
    encoder = text_hash(5, 4)
    left, sizes, right = np.linalg.svd(coefficients, full_matrices=False)
    encoder.get_layer("table").kernel.assign(np.pad(left * sizes, ((0, 0), (0, 1))))
    encoder.get_layer("embedding").set_weights([np.eye(4, 5), np.zeros(5)])
    logits = np.asarray(encoder(x)) @ np.pad(right, ((0, 2), (0, 0)))
    np.testing.assert_allclose(logits, frequencies(x) @ coefficients, atol=1e-4)


def test_text_hash_every_weight_gets_a_gradient(encoder):
    check_gradients(encoder, counts_of(TEXTS))


def test_text_hash_memorizes_sixteen_sentences():
    keras.utils.set_random_seed(0)
    check_memorizes(text_hash(32), counts_of(SENTENCES), np.arange(16))


def test_text_hash_of_no_words_is_its_bias(encoder):
    found = np.asarray(encoder(np.zeros((1, SIZE), np.uint8)))
    np.testing.assert_allclose(found[0], np.asarray(encoder.get_layer("embedding").bias), atol=1e-6)


def test_text_hash_survives_save_and_load(encoder, tmp_path):
    encoder.save(tmp_path / "encoder.keras")
    read = read_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(np.asarray(read(counts_of(TEXTS))), np.asarray(encoder(counts_of(TEXTS))), atol=1e-6)


def test_text_hash_frequencies_stay_float_in_int8(encoder):
    counts = keras.Input((SIZE,), dtype="uint8", name="text")
    front, back = split(keras.Model({"text": counts}, {"embedding": encoder(counts)}))
    assert (front.count_params(), front.output["text"].dtype) == (0, "float32")
    assert back.count_params() == encoder.count_params()


def test_text_hash_on_device(encoder, tmp_path, gpu):
    counts = keras.Input((SIZE,), dtype="uint8", name="text")
    model = keras.Model({"text": counts}, {"embedding": encoder(counts)})
    operators = check_on_device(model, {"text": counts_of(TEXTS)}, tmp_path, gpu)
    assert operators["FULLY_CONNECTED"] == 2
