"""A missing modality: its embedding is replaced by a learned one."""

from keras import layers, ops


def split_present(present, modalities):
    """Cut `present` `(B, M)`, 1 where a modality is there and 0 where it is missing, into `{modality: (B, 1)}`."""
    return {name: present[:, i : i + 1] for i, name in enumerate(modalities)}


def replace_absent(embedding, present, name):
    """Return `embedding` `(B, D)` where `present` `(B, 1)` is 1 and a learned vector where it is 0.

    Of embeddings of places or steps, `(B, ..., D)`, each is replaced by the same. The learned vector is the kernel of a
    Dense layer on `1 - present`. Modality dropout trains it.
    """
    absent = layers.Dense(embedding.shape[-1], use_bias=False, kernel_initializer="zeros", name=f"{name}_absent")
    instead = absent(1.0 - present)
    if between := [1] * (len(embedding.shape) - 2):
        present, instead = (ops.reshape(x, (-1, *between, x.shape[-1])) for x in (present, instead))
    return layers.Add(name=f"{name}_or_absent")([embedding * present, instead])
