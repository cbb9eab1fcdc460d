"""Attention, Transformer blocks and positions against NumPy, and on the device."""

import keras
import numpy as np
import numpy_transformer as reference
import pytest
from on_device import check_on_device, randomize

from mmzoo.blocks.attention import attention, cross_block, masked_mean, transformer_block
from mmzoo.blocks.position import AddPosition, LearnedTokens, TokenEmbedding, padding_mask, sinusoids

RNG = np.random.default_rng(0)
TOKENS = RNG.normal(size=(3, 6, 8)).astype("float32")
KEYS = RNG.normal(size=(3, 5, 12)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]], "float32")


@pytest.mark.parametrize("shape", [(5,), (6, 5)], ids=["keys", "queries_by_keys"])
def test_attention_formula(shape):
    mask = MASK.copy() if len(shape) == 1 else (RNG.random((3, 6, 5)) < 0.7).astype("float32")
    mask[:, 0] = 0  # the queries of the last example, or each first query, may see nothing
    x, keys, hidden = keras.Input((6, 8)), keras.Input((5, 12)), keras.Input(shape)
    model = keras.Model([x, keys, hidden], attention(x, keys, 2, hidden))
    randomize(model)
    expected = reference.attention(TOKENS, KEYS, reference.weights_of(model), 2, mask, "attention")
    np.testing.assert_allclose(np.asarray(model([TOKENS, KEYS, mask])), expected, atol=1e-5)


def test_attention_hidden_tokens_have_no_effect():
    x, keys, hidden = keras.Input((6, 8)), keras.Input((5, 12)), keras.Input((5,))
    model = keras.Model([x, keys, hidden], cross_block(x, keys, 2, mask=hidden))
    randomize(model)
    other = KEYS + 3 * (1 - MASK[..., None])
    np.testing.assert_allclose(model([TOKENS, KEYS, MASK]), model([TOKENS, other, MASK]), atol=1e-4)


def test_attention_indivisible_heads_raise():
    with pytest.raises(ValueError, match="Received: units=8, num_heads=3"):
        attention(keras.Input((6, 8)), keras.Input((6, 8)), 3)


def test_masked_mean_formula():
    mask = np.concatenate([MASK, np.zeros((1, 5), "float32")])
    keys = np.concatenate([KEYS, KEYS[:1]])
    x, hidden = keras.Input((5, 12)), keras.Input((5,))
    answer = np.asarray(keras.Model([x, hidden], masked_mean(x, hidden))([keys, mask]))
    expected = [row[seen == 1].mean(axis=0) if seen.any() else 0 * row[0] for row, seen in zip(keys, mask, strict=True)]
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_positions_and_tokens_formula():
    x = keras.Input((6, 8))
    model = keras.Model(x, LearnedTokens(2, name="tokens")(AddPosition(name="place")(x)))
    randomize(model)
    weights = reference.weights_of(model)
    answer = np.asarray(model(TOKENS))
    np.testing.assert_allclose(answer[:, 2:], TOKENS + weights["place/positions"], atol=1e-6)
    np.testing.assert_allclose(answer[:, :2], np.broadcast_to(weights["tokens/tokens"], (3, 2, 8)), atol=1e-6)


def test_token_embedding_returns_table_rows():
    ids = np.array([[0, 3, 3], [9, 1, 2]], "int32")
    layer = TokenEmbedding(10, 4)
    answer = np.asarray(layer(ids))
    assert layer.table.shape == (12, 4)
    np.testing.assert_array_equal(answer, np.asarray(layer.table)[ids])


def test_padding_mask_marks_tokens():
    ids = np.array([[3, 1, 259, 0], [2, 0, 0, 0], [0, 0, 0, 0]], "int32")
    mask = np.asarray(padding_mask(ids))
    assert mask.dtype == "float32"
    np.testing.assert_array_equal(mask, ids > 0)


def test_sinusoids_formula():
    table = sinusoids(50, 8)
    assert table.shape == (50, 8)
    np.testing.assert_allclose(table[7, 1], np.sin(7 / 10000 ** (1 / 4)), rtol=1e-6)
    np.testing.assert_allclose(table[7, 5], np.cos(7 / 10000 ** (1 / 4)), rtol=1e-6)


def text_model():
    ids = keras.Input((12,), dtype="int32", name="token_ids")
    mask = padding_mask(ids)
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
