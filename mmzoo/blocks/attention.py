"""Attention over tokens `(B, T, D)`, in operators computed correctly by GPU delegates."""

from keras import KerasTensor, layers, ops

HIDDEN = 30.0  # subtracted from the score of a hidden token: e^-30 is negligible, and float16 and int8 represent 30


def attention(
    queries: KerasTensor,
    keys: KerasTensor,
    num_heads: int = 4,
    mask: KerasTensor | None = None,
    name: str = "attention",
) -> KerasTensor:
    """Apply multi-head attention from queries to keys.

    Vaswani et al. 2017, section 3.2.2. `queries` `(B, T, D)` and `keys` `(B, S, E)` give `(B, T, D)`.

    `mask` is float32, 1 for a visible key and 0 for a hidden one. Its shape is `(B, S)`, or `(B, T, S)` for one mask
    per query. The mask is added as `(mask - 1) * 30` and never compared: a boolean mask gives NaN in float16. A query
    without a visible key attends to all keys equally.

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

    # Only one side is scaled, which also keeps the operands of the product different if queries are the keys.
    scores = ops.matmul(heads(queries, "query") * width**-0.5, ops.transpose(heads(keys, "key"), (0, 1, 3, 2)))
    if mask is not None:
        shape = (-1, 1, steps, keys.shape[1]) if len(mask.shape) == 3 else (-1, 1, 1, keys.shape[1])
        scores = scores + (ops.reshape(mask, shape) - 1.0) * HIDDEN
    seen = ops.matmul(ops.softmax(scores, axis=-1), heads(keys, "value"))
    joined = ops.reshape(ops.transpose(seen, (0, 2, 1, 3)), (-1, steps, units))
    return layers.Dense(units, name=f"{name}_out")(joined)


def transformer_block(
    x: KerasTensor,
    num_heads: int = 4,
    expansion: int = 2,
    mask: KerasTensor | None = None,
    dropout: float = 0.0,
    name: str = "block",
) -> KerasTensor:
    """Apply one pre-norm Transformer block: `(B, T, D) -> (B, T, D)`.

    Pre-norm after Xiong et al. 2020, section 3.2; tanh-GELU, Hendrycks and Gimpel 2016. `mask` is as in `attention`.

    End a stack of blocks with a `LayerNormalization`. GPU delegates miscompute the residual sum of a block as an output
    of the graph.
    """
    seen = layers.LayerNormalization(name=f"{name}_attention_norm")(x)
    seen = attention(seen, seen, num_heads, mask, name=f"{name}_attention")
    x = layers.Add(name=f"{name}_attended")([x, layers.Dropout(dropout, name=f"{name}_attention_dropout")(seen)])
    return feed_forward(x, expansion, dropout, name)


def cross_block(
    x: KerasTensor,
    keys: KerasTensor,
    num_heads: int = 4,
    expansion: int = 2,
    mask: KerasTensor | None = None,
    name: str = "cross",
) -> KerasTensor:
    """Apply one pre-norm cross-attention block from tokens to keys.

    `x` `(B, T, D)` and `keys` `(B, S, E)` give `(B, T, D)`. `mask` is as in `attention`.
    """
    seen = layers.LayerNormalization(name=f"{name}_attention_norm")(x)
    keys = layers.LayerNormalization(name=f"{name}_keys_norm")(keys)
    x = layers.Add(name=f"{name}_attended")([x, attention(seen, keys, num_heads, mask, name=f"{name}_attention")])
    return feed_forward(x, expansion, name=name)


def feed_forward(x: KerasTensor, expansion: int = 2, dropout: float = 0.0, name: str = "block") -> KerasTensor:
    """Apply a pre-norm residual feed-forward layer: `(B, T, D) -> (B, T, D)`.

    Vaswani et al. 2017, section 3.3: two Dense layers on each token.
    """
    y = layers.LayerNormalization(name=f"{name}_dense_norm")(x)
    y = layers.Dense(expansion * x.shape[-1], name=f"{name}_widen")(y)
    y = layers.Dense(x.shape[-1], name=f"{name}_narrow")(ops.gelu(y, approximate=True))
    return layers.Add(name=f"{name}_added")([x, layers.Dropout(dropout, name=f"{name}_dense_dropout")(y)])


def masked_mean(x: KerasTensor, mask: KerasTensor, name: str = "pool") -> KerasTensor:
    """Average the tokens with mask 1: `(B, T, D) -> (B, D)`.

    `mask` is `(B, T)`. A row without tokens gives zeros.
    """
    mask = ops.expand_dims(mask, -1)
    # the mean before the division keeps the sums small, as float16 needs
    total = ops.mean(x * mask, axis=1) / ops.maximum(ops.mean(mask, axis=1), 0.5 / x.shape[1])
    return layers.Identity(name=name)(total)
