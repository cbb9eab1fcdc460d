"""Frequencies of hashed words and character n-grams, inside the graph."""

from keras import KerasTensor, Layer, ops

HALVES = 2  # words and pairs of words, then character n-grams
SCALE = 1 / 16  # of a frequency in the norm: in half precision the squares of 10,000 n-grams still add up


class SublinearFrequencies(Layer):
    """Convert counts to sublinear frequencies of norm 1 in each half.

    uint8 `(B, C)`, counts of an even number of buckets, to float32 `(B, C)` in 0..1. A count c becomes 1 + ln(c), and 0
    stays 0 (Manning et al. 2008, section 6.4.1). Each half is divided by its Euclidean norm; a half without counts
    stays 0. A class because the export to int8 keeps a layer called `front_end` in float32.
    """

    def call(self, counts: KerasTensor) -> KerasTensor:
        x = ops.cast(counts, self.compute_dtype)
        x = ops.log(ops.maximum(x, 1.0)) + ops.minimum(x, 1.0)
        size = x.shape[-1] // HALVES
        return ops.concatenate([_normalized(x[:, i * size : (i + 1) * size]) for i in range(HALVES)], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


def _normalized(x: KerasTensor) -> KerasTensor:
    scaled = x * SCALE
    # one count of 1 already has a square of SCALE ** 2
    square = ops.maximum(ops.sum(scaled * scaled, axis=-1, keepdims=True), SCALE**2)
    return scaled * ops.rsqrt(square)
