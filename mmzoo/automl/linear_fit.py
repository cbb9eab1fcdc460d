"""Linear models of dense and sparse features together, fitted for a series of strengths."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

if TYPE_CHECKING:
    from scipy import sparse

    Block = np.ndarray | sparse.csr_matrix

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)  # inverse regularization, the strongest first
STEPS, TOLERANCE = 60, 1e-4  # of the optimizer: at most, and the largest gradient of the mean loss at its end
RAREST = 1e-9  # probability of a class without training rows


def fits(blocks: Sequence["Block"], labels: np.ndarray, kind: str, count: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Fit a linear model of the concatenated blocks for each of `STRENGTHS`, each from the one before.

    Minimizes the sum of losses plus |W|² / (2 C), C the strength, by L-BFGS: multinomial or binary cross-entropy, or
    half the squared error. Biases are not regularized.

    Args:
        blocks: features of N rows, each `(N, F_i)`.
        labels: classes `(N,)`, numbers `(N,)` or labels `(N, K)` in 0..1.
        kind: class, number or labels.
        count: number K of classes or labels, 1 for numbers.

    Yields:
        weights `(sum of F_i, K)` and biases `(K,)`, float32.
    """
    sizes = [block.shape[1] for block in blocks]
    targets = np.eye(count, dtype="float32")[labels.astype(int)] if kind == "class" else labels.reshape(-1, count)
    values = np.zeros((sum(sizes) + 1, count))
    values[-1] = _first_bias(targets.mean(axis=0), kind)
    options = {"maxiter": STEPS, "gtol": TOLERANCE, "ftol": 64 * np.finfo(float).eps}  # as scikit-learn
    for strength in STRENGTHS:
        given = (blocks, targets.astype("float32"), kind, 1 / strength)
        done = minimize(
            _objective,
            values.ravel(),
            given,
            method="L-BFGS-B",
            jac=True,
            options=options,
        )
        values = done.x.reshape(values.shape)
        yield values[:-1].astype("float32"), values[-1].astype("float32")


def products(blocks: Sequence["Block"], weights: np.ndarray) -> np.ndarray:
    """Return the product `(N, K)` of the concatenated blocks with weights `(sum of F_i, K)`."""
    parts = np.split(weights, np.cumsum([block.shape[1] for block in blocks])[:-1])
    return sum(block @ part for block, part in zip(blocks, parts, strict=True))


def _first_bias(rates: np.ndarray, kind: str) -> np.ndarray:
    known = np.clip(rates, RAREST, 1 - RAREST)
    return {"class": np.log(known), "labels": np.log(known) - np.log1p(-known), "number": rates}[kind]


def _objective(
    flat: np.ndarray, blocks: Any, targets: np.ndarray, kind: str, penalty: float
) -> tuple[float, np.ndarray]:
    """Return the mean loss with its penalty, and the gradient by `flat`."""
    count = len(targets)
    values = flat.reshape(-1, targets.shape[1])
    raw = products(blocks, values[:-1].astype("float32")).astype("float64") + values[-1]
    if kind == "class":
        logs = log_softmax(raw, axis=1)
        loss, found = -(targets * logs).sum(), np.exp(logs)
    elif kind == "labels":
        loss, found = (np.logaddexp(0, raw) - targets * raw).sum(), expit(raw)
    else:
        loss, found = 0.5 * np.square(raw - targets).sum(), raw
    excess = (found - targets).astype("float32")
    gradient = np.concatenate(
        [*(block.T @ excess for block in blocks), excess.sum(axis=0, keepdims=True)], dtype="float64"
    )
    gradient[:-1] += penalty * values[:-1]
    loss += penalty / 2 * np.square(values[:-1]).sum()
    return float(loss) / count, gradient.ravel() / count
