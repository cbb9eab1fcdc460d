"""Attention over tokens, `(B, T, D)`, in forms that GPU delegates compute right."""

from keras import layers, ops

HIDDEN = 30.0  # subtracted from the score of a hidden token: e^-30 is nothing, and float16 and int8 still hold it


def attention(queries, keys, num_heads=4, mask=None, name="attention"):
    """Let each of `queries` `(B, T, D)` gather from `keys` `(B, S, E)`: `(B, T, D)`.

    `mask` is float32, 1 where a key may be seen and 0 where not, `(B, S)`, or `(B, T, S)` where queries see
    different keys. It is added as `(mask - 1) * 30`, never compared: a boolean mask gives NaN in float16. Where a
    query may see nothing, all keys are seen alike. Multi-head attention, Vaswani et al. 2017, section 3.2.2.

    Raises:
        ValueError: `D` is not a multiple of `num_heads`.
    """
    units, steps = queries.shape[-1], queries.shape[1]
    if units % num_heads:
        raise ValueError(f"attention expects a width that num_heads divides. Received: {units=}, {num_heads=}")
    width = units // num_heads

    def heads(x, role):
        x = layers.Dense(units, name=f"{name}_{role}")(x)
        return ops.transpose(ops.reshape(x, (-1, x.shape[1], num_heads, width)), (0, 2, 1, 3))

    # One side is scaled, which also keeps the two sides of the product apart where queries are the keys.
    scores = ops.matmul(heads(queries, "query") * width**-0.5, ops.transpose(heads(keys, "key"), (0, 1, 3, 2)))
    if mask is not None:
        shape = (-1, 1, steps, keys.shape[1]) if len(mask.shape) == 3 else (-1, 1, 1, keys.shape[1])
        scores = scores + (ops.reshape(mask, shape) - 1.0) * HIDDEN
    seen = ops.matmul(ops.softmax(scores, axis=-1), heads(keys, "value"))
    joined = ops.reshape(ops.transpose(seen, (0, 2, 1, 3)), (-1, steps, units))
    return layers.Dense(units, name=f"{name}_out")(joined)


def transformer_block(x, num_heads=4, expansion=2, mask=None, dropout=0.0, name="block"):
    """One pre-norm Transformer block, `(B, T, D) -> (B, T, D)`; `mask` as in `attention`.

    The sum it ends with must not be an output of the graph (GPU delegates miscompute that): end a stack with
    a `LayerNormalization`. Pre-norm after Xiong et al. 2020, section 3.2; tanh-GELU, Hendrycks and Gimpel 2016.
    """
    seen = layers.LayerNormalization(name=f"{name}_attention_norm")(x)
    seen = attention(seen, seen, num_heads, mask, name=f"{name}_attention")
    x = layers.Add(name=f"{name}_attended")([x, layers.Dropout(dropout, name=f"{name}_attention_dropout")(seen)])
    return feed_forward(x, expansion, dropout, name)


def cross_block(x, keys, num_heads=4, expansion=2, mask=None, name="cross"):
    """One pre-norm block whose tokens `x` `(B, T, D)` gather from `keys` `(B, S, E)`: `(B, T, D)`."""
    seen = layers.LayerNormalization(name=f"{name}_attention_norm")(x)
    keys = layers.LayerNormalization(name=f"{name}_keys_norm")(keys)
    x = layers.Add(name=f"{name}_attended")([x, attention(seen, keys, num_heads, mask, name=f"{name}_attention")])
    return feed_forward(x, expansion, name=name)


def feed_forward(x, expansion=2, dropout=0.0, name="block"):
    """Add to each token what two Dense layers make of it: `(B, T, D) -> (B, T, D)`. Vaswani et al. 2017, 3.3."""
    y = layers.LayerNormalization(name=f"{name}_dense_norm")(x)
    y = layers.Dense(expansion * x.shape[-1], name=f"{name}_widen")(y)
    y = layers.Dense(x.shape[-1], name=f"{name}_narrow")(ops.gelu(y, approximate=True))
    return layers.Add(name=f"{name}_added")([x, layers.Dropout(dropout, name=f"{name}_dense_dropout")(y)])


def masked_mean(x, mask, name="pool"):
    """Average the tokens `x` `(B, T, D)` whose `mask` `(B, T)` is 1: `(B, D)`; zeros where no token is there."""
    mask = ops.expand_dims(mask, -1)
    # the mean before the division keeps the sums small, as float16 needs
    total = ops.mean(x * mask, axis=1) / ops.maximum(ops.mean(mask, axis=1), 0.5 / x.shape[1])
    return layers.Identity(name=name)(total)
