"""Mixup of multimodal examples: all modalities and the label by one coefficient.

Zhang et al. 2018, section 2. Labels become distributions, for `keras.losses.CategoricalCrossentropy`, which can also
smooth them (Szegedy et al. 2016, section 7).
"""

import tensorflow as tf

MIXED = (tf.uint8, tf.float16, tf.float32)


def mixup(batches: tf.data.Dataset, num_classes: int, alpha: float, seed: int, first_step: int = 0) -> tf.data.Dataset:
    """Mix each example with the previous one in its batch.

    Batches are `({modality: ..., "present": (B, M)}, label (B,))`. The coefficient of an example is drawn from
    Beta(alpha, alpha), one for its modalities and its label. The label becomes a distribution `(B, num_classes)`
    float32. uint8 images are rounded. Two examples with different patterns of `present` are not mixed. Draws are a
    function of `(seed, step)`; `first_step` is the number of the first batch.

    Raises:
        ValueError: an input holds ids, or `alpha` is not above 0.
    """
    if not alpha > 0:
        raise ValueError(f"mixup expects alpha above 0. Received: {alpha=}")
    for name, spec in batches.element_spec[0].items():
        if spec.dtype not in MIXED:
            raise ValueError(f"mixup expects images or numbers; ids have no mean. Received: {name} {spec.dtype.name}")

    def change(step, batch):
        inputs, label = batch
        size = tf.shape(label)[0]
        share = _beta(size, alpha, tf.stack([(seed + 4_000_037) % (2**31 - 1), tf.cast(step, tf.int32)]))
        if "present" in inputs:
            alike = tf.reduce_all(inputs["present"] == tf.roll(inputs["present"], 1, axis=0), axis=1)
            share = tf.where(alike, share, 1.0)
        mixed = {name: x if name == "present" else _mix(x, share) for name, x in inputs.items()}
        return mixed, _mix(tf.one_hot(label, num_classes), share)

    return batches.enumerate(first_step).map(change, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def one_hot(batches: tf.data.Dataset, num_classes: int) -> tf.data.Dataset:
    """Convert labels to distributions `(B, num_classes)` without mixing."""
    return batches.map(lambda inputs, label: (inputs, tf.one_hot(label, num_classes)))


def _beta(size: tf.Tensor, alpha: float, seed: tf.Tensor) -> tf.Tensor:
    """Draw `(size,)` numbers from Beta(alpha, alpha), at least 1/2.

    Each is the larger of a draw and its complement, so that the example outweighs its partner.
    """
    drawn = [tf.random.stateless_gamma([size], seed + tf.constant([0, 50_000_017 * i]), alpha) for i in (1, 2)]
    share = drawn[0] / tf.maximum(drawn[0] + drawn[1], 1e-30)
    return tf.maximum(share, 1.0 - share)


def _mix(x: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    share = tf.reshape(share, [-1] + [1] * (len(x.shape) - 1))
    y = tf.cast(x, tf.float32)
    y = y * share + tf.roll(y, 1, axis=0) * (1.0 - share)
    return tf.cast(tf.round(y) if x.dtype == tf.uint8 else y, x.dtype)
