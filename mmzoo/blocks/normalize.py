"""Normalization that neither divides by zero nor becomes an operator that GPU delegates refuse."""

from keras import ops


def unit_norm(x, epsilon=1e-6):
    """Scale the last axis to root mean square 1 and then to length 1: `(B, D) -> (B, D)`; zeros stay zeros.

    `x * rsqrt(mean(x * x) + epsilon) / sqrt(D)`. The obvious `x / sqrt(sum(x * x))` is fused by the TFLite
    converter to L2_NORMALIZATION, which the GPU refuses.
    """
    mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(mean_square + epsilon) * (x.shape[-1] ** -0.5)
