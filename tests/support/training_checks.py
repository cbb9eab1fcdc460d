"""That a model learns, for tests of parts."""

import keras
import numpy as np
import tensorflow as tf


def check_gradients(model, inputs):
    """Assert that a step of training on `inputs` moves every weight of `model`, through its outputs taken together."""
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(model(inputs, training=True))
        loss = sum(tf.reduce_sum(tf.square(tf.cast(y, "float32") + 1)) for y in outputs)
    weights = model.trainable_variables
    gradients = zip(weights, tape.gradient(loss, [w.value for w in weights]), strict=True)
    # a softmax does not see what is added to all its scores, so the bias of the keys of attention learns nothing
    idle = [w.path for w, g in gradients if g is None or not (np.any(g) or w.path.endswith("_key/bias"))]
    assert not idle


def check_memorizes(encoder, inputs, labels, steps=80):
    """Assert that within `steps` steps `encoder`, under a softmax, knows each of `labels` `(B,)` in inference mode."""
    model = keras.Sequential([encoder, keras.layers.Dense(int(labels.max()) + 1, activation="softmax")])
    loss, optimizer = keras.losses.SparseCategoricalCrossentropy(), keras.optimizers.Adam(0.01)
    weights = model.trainable_variables
    optimizer.build(weights)

    @tf.function  # traced in half the time that `fit` takes, which is most of a test
    def learn():
        with tf.GradientTape() as tape:
            value = loss(labels, model(inputs, training=True))
        optimizer.apply(tape.gradient(value, [w.value for w in weights]), weights)

    for taken in range(steps):
        learn()
        if taken % 10 == 9:
            known = np.mean(np.argmax(model(inputs, training=False), axis=-1) == labels)
            if known == 1:
                return
    raise AssertionError(f"{encoder.name} knows {known:.0%} after {steps} steps")
