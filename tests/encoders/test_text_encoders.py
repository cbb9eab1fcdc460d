"""Text encoders: formulas, invariance to padding, sensitivity to order, learning, and the device."""

from functools import partial

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize
from training_checks import check_gradients, check_memorizes

from mmzoo.blocks.attention import transformer_block
from mmzoo.data.decode.text import encode_bytes
from mmzoo.encoders.text_bag import text_bag
from mmzoo.encoders.text_conv import text_conv
from mmzoo.encoders.text_gru import text_gru
from mmzoo.encoders.text_transformer import text_transformer
from mmzoo.models.transfer import read_model

ENCODERS = {
    "text_bag": partial(text_bag, embed_dim=12, units=8),
    "text_conv": partial(text_conv, embed_dim=12, units=8),
    "text_transformer": partial(text_transformer, embed_dim=12, units=8, num_heads=2),
    "text_gru": partial(text_gru, embed_dim=12, units=8, stride=4),
}
TEXTS = ["", "a", "ab", "😀 naïve", "the cat sat on", "to be or not to be, that's 32 b."]
SENTENCES = [f"{who} {what} the {where}" for who in ("ann", "bob") for what in ("saw", "met") for where in
             ("sea", "sun", "inn", "elm")]  # fmt: skip


def numbers(x):
    return np.asarray(x)


def kernels(model):
    return {weight.path: numbers(weight) for weight in model.weights}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def embedded(pooled, w):
    return np.maximum(pooled @ w["embedding/kernel"] + w["embedding/bias"], 0)


