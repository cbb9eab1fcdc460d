"""Anomaly detection metrics: ROC and precision-recall scores, thresholds, and gains with intervals."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import binary_labels, finite, per_example


def anomaly_scores(score: np.ndarray, anomalous: np.ndarray) -> dict[str, float]:
    """Score an anomaly score against labels.

    `score` `(N,)` is higher for more anomalous examples; `anomalous` `(N,)` is 1 for anomalous and 0 for normal. All
    results are in [0, 1].

    - `auc`: area under the ROC curve, 0.5 by chance.
    - `partial_auc`: its part with at most 10 % false positives, scaled so that chance is 0.5 and perfect 1.
    - `average_precision`: by chance the fraction of anomalous examples, the last key.

    Raises:
        BadInputError: the shapes do not fit, a value is NaN, or only one class of example is present.

    Source: McClish, Analyzing a Portion of the ROC Curve (1989), for the partial area.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    score = finite("score", score, 1)
    anomalous = binary_labels("anomalous", anomalous, len(score))
    return {
        "auc": float(roc_auc_score(anomalous, score)),
        "partial_auc": float(roc_auc_score(anomalous, score, max_fpr=0.1)),
        "average_precision": float(average_precision_score(anomalous, score)),
        "odd": float(anomalous.mean()),
    }


def threshold_of(score: np.ndarray, false_alarms: float = 0.05) -> float:
    """Compute the threshold with false positive rate `false_alarms` on normal scores `(N,)`.

    Raises:
        BadInputError: there is no score, one is NaN, or `false_alarms` is not between 0 and 1.
    """
    if not 0 < false_alarms < 1:
        raise BadInputError(f"false_alarms: expected a share between 0 and 1. Received: {false_alarms}")
    return float(np.quantile(finite("score", score, 1), 1 - false_alarms))


def auc_gain(
    score: np.ndarray, other: np.ndarray, anomalous: np.ndarray, seed: int = 0, samples: int = 2000
) -> dict[str, float]:
    """Compute the gain in ROC AUC of `score` over `other`.

    Gains are in points of 100. All arrays are `(N,)`. `points` is the difference; `low` and `high` are its 95 %
    interval from `samples` paired bootstrap draws. Normal and `anomalous` examples are drawn separately, each as many
    as given.

    Raises:
        BadInputError: as `anomaly_scores`.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentile interval). A draw
    weights each pair of an anomalous and a normal example by the number of times both were drawn: the area is the
    fraction of pairs in the right order (Hanley and McNeil 1982).
    """
    score, other = finite("score", score, 1), finite("other", other, 1)
    anomalous = binary_labels("anomalous", anomalous, len(score))
    ahead = _pairs(score, anomalous) - _pairs(per_example("other", other, len(score)), anomalous)
    rng = np.random.default_rng(seed)
    abnormal, normal = (rng.multinomial(n, np.full(n, 1 / n), size=samples) / n for n in ahead.shape)
    gains = 100 * np.einsum("sn,sn->s", abnormal @ ahead, normal)
    low, high = np.percentile(gains, [2.5, 97.5])
    return {"points": 100 * float(ahead.mean()), "low": float(low), "high": float(high)}


def _pairs(score: np.ndarray, anomalous: np.ndarray) -> np.ndarray:
    """Compare each pair of an anomalous and a normal example, `(anomalous, normal)`.

    1 if the pair is in order, 0.5 if the scores are equal, otherwise 0.
    """
    abnormal, normal = score[anomalous, None], score[None, ~anomalous]
    return (abnormal > normal) + 0.5 * (abnormal == normal)
