"""Reading of trained models, and transfer of their encoders by name."""

import importlib
import json
import pkgutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

import mmzoo.blocks
from mmzoo.blocks.temporal import FRONT_END
from mmzoo.device.archive import check_archive
from mmzoo.errors import BadInputError

CONFIG = "config.json"
MOST_BYTES = 256_000_000  # of the config
PACKAGES = ("keras", "keras_hub", "keras_nlp", "mmzoo", "builtins")  # in builtins Keras finds its own functions only
CODE = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")  # hold code, or load it
MEMBER = "_model"  # end of the name of a model inside a mean of models
FRONT = "_front"  # end of the name of a front end there, which all members share


def read_model(path: str | Path) -> keras.Model:
    """Read the `.keras` file at `path` as an uncompiled model.

    No code of the file is run: Keras' safe mode refuses pickled code, and nothing is imported from a module that the
    file names.

    Raises:
        BadInputError: the file does not exist, is no Keras model, or has layers that are neither of Keras nor of mmzoo.
    """
    if not Path(path).is_file():
        raise BadInputError(f"{path}: expected a .keras file. Received: no such file")
    _check_classes(path)
    try:
        check_archive(path)
        model = keras.models.load_model(path, custom_objects=_layers(), compile=False, safe_mode=True)
    except Exception as error:  # of zip, HDF5, JSON, Keras and TensorFlow, of many kinds in a damaged file
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise BadInputError(f"{path}: expected a .keras file of a functional model. Received: {first}") from None
    if not isinstance(model, keras.Model):
        received = type(model).__name__
        raise BadInputError(f"{path}: expected a .keras file of a functional model. Received: {received}")
    return model


def _check_classes(path: str | Path) -> None:
    """Check that the `.keras` file at `path` names layers of Keras, of mmzoo, or of code that runs already.

    Raises:
        BadInputError: it is no Keras file, or has another class, which is named.
    """
    for entry in _objects(_config_of(Path(path))):
        name, module, registered = (entry.get(key) for key in ("class_name", "module", "registered_name"))
        foreign = module is not None and str(module).split(".")[0] not in PACKAGES
        # a recipe that a person runs may register layers of its own
        known = isinstance(registered, str) and keras.saving.get_registered_object(registered) is not None
        if name in CODE or (foreign and not known):
            received = " ".join((f"{name} of {module}" if module else f"{name}").split())
            raise BadInputError(f"{path}: expected layers of Keras and mmzoo, without code. Received: {received:.100}")


def _config_of(path: Path) -> Any:
    """Return the config of a model."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(CONFIG).file_size
            if size > MOST_BYTES:
                raise ValueError(f"{CONFIG} of {size:,} bytes")
            return json.loads(archive.read(CONFIG))
    except Exception as error:  # zipfile, zlib and json raise different errors for a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInputError(f"{path}: expected a .keras file of a functional model. Received: {reason:.200}") from None


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every JSON object in `config` that names a class."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _layers() -> dict[str, type[keras.Layer]]:
    """Return our own layer classes by name.

    Keras finds only registered ones, and import registers none.
    """
    found = {}
    for info in pkgutil.iter_modules(mmzoo.blocks.__path__, "mmzoo.blocks."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, type) and issubclass(value, keras.Layer) and value.__module__ == info.name:
                found[name] = value
    return found


def load_encoders(model: keras.Model, path: str | Path, names: Sequence[str]) -> list[str]:
    """Copy encoder weights by name from the `.keras` file at `path` into `model`.

    `names` are all encoders of the recipe; `model` may have a subset. An encoder missing in the file keeps its initial
    weights. Returns the names of the copied encoders.

    Raises:
        BadInputError: no such file, no Keras file, none of `names` in it, or an encoder of another shape.
    """
    source, target = _encoders(read_model(path)), _encoders(model)
    if not set(names) & set(source):
        raise BadInputError(f"{path}: expected an encoder named {' or '.join(names)}. Received: {', '.join(source)}")
    shared = [name for name in target if name in source]
    for name in shared:
        whole = len(target[name].weights) == len(source[name].weights)
        own, given = (_weights(encoder, whole) for encoder in (target[name], source[name]))
        if [w.shape for w in own] != [w.shape for w in given]:
            expected, received = (target[name].count_params(), source[name].count_params())
            raise BadInputError(f"{path}: expected {name} of {expected} parameters. Received: another, of {received}")
        for one, other in zip(own, given, strict=True):
            one.assign(other)
    return shared


def start_from(path: str, model: keras.Model, modalities: Sequence[str], *others: str) -> keras.Model:
    """Return `model` with the encoders in the `.keras` file at `path`, or as it is where `path` is empty.

    Each of the recipe's `modalities` has an encoder `{modality}_encoder`; `others` are names of its other encoders.
    `load_encoders` has the errors.
    """
    if path:
        load_encoders(model, path, [*(f"{name}_encoder" for name in modalities), *others])
    return model


def encoder_names(model: keras.Model) -> list[str]:
    """Return the names of the encoders of `model`, in layer order."""
    return list(_encoders(model))


def _weights(encoder: keras.Model, whole: bool) -> list[keras.Variable]:
    """Return the weights of an encoder, of its front end only if `whole`."""
    return [w for layer in encoder.layers if whole or layer.name != FRONT_END for w in layer.weights]


def _encoders(model: keras.Model) -> dict[str, keras.Model]:
    """Return the encoders by name, in a mean of models of its members, the first of a name."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model) and not layer.name.endswith(FRONT):
            for name, one in (_encoders(layer) if layer.name.endswith(MEMBER) else {layer.name: layer}).items():
                found.setdefault(name, one)
    return found
