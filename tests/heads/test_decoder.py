"""The decoder: training graph against NumPy and its own steps, causality, generation, and the device."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import check_on_device, randomize

from mmzoo.heads.decoder import decoder
from mmzoo.metrics.decode import greedy_generate
from mmzoo.models.transfer import read_model

N, L, S, E, D, LAYERS, HEADS = 12, 6, 3, 5, 8, 2, 2
RNG = np.random.default_rng(0)
IDS = RNG.integers(0, N, (4, L)).astype("int32")
MEMORY = RNG.normal(size=(4, S, E)).astype("float32")


@pytest.fixture(scope="module")
def graphs():
    built = decoder(N, L, (S, E), D, LAYERS, HEADS)
    for graph in built:
        randomize(graph)
    return built


def empty(start, memory=MEMORY):
    cache = np.zeros((len(memory), L, 2 * LAYERS * D), "float32")
    return {"cache": cache, "memory_cache": np.asarray(start({"memory": memory})["memory_cache"])}


def step_by_step(graphs, ids=IDS, state=None):
    """Return `(B, L, N)` from one call of the step graph for each token."""
    _, start, step = graphs
    state, answers = state or empty(start), []
    for t in range(L):
        place = np.full((len(ids), 1), t, "float32")
        answer = step({"token_ids": ids[:, t : t + 1], "position": place, **state})
        state["cache"] = np.asarray(answer["cache"])
        answers.append(np.asarray(answer["probabilities"]))
    return np.stack(answers, axis=1)


def numpy_decoder(w):
    """Pre-norm Transformer decoder, Vaswani et al. 2017, with boolean instead of additive masks."""

    def dense(x, name):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
        return x * w[f"{name}/gamma"] + w[f"{name}/beta"]

    def softmax(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def attend(q, k, v, seen):
        width, out = D // HEADS, []
        for h in range(HEADS):
            at = slice(h * width, (h + 1) * width)
            scores = np.einsum("bpd,bsd->bps", q[..., at], k[..., at]) / np.sqrt(width)
            out.append(softmax(np.where(seen, scores, -np.inf)) @ v[..., at])
        return np.concatenate(out, axis=-1)

    def gelu(x):
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    x = w["tokens/embeddings"][IDS] + w["positions/kernel"] + w["positions/bias"]
    kept = dense(norm(MEMORY, "memory_norm"), "memory_cache")
    for i in range(LAYERS):
        q, k, v = np.split(dense(norm(x, f"norm{i}"), f"query_key_value{i}"), 3, axis=-1)
        x = x + dense(attend(q, k, v, np.tri(L) == 1), f"out{i}")
        k, v = np.split(kept[..., 2 * i * D : 2 * (i + 1) * D], 2, axis=-1)
        q = dense(norm(x, f"memory_query_norm{i}"), f"memory_query{i}")
        x = x + dense(attend(q, k, v, np.ones((L, S), bool)), f"memory_out{i}")
        x = x + dense(gelu(dense(norm(x, f"dense_norm{i}"), f"widen{i}")), f"narrow{i}")
    return softmax(dense(norm(x, "last_norm"), "probabilities"))


def test_formula(graphs):
    weights = {weight.path: np.asarray(weight) for weight in graphs[0].weights}
    answer = np.asarray(graphs[0]({"token_ids": IDS, "memory": MEMORY})["probabilities"])
    assert answer.shape == (4, L, N)
    np.testing.assert_allclose(answer, numpy_decoder(weights), atol=1e-5)


def test_decoder_steps_equal_the_full_graph(graphs):
    whole = np.asarray(graphs[0]({"token_ids": IDS, "memory": MEMORY})["probabilities"])
    np.testing.assert_allclose(step_by_step(graphs), whole, atol=1e-5)


def test_decoder_is_invariant_to_stale_cache(graphs):
    used = empty(graphs[1])
    used["cache"] += 3
    np.testing.assert_allclose(step_by_step(graphs, state=used), step_by_step(graphs), atol=1e-5)


def test_decoder_is_causal(graphs):
    other = IDS.copy()
    other[:, 3:] = (other[:, 3:] + 5) % N
    before, after = (np.asarray(graphs[0]({"token_ids": x, "memory": MEMORY})["probabilities"]) for x in (IDS, other))
    np.testing.assert_allclose(after[:, :3], before[:, :3], atol=1e-6)
    assert (np.abs(after - before)[:, 3:].max(axis=(0, 2)) > 1e-3).all()


def test_decoder_depends_on_memory(graphs):
    before = np.asarray(graphs[0]({"token_ids": IDS, "memory": MEMORY})["probabilities"])
    after = np.asarray(graphs[0]({"token_ids": IDS, "memory": MEMORY[::-1]})["probabilities"])
    assert (np.abs(after - before).max(axis=(0, 2)) > 1e-3).all()


def test_every_weight_gets_a_gradient_and_all_are_shared(graphs):
    full, start, step = graphs
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.math.log(full({"token_ids": IDS, "memory": MEMORY})["probabilities"][..., 0]))
    gradients = tape.gradient(loss, [w.value for w in full.trainable_variables])
    missing = [w.path for w, g in zip(full.trainable_variables, gradients, strict=True) if g is None]
    assert not missing
    assert {id(w) for w in start.weights} | {id(w) for w in step.weights} == {id(w) for w in full.weights}


def test_decoder_learns_sentences(graphs):
    randomize(graphs[0])
    graphs[0].compile(keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", jit_compile=False)
    sentences = np.array([[1, 5, 6, 7, 2, 0], [1, 9, 9, 2, 0, 0]], "int32")  # 1 begins, 2 ends, 0 pads
    target = np.concatenate([sentences[:, 1:], np.zeros((2, 1), "int32")], axis=1)
    inputs = {"token_ids": np.tile(sentences, (60, 1)), "memory": np.tile(MEMORY[:2], (60, 1, 1))}
    graphs[0].fit(inputs, {"probabilities": np.tile(target, (60, 1))}, batch_size=2, shuffle=False, verbose=0)
    assert greedy_generate(graphs[2], empty(graphs[1], MEMORY[:2])) == [[5, 6, 7], [9, 9]]


def test_survives_save_and_load(graphs, tmp_path):
    graphs[0].save(tmp_path / "m.keras")
    again = read_model(tmp_path / "m.keras")({"token_ids": IDS, "memory": MEMORY})["probabilities"]
    expected = graphs[0]({"token_ids": IDS, "memory": MEMORY})["probabilities"]
    np.testing.assert_allclose(np.asarray(again), np.asarray(expected), atol=1e-6)


def test_on_device(graphs, tmp_path, gpu):
    for graph in graphs:
        randomize(graph)
    full, start, step = graphs
    (tmp_path / "full").mkdir()
    check_on_device(full, {"token_ids": IDS, "memory": MEMORY}, tmp_path / "full", gpu)
    state = {name: RNG.normal(size=x.shape).astype("float32") for name, x in empty(start).items()}
    places = np.array([[0], [2], [5], [3]], "float32")
    check_on_device(step, {"token_ids": IDS[:, :1], "position": places, **state}, tmp_path, gpu)


def test_decoder_indivisible_heads_raise():
    with pytest.raises(ValueError, match="Received: embed_dim=8, num_heads=3"):
        decoder(N, L, (S, E), 8, 2, 3)
