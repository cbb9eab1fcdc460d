"""Trained models are read, and their encoders travel to other models by name."""

import importlib
import pkgutil
from pathlib import Path

import keras

import mmzoo.blocks
from mmzoo.errors import BadInputError


def read_model(path):
    """Return the uncompiled model of the `.keras` file at `path`, without running code from the file.

    Raises:
        BadInputError: there is no such file, or it is no Keras model.
    """
    if not Path(path).is_file():
        raise BadInputError(f"{path}: expected a .keras file. Received: no such file")
    try:
        return keras.models.load_model(path, custom_objects=_layers(), compile=False, safe_mode=True)
    except (ValueError, OSError, TypeError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise BadInputError(f"{path}: expected a .keras file of a functional model. Received: {first}") from None


def _layers():
    """Return our own layer classes by name: Keras finds only registered ones, and import registers none."""
    found = {}
    for info in pkgutil.iter_modules(mmzoo.blocks.__path__, "mmzoo.blocks."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, type) and issubclass(value, keras.Layer) and value.__module__ == info.name:
                found[name] = value
    return found


def load_encoders(model, path, names):
    """Copy into `model` the weights of each encoder that the `.keras` file at `path` has under the same name.

    `names` are those of all encoders of the recipe, of which `model` may have some. An encoder that the file
    has not starts afresh. Returns the names of the encoders that were copied.

    Raises:
        BadInputError: no such file, no Keras file, none of `names` in it, or an encoder of another shape.
    """
    theirs, ours = _encoders(read_model(path)), _encoders(model)
    if not set(names) & set(theirs):
        raise BadInputError(f"{path}: expected an encoder named {' or '.join(names)}. Received: {', '.join(theirs)}")
    shared = [name for name in ours if name in theirs]
    for name in shared:
        shapes = [[w.shape for w in encoder.weights] for encoder in (ours[name], theirs[name])]
        if shapes[0] != shapes[1]:
            expected, received = (ours[name].count_params(), theirs[name].count_params())
            raise BadInputError(f"{path}: expected {name} of {expected} parameters. Received: another, of {received}")
        ours[name].set_weights(theirs[name].get_weights())
    return shared


def encoder_names(model):
    """Return the names of the encoders of `model`, in the order of its layers."""
    return list(_encoders(model))


def _encoders(model):
    return {layer.name: layer for layer in model.layers if isinstance(layer, keras.Model)}
