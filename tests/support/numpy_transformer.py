"""Transformer blocks in NumPy, with the weights of a Keras model by path: the reference of tests."""

import numpy as np


def weights_of(model):
    return {weight.path: np.asarray(weight) for weight in model.weights}


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def dense(x, weights, name):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def layer_norm(x, weights, name):
    x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3)
    return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def attention(queries, keys, weights, num_heads, mask, name):
    """`mask` is `(B, S)` or `(B, T, S)`; hidden keys are left out, not subtracted from, and all seen where none is."""
    mask = np.expand_dims(mask, 1) if mask.ndim == 2 else mask
    seen = np.where(mask.any(axis=-1, keepdims=True), mask, 1) == 1
    q, k, v = (dense(x, weights, f"{name}_{r}") for x, r in ((queries, "query"), (keys, "key"), (keys, "value")))
    width, parts = q.shape[-1] // num_heads, []
    for h in range(num_heads):
        part = slice(h * width, (h + 1) * width)
        scores = np.einsum("btd,bsd->bts", q[..., part], k[..., part]) / np.sqrt(width)
        parts.append(softmax(np.where(seen, scores, -np.inf)) @ v[..., part])
    return dense(np.concatenate(parts, axis=-1), weights, f"{name}_out")


def feed_forward(x, weights, name):
    y = dense(layer_norm(x, weights, f"{name}_dense_norm"), weights, f"{name}_widen")
    return x + dense(gelu(y), weights, f"{name}_narrow")


def transformer_block(x, weights, num_heads, mask, name):
    seen = layer_norm(x, weights, f"{name}_attention_norm")
    return feed_forward(x + attention(seen, seen, weights, num_heads, mask, f"{name}_attention"), weights, name)


def cross_block(x, keys, weights, num_heads, mask, name):
    seen = layer_norm(x, weights, f"{name}_attention_norm")
    keys = layer_norm(keys, weights, f"{name}_keys_norm")
    return feed_forward(x + attention(seen, keys, weights, num_heads, mask, f"{name}_attention"), weights, name)
