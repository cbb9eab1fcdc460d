"""What a token is and where it stands: embeddings of ids and of positions, `(B, T, D)`."""

import numpy as np
from keras import Layer, ops


class TokenEmbedding(Layer):
    """Token ids `(B, T)` int32 in 0..`num_tokens - 1` to vectors `(B, T, units)`.

    A class because the gather of `keras.layers.Embedding`, by ids of rank 2, is refused by GPU delegates. Here ids
    are gathered as one row from a table of rank 3. `num_tokens` is rounded up to a multiple of 4 for the same sake.
    """

    def __init__(self, num_tokens, units, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens
        self.units = units

    def build(self, input_shape):
        shape = (-(-self.num_tokens // 4) * 4, self.units)
        self.table = self.add_weight(shape=shape, initializer="uniform", name="embeddings")

    def call(self, ids):
        rows = ops.take(ops.expand_dims(self.table, 0), ops.reshape(ids, (-1,)), axis=1)
        return ops.reshape(rows, (-1, ids.shape[1], self.units))

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.units)

    def get_config(self):
        return {**super().get_config(), "num_tokens": self.num_tokens, "units": self.units}


class AddPosition(Layer):
    """Add to each of the tokens `(B, T, D)` a learned vector of its place. Gehring et al. 2017, section 3.1.

    A class because the table is a weight that no stock layer adds. The sum is made at rank 4, `(B, T, 1, D)`: at rank 3
    GPU delegates give every token the vector of the first where `x` came straight from a gather.
    """

    def build(self, input_shape):
        self.table = self.add_weight(shape=input_shape[1:], initializer="truncated_normal", name="positions")

    def call(self, x):
        shape = x.shape[1:]
        table = ops.reshape(self.table, (1, shape[0], 1, shape[1]))
        return ops.reshape(ops.reshape(x, (-1, shape[0], 1, shape[1])) + table, (-1, *shape))


class LearnedTokens(Layer):
    """Put `count` learned tokens before `x` `(B, T, D)`: `(B, count + T, D)`, as class, query or bottleneck tokens.

    A class because they are weights that no input makes. They are added to zeros made of `x`: GPU delegates take no
    constant where a matrix product expects a tensor. Devlin et al. 2019, section 3 (class token).
    """

    def __init__(self, count=1, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        shape = (1, self.count, input_shape[-1])
        self.tokens = self.add_weight(shape=shape, initializer="truncated_normal", name="tokens")

    def call(self, x):
        return ops.concatenate([x[:, 0:1] * 0.0 + self.tokens, x], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.count + input_shape[1], input_shape[2])

    def get_config(self):
        return {**super().get_config(), "count": self.count}


def padding_mask(token_ids):
    """Return float32 `(B, L)` for int32 `token_ids` `(B, L)`: 1 where a token is, 0 in the padding, whose id is 0."""
    return ops.minimum(ops.cast(token_ids, "float32"), 1.0)


def sinusoids(steps, units):
    """Return fixed positions, `(steps, units)` in [-1, 1]: sines, then cosines. Vaswani et al. 2017, section 3.5."""
    rate = 10000.0 ** (-np.arange(units // 2) / (units // 2))
    angle = np.arange(steps)[:, None] * rate
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype("float32")
