"""Retrieval metrics between the embeddings of two modalities."""

from collections.abc import Sequence

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite, per_example


def retrieval_scores(
    similarity: np.ndarray, query_ids: np.ndarray, gallery_ids: np.ndarray, ks: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """Score the ranking of gallery items by `similarity` `(Q, G)`.

    An item is relevant to a query if their ids, `(Q,)` and `(G,)`, are equal; several may be. The keys are

    - `recall@k` in [0, 1], for each of `ks`: the fraction of queries with a relevant item in the top `k`;
    - `median_rank`, from 1: median rank of the first relevant item;
    - `map` in [0, 1]: the mean over the queries of the average precision.

    Ties count against the model: an irrelevant item of equal similarity ranks before the relevant one, so that constant
    embeddings find nothing.

    Raises:
        BadInputError: the shapes do not fit, a value is NaN, `ks` is below 1, or a query has no relevant item.
    """
    from sklearn.metrics import label_ranking_average_precision_score

    similarity = finite("similarity", similarity, 2)
    query_ids = per_example("query_ids", query_ids, similarity.shape[0])
    gallery_ids = per_example("gallery_ids", gallery_ids, similarity.shape[1])
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
    """Score cosine retrieval between two modalities in both directions.

    `embeddings` holds `(N, D)` for each of two modalities, `ids` `(N,)` their identities. The two `N` may differ, as
    for images with five captions each. The keys are `image_to_text` and `text_to_image`, for modalities of these names,
    with `retrieval_scores`. An embedding of length 0 has similarity 0 to all.

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
    """Compute TF-IDF cosines `(Q, G)` of texts, a bag-of-words search baseline.

    Salton and Buckley 1988, section 3. Character n-grams of length 2 to 4 within words are counted logarithmically and
    weighted by their rarity in the training texts `known`.

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
