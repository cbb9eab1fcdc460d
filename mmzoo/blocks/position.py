"""Token and position embeddings, `(B, T, D)`."""

from typing import Any

import numpy as np
from keras import KerasTensor, Layer, ops


class TokenEmbedding(Layer):
    """Embed token ids: `(B, T) -> (B, T, units)`.

    Ids are int32 in 0..`num_tokens - 1`. A class because GPU delegates refuse the gather of `keras.layers.Embedding` by
    ids of rank 2. Here ids are gathered as one row from a table of rank 3. `num_tokens` is rounded up to a multiple of
    4 for the same reason.
    """

    def __init__(self, num_tokens: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_tokens = num_tokens
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (-(-self.num_tokens // 4) * 4, self.units)
        self.table = self.add_weight(shape=shape, initializer="uniform", name="embeddings")

    def call(self, ids: KerasTensor) -> KerasTensor:
        rows = ops.take(ops.expand_dims(self.table, 0), ops.reshape(ids, (-1,)), axis=1)
        return ops.reshape(rows, (-1, ids.shape[1], self.units))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape, self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_tokens": self.num_tokens, "units": self.units}


class AddPosition(Layer):
    """Add learned position embeddings to tokens `(B, T, D)`.

    Gehring et al. 2017, section 3.1. A class because no stock layer adds such a table of weights. The sum has rank 4,
    `(B, T, 1, D)`. At rank 3, directly after a gather, GPU delegates add the first token's vector to every token.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.table = self.add_weight(shape=input_shape[1:], initializer="truncated_normal", name="positions")

    def call(self, x: KerasTensor) -> KerasTensor:
        shape = x.shape[1:]
        table = ops.reshape(self.table, (1, shape[0], 1, shape[1]))
        return ops.reshape(ops.reshape(x, (-1, shape[0], 1, shape[1])) + table, (-1, *shape))


class LearnedTokens(Layer):
    """Prepend learned tokens: `(B, T, D) -> (B, count + T, D)`.

    Class, query or bottleneck tokens; Devlin et al. 2019, section 3 (class token). A class because the tokens are
    weights without an input. They are added to zeros made from `x`: GPU delegates accept no constant as an operand of a
    matrix product.
    """

    def __init__(self, count: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (1, self.count, input_shape[-1])
        self.tokens = self.add_weight(shape=shape, initializer="truncated_normal", name="tokens")

    def call(self, x: KerasTensor) -> KerasTensor:
        return ops.concatenate([x[:, 0:1] * 0.0 + self.tokens, x], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.count + input_shape[1], input_shape[2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}


def padding_mask(token_ids: KerasTensor) -> KerasTensor:
    """Compute the padding mask of token ids.

    1 marks a token, 0 padding. int32 `(B, L)` to float32 `(B, L)`. The padding id is 0.
    """
    return ops.minimum(ops.cast(token_ids, "float32"), 1.0)


def sinusoids(steps: int, units: int) -> np.ndarray:
    """Compute fixed sinusoidal positions `(steps, units)`, in [-1, 1].

    Vaswani et al. 2017, section 3.5: sines, then cosines.
    """
    rate = 10000.0 ** (-np.arange(units // 2) / (units // 2))
    angle = np.arange(steps)[:, None] * rate
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype("float32")
