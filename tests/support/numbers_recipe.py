"""A recipe on numbers that trains in seconds, whose batches depend on the epoch."""

from types import SimpleNamespace

import keras
from epochs import small_recipe

CONFIG = SimpleNamespace(seed=3)


def recipe(phases):
    """Return a recipe on numbers with an encoder, a head, and batches that depend on the epoch."""
    import tensorflow as tf

    def build(config):
        x = keras.Input((4,), name="x")
        inner = keras.Input((4,))
        encoder = keras.Model(inner, keras.layers.Dense(3, activation="relu")(inner), name="encoder")
        return keras.Model({"x": x}, keras.layers.Dense(2, activation="softmax", name="head")(encoder(x)))

    def dataset(split, config, epoch=0):
        def batch(step):
            x = tf.random.stateless_normal((8, 4), tf.stack([7, tf.cast(step, tf.int32)]))
            return {"x": x}, tf.cast(x[:, 0] > 0, tf.int32)

        first, last = (epoch * 5, epoch * 5 + 5) if split == "train" else (1000, 1002)
        return tf.data.Dataset.range(first, last).map(batch)

    return small_recipe(
        build=build,
        dataset=dataset,
        objective=lambda config: {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        plan=lambda config: phases,
    )
