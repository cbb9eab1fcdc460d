"""Fusions by attention, against NumPy, on embeddings `(B, D)` and on tokens `(B, T, D)`."""

import itertools

import keras
import numpy as np
import pytest
from numpy_transformer import cross_block, dense, layer_norm, transformer_block, weights_of
from on_device import check_on_device, randomize

from mmzoo.fusion.attention import attention
from mmzoo.fusion.bottleneck import bottleneck
from mmzoo.fusion.film import film
from mmzoo.fusion.transformer import transformer

WIDTH = 8
NAMES = ("image", "audio", "text")
PATTERNS = np.array(list(itertools.product((0, 1), repeat=3)), "float32")
ONE_EACH = {"image": (WIDTH,), "audio": (WIDTH,), "text": (WIDTH,)}
TOKENS = {"image": (5, WIDTH), "audio": (3, 12), "text": (WIDTH,)}


def of_eight(embeddings, present):
    return bottleneck(embeddings, present, count=2, units=8, num_heads=2)


def model_of(fuse, shapes):
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    present = keras.Input((len(shapes),), name="present")
    model = keras.Model({**inputs, "present": present}, {"y": fuse(inputs, present)})
    randomize(model)
    return model


def inputs_of(shapes):
    rng = np.random.default_rng(5)
    values = {name: rng.normal(size=(8, *shape)).astype("float32") for name, shape in shapes.items()}
    return {**values, "present": PATTERNS[:, : len(shapes)]}


def tokens_of(given):
    """Return tokens `{modality: (8, T, D)}`, zero if missing, and their mask `{modality: (8, T)}`."""
    tokens, seen = {}, {}
    for i, name in enumerate(NAMES):
        x = given[name] if given[name].ndim == 3 else given[name][:, None]
        seen[name] = np.repeat(PATTERNS[:, i : i + 1], x.shape[1], axis=1)
        tokens[name] = x * seen[name][..., None]
    return tokens, seen


def learned(tokens):
    return np.broadcast_to(tokens, (8, *tokens.shape[1:]))


def numpy_attention(given, weights):
    first = given["image"] * PATTERNS[:, :1] + (1 - PATTERNS[:, :1]) * weights["image_absent/kernel"]
    tokens, _ = tokens_of(given)
    keys = np.concatenate([tokens["audio"], tokens["text"]], axis=1) + weights["modality/positions"]
    keys = np.concatenate([learned(weights["nothing/tokens"]), keys], axis=1)
    mask = np.concatenate([np.ones((8, 1)), PATTERNS[:, 1:]], axis=1)
    return layer_norm(cross_block(first[:, None], keys, weights, 4, mask, "gather")[:, 0], weights, "fusion")


def numpy_transformer(given, weights):
    tokens, seen = tokens_of(given)
    x = [dense(tokens[name], weights, f"{name}_tokens") for name in NAMES]
    x = np.concatenate([learned(weights["fusion_token/tokens"]), *x], axis=1)
    mask = np.concatenate([np.ones((8, 1)), *seen.values()], axis=1)
    for i in range(2):
        x = transformer_block(x, weights, 4, mask, f"fusion{i}")
    return layer_norm(x[:, 0], weights, "fusion")


def numpy_bottleneck(given, weights):
    tokens, _ = tokens_of(given)
    own = {name: dense(x, weights, f"{name}_tokens") for name, x in tokens.items()}
    shared = learned(weights["bottleneck/tokens"])
    for i in range(2):
        heard = {}
        for name, x in own.items():
            x = np.concatenate([shared, x], axis=1)
            x = transformer_block(x, weights, 2, np.ones(x.shape[:2]), f"{name}{i}")
            heard[name], own[name] = x[:, :2], x[:, 2:]
        shared = mean_of_present([heard[name] for name in NAMES])
    ends = [layer_norm(own[name], weights, f"{name}_norm").mean(axis=1) for name in NAMES]
    return dense(mean_of_present(ends), weights, "fusion")


def mean_of_present(values):
    values, there = np.stack(values), PATTERNS == 1
    return np.stack([values[t, i].mean(axis=0) if t.any() else 0 * values[0, i] for i, t in enumerate(there)])


CASES = {
    "attention": (attention, numpy_attention, ONE_EACH),
    "transformer": (transformer, numpy_transformer, ONE_EACH),
    "transformer_tokens": (
        transformer,
        numpy_transformer,
        TOKENS,
    ),
    "bottleneck": (of_eight, numpy_bottleneck, ONE_EACH),
    "bottleneck_tokens": (of_eight, numpy_bottleneck, TOKENS),
}


@pytest.mark.parametrize(("fuse", "formula", "shapes"), CASES.values(), ids=CASES)
def test_formula(fuse, formula, shapes):
    model, given = model_of(fuse, shapes), inputs_of(shapes)
    answer = np.asarray(model(given)["y"])
    assert answer.shape == (8, WIDTH)
    np.testing.assert_allclose(answer, formula(given, weights_of(model)), atol=2e-5)


@pytest.mark.parametrize("fuse", [transformer, of_eight], ids=["transformer", "bottleneck"])
def test_tokens_on_device(fuse, tmp_path, gpu):
    shapes = {"image": TOKENS["image"], "audio": TOKENS["audio"]}
    inner = model_of(fuse, shapes)
    model = keras.Model(inner.input, {"y": keras.layers.Dense(4)(inner.output["y"])})
    check_on_device(model, inputs_of(shapes), tmp_path, gpu)


def test_fusion_bad_arguments_raise():
    x, present = {"image": keras.Input((WIDTH,))}, keras.Input((1,))
    for fuse in (film, attention):
        with pytest.raises(ValueError, match=r"two modalities or more. Received: embeddings=\['image'\]"):
            fuse(x, present)
    with pytest.raises(ValueError, match=r"two layers or more. Received: num_layers=1"):
        bottleneck(x, present, num_layers=1)
