"""Quantization to int8 with front ends kept in float32.

An encoder may begin with a layer called `front_end`: scaling, a log-mel spectrogram. Its logarithms and powers need
more than 256 levels, and quantizing it costs the model most of its accuracy. The model is therefore split after the
front ends, only the second part is quantized, and the two files are joined.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import present_patterns
from mmzoo.export.convert import save_model, to_tflite
from mmzoo.tflite import flatbuffer

if TYPE_CHECKING:
    import keras

FRONT_END = "front_end"


def tflite_models(model: "keras.Model", precisions: Sequence[str], calibration: Arrays) -> dict[str, schema.ModelT]:
    """Convert `model` to TFLite in `float32`, `dynamic` and `int8` precision, batch 1.

    In `dynamic` and `int8`, front ends stay float32. A Rescaling that computes an output also stays float32: int8
    ranges include 0, so values near 2000 that differ by 5 would become equal. Inputs and outputs are the same in all
    precisions.

    Args:
        model: functional `keras.Model` on a dict. A `front_end` is recognized as the first layer of an encoder (a
            nested model) with one input of `model`, if no other layer of the encoder uses that input. Without front
            ends, the whole model is quantized.
        precisions: the precisions to convert to.
        calibration: `{input: (K, ...)}`, training examples, from which `int8` takes its ranges. Their `present` is
            replaced by every pattern in turn.

    Returns:
        `{precision: model}`, as from `to_tflite`.
    """
    if found := _behind_rescaling(model):
        return _rescaled(model, found, precisions, calibration)
    quantized = [precision for precision in precisions if precision != "float32"]
    parts = split(model) if quantized else None
    calibration, models = _with_patterns(calibration), {}
    with tempfile.TemporaryDirectory() as folder:
        if parts is None or "float32" in precisions:
            save_model(f"{folder}/whole", model, batch=1)
            unsplit = precisions if parts is None else ["float32"]
            models = {p: to_tflite(f"{folder}/whole", p, _one_by_one(calibration)) for p in unsplit}
        if parts:
            front, back = parts
            save_model(f"{folder}/front", front, batch=1)
            save_model(f"{folder}/back", back, batch=1)
            prepared, links = to_tflite(f"{folder}/front", "float32"), {name: name for name in front.output}
            made = front({name: calibration[name] for name in front.input}, training=False)
            encoded = {name: np.asarray(made[name] if name in made else calibration[name]) for name in back.input}
            for p in quantized:
                rest = to_tflite(f"{folder}/back", p, _one_by_one(encoded))
                models[p] = flatbuffer.join(prepared, rest, links)
    return models


def _behind_rescaling(model: "keras.Model") -> dict[str, "keras.Layer"]:
    """Return `{output: layer}` for the outputs of `model` computed by a Rescaling."""
    import keras

    layers = {name: x._keras_history.operation for name, x in model.output.items()}
    return {name: layer for name, layer in layers.items() if isinstance(layer, keras.layers.Rescaling)}


def _rescaled(
    model: "keras.Model", rescalings: dict[str, "keras.Layer"], precisions: Sequence[str], calibration: Arrays
) -> dict[str, schema.ModelT]:
    """Convert a model with rescaled outputs, keeping the final Rescaling in float32."""
    import keras

    inner = {name: layer.input for name, layer in rescalings.items()}
    before = keras.Model(model.input, {name: inner.get(name, x) for name, x in model.output.items()})
    models = tflite_models(before, precisions, calibration)
    links = {f"{name}_before": name for name in inner}
    given = {key: keras.Input(batch_shape=inner[n].shape, dtype=inner[n].dtype, name=key) for key, n in links.items()}
    scaled = {name: _copy(rescalings[name])(given[key]) for key, name in links.items()}
    with tempfile.TemporaryDirectory() as folder:
        save_model(f"{folder}/scaled", keras.Model(given, scaled), batch=1)
        last = to_tflite(f"{folder}/scaled", "float32")
    keep = [name for name in model.output if name not in scaled]
    return {precision: flatbuffer.join(front, last, links, keep) for precision, front in models.items()}


def split(model: "keras.Model") -> tuple["keras.Model", "keras.Model"] | None:
    """Split `model` after the front ends of its encoders.

    `front` maps each input with a front end to the front end's output, under the same name; under
    `{input}_{encoder}` where another layer uses the input too. `back` maps these outputs and the other inputs, under
    the same names, to the outputs of `model`. Both hold copies of the weights.

    Returns:
        `(front, back)`, or None without front ends.
    """
    import keras

    copy = _copy(model)  # calling the layers of `model` would add nodes to them
    copy.set_weights(model.get_weights())
    found = {layer.name: _behind_front_end(layer) for layer in copy.layers if _has_front_end(layer)}
    rest = {name: behind for name, behind in found.items() if behind is not None}
    if not rest:
        return None
    taken = _inputs_of_layers(copy)
    users = Counter(name for names in taken.values() for name in dict.fromkeys(names))
    given = {name: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=name) for name, x in copy.input.items()}
    front, encoded = {}, {}
    for encoder in rest:
        for name in dict.fromkeys(taken[encoder]):
            key = name if users[name] == 1 else f"{name}_{encoder}"
            front[key] = _apply_front_end(copy.get_layer(encoder).get_layer(FRONT_END), given[name], key)
            encoded[encoder, id(given[name])] = keras.Input(
                batch_shape=front[key].shape, dtype=front[key].dtype, name=key
            )

    def call(layer: "keras.Layer", *args: Any, **kwargs: Any) -> Any:
        tensor = next(iter(keras.tree.flatten((args, kwargs))), None)
        instead = encoded.get((layer.name, id(tensor)))
        return layer(*args, **kwargs) if instead is None else rest[layer.name](instead)

    tensors = [next(y for name, y in given.items() if copy.input[name] is x) for x in copy.inputs]
    outputs = copy._run_through_graph(tensors, call_fn=call)
    only = {name for name, count in users.items() if count == sum(name in taken[encoder] for encoder in rest)}
    behind = {name: x for name, x in given.items() if name not in only} | {x.name: x for x in encoded.values()}
    used = {name: given[name] for name in given if any(name in taken[encoder] for encoder in rest)}
    return keras.Model(used, front, name="front_ends"), keras.Model(behind, outputs, name=model.name)


def _copy(layer: "keras.Layer") -> Any:
    """Copy a layer or model.

    Unlike `clone_model`, nested classes are not looked up by name.
    """
    import keras

    if isinstance(layer, keras.Model):
        return keras.models.clone_model(layer, clone_function=_copy)
    return type(layer).from_config(layer.get_config())


def _has_front_end(layer: "keras.Layer") -> bool:
    import keras

    return isinstance(layer, keras.Model) and any(inner.name == FRONT_END for inner in layer.layers)


def _apply_front_end(layer: "keras.Layer", given: "keras.KerasTensor", key: str) -> "keras.KerasTensor":
    # A copy with a unique name, since the front ends of all encoders meet in one model.
    named = type(layer).from_config(layer.get_config() | {"name": f"{key}_{FRONT_END}"})
    made = named(given)
    named.set_weights(layer.get_weights())
    return made


def _behind_front_end(encoder: "keras.Model") -> "keras.Model | None":
    """Return the part of an encoder after its front end, or None.

    None means that another layer also uses the input. Text encoders do so for the padding mask; their embedding tables
    tolerate quantization.
    """
    import keras

    try:
        return keras.Model(encoder.get_layer(FRONT_END).output, encoder.output, name=encoder.name)
    except ValueError:  # not connected
        return None


def _inputs_of_layers(model: "keras.Model") -> dict[str, list[str]]:
    """Return `{layer: names of the model inputs that feed it directly}`."""
    import keras

    taken: dict[str, list[str]] = {}

    def record(layer: "keras.Layer", *args: Any, **kwargs: Any) -> Any:
        tensors = keras.tree.flatten((args, kwargs))
        names = [x.name for x in tensors if isinstance(x, keras.KerasTensor) and x.name in model.input]
        taken.setdefault(layer.name, []).extend(names)
        return layer(*args, **kwargs)

    keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=record)
    return taken


def _with_patterns(calibration: Arrays) -> Arrays:
    """Replace `present` by every pattern in turn.

    Every other example has all modalities.
    """
    if "present" not in calibration:
        return calibration
    present = np.ones_like(calibration["present"], np.float32)
    patterns = np.array(list(present_patterns([str(i) for i in range(present.shape[1])]).values()))
    present[1::2] = patterns[np.arange(len(present[1::2])) % len(patterns)]
    return calibration | {"present": present}


def _one_by_one(arrays: Arrays) -> Iterator[Arrays]:
    for i in range(len(next(iter(arrays.values())))):
        yield {name: x[i : i + 1] for name, x in arrays.items()}
