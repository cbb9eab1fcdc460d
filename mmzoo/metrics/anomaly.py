"""How well a score tells anomalous examples from normal ones, where to draw the line, and one score against another."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite, one_each, yes_or_no


def anomaly_scores(score: np.ndarray, anomalous: np.ndarray) -> dict[str, float]:
    """Return how well `score` `(N,)`, higher for what is odder, tells `anomalous` `(N,)`, 1 for odd and 0 for normal.

    All are in [0, 1]. `auc` is the area under the ROC curve, 0.5 by chance; `partial_auc` the part of it with at
    most 10 % false alarms, scaled so that chance is 0.5 and perfect 1; `average_precision` is the share of odd
    examples by chance, `odd`.

    Raises:
        BadInputError: the shapes do not fit, a value is NaN, or only one kind of example is there.

    Source: McClish, Analyzing a Portion of the ROC Curve (1989), for the partial area.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    score = finite("score", score, 1)
    anomalous = yes_or_no("anomalous", anomalous, len(score))
    return {
        "auc": float(roc_auc_score(anomalous, score)),
        "partial_auc": float(roc_auc_score(anomalous, score, max_fpr=0.1)),
        "average_precision": float(average_precision_score(anomalous, score)),
        "odd": float(anomalous.mean()),
    }


def threshold_of(score: np.ndarray, false_alarms: float = 0.05) -> float:
    """Return the score that the share `false_alarms` of normal examples, of scores `(N,)`, lies above.

    Raises:
        BadInputError: there is no score, one is NaN, or `false_alarms` is not between 0 and 1.
    """
    if not 0 < false_alarms < 1:
        raise BadInputError(f"false_alarms: expected a share between 0 and 1. Received: {false_alarms}")
    return float(np.quantile(finite("score", score, 1), 1 - false_alarms))


def auc_gain(
    score: np.ndarray, other: np.ndarray, anomalous: np.ndarray, seed: int = 0, samples: int = 2000
) -> dict[str, float]:
    """Return by how many points, of 100, the area under the ROC curve of `score` `(N,)` is above that of `other`.

    `points` is the difference, `low` and `high` its 95 % interval from `samples` paired bootstrap draws, of the normal
    and of the `anomalous` examples each as many as there are.

    Raises:
        BadInputError: as `anomaly_scores`.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentile interval). A draw
    weighs each pair of an odd and a normal example by how often both were drawn: the area is the share of the pairs in
    the right order (Hanley and McNeil 1982).
    """
    score, other = finite("score", score, 1), finite("other", other, 1)
    anomalous = yes_or_no("anomalous", anomalous, len(score))
    ahead = _pairs(score, anomalous) - _pairs(one_each("other", other, len(score)), anomalous)
    rng = np.random.default_rng(seed)
    odd, normal = (rng.multinomial(n, np.full(n, 1 / n), size=samples) / n for n in ahead.shape)
    gains = 100 * np.einsum("sn,sn->s", odd @ ahead, normal)
    low, high = np.percentile(gains, [2.5, 97.5])
    return {"points": 100 * float(ahead.mean()), "low": float(low), "high": float(high)}


def _pairs(score: np.ndarray, anomalous: np.ndarray) -> np.ndarray:
    """Return for each pair of an odd and a normal example, `(odd, normal)`, 1 where it is in order, 0.5 where equal."""
    odd, normal = score[anomalous, None], score[None, ~anomalous]
    return (odd > normal) + 0.5 * (odd == normal)
