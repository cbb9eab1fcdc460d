"""Low-rank tensor fusion: sums of products of modality projections."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.presence import split_present


def low_rank(embeddings: Mapping[str, KerasTensor], present: KerasTensor, rank: int = 4) -> KerasTensor:
    """Fuse by a tensor product of rank `rank`.

    LMF, Liu et al. 2018, section 3.2; the mean replaces the sum, for the range of float16. `{modality: (B, D)}` to
    `(B, D)`, as `tensor_product`; `D` is the width of the first modality.

    One Dense layer for each modality makes `rank` vectors `(D,)`. They are multiplied over the modalities and averaged
    over the rank. The biases replace the appended 1; their initial value is 1. A missing modality is zero before its
    bias and so leaves the products of the others. `present` is `(B, M)`, in the order of `embeddings`.
    """
    there = split_present(present, embeddings)
    width = next(iter(embeddings.values())).shape[-1]
    product = None
    for name, x in embeddings.items():
        factor = layers.Dense(rank * width, bias_initializer="ones", name=f"{name}_factor")(x * there[name])
        product = factor if product is None else product * factor
    return ops.mean(ops.reshape(product, (-1, rank, width)), axis=1)
