"""The initial tables of hashed texts: linear models of the training rows, reduced to a low rank.

A table of random numbers whose rows are rarely used learns slowly and fits rare words by chance. The coefficients of a
regularized linear model are a better start and cost seconds; training refines them at a lower rate.
"""

import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.data.tables.rows import Sizes
from mmzoo.data.tables.source import Source, load_splits
from mmzoo.device.text_hash import BUCKETS, SIZE

if TYPE_CHECKING:
    from scipy import sparse

    from mmzoo.data.tables.batches import Examples

STRENGTHS = (4.0, 16.0, 64.0)  # C of the logistic regressions, 1 / alpha of the ridge regression
ROWS = 10_000  # training rows at most
STEPS, TOLERANCE = 200, 1e-3  # of the optimizer
NOISE = 0.02  # deviation of the columns that no coefficients fill
HALVES = (slice(0, BUCKETS), slice(BUCKETS, SIZE))


def initial_tables(
    source: Source, place: Path, sizes: Sizes, fold: str, modalities: Sequence[str], rank: int
) -> dict[str, np.ndarray]:
    """Return `{modality: float32 (32768, rank)}` of the text `modalities` of a table at `place`."""
    return {name: reduced(_coefficients(source, place, sizes, fold, name), rank) for name in modalities}


@functools.lru_cache(maxsize=16)
def _coefficients(source: Source, place: Path, sizes: Sizes, fold: str, modality: str) -> np.ndarray:
    """Return the coefficients of a modality for one place and fold; models are built more than once."""
    splits = load_splits(source, place, sizes, fold)
    column = list(splits["train"].rows.arrays).index(modality)
    parts = [_drawn(splits[name], modality, column, source.seed) for name in ("train", "validation")]
    return coefficients(*parts[0], *parts[1], kind=source.kind)


def _drawn(examples: "Examples", modality: str, column: int, seed: int) -> tuple["sparse.csr_matrix", np.ndarray]:
    """Return the counts and labels of at most `ROWS` rows that have the modality."""
    (kept,) = np.nonzero(examples.rows.present[examples.index, column])
    if len(kept) > ROWS:
        kept = np.sort(np.random.default_rng(seed).choice(kept, ROWS, replace=False))
    return examples.rows.arrays[modality].matrix(examples.index[kept]), examples.labels[kept]


def frequencies(counts: "sparse.csr_matrix") -> "sparse.csr_matrix":
    """Convert sparse counts `(N, 32768)` as `mmzoo.blocks.hashed_text.SublinearFrequencies` does."""
    from scipy import sparse

    x = counts.astype(np.float64)
    x.data = 1 + np.log(x.data)
    halves = [x[:, half] for half in HALVES]
    norms = [np.sqrt(np.asarray(half.multiply(half).sum(axis=1)).ravel()) for half in halves]
    return sparse.hstack(
        [sparse.diags(1 / np.maximum(norm, 1)) @ half for norm, half in zip(norms, halves, strict=True)], format="csr"
    )


def document_weights(counts: "sparse.csr_matrix") -> np.ndarray:
    """Return the inverse document frequencies `(32768,)` of counts `(N, 32768)`, as scikit-learn's TfidfTransformer."""
    return np.log((1 + counts.shape[0]) / (1 + np.asarray((counts > 0).sum(axis=0)).ravel())) + 1


def coefficients(
    counts: "sparse.csr_matrix",
    labels: np.ndarray,
    other: "sparse.csr_matrix",
    other_labels: np.ndarray,
    kind: str,
) -> np.ndarray:
    """Fit linear models of training texts and return their coefficients for frequencies, `(32768, K)` with K >= 1.

    Words are weighted by their inverse document frequency in the training texts, and the regularization is chosen by
    the loss on validation texts. Coefficients of classes are centered. The products of the training texts with all
    coefficients have a largest singular value of sqrt(N): their first component has a mean square of 1.

    Args:
        counts: sparse counts of the training texts.
        labels: their labels, see `mmzoo.data.tables.source.load_splits`.
        other: sparse counts of the validation texts.
        other_labels: their labels.
        kind: class, number or labels.

    Returns:
        zeros `(32768, 1)` if the labels of all training texts are the same.
    """
    from scipy import sparse

    pairs = [*zip(labels.T, other_labels.T, strict=True)] if kind == "labels" else [(labels, other_labels)]
    pairs = [pair for pair in pairs if len(np.unique(pair[0])) > 1]
    if not pairs:
        return np.zeros((SIZE, 1))
    train, validation = frequencies(counts), frequencies(other)
    weight = document_weights(counts)
    weighted = train @ sparse.diags(weight)
    weight /= np.sqrt(weighted.multiply(weighted).sum() / len(labels) / len(HALVES)) or 1
    scaled = sparse.diags(weight)
    best = [_best(train @ scaled, given, validation @ scaled, held, kind) for given, held in pairs]
    found = weight[:, None] * np.concatenate(best).T
    found -= found.mean(axis=1, keepdims=True) if found.shape[1] > 1 else 0  # changes no softmax
    return found * np.sqrt(len(labels)) / (np.linalg.norm(train @ found, 2) or 1)


def _best(
    train: "sparse.csr_matrix", labels: np.ndarray, other: "sparse.csr_matrix", held: np.ndarray, kind: str
) -> np.ndarray:
    """Return the coefficients `(K, 32768)` of the linear model with the lowest validation loss."""
    models = _fit(train, labels, kind)
    losses = [_loss(model, other, held, kind) for model in models] if len(held) else [0.0]
    return np.atleast_2d(models[int(np.argmin(losses))].coef_)


def _fit(features: "sparse.csr_matrix", labels: np.ndarray, kind: str) -> list[Any]:
    """Return linear models of one target, one for each of `STRENGTHS`."""
    from sklearn.linear_model import LogisticRegression, Ridge

    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a start need not have converged
        for strength in STRENGTHS:
            model = Ridge(alpha=1 / strength) if kind == "number" else LogisticRegression(C=strength, max_iter=STEPS)
            made.append(model.set_params(tol=TOLERANCE).fit(features, labels))
    return made


def _loss(model: Any, features: "sparse.csr_matrix", labels: np.ndarray, kind: str) -> float:
    if kind == "number":
        return float(np.abs(model.predict(features) - labels).mean())
    known = {value: i for i, value in enumerate(model.classes_)}
    found = model.predict_proba(features)
    right = [row[known[label]] if label in known else 0.0 for row, label in zip(found, labels, strict=True)]
    return float(-np.log(np.maximum(right, 1e-6)).mean())


def reduced(values: np.ndarray, rank: int) -> np.ndarray:
    """Reduce coefficients `(32768, K)` to a table `(32768, rank)` by their first singular vectors.

    Columns beyond K are noise.
    """
    table = np.random.default_rng(0).normal(0, NOISE, (SIZE, rank))
    first, _ = factors(values, rank)
    table[:, : first.shape[1]] = first
    return table.astype(np.float32)


def factors(values: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first singular vectors of `values` `(F, K)`, which are not 0: `(F, R)` scaled, `(R, K)`; R >= 1."""
    left, sizes, right = np.linalg.svd(values, full_matrices=False)
    count = max(1, min(rank, int((sizes > 1e-6 * sizes[0]).sum())))
    return (left * sizes)[:, :count], right[:count]
