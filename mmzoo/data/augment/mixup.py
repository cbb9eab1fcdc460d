"""Mixup of whole multimodal examples: all modalities and the label by one share, so that they still agree.

Zhang et al. 2018, section 2. Labels become distributions, for `keras.losses.CategoricalCrossentropy`, which smooths
them too where asked to (Szegedy et al. 2016, section 7).
"""

import tensorflow as tf

MIXED = (tf.uint8, tf.float16, tf.float32)


def mixup(batches, num_classes, alpha, seed, first_step=0):
    """Mix each example of `({modality: ..., "present": (B, M)}, label (B,))` with the one before it in its batch.

    The share of an example is drawn from Beta(alpha, alpha) and is the same for its modalities and its label, which
    becomes a distribution `(B, num_classes)` float32. Pictures in uint8 are rounded. Two examples with different
    patterns of `present` are not mixed: what is missing in one of them could not be half there. What is drawn is a
    function of `(seed, step)`, where `first_step` is the number of the first batch.

    Raises:
        ValueError: an input holds ids, or `alpha` is not above 0.
    """
    if not alpha > 0:
        raise ValueError(f"mixup expects alpha above 0. Received: {alpha=}")
    for name, spec in batches.element_spec[0].items():
        if spec.dtype not in MIXED:
            raise ValueError(f"mixup expects pictures or numbers; ids have no mean. Received: {name} {spec.dtype.name}")

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


def one_hot(batches, num_classes):
    """Return batches whose labels are distributions `(B, num_classes)`, as those of `mixup` are, but not mixed."""
    return batches.map(lambda inputs, label: (inputs, tf.one_hot(label, num_classes)))


def _beta(size, alpha, seed):
    """Draw `(size,)` numbers of Beta(alpha, alpha), the larger of each and its complement: the example outweighs."""
    drawn = [tf.random.stateless_gamma([size], seed + tf.constant([0, 50_000_017 * i]), alpha) for i in (1, 2)]
    share = drawn[0] / tf.maximum(drawn[0] + drawn[1], 1e-30)
    return tf.maximum(share, 1.0 - share)


def _mix(x, share):
    share = tf.reshape(share, [-1] + [1] * (len(x.shape) - 1))
    y = tf.cast(x, tf.float32)
    y = y * share + tf.roll(y, 1, axis=0) * (1.0 - share)
    return tf.cast(tf.round(y) if x.dtype == tf.uint8 else y, x.dtype)
