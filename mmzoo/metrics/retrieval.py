"""How well the embedding of one modality finds its partners among those of another."""

from collections.abc import Sequence

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite, one_each


def retrieval_scores(
    similarity: np.ndarray, query_ids: np.ndarray, gallery_ids: np.ndarray, ks: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """Return how `similarity` `(Q, G)` ranks the right items of a gallery; higher is more alike.

    An item is right for a query if their ids, `(Q,)` and `(G,)`, are equal; several may be. The keys are

    - `recall@k` in [0, 1], for each of `ks`: the share of queries with a right item among the first `k`;
    - `median_rank`, from 1: where the first right item stands;
    - `map` in [0, 1]: the mean over the queries of the average precision.

    Ties count against the model: a wrong item as similar as the right one stands before it, so that embeddings
    that are all alike find nothing.

    Raises:
        BadInputError: the shapes do not fit, a value is NaN, `ks` is below 1, or a query has no right item.
    """
    from sklearn.metrics import label_ranking_average_precision_score

    similarity = finite("similarity", similarity, 2)
    query_ids = one_each("query_ids", query_ids, similarity.shape[0])
    gallery_ids = one_each("gallery_ids", gallery_ids, similarity.shape[1])
    if not ks or min(ks) < 1:
        raise BadInputError(f"ks: expected numbers from 1. Received: ks={tuple(ks)}")
    right = query_ids[:, None] == gallery_ids[None]
    lost = ~right.any(axis=1)
    if lost.any():
        raise BadInputError(
            "gallery_ids: expected a right item for every query. "
            f"Received: none for {int(lost.sum())} queries, the first with the id {query_ids[lost][0]}"
        )
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True)
    rank = 1 + (~right & (similarity >= best)).sum(axis=1)
    recalls = {f"recall@{k}": float(np.mean(rank <= k)) for k in ks}
    return {
        **recalls,
        "median_rank": float(np.median(rank)),
        "map": float(label_ranking_average_precision_score(right, similarity)),
    }


def both_ways(
    embeddings: dict[str, np.ndarray], ids: dict[str, np.ndarray], ks: Sequence[int] = (1, 5, 10)
) -> dict[str, dict[str, float]]:
    """Return `retrieval_scores` of the cosines of two modalities, each searched with the other.

    `embeddings` holds `(N, D)` for each of two modalities, `ids` `(N,)` what they show; the two `N` may differ, as
    where a picture has five captions and stands in its gallery once. The keys are `image_to_text` and
    `text_to_image`, for modalities of these names. An embedding of length 0 is like nothing.

    Raises:
        BadInputError: there are not two modalities, or as `retrieval_scores`.
    """
    if len(embeddings) != 2 or set(ids) != set(embeddings):
        raise BadInputError(
            f"embeddings: expected two modalities, with ids. Received: {sorted(embeddings)}, ids of {sorted(ids)}"
        )
    units = {}
    for name, rows in embeddings.items():
        rows = finite(f"embeddings[{name!r}]", rows, 2)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        units[name] = rows / np.where(length > 0, length, 1)
    (first, a), (second, b) = units.items()
    if a.shape[1] != b.shape[1]:
        raise BadInputError(f"embeddings: expected one width. Received: {a.shape} and {b.shape}")
    cosines = a @ b.T
    return {
        f"{first}_to_{second}": retrieval_scores(cosines, ids[first], ids[second], ks),
        f"{second}_to_{first}": retrieval_scores(cosines.T, ids[second], ids[first], ks),
    }


def tfidf_similarity(queries: Sequence[str], documents: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Return the cosines `(Q, G)` of texts as a search engine that knows words alone compares them.

    Runs of 2 to 4 characters within words are counted, in the logarithm, and weighed by how rare they are among the
    texts `known`, those of training. Salton and Buckley 1988, section 3.

    Raises:
        BadInputError: `known` has no words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    try:
        runs.fit(known)
    except ValueError as error:
        raise BadInputError(f"known: expected texts with words. Received: {error}") from None
    return (runs.transform(queries) @ runs.transform(documents).T).toarray()
