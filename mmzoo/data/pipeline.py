"""tf.data pipelines of all recipes: shuffle, make and augment a batch, prefetch.

All randomness is a function of `(seed, epoch, index)`, so that a resumed run sees the same data as an uninterrupted
one.
"""

from collections.abc import Callable

import tensorflow as tf

# (index, seed) -> ({modality: tensor}, label): index `(B,)` int64, seed `(2,)` int32
Make = Callable[[tf.Tensor, tf.Tensor], tuple[dict[str, tf.Tensor], tf.Tensor]]


def training_batches(
    make: Make, size: int, batch_size: int, seed: int, epoch: int, passes: int = 1, parts: int = 1
) -> tf.data.Dataset:
    """Create the batches of one epoch, each epoch in a different order.

    An epoch passes `passes` times over the `size` examples, or over the next one of `parts` of them. An incomplete last
    batch is dropped. The seed of a batch is `(seed + 1, step)`, with `step` counted from the first epoch on.
    """
    steps = size * passes // (batch_size * parts)
    whole, part = divmod(epoch, parts)
    examples = tf.range(size, dtype=tf.int64)
    orders = [
        tf.random.experimental.stateless_shuffle(examples, seed=(seed, whole * passes + i)) for i in range(passes)
    ]
    start = part * steps * batch_size
    order = tf.reshape(tf.concat(orders, axis=0)[start : start + steps * batch_size], (steps, batch_size))
    seeds = tf.stack([tf.fill([steps], seed + 1), epoch * steps + tf.range(steps)], axis=1)
    batches = tf.data.Dataset.from_tensor_slices((order, seeds))
    return _prefetch(batches.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True))


def evaluation_batches(make: Make, size: int, batch_size: int, seed: int) -> tf.data.Dataset:
    """Create batches of all `size` examples once, in order.

    The last batch may be smaller.
    """
    starts = tf.data.Dataset.range(0, size, batch_size)

    def batch(start: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        index = tf.range(start, tf.minimum(start + batch_size, size))
        return make(index, tf.stack([seed, tf.cast(start, tf.int32)]))

    return _prefetch(starts.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True))


def _prefetch(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    # Batches are ready long before they are needed: a thread pool as large as the machine would only take cores
    # from the training step.
    options.threading.private_threadpool_size = 2
    return dataset.prefetch(4).with_options(options)
