"""Functions that run as Python: tracing a training step takes seconds, which a few steps never earn back."""

from contextlib import contextmanager

import tensorflow as tf


@contextmanager
def untraced():
    """Let `tf.function`, and with it Keras, run without graphs; pipelines of `tf.data` are traced as ever."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
