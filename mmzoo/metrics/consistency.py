"""Agreement between modalities: their unimodal predictions and their embeddings."""

from itertools import combinations

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite

SHUFFLES = 20


def answer_agreement(probabilities: dict[str, np.ndarray]) -> dict:
    """Measure the agreement of unimodal predictions.

    `probabilities` holds `(N, C)` for each modality. Rows are scaled to the sum 1; the prediction is the likeliest
    class.

    - `agreement` in [0, 1]: the fraction of examples with the same prediction from all modalities;
    - `fleiss_kappa`, at most 1: the agreement of pairs above chance, 0 at chance; classes preferred by all modalities
      count as chance;
    - `jensen_shannon` in [0, 1]: the divergence of the probabilities in bits, the mean over examples and pairs;
    - `pairs`: a list of `first`, `second`, `agreement`, `cohen_kappa`, `jensen_shannon`, for each pair.

    A kappa is 0 if every prediction is the same class: chance would agree as well.

    Raises:
        BadInputError: there are fewer than two modalities, the shapes differ, a value is NaN or negative, or the
            probabilities of an example are all 0.

    Source: Cohen, A Coefficient of Agreement for Nominal Scales (1960); Fleiss, Measuring Nominal Scale Agreement among
    Many Raters (1971); Lin, Divergence Measures Based on the Shannon Entropy (1991), equation 3.2.
    """
    shares = _shares(probabilities)
    answers = {name: rows.argmax(axis=1) for name, rows in shares.items()}
    pairs = [
        {
            "first": a,
            "second": b,
            "agreement": float(np.mean(answers[a] == answers[b])),
            "cohen_kappa": cohen_kappa(answers[a], answers[b]),
            "jensen_shannon": float(jensen_shannon(shares[a], shares[b]).mean()),
        }
        for a, b in combinations(shares, 2)
    ]
    votes = np.stack(list(answers.values()), axis=1)
    classes = next(iter(shares.values())).shape[1]
    return {
        "agreement": float((votes == votes[:, :1]).all(axis=1).mean()),
        "fleiss_kappa": fleiss_kappa((votes[:, :, None] == np.arange(classes)).sum(axis=1)),
        "jensen_shannon": float(np.mean([pair["jensen_shannon"] for pair in pairs])),
        "pairs": pairs,
    }


def cohen_kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Compute Cohen's kappa of predictions `first` and `second` `(N,)`.

    It is 0 if both contain only one and the same class.
    """
    classes = np.union1d(first, second)
    chance = sum(float(np.mean(first == c) * np.mean(second == c)) for c in classes)
    return _above_chance(float(np.mean(first == second)), chance, alike=len(classes) == 1)


def fleiss_kappa(counts: np.ndarray) -> float:
    """Compute Fleiss' kappa of rating counts `(N, C)`.

    A count is the number of raters for a class; every row has the same number of raters.
    """
    raters = counts.sum(axis=1)[0]
    agreement = np.mean(((counts**2).sum(axis=1) - raters) / (raters * (raters - 1)))
    share = counts.mean(axis=0) / raters
    return _above_chance(float(agreement), float((share**2).sum()), alike=np.count_nonzero(share) == 1)


def _above_chance(agreement: float, chance: float, alike: bool) -> float:
    return 0.0 if alike else (agreement - chance) / (1 - chance)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Compute the Jensen-Shannon divergence `(N,)` of rows, in bits.

    `p` and `q` are `(N, C)`; the divergence is in [0, 1].
    """
    from scipy.special import rel_entr

    middle = (p + q) / 2
    bits = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / (2 * np.log(2))
    return np.clip(bits, 0, 1)  # rounding leaves [0, 1]; the distance of scipy is NaN there


def _shares(probabilities: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if len(probabilities) < 2:
        raise BadInputError(f"probabilities: expected two modalities or more. Received: {sorted(probabilities)}")
    rows = {name: finite(f"probabilities[{name!r}]", given, 2) for name, given in probabilities.items()}
    if len({given.shape for given in rows.values()}) > 1:
        raise BadInputError(f"probabilities: expected one shape. Received: {[given.shape for given in rows.values()]}")
    for name, given in rows.items():
        if (given < 0).any() or (given.sum(axis=1) <= 0).any():
            raise BadInputError(
                f"probabilities[{name!r}]: expected values from 0 and a sum above 0 in each row. "
                f"Received: the least value {given.min()}, the least sum {given.sum(axis=1).min()}"
            )
    return {name: given / given.sum(axis=1, keepdims=True) for name, given in rows.items()}


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the linear centred kernel alignment, in [0, 1], of two embeddings.

    Source: Kornblith et al., Similarity of Neural Network Representations Revisited (2019), section 3. The embeddings
    are `(N, D)` and `(N, E)` of the same N examples. 1 means that one is the other rotated, scaled and shifted. With
    few examples per dimension it is far above 0 even for unrelated embeddings. Compare it with shuffled rows, as
    `embedding_agreement` does.

    Raises:
        BadInputError: the numbers of rows differ, a value is NaN, or all rows of an embedding are equal.
    """
    return _alignment(_centred("first", first), _centred("second", second))


def embedding_agreement(first: np.ndarray, second: np.ndarray, seed: int = 0) -> dict[str, float | None]:
    """Measure the agreement of two modalities' embeddings of the same examples.

    The embeddings are `(N, D)` and `(N, E)`.

    - `cka` in [0, 1]: `linear_cka`, and `cka_by_chance`: its mean over 20 shuffles of the rows of `second`;
    - `paired_cosine` in [-1, 1]: the mean cosine of the two embeddings of one example. `unpaired_cosine`: of two
      different examples. Both are None if D is not E. An embedding of length 0 has the cosine 0.

    Raises:
        BadInputError: as `linear_cka`, or there are fewer than two examples.
    """
    a, b = _centred("first", first), _centred("second", second)
    rng = np.random.default_rng(seed)
    found = {
        "cka": _alignment(a, b),
        "cka_by_chance": float(np.mean([_alignment(a, rng.permutation(b)) for _ in range(SHUFFLES)])),
        "paired_cosine": None,
        "unpaired_cosine": None,
    }
    if a.shape[1] == b.shape[1]:
        u, v = _units(first), _units(second)
        paired = float((u * v).sum())
        both = float(u.sum(axis=0) @ v.sum(axis=0))  # the sum over all N * N pairs
        found |= {"paired_cosine": paired / len(u), "unpaired_cosine": (both - paired) / (len(u) * (len(u) - 1))}
    return found


def _alignment(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) != len(b):
        raise BadInputError(f"second: expected {len(a)} rows, as in first. Received: second.shape={b.shape}")
    norms = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.clip(np.linalg.norm(a.T @ b) ** 2 / norms, 0, 1))


def _centred(name: str, rows: np.ndarray) -> np.ndarray:
    rows = finite(name, rows, 2)
    if not np.ptp(rows, axis=0).any():
        raise BadInputError(f"{name}: expected rows that differ. Received: {len(rows)} equal rows")
    rows = rows - rows.mean(axis=0)
    return rows / np.abs(rows).max()  # no overflow of the squares


def _units(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