def convolved(x, kernel, bias):
    """Slide `kernel` `(K, D, F)` over the tokens `(T, D)`, zeros beyond the ends, and cut at 0: `(T, F)`."""
    size = len(kernel)
    wide = np.pad(x, (((size - 1) // 2, size // 2), (0, 0)))
    return np.maximum([np.tensordot(wide[t : t + size], kernel, 2) + bias for t in range(len(x))], 0)


def numpy_bag(ids, w):
    return w["front_end/embeddings"][ids].mean(axis=0)


def numpy_conv(ids, w):
    x = w["front_end/embeddings"][ids]
    return np.concatenate([convolved(x, w[f"window{k}/kernel"], w[f"window{k}/bias"]).max(axis=0) for k in (3, 5, 7)])


def numpy_gru(ids, w):
    x = convolved(w["front_end/embeddings"][ids], w["conv/kernel"], w["conv/bias"])
    state, states = np.zeros(8), []
    for step in (x[t : t + 4].max(axis=0) for t in range(0, len(x), 4)):
        new = step @ w["gru/gru_cell/kernel"] + w["gru/gru_cell/bias"][0]
        old = state @ w["gru/gru_cell/recurrent_kernel"] + w["gru/gru_cell/bias"][1]
        keep, reset = sigmoid(new[:8] + old[:8]), sigmoid(new[8:16] + old[8:16])
        state = keep * state + (1 - keep) * np.tanh(new[16:] + reset * old[16:])
        states.append(state)
    return np.mean(states, axis=0)


def numpy_transformer(ids, w):
    """Only the wiring: the blocks have separate tests."""
    x = keras.Input((len(ids), 8))
    y = transformer_block(transformer_block(x, 2, name="block0"), 2, name="block1")
    blocks = keras.Model(x, y)
    blocks.set_weights([w[weight.path] for weight in blocks.weights])
    given = w["front_end/embeddings"][ids] + w["positions/positions"][: len(ids)]
    x = numbers(blocks(given[None].astype("float32")))[0]
    x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-3)
    return (x * w["norm/gamma"] + w["norm/beta"]).mean(axis=0)


FORMULAS = {
    "text_bag": numpy_bag,
    "text_conv": numpy_conv,
    "text_transformer": numpy_transformer,
    "text_gru": numpy_gru,
}


@pytest.fixture(params=ENCODERS)
def name(request):
    return request.param


@pytest.fixture
def encoder(name):
    model = ENCODERS[name](32)
    randomize(model)
    return model


def test_is_a_named_model_of_one_embedding(name, encoder):
    assert encoder.name == name
    assert encoder.output.shape == (None, 12)
    assert encoder.input.name == "token_ids"
    assert encoder.input.dtype == "int32"
    assert encoder.get_layer("front_end").num_tokens == 260
    assert encoder.get_layer("embedding").output is encoder.output


@pytest.mark.filterwarnings("ignore:You are using a softmax")  # over the one token of a text
def test_text_encoder_formula(name, encoder):
    w = kernels(encoder)
    for text in TEXTS[1:]:
        ids = encode_bytes([text], 32)
        expected = embedded(FORMULAS[name](ids[0, : len(text.encode())], w), w)
        assert expected.any()
        np.testing.assert_allclose(numbers(encoder(ids))[0], expected, atol=2e-5, err_msg=text)


def test_text_encoder_is_invariant_to_amount_of_padding(name, encoder):
    longer = ENCODERS[name](96)
    for weight, given in zip(longer.weights, encoder.weights, strict=True):
        value = numbers(given)
        if weight.path == "positions/positions":  # of places beyond the text, which nobody may see
            value = np.concatenate([value, np.full((64, 8), 50.0)])
        weight.assign(value)
    short = numbers(encoder(encode_bytes(TEXTS, 32)))
    np.testing.assert_allclose(numbers(longer(encode_bytes(TEXTS, 96))), short, atol=1e-5)
    assert np.ptp(short, axis=0).max() > 0.1


def test_text_encoder_is_invariant_to_padding_vector(encoder):
    ids = encode_bytes(TEXTS, 32)
    before = numbers(encoder(ids))
    table = encoder.get_layer("front_end").table
    value = numbers(table).copy()
    value[0] += 50
    table.assign(value)
    np.testing.assert_allclose(numbers(encoder(ids)), before, atol=1e-4)


def test_text_encoder_empty_text_is_finite(encoder):
    assert np.isfinite(numbers(encoder(encode_bytes([""], 32)))).all()


def test_text_encoder_depends_on_order_except_bag(name, encoder):
    one, other = numbers(encoder(encode_bytes(["dog bites the man", "man bites the dog"], 32)))
    if name == "text_bag":
        np.testing.assert_allclose(one, other, atol=1e-6)
    else:
        assert np.abs(one - other).max() > 1e-3 * np.abs(one).max()


def test_text_encoder_depends_on_every_token(encoder):
    text = "abcdefghijklmnopqrstuvwxyz"
    before = numbers(encoder(encode_bytes([text], 32)))
    changed = encode_bytes([text[:i] + "é" + text[i + 1 :] for i in range(26)], 32)
    assert (np.abs(numbers(encoder(changed)) - before).max(axis=1) > 1e-4).all()


def test_every_weight_gets_a_gradient(encoder):
    check_gradients(encoder, encode_bytes(TEXTS, 32))


def test_memorizes_sixteen_sentences(name):
    keras.utils.set_random_seed(0)
    check_memorizes(ENCODERS[name](32, embed_dim=32), encode_bytes(SENTENCES, 32), np.arange(16))


def test_survives_save_and_load(encoder, tmp_path):
    encoder.save(tmp_path / "encoder.keras")
    read = read_model(tmp_path / "encoder.keras")
    ids = encode_bytes(TEXTS, 32)
    np.testing.assert_allclose(numbers(read(ids)), numbers(encoder(ids)), atol=1e-6)


def test_on_device_with_an_empty_text(tmp_path, gpu):
    token_ids = keras.Input((32,), dtype="int32", name="token_ids")
    model = keras.Model({"token_ids": token_ids}, {name: make(32)(token_ids) for name, make in ENCODERS.items()})
    randomize(model)
    check_on_device(model, {"token_ids": encode_bytes(TEXTS, 32)}, tmp_path, gpu)


def test_text_encoder_bad_arguments_raise():
    with pytest.raises(ValueError, match=r"length that stride divides. Received: length=30, stride=8"):
        text_gru(30, 8)
    with pytest.raises(ValueError, match="width that num_heads divides"):
        text_transformer(32, 8, num_heads=3)


def test_text_conv_dropout_acts_in_training():
    dropped = text_conv(32, 8, units=8, dropout=0.5)
    ids = encode_bytes(TEXTS, 32)
    np.testing.assert_array_equal(numbers(dropped(ids)), numbers(dropped(ids)))
    assert np.abs(numbers(dropped(ids, training=True)) - numbers(dropped(ids))).max() > 1e-4
    assert text_conv(32, 8, units=8).count_params() == dropped.count_params()
