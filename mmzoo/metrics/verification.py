"""Verification metrics: same or different identity from pair similarities."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import binary_labels, finite, per_example


def verification_scores(similarity: np.ndarray, same: np.ndarray, target_prior: float = 0.01) -> dict[str, float]:
    """Score pair similarities `(N,)` against same-identity labels `(N,)`.

    `same` is 1 for one identity and 0 for two. The keys are

    - `eer` in [0, 1]: the equal error rate, interpolated linearly between the two nearest points of the ROC curve;
      pairs of equal similarity are accepted as one;
    - `threshold`: the acceptance threshold at the nearest point of the curve;
    - `auc` in [0, 1]: the area under the ROC curve;
    - `min_dcf` in [0, 1]: the minimum detection cost over all thresholds, at a prior `target_prior` of one identity and
      error costs of 1. It is divided by the cost of a constant decision.

    Raises:
        BadInputError: the shapes do not fit, a value is NaN, only one class of pair is present, or `target_prior` is
            not between 0 and 1.

    Source: NIST, Speaker Recognition Evaluation Plan (2016), section 3 (the detection cost).
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    similarity = finite("similarity", similarity, 1)
    same = binary_labels("same", same, len(similarity))
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
    """Compute cosine and identity match of all pairs of embeddings.

    `embeddings` are `(N, D)`, `ids` `(N,)`; the result is two arrays `(P,)`. Each of the `P = N (N - 1) / 2` pairs
    occurs once. An embedding of length 0 has the cosine 0.

    Raises:
        BadInputError: the shapes do not fit, or a value is NaN.
    """
    embeddings = finite("embeddings", embeddings, 2)
    ids = per_example("ids", ids, len(embeddings))
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    units = embeddings / np.where(length > 0, length, 1)
    first, second = np.triu_indices(len(ids), k=1)
    return (units @ units.T)[first, second], ids[first] == ids[second]
