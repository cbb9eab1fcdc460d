"""Sequence decoding on the host: CTC and autoregressive."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

Arrays = dict[str, np.ndarray]
Scorer = Callable[[Sequence[int], int], float]


def greedy_ctc(log_probabilities: np.ndarray, blank: int = 0) -> list[int]:
    """Decode CTC by the best path: repeats merged, blanks dropped.

    Graves et al. 2006, section 3.2 (best path decoding). `log_probabilities` are `(T, N)`.

    Raises:
        ValueError: the shape is not `(T, N)`, or `blank` is none of the N.
    """
    path = _checked(log_probabilities, blank).argmax(axis=1)
    first = np.diff(path, prepend=-1) != 0
    return path[first & (path != blank)].tolist()


def spell(labels: Sequence[int], characters: Sequence[str]) -> str:
    """Convert `labels` to text; label 1 is the first of `characters`.

    Labels of 0 or less, such as padding, are skipped.
    """
    return "".join(characters[label - 1] for label in labels if label > 0)


def beam_ctc(
    log_probabilities: np.ndarray, width: int = 16, blank: int = 0, most: int = 0, scorer: Scorer | None = None
) -> list[tuple[list[int], float]]:
    """Decode CTC by prefix beam search, best labeling first.

    Source: Hannun et al. 2014, First-Pass Large Vocabulary Continuous Speech Recognition, algorithm 1.
    `log_probabilities` are `(T, N)`; each labeling has its log-probability.

    A labeling's probability is the sum over its paths. After each frame the `width` likeliest prefixes are kept. A
    width of at least the number of labelings makes the result exact; a smaller one makes each log-probability a lower
    bound. Only the `most` likeliest labels of a frame can extend a prefix; 0: all.

    `scorer(prefix, label)` is added to the log-probability of a labeling for each of its labels, and
    `scorer(labeling, blank)` at its end. A language model is such a scorer: see `mmzoo.metrics.language_model`.

    Raises:
        ValueError: the shape is not `(T, N)`, `blank` is none of the N, `width` is below 1 or `most` below 0.
    """
    frames = _checked(log_probabilities, blank)
    if width < 1:
        raise ValueError(f"beam_ctc expects width >= 1. Received: {width=}")
    if most < 0:
        raise ValueError(f"beam_ctc expects most >= 0. Received: {most=}")
    beams = {
        (): (0.0, -math.inf)
    }  # prefix: log-probability of paths ending in the blank, and of paths ending in a label
    for frame, order in zip(frames.tolist(), np.argsort(-frames, axis=1, kind="stable").tolist(), strict=True):
        followed = list(itertools.islice((label for label in order if label != blank), most or None))
        grown = _grow(beams, frame, followed, blank, scorer)
        ranked = sorted(grown.items(), key=lambda item: _log_add(*item[1]), reverse=True)
        beams = {prefix: tuple(scores) for prefix, scores in ranked[:width] if max(scores) > -math.inf}
    labelings = [(list(prefix), _log_add(*scores)) for prefix, scores in beams.items()]
    if scorer:
        labelings = [(labels, score + scorer(tuple(labels), blank)) for labels, score in labelings]
    return sorted(labelings, key=lambda item: -item[1])


def _grow(
    beams: dict[tuple[int, ...], tuple[float, float]],
    frame: list[float],
    followed: list[int],
    blank: int,
    scorer: Scorer | None,
) -> dict[tuple[int, ...], list[float]]:
    """Extend the prefixes in `beams` by one frame, each with two log-probabilities."""
    grown = defaultdict(lambda: [-math.inf, -math.inf])
    for prefix, (in_blank, in_label) in beams.items():
        total = _log_add(in_blank, in_label)
        grown[prefix][0] = _log_add(grown[prefix][0], total + frame[blank])
        for label in followed:
            score, longer = frame[label], grown[(*prefix, label)]
            scored = score + scorer(prefix, label) if scorer else score
            if prefix and prefix[-1] == label:
                # only a blank in between makes a repeat a second label
                grown[prefix][1] = _log_add(grown[prefix][1], in_label + score)
                longer[1] = _log_add(longer[1], in_blank + scored)
            else:
                longer[1] = _log_add(longer[1], total + scored)
    return grown


def _log_add(a: float, b: float) -> float:
    """Compute `log(exp(a) + exp(b))` of two numbers.

    It is several times as fast as NumPy's function.
    """
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _checked(log_probabilities: np.ndarray, blank: int) -> np.ndarray:
    array = np.asarray(log_probabilities, np.float64)
    if array.ndim != 2 or not 0 <= blank < array.shape[1]:
        raise ValueError(
            "expected log-probabilities (T, N) and blank in 0..N - 1. "
            f"Received: log_probabilities.shape={array.shape}, blank={blank}"
        )
    return array


def greedy_generate(step: Callable[[Arrays], Arrays], state: Arrays, first: int = 1, last: int = 2) -> list[list[int]]:
    """Generate token ids greedily for each example, from `first` to `last`.

    Args:
        step: the step graph of `mmzoo.heads.decoder`, as a model or a runner of its file.
        state: `{"cache": zeros (B, L, K), "memory_cache": (B, S, K)}`, the inputs of `step` except `token_ids` and
            `position`. Outputs of the same name are passed to the next step. `state` is not modified.
        first: the id at the beginning of a sentence, 1 in byte ids.
        last: the id at its end, 2 in byte ids; it is not returned. At most L ids are returned.
    """
    batch, length = state["cache"].shape[:2]
    ids, written = np.full((batch, 1), first, np.int32), []
    ended = np.zeros((batch, 1), bool)
    for position in range(length):
        outputs = step({"token_ids": ids, "position": np.full((batch, 1), position, np.float32), **state})
        state = {name: np.asarray(outputs.get(name, value)) for name, value in state.items()}
        ids = np.asarray(outputs["probabilities"]).argmax(axis=-1).astype(np.int32)[:, None]
        ended |= ids == last
        if ended.all():
            break
        ids[ended] = last  # an ended sentence stays ended while others continue
        written.append(ids)
    rows = np.concatenate(written, axis=1).tolist() if written else [[]] * batch
    return [row[: row.index(last)] if last in row else row for row in rows]
