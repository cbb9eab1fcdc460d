"""Bring embeddings of one pair together, keep those of other pairs apart: InfoNCE, SigLIP, NT-Xent, VICReg.

`y` are pair ids `(B,)`: examples that share an id are positives of each other, never negatives. The model's output is
its embeddings, stacked along a second axis, `(B, M, D)`: of M modalities, or of M views of one. They are scaled to
length 1 here. `info_nce` and `siglip` take cosine similarities `(B, B)` of two modalities instead, too; where the
temperature is learned, the model's output is the scaled similarities, and `temperature` is 1.
"""

import itertools

from keras import ops

from mmzoo.blocks.normalize import unit_norm


def info_nce(temperature=0.07):
    """Return the loss `(B,)` of ids `(B,)` and embeddings `(B, M, D)` or similarities `(B, B)`: which one is mine?

    The cross-entropy of finding the positives among the batch, averaged over both directions of all pairs of
    modalities. Where an example has several positives, they share its probability equally.

    Radford et al. 2021 (CLIP), section 2.3; positives by id: Khosla et al. 2020, equation 2.
    """

    def loss(y_true, y_pred):
        same = _same_id(y_true)
        logits = [cosines / temperature for cosines in _similarities(y_pred)]
        both = [*logits, *map(ops.transpose, logits)]
        return sum(_cross_entropy(same, x) for x in both) / len(both)

    return loss


def siglip(temperature=0.1, bias=-10.0):
    """Return the loss `(B,)` of ids `(B,)` and embeddings `(B, M, D)` or similarities `(B, B)`: are these two a pair?

    `-sum_j log sigmoid(z_ij (cosine_ij / temperature + bias))`, `z` 1 for positives and -1 else, averaged over the
    pairs of modalities. The bias starts near the odds of a pair. For a model that learns both: `siglip(1.0, 0.0)`.

    Zhai et al. 2023 (SigLIP), section 3.2, equation 2 and algorithm 1.
    """

    def loss(y_true, y_pred):
        sign = 2.0 * _same_id(y_true) - 1.0
        logits = [cosines / temperature + bias for cosines in _similarities(y_pred)]
        return sum(ops.sum(ops.softplus(-sign * x), axis=1) for x in logits) / len(logits)

    return loss


def nt_xent(temperature=0.5):
    """Return the loss `(B,)` of ids `(B,)` and embeddings `(B, M, D)` of M views: which other view is mine?

    As `info_nce`, but every view of every example is compared with all others of the batch, those of its own kind, too.

    Chen et al. 2020 (SimCLR), section 2.1, equation 1; positives by id: Khosla et al. 2020, equation 2.
    """

    def loss(y_true, y_pred):
        x = _stacked(y_pred)
        views = x.shape[1]
        x = unit_norm(ops.reshape(x, (-1, x.shape[2])))
        itself = _same_id(ops.arange(ops.shape(x)[0]))
        same = _same_id(ops.repeat(ops.reshape(y_true, (-1,)), views)) - itself
        logits = ops.matmul(x, ops.transpose(x)) / temperature - 1e9 * itself
        return ops.mean(ops.reshape(_cross_entropy(same, logits), (-1, views)), axis=1)

    return loss


def vicreg(invariance=25.0, variance=25.0, covariance=1.0):
    """Return the loss, a scalar, of embeddings `(B, M, D)`, not scaled to length 1: no negatives, ids are not read.

    Views of an example shall be alike (mean squared difference), each feature shall vary over the batch (a hinge on its
    deviation at 1), and no two features shall say the same (squares of the covariances). Averaged over the pairs of
    views.

    Bardes et al. 2022 (VICReg), section 4.1, equations 1 to 6, the difference as in algorithm 1.
    """

    def loss(y_true, y_pred):
        x = _stacked(y_pred)
        views = [x[:, i] for i in range(x.shape[1])]
        spread = [_spread(view, variance, covariance) for view in views]
        pairs = list(itertools.combinations(range(len(views)), 2))
        apart = [ops.mean(ops.square(views[i] - views[j])) for i, j in pairs]
        return sum(invariance * d + spread[i] + spread[j] for d, (i, j) in zip(apart, pairs, strict=True)) / len(pairs)

    return loss


def _spread(x, variance, covariance):
    """Weigh the hinge on the deviations of `x` `(B, D)` and the mean square of its covariances, scalars."""
    width = x.shape[1]
    centered = x - ops.mean(x, axis=0)
    # a batch of one example has no variance: it costs what constant features cost
    freedom = ops.maximum(ops.cast(ops.shape(x)[0], "float32") - 1.0, 1.0)
    deviation = ops.sqrt(ops.sum(ops.square(centered), axis=0) / freedom + 1e-4)
    covariances = ops.matmul(ops.transpose(centered), centered) / freedom * (1.0 - ops.eye(width))
    return variance * ops.mean(ops.relu(1.0 - deviation)) + covariance * ops.sum(ops.square(covariances)) / width


def _same_id(ids):
    """Compare `ids` `(B,)` or `(B, 1)` with each other: `(B, B)`, 1 or 0."""
    ids = ops.reshape(ids, (-1,))
    return ops.cast(ops.equal(ids[:, None], ids[None, :]), "float32")


def _similarities(y_pred):
    """Return cosine similarities `(B, B)` of each pair of modalities; those that the model made pass as they are."""
    if len(y_pred.shape) == 2:
        return [ops.cast(y_pred, "float32")]
    x = unit_norm(_stacked(y_pred))
    pairs = itertools.combinations(range(x.shape[1]), 2)
    return [ops.matmul(x[:, i], ops.transpose(x[:, j])) for i, j in pairs]


def _stacked(y_pred):
    if len(y_pred.shape) != 3 or y_pred.shape[1] < 2:
        raise ValueError(f"the loss expects embeddings (B, M, D), M >= 2. Received: y_pred.shape={y_pred.shape}")
    return ops.cast(y_pred, "float32")


def _cross_entropy(same, logits):
    """Cross-entropy `(B,)` of `logits` `(B, B)` with an equal share for each of the positives `same` `(B, B)`."""
    return -ops.sum(same * ops.log_softmax(logits), axis=1) / ops.sum(same, axis=1)
