"""Encoders travel between models by name."""

from pathlib import Path

import keras

from mmzoo import BadInputError


def load_encoders(model, path):
    """Copy into `model` the weights of each encoder that the `.keras` file at `path` has under the same name.

    Returns:
        The names of the encoders that were copied.

    Raises:
        BadInputError: no such file, no Keras file, no encoder of a common name, or one of another shape.
    """
    if not Path(path).is_file():
        raise BadInputError(f"--init-from: expected a .keras file. Received: {path}, no such file")
    try:
        source = keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, OSError) as error:
        first = str(error).splitlines()[0]
        raise BadInputError(f"--init-from: expected a .keras file. Received: {path}: {first}") from None
    theirs = {layer.name: layer for layer in _encoders(source)}
    shared = [layer for layer in _encoders(model) if layer.name in theirs]
    if not shared:
        ours = ", ".join(layer.name for layer in _encoders(model))
        raise BadInputError(
            f"--init-from: expected one of the encoders {ours}. Received: {path} with {[*theirs]}"
        )
    for encoder in shared:
        try:
            encoder.set_weights(theirs[encoder.name].get_weights())
        except ValueError as error:
            raise BadInputError(
                f"--init-from: {path}: {encoder.name} is another one. Received: {error}"
            ) from None
    return [encoder.name for encoder in shared]


def _encoders(model):
    return [layer for layer in model.layers if isinstance(layer, keras.Model)]
