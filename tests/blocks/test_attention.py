"""Attention, Transformer blocks and positions against NumPy, and on the device."""

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize

from mmzoo.blocks.attention import HIDDEN, attention, cross_block, masked_mean, transformer_block
from mmzoo.blocks.position import AddPosition, LearnedTokens, TokenEmbedding, sinusoids

RNG = np.random.default_rng(0)
TOKENS = RNG.normal(size=(3, 6, 8)).astype("float32")
KEYS = RNG.normal(size=(3, 5, 12)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]], "float32")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def weights_of(model):
    return {weight.path: np.asarray(weight) for weight in model.weights}


def numpy_attention(queries, keys, weights, num_heads, mask, name="attention"):
    def dense(x, role):
        return x @ weights[f"{name}_{role}/kernel"] + weights[f"{name}_{role}/bias"]

    q, k, v = dense(queries, "query"), dense(keys, "key"), dense(keys, "value")
    width = q.shape[-1] // num_heads
    parts = []
    for h in range(num_heads):
        part = slice(h * width, (h + 1) * width)
        scores = np.einsum("btd,bsd->bts", q[..., part], k[..., part]) / np.sqrt(width)
        parts.append(softmax(scores + (mask - 1) * HIDDEN) @ v[..., part])
    return dense(np.concatenate(parts, axis=-1), "out")


@pytest.mark.parametrize("shape", [(5,), (6, 5)], ids=["keys", "queries_by_keys"])
def test_attention_formula(shape):
    mask = np.broadcast_to(MASK, (3, 5)) if len(shape) == 1 else (RNG.random((3, 6, 5)) < 0.7).astype("float32")
    x, keys, hidden = keras.Input((6, 8)), keras.Input((5, 12)), keras.Input(shape)
    model = keras.Model([x, keys, hidden], attention(x, keys, 2, hidden))
    randomize(model)
    expected = numpy_attention(TOKENS, KEYS, weights_of(model), 2, mask if len(shape) == 2 else mask[:, None])
    np.testing.assert_allclose(np.asarray(model([TOKENS, KEYS, mask])), expected, atol=1e-5)


def test_hidden_tokens_do_not_matter():
    x, keys, hidden = keras.Input((6, 8)), keras.Input((5, 12)), keras.Input((5,))
    model = keras.Model([x, keys, hidden], cross_block(x, keys, 2, mask=hidden))
    randomize(model)
    other = KEYS + 3 * (1 - MASK[..., None])
    np.testing.assert_allclose(model([TOKENS, KEYS, MASK]), model([TOKENS, other, MASK]), atol=1e-4)


def test_refuses_heads_that_do_not_divide():
    with pytest.raises(ValueError, match="Received: units=8, num_heads=3"):
        attention(keras.Input((6, 8)), keras.Input((6, 8)), 3)


def test_masked_mean_formula():
    mask = np.concatenate([MASK, np.zeros((1, 5), "float32")])
    keys = np.concatenate([KEYS, KEYS[:1]])
    x, hidden = keras.Input((5, 12)), keras.Input((5,))
    answer = np.asarray(keras.Model([x, hidden], masked_mean(x, hidden))([keys, mask]))
    expected = [row[seen == 1].mean(axis=0) if seen.any() else 0 * row[0] for row, seen in zip(keys, mask, strict=True)]
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_positions_and_tokens():
    x = keras.Input((6, 8))
    model = keras.Model(x, LearnedTokens(2, name="tokens")(AddPosition(name="place")(x)))
    randomize(model)
    weights = weights_of(model)
    answer = np.asarray(model(TOKENS))
    np.testing.assert_allclose(answer[:, 2:], TOKENS + weights["place/positions"], atol=1e-6)
    np.testing.assert_allclose(answer[:, :2], np.broadcast_to(weights["tokens/tokens"], (3, 2, 8)), atol=1e-6)


def test_token_embedding_looks_rows_up():
    ids = np.array([[0, 3, 3], [9, 1, 2]], "int32")
    layer = TokenEmbedding(10, 4)
    answer = np.asarray(layer(ids))
    assert layer.table.shape == (12, 4)
    np.testing.assert_array_equal(answer, np.asarray(layer.table)[ids])


def test_sinusoids_formula():
    table = sinusoids(50, 8)
    assert table.shape == (50, 8)
    np.testing.assert_allclose(table[7, 1], np.sin(7 / 10000 ** (1 / 4)), rtol=1e-6)
    np.testing.assert_allclose(table[7, 5], np.cos(7 / 10000 ** (1 / 4)), rtol=1e-6)


def text_model():
    ids = keras.Input((12,), dtype="int32", name="token_ids")
    mask = keras.ops.minimum(keras.ops.cast(ids, "float32"), 1.0)
    x = AddPosition()(TokenEmbedding(260, 16)(ids))
    for i in range(2):
        x = transformer_block(x, 2, mask=mask, name=f"block{i}")
    x = keras.layers.LayerNormalization()(x)
    return keras.Model({"token_ids": ids}, {"y": keras.layers.Dense(4)(masked_mean(x, mask))})


def token_model():
    x, keys = keras.Input((6, 8), name="x"), keras.Input((5, 12), name="keys")
    y = cross_block(LearnedTokens(4)(x), keys, 2)
    return keras.Model({"x": x, "keys": keys}, {"y": keras.layers.LayerNormalization()(y)})


@pytest.mark.parametrize("build", [text_model, token_model])
def test_on_device(build, tmp_path, gpu):
    model = build()
    randomize(model)
    text = RNG.integers(0, 260, (3, 12)).astype("int32") * (np.arange(12) < [[12], [7], [1]])
    inputs = {"token_ids": text.astype("int32")} if "token_ids" in model.input else {"x": TOKENS, "keys": KEYS}
    check_on_device(model, inputs, tmp_path, gpu)


def test_survives_save_and_load(tmp_path):
    from mmzoo.models.transfer import read_model

    model = text_model()
    randomize(model)
    model.save(tmp_path / "m.keras")
    ids = RNG.integers(0, 260, (2, 12)).astype("int32")
    np.testing.assert_array_equal(
        read_model(tmp_path / "m.keras")({"token_ids": ids})["y"], model({"token_ids": ids})["y"]
    )
