"""tf.data pipelines of all recipes: shuffle, make and augment a batch, prefetch.

All randomness is a function of `(seed, epoch, index)`, so that a resumed run sees the same data as an uninterrupted
one.
"""

from collections.abc import Callable

import tensorflow as tf

# (index, seed) -> ({modality: tensor}, label): index `(B,)` int64, seed `(2,)` int32
Make = Callable[[tf.Tensor, tf.Tensor], tuple[dict[str, tf.Tensor], tf.Tensor]]


def training_batches(
    make: Make, size: int, batch_size: int, seed: int, epochs: range, passes: int = 1, parts: int = 1
) -> tf.data.Dataset:
    """Create the batches of all `epochs`, each epoch in a different order.

    An epoch passes `passes` times over the `size` examples, or over the next one of `parts` of them. An incomplete last
    batch is dropped. The cardinality is known: `len(dataset) // len(epochs)` is the number of steps of an epoch.
    """
    steps = size * passes // (batch_size * parts)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        whole, part = epoch // parts, epoch % parts
        order = tf.concat(
            [
                tf.random.experimental.stateless_shuffle(
                    tf.range(size, dtype=tf.int64),
                    seed=tf.stack([seed, tf.cast(whole, tf.int32) * passes + i]),
                )
                for i in range(passes)
            ],
            axis=0,
        )
        start = part * steps * batch_size
        order = tf.reshape(order[start : start + steps * batch_size], (steps, batch_size))
        seeds = tf.stack([tf.fill([steps], seed + 1), tf.cast(epoch, tf.int32) * steps + tf.range(steps)], axis=1)
        return tf.data.Dataset.from_tensor_slices((order, seeds))

    indices = tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(one_epoch)
    indices = indices.apply(tf.data.experimental.assert_cardinality(steps * len(epochs)))
    return _prefetch(indices.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True))


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
