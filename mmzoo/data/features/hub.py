"""Frozen features of a published TF-Hub model or any SavedModel, as one array that a `tabular_mlp` may take."""

import numpy as np

from mmzoo.errors import BadInputError


def hub_features(handle, arrays, signature="serving_default", output=None, batch_size=32):
    """Return what the SavedModel `handle` makes of `arrays`: `(N, ...)` in the type of its output.

    Args:
        handle: the path of a SavedModel, or an address that TF-Hub knows.
        arrays: `{input: (N, ...)}`, or one array for a model of one input. They are cast to the types it takes.
        signature: a signature of the SavedModel; None calls the model itself, with one array.
        output: name of the output; needed where there are several.

    Raises:
        BadInputError: no package tensorflow-hub; a model that cannot be loaded or run; or a signature, inputs or
            output that the model has not.
    """
    model = _load(handle)  # held until the end: its signatures do not hold it
    named = arrays if isinstance(arrays, dict) else {None: arrays}
    named = {name: np.asarray(array) for name, array in named.items()}
    counts = {array.shape[:1] for array in named.values()}
    if len(counts) != 1 or counts <= {(), (0,)}:
        shapes = {name: array.shape for name, array in named.items()}
        raise BadInputError(f"{handle}: expected arrays of one length, at least 1. Received: {shapes}")
    call = _calls(handle, model, signature, named)
    ((count,),) = counts
    made = []
    for start in range(0, count, batch_size):
        batch = {name: array[start : start + batch_size] for name, array in named.items()}
        try:
            answer = call(batch)
        except Exception as error:  # of shapes and types that the graph does not take
            raise BadInputError(f"{handle}: expected inputs that it takes. Received: {_line(error)}") from None
        made.append(np.asarray(_choose(handle, answer, output)))
    return np.concatenate(made)


def _load(handle):
    try:
        import tensorflow_hub as hub
    except ImportError as error:
        raise BadInputError(
            f"{handle}: expected the package tensorflow-hub (pip install 'mmzoo[hub]'). Received: {_line(error)}"
        ) from None
    try:
        return hub.load(str(handle))
    except Exception as error:  # TF-Hub, TensorFlow, the network and the disk each have their own
        raise BadInputError(f"{handle}: expected a SavedModel. Received: {_line(error)}") from None


def _calls(handle, model, signature, named):
    """Return a function of `{input: batch}`, whose names are checked."""
    import tensorflow as tf

    if signature is None:
        if not callable(model) or set(named) != {None}:
            raise BadInputError(
                f"{handle}: expected a model to call with one array. Received: {sorted(map(str, named))}"
            )
        return lambda batch: model(tf.convert_to_tensor(batch[None]))
    signatures = getattr(model, "signatures", {})
    if signature not in signatures:
        raise BadInputError(f"{handle}: expected a signature of {sorted(signatures)}. Received: {signature=}")
    function = signatures[signature]
    wanted = function.structured_input_signature[1]
    names = {None: next(iter(wanted))} if set(named) == {None} and len(wanted) == 1 else {name: name for name in named}
    if set(names.values()) != set(wanted):
        raise BadInputError(f"{handle}: expected inputs {sorted(wanted)}. Received: {sorted(map(str, named))}")
    return lambda batch: function(**{n: tf.cast(batch[key], wanted[n].dtype) for key, n in names.items()})


def _choose(handle, answer, output):
    if not isinstance(answer, dict):
        answer = {output: answer} if not isinstance(answer, list | tuple) else dict(enumerate(answer))
    if output is None and len(answer) == 1:
        return next(iter(answer.values()))
    if output not in answer:
        raise BadInputError(f"{handle}: expected output to be one of {list(answer)}. Received: {output=}")
    return answer[output]


def _line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
