"""Decoding against enumeration of all paths, and against Keras."""

import itertools

import keras
import numpy as np
import pytest

from mmzoo.metrics.decode import beam_ctc, greedy_ctc, greedy_generate


def draw(steps, classes, seed=0):
    logits = np.random.default_rng(seed).normal(0, 1.5, (steps, classes))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def collapse(path, blank):
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def all_paths(scores, blank):
    """Return each labeling's log-probability: the sum over every path that collapses to it."""
    total = {}
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        labels = collapse(path, blank)
        probability = np.exp(sum(row[label] for row, label in zip(scores, path, strict=True)))
        total[labels] = total.get(labels, 0) + probability
    return {labels: np.log(probability) for labels, probability in total.items()}


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize(("steps", "classes"), [(1, 3), (4, 3), (5, 4)])
def test_wide_beam_is_the_sum_over_all_paths(steps, classes, blank):
    scores = draw(steps, classes, seed=steps + blank)
    expected = all_paths(scores, blank)
    found = beam_ctc(scores, width=10**6, blank=blank)
    assert {tuple(labels) for labels, _ in found} == set(expected)
    for labels, score in found:
        assert score == pytest.approx(expected[tuple(labels)], abs=1e-9)
    order = [score for _, score in found]
    assert order == sorted(order, reverse=True)
    assert np.exp(order).sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_narrow_beam_is_a_lower_bound(seed):
    scores = draw(6, 3, seed)
    expected = all_paths(scores, 0)
    found = beam_ctc(scores, width=4)
    assert len(found) <= 4
    assert all(score <= expected[tuple(labels)] + 1e-9 for labels, score in found)


@pytest.mark.parametrize("seed", range(5))
def test_beam_of_few_labels_a_frame_is_a_lower_bound(seed):
    scores = draw(6, 4, seed)
    full = dict((tuple(labels), score) for labels, score in beam_ctc(scores, width=10**6))
    assert beam_ctc(scores, width=10**6, most=3) == beam_ctc(scores, width=10**6)
    found = beam_ctc(scores, width=10**6, most=1)
    assert 1 < len(found) < len(full)
    assert all(score <= full[tuple(labels)] + 1e-9 for labels, score in found)
    assert tuple(greedy_ctc(scores)) in {tuple(labels) for labels, _ in found}


def test_beam_beats_the_best_path():
    # the best path is blank blank (0.36); the label 1 has three paths, 0.24 + 0.24 + 0.16 together
    scores = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))
    assert greedy_ctc(scores) == []
    labels, score = beam_ctc(scores, width=2)[0]
    assert labels == [1]
    assert np.exp(score) == pytest.approx(0.64)


@pytest.mark.parametrize("blank", [0, 3])
def test_greedy_collapses_the_best_path(blank):
    for seed in range(20):
        scores = draw(9, 4, seed)
        assert greedy_ctc(scores, blank) == list(collapse(scores.argmax(axis=1), blank))


def test_greedy_keeps_a_repeat_across_a_blank():
    path = np.array([1, 1, 0, 1, 2, 2, 0, 0])
    assert greedy_ctc(np.log(np.eye(3)[path] + 1e-9)) == [1, 1, 2]


def test_greedy_equals_keras():
    scores = np.stack([draw(12, 5, seed) for seed in range(6)]).astype("float32")
    expected = np.asarray(keras.ops.ctc_decode(scores, np.full(6, 12, "int32"), mask_index=0)[0])[0]
    assert [greedy_ctc(row) for row in scores] == [row[row >= 0].tolist() for row in expected]


def test_decoders_accept_impossible_frames():
    with np.errstate(divide="ignore"):
        scores = np.log(np.array([[0.0, 1, 0], [0, 1, 0], [1, 0, 0]]))
    assert greedy_ctc(scores) == [1]
    assert beam_ctc(scores) == [([1], 0.0)]


def test_decoders_of_no_frames_return_empty_labeling():
    assert greedy_ctc(np.zeros((0, 3))) == []
    assert beam_ctc(np.zeros((0, 3))) == [([], 0.0)]


@pytest.mark.parametrize("decode", [greedy_ctc, beam_ctc])
@pytest.mark.parametrize(("shape", "blank"), [((3,), 0), ((2, 3, 4), 0), ((3, 4), 4), ((3, 4), -1)])
def test_bad_shapes_say_what_was_expected(decode, shape, blank):
    with pytest.raises(ValueError, match="Received"):
        decode(np.zeros(shape), blank=blank)


def test_beam_negative_most_raises():
    with pytest.raises(ValueError, match=r"most >= 0. Received: most=-1"):
        beam_ctc(np.zeros((3, 4)), most=-1)


def test_beam_zero_width_raises():
    with pytest.raises(ValueError, match=r"width >= 1. Received: width=0"):
        beam_ctc(np.zeros((3, 4)), width=0)


def chain(asked):
    """Return a step that predicts the successor of each id, and adds its input to the cache."""

    def step(inputs):
        asked.append({name: np.array(x) for name, x in inputs.items()})
        following = inputs["token_ids"][:, 0] + inputs["memory_cache"][:, 0, 0].astype(int)
        return {"probabilities": np.eye(30)[following], "cache": inputs["cache"] + 1}

    return step


def test_generation_follows_the_likeliest_and_stops():
    asked = []
    state = {"cache": np.zeros((2, 6, 4), "float32"), "memory_cache": np.array([3, 6], "float32")[:, None, None]}
    assert greedy_generate(chain(asked), state, first=1, last=13) == [[4, 7, 10], [7]]
    assert [inputs["position"].ravel().tolist() for inputs in asked] == [[t, t] for t in range(4)]
    assert [inputs["cache"].max() for inputs in asked] == list(range(4))
    assert asked[0]["token_ids"].dtype == np.int32
    assert asked[0]["position"].dtype == np.float32
    assert state["cache"].max() == 0


def test_generation_ends_with_the_cache():
    state = {"cache": np.zeros((1, 4, 4), "float32"), "memory_cache": np.full((1, 1, 1), 2, "float32")}
    assert greedy_generate(chain([]), state) == [[3, 5, 7, 9]]


def test_generation_of_empty_sentence():
    state = {"cache": np.zeros((1, 4, 4), "float32"), "memory_cache": np.ones((1, 1, 1), "float32")}
    asked = []
    assert greedy_generate(chain(asked), state) == [[]]
    assert len(asked) == 1
