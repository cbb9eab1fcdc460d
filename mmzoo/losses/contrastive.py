"""Contrastive losses and VICReg: InfoNCE, SigLIP, NT-Xent.

`y` are pair ids `(B,)`: examples with the same id are positives of one another, never negatives. The model's output is
its embeddings, stacked along a second axis, `(B, M, D)`: of M modalities, or of M views of one. The losses scale them
to length 1. `info_nce` and `siglip` also accept cosine similarities `(B, B)` of two modalities. If the temperature is
learned, the model's output is the scaled similarities, and `temperature` is 1.
"""

import itertools
from collections.abc import Callable

from keras import KerasTensor, ops

from mmzoo.blocks.normalize import unit_norm


def info_nce(temperature: float = 0.07) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the InfoNCE loss `(B,)`.

    Radford et al. 2021 (CLIP), section 2.3; positives by id: Khosla et al. 2020, equation 2. Inputs: ids `(B,)`, and
    embeddings `(B, M, D)` or similarities `(B, B)`. The loss is the cross-entropy of finding the positives in the
    batch, averaged over both directions of all pairs of modalities. Several positives of an example share its
    probability equally.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        same = _same_id(y_true)
        logits = [cosines / temperature for cosines in _similarities(y_pred)]
        both = [*logits, *map(ops.transpose, logits)]
        return sum(_cross_entropy(same, x) for x in both) / len(both)

    return loss


def siglip(temperature: float = 0.1, bias: float = -10.0) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the SigLIP loss `(B,)`: pairwise sigmoid.

    Zhai et al. 2023 (SigLIP), section 3.2, equation 2 and algorithm 1. Inputs: ids `(B,)`, and embeddings `(B, M, D)`
    or similarities `(B, B)`. The loss is `-sum_j log sigmoid(z_ij (cosine_ij / temperature + bias))`, with `z` 1 for
    positives and -1 otherwise, averaged over the pairs of modalities. The bias starts near the log-odds of a pair. For
    a model with learned temperature and bias: `siglip(1.0, 0.0)`.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        sign = 2.0 * _same_id(y_true) - 1.0
        logits = [cosines / temperature + bias for cosines in _similarities(y_pred)]
        return sum(ops.sum(ops.softplus(-sign * x), axis=1) for x in logits) / len(logits)

    return loss


def nt_xent(temperature: float = 0.5) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the NT-Xent loss `(B,)` of ids `(B,)` and M views `(B, M, D)`.

    Chen et al. 2020 (SimCLR), section 2.1, equation 1; positives by id: Khosla et al. 2020, equation 2. As `info_nce`,
    but every view of every example is compared with all other views of the batch, including views of its own kind.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        x = _stacked(y_pred)
        views = x.shape[1]
        x = unit_norm(ops.reshape(x, (-1, x.shape[2])))
        itself = _same_id(ops.arange(ops.shape(x)[0]))
        same = _same_id(ops.repeat(ops.reshape(y_true, (-1,)), views)) - itself
        logits = ops.matmul(x, ops.transpose(x)) / temperature - 1e9 * itself
        return ops.mean(ops.reshape(_cross_entropy(same, logits), (-1, views)), axis=1)

    return loss


def vicreg(
    invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the VICReg loss, a scalar, of embeddings `(B, M, D)`.

    Bardes et al. 2022 (VICReg), section 4.1, equations 1 to 6, the invariance term as in algorithm 1. Three terms are
    averaged over the pairs of views. Invariance: the mean squared difference of two views. Variance: a hinge at 1 on
    the deviation of each feature over the batch. Covariance: the squared covariances of feature pairs. Embeddings are
    not scaled to length 1. There are no negatives; ids are ignored.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        x = _stacked(y_pred)
        views = [x[:, i] for i in range(x.shape[1])]
        spread = [_spread(view, variance, covariance) for view in views]
        pairs = list(itertools.combinations(range(len(views)), 2))
        apart = [ops.mean(ops.square(views[i] - views[j])) for i, j in pairs]
        return sum(invariance * d + spread[i] + spread[j] for d, (i, j) in zip(apart, pairs, strict=True)) / len(pairs)

    return loss


def _spread(x: KerasTensor, variance: float, covariance: float) -> KerasTensor:
    """Compute the weighted variance and covariance terms of `x` `(B, D)`, a scalar."""
    width = x.shape[1]
    centered = x - ops.mean(x, axis=0)
    # a batch of one example has no variance: it costs the same as constant features
    freedom = ops.maximum(ops.cast(ops.shape(x)[0], "float32") - 1.0, 1.0)
    deviation = ops.sqrt(ops.sum(ops.square(centered), axis=0) / freedom + 1e-4)
    covariances = ops.matmul(ops.transpose(centered), centered) / freedom * (1.0 - ops.eye(width))
    return variance * ops.mean(ops.relu(1.0 - deviation)) + covariance * ops.sum(ops.square(covariances)) / width


def _same_id(ids: KerasTensor) -> KerasTensor:
    """Compare `ids` `(B,)` or `(B, 1)` pairwise: `(B, B)`, 1 or 0."""
    ids = ops.reshape(ids, (-1,))
    return ops.cast(ops.equal(ids[:, None], ids[None, :]), "float32")


def _similarities(y_pred: KerasTensor) -> list[KerasTensor]:
    """Compute cosine similarities `(B, B)` of each pair of modalities.

    Similarities from the model are returned unchanged.
    """
    if len(y_pred.shape) == 2:
        return [ops.cast(y_pred, "float32")]
    x = unit_norm(_stacked(y_pred))
    pairs = itertools.combinations(range(x.shape[1]), 2)
    return [ops.matmul(x[:, i], ops.transpose(x[:, j])) for i, j in pairs]


def _stacked(y_pred: KerasTensor) -> KerasTensor:
    if len(y_pred.shape) != 3 or y_pred.shape[1] < 2:
        raise ValueError(f"the loss expects embeddings (B, M, D), M >= 2. Received: y_pred.shape={y_pred.shape}")
    return ops.cast(y_pred, "float32")


def _cross_entropy(same: KerasTensor, logits: KerasTensor) -> KerasTensor:
    """Compute the cross-entropy `(B,)` of `logits` `(B, B)` with uniform targets.

    Targets are uniform over the positives `same` `(B, B)`.
    """
    return -ops.sum(same * ops.log_softmax(logits), axis=1) / ops.sum(same, axis=1)
