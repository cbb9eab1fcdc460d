"""Every loss on a usual batch and on those that break losses, and its value and gradient on the current backend."""

import functools

import keras
import numpy as np

from mmzoo.losses import (
    anomaly,
    arcface,
    auxiliary,
    contrastive,
    ctc,
    detection,
    distillation,
    elbo,
    focal,
    masked,
    triplet,
    weighted,
)

SHAPED_ALIKE = ("usual", "zeros", "same")  # JAX compiles each loss once for them
BATCHES = (*SHAPED_ALIKE, "one example")
TASKS = [
    (functools.partial(keras.losses.sparse_categorical_crossentropy, from_logits=True), 1, 3),
    (keras.losses.mean_squared_error, 2, 2),
]
LIKELIHOODS = {"image": elbo.bernoulli, "label": elbo.categorical}
LOSSES = {
    "auxiliary": auxiliary.with_auxiliary(
        functools.partial(keras.losses.sparse_categorical_crossentropy, from_logits=True), 3
    ),
    "info_nce": contrastive.info_nce(),
    "info_nce of three": contrastive.info_nce(0.2),
    "siglip": contrastive.siglip(),
    "nt_xent": contrastive.nt_xent(),
    "vicreg": contrastive.vicreg(),
    "masked_tokens": masked.masked_tokens,
    "masked_patches": masked.masked_patches((2, 2)),
    "masked_patches of one channel": masked.masked_patches((3, 4), normalize=False),
    "elbo": elbo.elbo({"image": 4, "audio": 3, "label": 2}, 2, likelihoods=LIKELIHOODS),
    "soft_labels": distillation.soft_labels(),
    "soft and hard labels": distillation.soft_labels(2.0, 0.3),
    "soft_labels of probabilities": distillation.soft_labels(from_logits=False),
    "batch_hard_triplet": triplet.batch_hard_triplet(),
    "batch_hard_triplet with margin": triplet.batch_hard_triplet(0.3),
    "arcface": arcface.arcface(),
    "kind_loss": anomaly.kind_loss((1, 2)),
    "ctc": ctc.ctc,
    "heatmap_focal": focal.heatmap_focal(),
    "detection": detection.detection(32),
    "over_modalities": weighted.over_modalities(keras.losses.mean_squared_error, [1, 0.5, 2]),
    "over_tasks": weighted.over_tasks(TASKS, [1.0, 0.3]),
    "by_uncertainty": weighted.by_uncertainty(TASKS),
}


def objects(draw):
    """Return target and prediction of 4x4 cells with two classes, boxes in a picture of 32 pixels."""
    heat = draw(0, 0.9, (4, 4, 2))
    heat[..., 1, 2, 0] = heat[..., 3, 0, 1] = 1.0
    boxes = [np.concatenate([draw(0, 16, (4, 4, 2)), draw(16, 32, (4, 4, 2))], axis=-1) for _ in range(2)]
    return np.concatenate([heat, boxes[0]], axis=-1), np.concatenate([draw(0, 1, (4, 4, 2)), boxes[1]], axis=-1)


def examples(batch):
    """Return `{name: (y_true, y_pred)}` in float32 for each of LOSSES; `batch` is one of BATCHES."""
    rng = np.random.default_rng(5)
    size = 1 if batch == "one example" else 6

    def draw(low, high, shape):
        return rng.uniform(low, high, (size, *shape)).astype("float32")

    ids = np.array([4, 7, 4, 1, 7, 9], "float32")[:size] * (batch != "same")
    label = np.array([0, 2, 1, 1, 0, 2], "float32")[:size] * (batch != "same")
    pair, three, points = draw(-1, 1, (2, 5)), draw(-1, 1, (3, 5)), draw(-1, 1, (5,))
    mask = (draw(0, 1, (4, 1)) > 0.4).astype("float32")
    hidden = np.concatenate([draw(-1, 1, (4, 12)), mask], axis=-1)
    shares = np.concatenate([draw(0, 1, (7,)), np.eye(2, dtype="float32")[label.astype(int) % 2]], axis=1)
    two_tasks = np.concatenate([label[:, None], draw(-1, 1, (2,))], axis=1)
    letters = np.array([[1, 2, 2], [3, 0, 0], [2, -1, -1], [0, 0, 0], [1, 1, 1], [3, 3, 0]], "float32")[:size]
    target, found = objects(draw)
    given = {
        "auxiliary": (label, draw(-1, 1, (9,))),
        "info_nce": (ids, pair),
        "info_nce of three": (ids, three),
        "siglip": (ids, pair),
        "nt_xent": (ids, pair),
        "vicreg": (ids, three),
        "masked_tokens": (np.floor(draw(0, 7, (4,))), np.concatenate([draw(-2, 2, (4, 7)), mask], axis=-1)),
        "masked_patches": (draw(0, 255, (4, 4, 3)), hidden),
        "masked_patches of one channel": (draw(0, 1, (6, 8)), hidden),
        "elbo": (shares, draw(-3, 3, (13,))),
        "soft_labels": (draw(-3, 3, (4,)), draw(-3, 3, (4,))),
        "soft and hard labels": (np.concatenate([draw(-3, 3, (4,)), label[:, None]], axis=1), draw(-3, 3, (4,))),
        "soft_labels of probabilities": (draw(0, 1, (4,)), draw(0, 1, (4,))),
        "batch_hard_triplet": (ids, points),
        "batch_hard_triplet with margin": (ids, points),
        "arcface": (label, draw(-1, 1, (3,))),
        "kind_loss": (label, draw(-1, 1, (3,))),
        "ctc": (letters, draw(-1, 1, (4, 4))),
        "heatmap_focal": (target[..., :2], found[..., :2]),
        "detection": (target, found),
        "over_modalities": (points, three),
        "over_tasks": (two_tasks, draw(-1, 1, (5,))),
        "by_uncertainty": (two_tasks, draw(-1, 1, (7,))),
    }
    return {name: (y, x * (batch != "zeros")) for name, (y, x) in given.items()}


@functools.cache
def differentiated(name, dtype="float32"):
    """Compile a loss: a function of arrays `y_true, y_pred` to its mean over the batch and its gradient by `y_pred`."""

    def mean(x, y):
        return keras.ops.mean(LOSSES[name](y, x))

    if keras.backend.backend() == "jax":
        import jax

        both = jax.jit(jax.value_and_grad(mean))
        return lambda y, x: tuple(map(np.asarray, both(x, y)))
    if keras.backend.backend() == "torch":
        return lambda y, x: in_torch(mean, y, x)
    import tensorflow as tf

    def both(y, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = mean(x, y)
        return value, tape.gradient(value, x)

    # a batch of unknown size, as `fit` traces it
    y, x = examples("usual")[name]
    signature = [tf.TensorSpec((None, *y.shape[1:])), tf.TensorSpec((None, *x.shape[1:]), dtype)]
    compiled = tf.function(both, input_signature=signature)
    return lambda y, x: tuple(part.numpy() for part in compiled(y, x))


def in_torch(mean, y, x):
    import torch

    x = torch.tensor(x, requires_grad=True)
    value = mean(x, torch.tensor(y))
    return value.detach().numpy(), torch.autograd.grad(value, x)[0].numpy()


def all_answers(batches=BATCHES):
    """Return `{(batch, name): (value, gradient)}` of every loss on each of `batches`."""
    answers = {}
    for name in LOSSES:
        both = differentiated(name)
        for batch in batches:
            answers[batch, name] = both(*examples(batch)[name])
    return answers
