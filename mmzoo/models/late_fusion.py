"""Late fusion: one encoder per modality, with fused embeddings."""

from collections.abc import Callable, Mapping

import keras
from keras import layers

from mmzoo.blocks.auxiliary import Beside, OnlyOne


def late_fusion(
    encoders: Mapping[str, keras.Model],
    fuse: Callable[[dict[str, keras.KerasTensor], keras.KerasTensor], keras.KerasTensor],
    head: Callable[[keras.KerasTensor], keras.KerasTensor],
    name: str = "late_fusion",
    postprocess: Callable[[list[keras.KerasTensor]], keras.KerasTensor] | None = None,
    unimodal_head: Callable[..., keras.KerasTensor] | None = None,
    always_present: bool = False,
) -> keras.Model:
    """Build a late-fusion model on the dict `{modality: ..., "present": (B, M)}`.

    The output is the output of `head`.

    Args:
        encoders: `{modality: keras.Model}`, each with one input and an output `(B, D)`.
        fuse: function of `({modality: (B, D)}, present)` to `(B, D)`.
        head: function of the embedding `(B, D)` to the prediction.
        name: of the model.
        postprocess: function of `[prediction, present]` to the final prediction, where there is an input `present`.
        unimodal_head: as `head`, with a `name`, the head of each modality after a hidden layer. Its unimodal prediction
            is used for rows with only that modality. It is trained on every row by the loss `mmzoo.losses.auxiliary`.
        always_present: whether the model of a single encoder has an input `present` too, for `postprocess`.

    `present` is 1 for an available modality and 0 for a missing one, in the order of `encoders`. A single encoder needs
    no fusion. The layer `embedding` holds the joint embedding.
    """
    inputs = {
        modality: keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=modality)
        for modality, encoder in encoders.items()
    }
    embeddings = {modality: encoder(inputs[modality]) for modality, encoder in encoders.items()}
    if len(encoders) == 1:
        (joint,) = embeddings.values()
        unimodal_head = None
    if len(encoders) > 1 or always_present:
        inputs["present"] = keras.Input((len(encoders),), name="present")
    if len(encoders) > 1:
        joint = fuse(embeddings, inputs["present"])
    # A separate layer: some GPU delegates miscompute an addition that is both an output and an input of a layer.
    joint = layers.Dense(joint.shape[-1], name="embedding")(joint)
    prediction = head(layers.ReLU(name="embedding_relu")(joint))
    if "present" in inputs:
        prediction = _with_unimodal(prediction, embeddings, inputs["present"], postprocess, unimodal_head)
    return keras.Model(inputs, prediction, name=name)


def _with_unimodal(
    fused: keras.KerasTensor,
    embeddings: dict[str, keras.KerasTensor],
    present: keras.KerasTensor,
    postprocess: Callable[[list[keras.KerasTensor]], keras.KerasTensor] | None,
    unimodal_head: Callable[..., keras.KerasTensor] | None,
) -> keras.KerasTensor:
    """Compute the final prediction from the fused one `(B, N)`; see `late_fusion`."""
    unimodal = []
    for modality, x in (embeddings if unimodal_head else {}).items():
        hidden = layers.Dense(x.shape[-1], activation="relu", name=f"{modality}_alone")(x)
        unimodal.append(unimodal_head(hidden, name=f"{modality}_told"))
    prediction = OnlyOne(name="only_one")([fused, *unimodal, present]) if unimodal else fused
    prediction = postprocess([prediction, present]) if postprocess else prediction
    return Beside(name="beside")([prediction, fused, *unimodal, present]) if unimodal else prediction
