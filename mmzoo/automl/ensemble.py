"""The mean prediction of several trained models, as one graph."""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
from keras import layers

from mmzoo.blocks.auxiliary import MeanOfAvailable
from mmzoo.export.quantize import FRONT_END, split
from mmzoo.models.transfer import FRONT, MEMBER


def mean_of_models(
    members: Mapping[str, keras.Model],
    modalities: Sequence[str],
    before: str,
    postprocess: Callable[[list[keras.KerasTensor]], keras.KerasTensor],
    name: str = "mean_of_models",
) -> keras.Model:
    """Build a model whose prediction is the mean of the predictions of `members`.

    An ensemble by simple averaging (Hansen and Salamon 1990, Neural network ensembles). The input is the dict
    `{modality: ..., "present": (B, M)}`; a member of one modality counts only where it is available.

    Args:
        members: `{name: trained keras.Model}`, two or more, each of all `modalities` or of one, with an input
            `present`. The new model holds copies, each one layer `{name}_model`. Front ends of encoders are layers
            `{modality}_front` of the new model; equal ones of several members are one.
        modalities: in the order of `present`.
        before: name of the layer of each member whose first input is the prediction `(B, N)` that is averaged.
        postprocess: function of `[mean, present]` to the final prediction.
        name: of the model.

    Returns:
        A model with the outputs `answer` and `embedding`: the embeddings of all members, `(B, sum of D)`, zeros where a
        modality is missing.

    Raises:
        ValueError: a member has some modalities, but neither one nor all.
    """
    parts, inputs = {label: _part(label, one, before) for label, one in members.items()}, {}
    for label, (_, _, tensors) in parts.items():
        taken = [modality for modality in modalities if modality in tensors]
        if len(taken) not in (1, len(modalities)):
            raise ValueError(f"mean_of_models expects members of one or of all modalities. Received: {label}, {taken}")
        for modality in taken:
            own = tensors[modality]
            inputs.setdefault(modality, keras.Input(own.shape[1:], dtype=own.dtype, name=modality))
    present = keras.Input((len(modalities),), name="present")
    inputs = {modality: inputs[modality] for modality in modalities} | {"present": present}
    fronts: dict[str, list[keras.Model]] = {modality: [] for modality in modalities}
    places, predictions, embeddings = [], [], []
    for front, back, tensors in parts.values():
        taken = [modality for modality in modalities if modality in tensors]
        alone = len(taken) < len(modalities)
        place = modalities.index(taken[0]) if alone else -1
        there = present[:, place : place + 1] if alone else present
        feed = {modality: inputs[modality] for modality in taken}
        for modality, end in front.items():
            feed[modality] = _shared_front(modality, end, fronts[modality], inputs[modality])(inputs[modality])
        made = back({**feed, "present": there})
        places.append(place)
        predictions.append(made["prediction"])
        embeddings.append(made["embedding"] * there if alone else made["embedding"])
    mean = MeanOfAvailable(places, name="mean_of_models")([*predictions, present])
    joint = layers.Concatenate(name="embedding")(embeddings)
    return keras.Model(inputs, {"answer": postprocess([mean, present]), "embedding": joint}, name=name)


def _part(
    label: str, model: keras.Model, before: str
) -> tuple[dict[str, keras.Layer], keras.Model, dict[str, keras.KerasTensor]]:
    """Return copies of a member's front ends by modality, of the rest of it, and the member's inputs."""
    outputs = {"prediction": model.get_layer(before).input[0], "embedding": model.get_layer("embedding").output}
    whole = keras.Model(model.input, outputs)
    front, back = split(whole) or ({}, whole)
    ends = {modality: front.get_layer(f"{modality}_{FRONT_END}") for modality in front.input} if front else {}
    return ends, keras.Model(back.input, back.output, name=f"{label}{MEMBER}"), model.input


def _shared_front(
    modality: str, layer: keras.Layer, known: list[keras.Model], example: keras.KerasTensor
) -> keras.Model:
    """Return the model of a front end, which export keeps in float32: one of `known` that is equal, or a new one."""
    for front in known:
        if _same(front.get_layer(FRONT_END), layer):
            return front
    raw = keras.Input(example.shape[1:], dtype=example.dtype, name=modality)
    end = type(layer).from_config(layer.get_config() | {"name": FRONT_END})
    made = layers.Activation("linear", name="encoded")(end(raw))
    end.set_weights(layer.get_weights())
    known.append(keras.Model(raw, made, name=f"{modality}_{len(known) + 1}{FRONT}" if known else f"{modality}{FRONT}"))
    return known[-1]


def _same(one: keras.Layer, other: keras.Layer) -> bool:
    configs = [layer.get_config() | {"name": ""} for layer in (one, other)]
    pairs = zip(one.get_weights(), other.get_weights(), strict=False)
    return type(one) is type(other) and configs[0] == configs[1] and all(np.array_equal(a, b) for a, b in pairs)
