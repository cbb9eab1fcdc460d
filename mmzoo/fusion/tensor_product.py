"""Tensor fusion: products of features of different modalities, and the features."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.presence import split_present


def tensor_product(embeddings: Mapping[str, KerasTensor], present: KerasTensor, units: int = 7) -> KerasTensor:
    """Fuse by the outer product of modality projections.

    TFN, Zadeh et al. 2017, section 4.2. `{modality: (B, D)}` to `(B, D)`; `D` is the width of the first modality.

    A Dense layer with tanh projects each modality to `units` numbers, and a 1 is appended. The outer product has
    `(units + 1)^M` numbers in [-1, 1]. One Dense layer with ReLU projects them to `D`. `present` `(B, M)` is 1 or 0 in
    the order of `embeddings`. A missing modality is all zeros before its 1 and so leaves the products of the others.
    """
    there = split_present(present, embeddings)
    product = None
    for name, x in embeddings.items():
        x = layers.Dense(units, activation="tanh", name=f"{name}_factor")(x) * there[name]
        # a 1 computed from an input: delegates refuse a constant as an operand of a matrix product
        x = ops.concatenate([x, there[name] * 0.0 + 1.0], axis=-1)
        if product is None:
            product = x
        else:
            outer = ops.matmul(ops.expand_dims(product, -1), ops.expand_dims(x, 1))
            product = ops.reshape(outer, (-1, product.shape[-1] * (units + 1)))
    return layers.Dense(next(iter(embeddings.values())).shape[-1], activation="relu", name="fusion")(product)
