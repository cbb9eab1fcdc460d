"""Fusion by learned gates."""

from keras import layers

from mmzoo.blocks.presence import replace_absent, split_present


def gated(embeddings, present):
    """Weigh `{modality: (B, D)}` feature by feature with gates in [0, 1] and add: `(B, D)`.

    Each modality's gate sees all embeddings. `present` `(B, M)` is 1 or 0 in the order of `embeddings`: a missing
    modality is a learned vector to the gates of the others and adds nothing itself.
    Gated multimodal unit for any number of modalities, Arevalo et al. 2017, section 3.1; the encoders' last
    layers stand for its `tanh` projections.
    """
    there = split_present(present, embeddings)
    parts = [replace_absent(x, there[name], name) for name, x in embeddings.items()]
    joined = layers.Concatenate(name="joined")(parts)
    width = parts[0].shape[-1]
    gates = [layers.Dense(width, activation="sigmoid", name=f"{name}_gate")(joined) for name in embeddings]
    heard = [x * gate * there[name] for (name, x), gate in zip(embeddings.items(), gates, strict=True)]
    return layers.Add(name="fusion")(heard)
