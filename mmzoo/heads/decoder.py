"""Autoregressive Transformer decoder, with a cached step for the device."""

import keras
import numpy as np
from keras import layers, ops

from mmzoo.blocks.attention import HIDDEN
from mmzoo.blocks.position import TokenEmbedding


def decoder(
    num_tokens: int,
    length: int,
    memory_shape: tuple[int, int],
    embed_dim: int = 64,
    num_layers: int = 2,
    num_heads: int = 4,
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Build a Transformer decoder as three models with shared weights.

    The models are `(full, start, step)`.

    Vaswani et al. 2017, section 3, with pre-norm (Xiong et al. 2020, section 3.2).

    `memory` holds the encoded input, tokens of `memory_shape` `(S, E)`; an embedding is one token. `L` is `length`. `K`
    is `2 * num_layers * embed_dim`, the keys and values of all layers.

    - `full`, for training, takes all tokens at once under a causal mask:
      `{"token_ids": (B, L), "memory": (B, S, E)} -> {"probabilities": (B, L, num_tokens)}` of the next token.
    - `start`, run once for a sentence: `{"memory": (B, S, E)} -> {"memory_cache": (B, S, K)}`.
    - `step`, run for each token: `{"token_ids": (B, 1), "position": (B, 1), "cache": (B, L, K), "memory_cache"} ->
      {"probabilities": (B, num_tokens), "cache": (B, L, K)}`.
      `position` is float32, 0 to L - 1; the cache starts as zeros. The loop over tokens is on the host:
      `mmzoo.metrics.decode.greedy_generate`.

    To use trained weights, copy them into `full`; the other two follow.

    Raises:
        ValueError: `embed_dim` is not a multiple of `num_heads`.
    """
    if embed_dim % num_heads:
        raise ValueError(
            f"decoder expects embed_dim to be a multiple of num_heads. Received: {embed_dim=}, {num_heads=}"
        )
    parts = _parts(num_tokens, embed_dim, num_layers)
    memory = keras.Input(memory_shape, name="memory")
    memory_cache = parts["memory_cache"](parts["memory_norm"](memory))
    start = keras.Model({"memory": memory}, {"memory_cache": memory_cache}, name="decoder_start")

    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    positions = ops.cast(token_ids, "float32") * 0.0 + np.arange(length, dtype="float32")
    probabilities, _ = _stack(parts, token_ids, positions, memory_cache, num_heads)
    full = {"token_ids": token_ids, "memory": memory}
    full = keras.Model(full, {"probabilities": probabilities}, name="decoder")

    token_id = keras.Input((1,), dtype="int32", name="token_ids")
    position = keras.Input((1,), name="position")
    width = 2 * num_layers * embed_dim
    cache = keras.Input((length, width), name="cache")
    memory_input = keras.Input((memory_shape[0], width), name="memory_cache")
    probabilities, grown = _stack(parts, token_id, position, memory_input, num_heads, cache)
    step = {"token_ids": token_id, "position": position, "cache": cache, "memory_cache": memory_input}
    outputs = {"probabilities": ops.reshape(probabilities, (-1, num_tokens)), "cache": grown}
    return full, start, keras.Model(step, outputs, name="decoder_step")


def _parts(num_tokens: int, embed_dim: int, num_layers: int) -> dict[str, keras.Layer]:
    """Create the layers by name; layers of a block are `{role}{number}`."""
    parts = {"tokens": TokenEmbedding(num_tokens, embed_dim, name="tokens")}
    widths = {"memory_cache": 2 * num_layers * embed_dim, "positions": embed_dim}
    norms = ["memory_norm", "last_norm"]
    for i in range(num_layers):
        widths |= {f"query_key_value{i}": 3 * embed_dim, f"out{i}": embed_dim}
        widths |= {f"memory_query{i}": embed_dim, f"memory_out{i}": embed_dim}
        widths |= {f"widen{i}": 2 * embed_dim, f"narrow{i}": embed_dim}
        norms += [f"norm{i}", f"memory_query_norm{i}", f"dense_norm{i}"]
    parts |= {name: layers.Dense(units, name=name) for name, units in widths.items()}
    parts |= {name: layers.LayerNormalization(name=name) for name in norms}
    parts["probabilities"] = layers.Dense(num_tokens, activation="softmax", name="probabilities")
    return parts


def _stack(
    parts: dict[str, keras.Layer],
    token_ids: keras.KerasTensor,
    position: keras.KerasTensor,
    memory_cache: keras.KerasTensor,
    num_heads: int,
    cache: keras.KerasTensor | None = None,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Compute next-token probabilities `(B, P, N)` and the cache `(B, L, K)`.

    `token_ids` and `position` `(B, P)` are the P new tokens. `cache` holds the keys and values of earlier tokens; None
    for a whole sequence at once.
    """
    length = position.shape[1] if cache is None else cache.shape[1]
    away = ops.expand_dims(position, -1) - np.arange(length, dtype="float32")  # (B, P, L)
    place = ops.relu(1.0 - ops.abs(away))  # one-hot, by arithmetic supported on every GPU
    seen = ops.expand_dims(ops.clip(away + 1.0, 0.0, 1.0), 1)
    x = parts["tokens"](token_ids) + parts["positions"](place)
    units, known = x.shape[-1], []
    for i in range(memory_cache.shape[-1] // (2 * units)):
        first = 2 * i * units
        joined = parts[f"query_key_value{i}"](parts[f"norm{i}"](x))
        new = joined[..., units:]
        if cache is not None:
            here = ops.transpose(place, (0, 2, 1))
            new = cache[..., first : first + 2 * units] * (1.0 - here) + new * here
        known.append(new)
        x = x + parts[f"out{i}"](_attend(joined[..., :units], new, num_heads, seen))
        query = parts[f"memory_query{i}"](parts[f"memory_query_norm{i}"](x))
        gathered = _attend(query, memory_cache[..., first : first + 2 * units], num_heads)
        x = x + parts[f"memory_out{i}"](gathered)
        wide = ops.gelu(parts[f"widen{i}"](parts[f"dense_norm{i}"](x)), approximate=True)
        x = x + parts[f"narrow{i}"](wide)
    return parts["probabilities"](parts["last_norm"](x)), ops.concatenate(known, axis=-1)


def _attend(
    queries: keras.KerasTensor, keys_values: keras.KerasTensor, num_heads: int, seen: keras.KerasTensor | None = None
) -> keras.KerasTensor:
    """Apply attention from `queries` `(B, P, D)` to `keys_values` `(B, S, 2 * D)`: `(B, P, D)`.

    `seen` `(B, 1, P, S)` is 1 for a visible key.
    """
    units = queries.shape[-1]

    def heads(x):
        return ops.transpose(ops.reshape(x, (-1, x.shape[1], num_heads, units // num_heads)), (0, 2, 1, 3))

    keys = ops.transpose(heads(keys_values[..., :units]), (0, 1, 3, 2))
    scores = ops.matmul(heads(queries) * (units // num_heads) ** -0.5, keys)
    if seen is not None:
        scores = scores + (seen - 1.0) * HIDDEN
    gathered = ops.matmul(ops.softmax(scores, axis=-1), heads(keys_values[..., units:]))
    return ops.reshape(ops.transpose(gathered, (0, 2, 1, 3)), (-1, queries.shape[1], units))


def example() -> keras.Model:
    """Return the step of a byte decoder of length 32.

    The memory is 16 tokens of 64 numbers.
    """
    return decoder(260, 32, (16, 64))[2]
