"""int8 for the convolutions, float32 for what prepares their input.

An encoder may begin with a layer called `front_end`: scaling, a log-mel. Its logarithms and powers span more
than 256 steps can hold, and quantizing it costs the model most of its accuracy. So the model is cut behind
the front ends, what follows is quantized alone, and the two files become one.
"""

import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import present_patterns
from mmzoo.export.convert import save_model, to_tflite
from mmzoo.tflite import flatbuffer

FRONT_END = "front_end"


def tflite_models(model, precisions: Sequence[str], calibration: Arrays) -> dict:
    """Return `{precision: model}` of `float32`, `dynamic` and `int8`, as `to_tflite` makes them, batch 1.

    In `dynamic` and `int8` the front ends stay float32, and so does a Rescaling that yields an output: int8 ranges hold
    0, so that of numbers about 2000 that differ by 5 nothing would be left. Inputs and outputs are those of the float
    model.

    Args:
        model: functional `keras.Model` on a dict. A `front_end` counts where it is the first layer of an
            encoder (a nested model) that takes one input of `model`, and nothing else in the encoder takes it; without
            any, the whole is quantized.
        calibration: `{input: (K, ...)}`, real training examples, from which `int8` takes its ranges; their
            `present` is replaced by every pattern in turn.
    """
    if found := _behind_rescaling(model):
        return _rescaled(model, found, precisions, calibration)
    quantized = [precision for precision in precisions if precision != "float32"]
    parts = split(model) if quantized else None
    calibration, models = _with_patterns(calibration), {}
    with tempfile.TemporaryDirectory() as folder:
        if parts is None or "float32" in precisions:
            save_model(f"{folder}/whole", model, batch=1)
            alone = precisions if parts is None else ["float32"]
            models = {p: to_tflite(f"{folder}/whole", p, _one_by_one(calibration)) for p in alone}
        if parts:
            front, back = parts
            save_model(f"{folder}/front", front, batch=1)
            save_model(f"{folder}/back", back, batch=1)
            prepared, links = to_tflite(f"{folder}/front", "float32"), {name: name for name in front.input}
            made = front({name: calibration[name] for name in front.input}, training=False)
            encoded = {name: np.asarray(made[name] if name in made else calibration[name]) for name in back.input}
            for p in quantized:
                rest = to_tflite(f"{folder}/back", p, _one_by_one(encoded))
                models[p] = flatbuffer.join(prepared, rest, links)
    return models


def _behind_rescaling(model) -> dict:
    """Return `{output: layer}` of the outputs of `model` that a Rescaling yields."""
    import keras

    layers = {name: x._keras_history.operation for name, x in model.output.items()}
    return {name: layer for name, layer in layers.items() if isinstance(layer, keras.layers.Rescaling)}


def _rescaled(model, rescalings: dict, precisions: Sequence[str], calibration: Arrays) -> dict:
    """Return what `tflite_models` does of a model some of whose outputs are rescaled at the end, which stays float."""
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


def split(model):
    """Cut `model` behind the front ends of its encoders; return `(front, back)`, or None if it has none.

    `front` maps `{input: ...}` to `{input: what its front end makes of it}`; `back` takes that, and the
    inputs that no front end takes, under the same names. Both hold copies of the weights.

    Raises:
        ValueError: an input with a front end is taken by something else too.
    """
    import keras

    copy = _copy(model)  # calling the layers of `model` itself would leave traces in them
    copy.set_weights(model.get_weights())
    found = {layer.name: _behind_front_end(layer) for layer in copy.layers if _has_front_end(layer)}
    rest = {name: behind for name, behind in found.items() if behind is not None}
    if not rest:
        return None
    encoders = {name: copy.get_layer(name) for name in rest}
    taken = _inputs_of_layers(copy)
    source = {name: encoder for encoder in encoders for name in taken[encoder]}
    shared = [n for n, encoder in source.items() if any(n in taken[t] for t in taken if t != encoder)]
    if shared or not source:
        raise ValueError(f"expected one encoder for each input with a {FRONT_END}. Received: {shared=}")
    front, back = {}, {}
    for name, x in copy.input.items():
        given = keras.Input(batch_shape=x.shape, dtype=x.dtype, name=name)
        if name in source:
            made = _apply_front_end(encoders[source[name]].get_layer(FRONT_END), given)
            front[name] = (given, made)
            given = keras.Input(batch_shape=made.shape, dtype=made.dtype, name=name)
        back[name] = given
    swap = lambda layer: rest.get(layer.name, layer)  # noqa: E731
    back = keras.models.clone_model(copy, input_tensors=back, clone_function=swap)
    given, made = ({name: pair[i] for name, pair in front.items()} for i in range(2))
    return keras.Model(given, made, name="front_ends"), back


def _copy(layer):
    """Return a fresh layer or model; unlike `clone_model` alone it looks up no nested class by its name."""
    import keras

    if isinstance(layer, keras.Model):
        return keras.models.clone_model(layer, clone_function=_copy)
    return type(layer).from_config(layer.get_config())


def _has_front_end(layer) -> bool:
    import keras

    return isinstance(layer, keras.Model) and any(inner.name == FRONT_END for inner in layer.layers)


def _apply_front_end(layer, given):
    # A copy with a name of its own: the front ends of all encoders come together in one model.
    named = type(layer).from_config(layer.get_config() | {"name": f"{given.name}_{FRONT_END}"})
    made = named(given)
    named.set_weights(layer.get_weights())
    return made


def _behind_front_end(encoder):
    """Return what of an encoder follows its front end; None where something else takes the input, too.

    So do encoders of text, which also tell by the ids what is padding. Their tables of vectors bear quantization.
    """
    import keras

    try:
        return keras.Model(encoder.get_layer(FRONT_END).output, encoder.output, name=encoder.name)
    except ValueError:  # not connected
        return None


def _inputs_of_layers(model) -> dict[str, list[str]]:
    """Return `{layer: names of the inputs of the model that it takes directly}`."""
    import keras

    taken: dict[str, list[str]] = {}

    def record(layer, *args, **kwargs):
        tensors = keras.tree.flatten((args, kwargs))
        names = [x.name for x in tensors if isinstance(x, keras.KerasTensor) and x.name in model.input]
        taken.setdefault(layer.name, []).extend(names)
        return layer(*args, **kwargs)

    keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=record)
    return taken


def _with_patterns(calibration: Arrays) -> Arrays:
    """Give every other example all modalities, and the rest the other patterns in turn."""
    if "present" not in calibration:
        return calibration
    present = np.ones_like(calibration["present"], np.float32)
    patterns = np.array(list(present_patterns([str(i) for i in range(present.shape[1])]).values()))
    present[1::2] = patterns[np.arange(len(present[1::2])) % len(patterns)]
    return calibration | {"present": present}


def _one_by_one(arrays: Arrays) -> Iterator[Arrays]:
    for i in range(len(next(iter(arrays.values())))):
        yield {name: x[i : i + 1] for name, x in arrays.items()}
