"""How well clusters found without labels agree with the labels."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import one_each


def clustering_scores(clusters: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return how well `clusters` `(N,)` agree with `labels` `(N,)`; the names of both are arbitrary.

    - `purity` in [0, 1]: each cluster answers its most frequent label. It only grows with more clusters;
    - `nmi` in [0, 1]: the mutual information over the mean of the two entropies;
    - `accuracy` in [0, 1]: each cluster answers one label and each label is answered by one cluster, in the best
      such assignment; what is left over, where the numbers differ, is wrong.

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
    labels = one_each("labels", labels, len(labels))
    clusters = one_each("clusters", clusters, len(labels))
    table = contingency_matrix(labels, clusters)  # (labels, clusters)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {
        "purity": float(table.max(axis=0).sum() / len(labels)),
        "nmi": float(np.clip(normalized_mutual_info_score(labels, clusters), 0, 1)),  # rounding reaches 1 + 2e-16
        "accuracy": float(table[rows, columns].sum() / len(labels)),
    }
