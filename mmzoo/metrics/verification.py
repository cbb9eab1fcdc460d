"""How well a similarity tells two examples of one identity from two of different ones."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite, one_each, yes_or_no


def verification_scores(similarity: np.ndarray, same: np.ndarray, target_prior: float = 0.01) -> dict[str, float]:
    """Return how well `similarity` `(N,)` of pairs tells `same` `(N,)`, 1 for one identity and 0 for two.

    The keys are

    - `eer` in [0, 1]: the rate at which false acceptances equal false rejections, interpolated linearly between
      the two nearest points of the ROC curve; pairs of equal similarity are accepted together;
    - `threshold`: the similarity from which a pair is accepted at the point of the curve nearest to that;
    - `auc` in [0, 1]: the area under the ROC curve;
    - `min_dcf` in [0, 1]: the least detection cost over all thresholds, where a pair is of one identity with
      probability `target_prior` and both errors cost 1, divided by the cost of always saying the likelier answer.

    Raises:
        BadInputError: the shapes do not fit, a value is NaN, only one kind of pair is there, or `target_prior` is
            not between 0 and 1.

    Source: NIST, Speaker Recognition Evaluation Plan (2016), section 3 (the detection cost).
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    similarity = finite("similarity", similarity, 1)
    same = yes_or_no("same", same, len(similarity))
    if not 0 < target_prior < 1:
        raise BadInputError(f"target_prior: expected a value between 0 and 1. Received: target_prior={target_prior}")
    accepted, found, thresholds = roc_curve(same, similarity, drop_intermediate=False)
    missed = 1 - found
    ahead = accepted - missed  # from -1, where all are rejected, up to 1, where all are accepted
    after = int(np.argmax(ahead >= 0))
    before = after - 1
    part = -ahead[before] / (ahead[after] - ahead[before])
    nearest = after if part >= 0.5 or before == 0 else before  # the threshold of point 0 is infinite
    cost = target_prior * missed + (1 - target_prior) * accepted
    return {
        "eer": float(accepted[before] + part * (accepted[after] - accepted[before])),
        "threshold": float(thresholds[nearest]),
        "auc": float(roc_auc_score(same, similarity)),
        "min_dcf": float(cost.min() / min(target_prior, 1 - target_prior)),
    }


def all_pairs(embeddings: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosine `(P,)` of each pair of rows of `embeddings` `(N, D)`, and whether their `ids` are equal.

    Each of the `P = N (N - 1) / 2` pairs is there once. An embedding of length 0 has the cosine 0.

    Raises:
        BadInputError: the shapes do not fit, or a value is NaN.
    """
    embeddings = finite("embeddings", embeddings, 2)
    ids = one_each("ids", ids, len(embeddings))
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    units = embeddings / np.where(length > 0, length, 1)
    first, second = np.triu_indices(len(ids), k=1)
    return (units @ units.T)[first, second], ids[first] == ids[second]
