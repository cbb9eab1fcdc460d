"""Normalization without division by zero and without operators refused by GPU delegates."""

from keras import KerasTensor, ops


def unit_norm(x: KerasTensor, epsilon: float = 1e-6) -> KerasTensor:
    """Scale the last axis to length 1: `(B, D) -> (B, D)`.

    `x * rsqrt(mean(x * x) + epsilon) / sqrt(D)`: root mean square 1, then length 1. Zeros stay zeros. The TFLite
    converter fuses the usual `x / sqrt(sum(x * x))` to L2_NORMALIZATION, an operator refused by the GPU.
    """
    mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(mean_square + epsilon) * (x.shape[-1] ** -0.5)
