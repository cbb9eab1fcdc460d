"""Clustering metrics: agreement of clusters with labels."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import per_example


def clustering_scores(clusters: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score `clusters` `(N,)` against `labels` `(N,)`, with arbitrary names.

    - `purity` in [0, 1]: accuracy if each cluster predicts its most frequent label. It only grows with more clusters;
    - `nmi` in [0, 1]: the mutual information over the mean of the two entropies;
    - `accuracy` in [0, 1]: accuracy of the best one-to-one assignment of clusters to labels. Unassigned clusters or
      labels count as wrong.

    Raises:
        BadInputError: the shapes do not fit, there is no example, or a value is NaN.

    Source: Manning, Raghavan and Schuetze, Introduction to Information Retrieval (2008), section 16.3; Kuhn, The
    Hungarian Method for the Assignment Problem (1955).
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels):
        raise BadInputError(f"labels: expected the shape (N,), N > 0. Received: labels.shape={labels.shape}")
    labels = per_example("labels", labels, len(labels))
    clusters = per_example("clusters", clusters, len(labels))
    table = contingency_matrix(labels, clusters)  # (labels, clusters)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {
        "purity": float(table.max(axis=0).sum() / len(labels)),
        "nmi": float(np.clip(normalized_mutual_info_score(labels, clusters), 0, 1)),  # rounding reaches 1 + 2e-16
        "accuracy": float(table[rows, columns].sum() / len(labels)),
    }
