"""Fusion by the tensor product in low rank: sums of products of what each modality says."""

from keras import layers, ops

from mmzoo.blocks.presence import split_present


def low_rank(embeddings, present, rank=4):
    """Join `{modality: (B, D)}` as `tensor_product` does with a tensor of rank `rank`: `(B, D)`.

    One Dense layer for each modality makes `rank` vectors `(D,)`; they are multiplied over the modalities and
    averaged over the rank. The biases play the appended 1 and begin at 1: a missing modality, zero before them in
    the order of `present` `(B, M)`, leaves the products of the others. `D` is that of the first modality.
    LMF, Liu et al. 2018, section 3.2; the mean stands for the sum, for the sake of float16.
    """
    there = split_present(present, embeddings)
    width = next(iter(embeddings.values())).shape[-1]
    product = None
    for name, x in embeddings.items():
        factor = layers.Dense(rank * width, bias_initializer="ones", name=f"{name}_factor")(x * there[name])
        product = factor if product is None else product * factor
    return ops.mean(ops.reshape(product, (-1, rank, width)), axis=1)
