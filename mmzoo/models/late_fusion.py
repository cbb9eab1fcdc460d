"""Late fusion: each modality has an encoder, and their embeddings are joined."""

import keras
from keras import layers

from mmzoo.blocks.auxiliary import Beside, OnlyOne


def late_fusion(encoders, fuse, head, name="late_fusion", answer=None, alone=None):
    """Return a `keras.Model` on the dict `{modality: ..., "present": (B, M)}` with the output of `head`.

    Args:
        encoders: `{modality: keras.Model}`, each with one input and an output `(B, D)`.
        fuse: function of `({modality: (B, D)}, present)` to `(B, D)`.
        head: function of the embedding `(B, D)` to the answer.
        name: of the model.
        answer: function of `[what head answers, present]` to the answer, where there are several encoders.
        alone: as `head`, with a `name`: then each modality has a hidden layer and such a head of its own, which answers
            where no other is there, and which learns from every row by the loss `mmzoo.losses.auxiliary`.

    `present` is 1 where a modality is there and 0 where it is missing, in the order of `encoders`. With a single
    encoder nothing is fused and nothing can be missing: there is no `present`. The layer `embedding` holds the
    joint embedding.
    """
    inputs = {
        modality: keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=modality)
        for modality, encoder in encoders.items()
    }
    embeddings = {modality: encoder(inputs[modality]) for modality, encoder in encoders.items()}
    if len(encoders) == 1:
        (joint,) = embeddings.values()
    else:
        inputs["present"] = keras.Input((len(encoders),), name="present")
        joint = fuse(embeddings, inputs["present"])
    # A layer of its own: an addition that is an output and is consumed too goes wrong on some GPU delegates.
    joint = layers.Dense(joint.shape[-1], name="embedding")(joint)
    told = head(layers.ReLU(name="embedding_relu")(joint))
    if "present" in inputs:
        told = _answer(told, embeddings, inputs["present"], answer, alone)
    return keras.Model(inputs, told, name=name)


def _answer(together, embeddings, present, answer, alone):
    """Return the answer of several modalities from what is told together `(B, N)`; see `late_fusion`."""
    each = []
    for modality, x in (embeddings if alone else {}).items():
        hidden = layers.Dense(x.shape[-1], activation="relu", name=f"{modality}_alone")(x)
        each.append(alone(hidden, name=f"{modality}_told"))
    told = OnlyOne(name="only_one")([together, *each, present]) if each else together
    told = answer([told, present]) if answer else told
    return Beside(name="beside")([told, together, *each, present]) if each else told
