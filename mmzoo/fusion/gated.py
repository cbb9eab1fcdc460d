"""Fusion by learned gates."""

from collections.abc import Mapping

from keras import KerasTensor, layers

from mmzoo.blocks.presence import replace_absent, split_present


def gated(embeddings: Mapping[str, KerasTensor], present: KerasTensor) -> KerasTensor:
    """Fuse by a gated sum of the modalities.

    Gated multimodal unit for any number of modalities, Arevalo et al. 2017, section 3.1; the encoders' last layers
    replace its `tanh` projections. `{modality: (B, D)}` to `(B, D)`, with one gate in [0, 1] per feature and modality.

    Each modality's gate depends on all embeddings. `present` `(B, M)` is 1 or 0 in the order of `embeddings`. A missing
    modality is a learned vector in the gates of the others and adds nothing to the sum.
    """
    there = split_present(present, embeddings)
    parts = [replace_absent(x, there[name], name) for name, x in embeddings.items()]
    joined = layers.Concatenate(name="joined")(parts)
    width = parts[0].shape[-1]
    gates = [layers.Dense(width, activation="sigmoid", name=f"{name}_gate")(joined) for name in embeddings]
    gated_parts = [x * gate * there[name] for (name, x), gate in zip(embeddings.items(), gates, strict=True)]
    return layers.Add(name="fusion")(gated_parts)
