"""Fusion by the tensor product: every product of features of different modalities, and the features themselves."""

from keras import layers, ops

from mmzoo.blocks.presence import split_present


def tensor_product(embeddings, present, units=7):
    """Join `{modality: (B, D)}` by the outer product of their projections, each with a 1 appended: `(B, D)`.

    A Dense layer with tanh brings each modality to `units` numbers: the product has `(units + 1)^M`, in [-1, 1], which
    one Dense layer with ReLU brings to `D`, that of the first modality. `present` `(B, M)` is 1 or 0 in the order of
    `embeddings`: a missing modality is all zeros before its 1, which leaves the products of the others.
    TFN, Zadeh et al. 2017, section 4.2.
    """
    there = split_present(present, embeddings)
    product = None
    for name, x in embeddings.items():
        x = layers.Dense(units, activation="tanh", name=f"{name}_factor")(x) * there[name]
        # a 1 made of an input: delegates refuse a constant as an operand of a matrix product
        x = ops.concatenate([x, there[name] * 0.0 + 1.0], axis=-1)
        if product is None:
            product = x
        else:
            outer = ops.matmul(ops.expand_dims(product, -1), ops.expand_dims(x, 1))
            product = ops.reshape(outer, (-1, product.shape[-1] * (units + 1)))
    return layers.Dense(next(iter(embeddings.values())).shape[-1], activation="relu", name="fusion")(product)
