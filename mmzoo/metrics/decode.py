"""From the probabilities of a sequence to the sequence, on the host: CTC and autoregressive decoding."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

Arrays = dict[str, np.ndarray]
Scorer = Callable[[Sequence[int], int], float]


def greedy_ctc(log_probabilities: np.ndarray, blank: int = 0) -> list[int]:
    """Return the labels of the likeliest path through `log_probabilities` `(T, N)`: repeats merged, blanks dropped.

    Raises:
        ValueError: the shape is not `(T, N)`, or `blank` is none of the N.

    Source: Graves et al. 2006, section 3.2 (best path decoding).
    """
    path = _checked(log_probabilities, blank).argmax(axis=1)
    first = np.diff(path, prepend=-1) != 0
    return path[first & (path != blank)].tolist()


def spell(labels: Sequence[int], characters: Sequence[str]) -> str:
    """Return the text of `labels`, which number `characters` from 1; a label of 0 or less, as padding is, is none."""
    return "".join(characters[label - 1] for label in labels if label > 0)


def beam_ctc(
    log_probabilities: np.ndarray, width: int = 16, blank: int = 0, most: int = 0, scorer: Scorer | None = None
) -> list[tuple[list[int], float]]:
    """Return the likeliest labelings of `log_probabilities` `(T, N)` with their log-probability, best first.

    A labeling's probability is the sum over its paths. After each frame the `width` likeliest prefixes are kept:
    with as many as there are labelings the result is exact, with fewer a log-probability is a lower bound. Only the
    `most` likeliest labels of a frame can continue one; 0: all.

    `scorer(prefix, label)` is added to the log-probability of a labeling for each of its labels, and `scorer(labeling,
    blank)` at its end, as those of a language model are; see `mmzoo.metrics.language_model`.

    Raises:
        ValueError: the shape is not `(T, N)`, `blank` is none of the N, `width` is below 1 or `most` below 0.

    Source: Hannun et al. 2014, First-Pass Large Vocabulary Continuous Speech Recognition, algorithm 1.
    """
    frames = _checked(log_probabilities, blank)
    if width < 1:
        raise ValueError(f"beam_ctc expects width >= 1. Received: {width=}")
    if most < 0:
        raise ValueError(f"beam_ctc expects most >= 0. Received: {most=}")
    beams = {(): (0.0, -math.inf)}  # prefix: of paths that end in the blank, and of those that end in a label
    for frame, order in zip(frames.tolist(), np.argsort(-frames, axis=1, kind="stable").tolist(), strict=True):
        followed = list(itertools.islice((label for label in order if label != blank), most or None))
        grown = _grow(beams, frame, followed, blank, scorer)
        ranked = sorted(grown.items(), key=lambda item: _log_add(*item[1]), reverse=True)
        beams = {prefix: tuple(scores) for prefix, scores in ranked[:width] if max(scores) > -math.inf}
    found = [(list(prefix), _log_add(*scores)) for prefix, scores in beams.items()]
    if scorer:
        found = [(labels, score + scorer(tuple(labels), blank)) for labels, score in found]
    return sorted(found, key=lambda item: -item[1])


def _grow(beams, frame, followed, blank, scorer):
    """Return the prefixes that `beams` become in a `frame`, each with its two log-probabilities."""
    grown = defaultdict(lambda: [-math.inf, -math.inf])
    for prefix, (in_blank, in_label) in beams.items():
        total = _log_add(in_blank, in_label)
        grown[prefix][0] = _log_add(grown[prefix][0], total + frame[blank])
        for label in followed:
            score, longer = frame[label], grown[(*prefix, label)]
            said = score + scorer(prefix, label) if scorer else score
            if prefix and prefix[-1] == label:
                # only a blank in between makes a repeat a second label
                grown[prefix][1] = _log_add(grown[prefix][1], in_label + score)
                longer[1] = _log_add(longer[1], in_blank + said)
            else:
                longer[1] = _log_add(longer[1], total + said)
    return grown


def _log_add(a: float, b: float) -> float:
    """Return `log(exp(a) + exp(b))`: of two numbers several times as fast as NumPy's."""
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
    """Return for each example the token ids that follow `first`, up to `last`, the likeliest one at each step.

    Args:
        step: a call of `mmzoo.heads.decoder`'s step graph, of the model or of its file.
        state: `{"cache": zeros (B, L, K), "memory_cache": (B, S, K)}`, what `step` takes besides `token_ids` and
            `position`; what it returns under the same name is handed on. It is not changed.
        first: the id that begins a sentence, 1 in byte ids.
        last: the id that ends it, 2 in byte ids; it is not returned. At most L ids are.
    """
    batch, length = state["cache"].shape[:2]
    ids, written = np.full((batch, 1), first, np.int32), []
    ended = np.zeros((batch, 1), bool)
    for position in range(length):
        answer = step({"token_ids": ids, "position": np.full((batch, 1), position, np.float32), **state})
        state = {name: np.asarray(answer.get(name, value)) for name, value in state.items()}
        ids = np.asarray(answer["probabilities"]).argmax(axis=-1).astype(np.int32)[:, None]
        ended |= ids == last
        if ended.all():
            break
        ids[ended] = last  # a sentence that has ended stays so while others go on
        written.append(ids)
    rows = np.concatenate(written, axis=1).tolist() if written else [[]] * batch
    return [row[: row.index(last)] if last in row else row for row in rows]
