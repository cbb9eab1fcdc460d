"""How well a score tells anomalous examples from normal ones."""

import numpy as np

from mmzoo.metrics.checks import finite, yes_or_no


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
