"""Frozen features of a TF-Hub model or any SavedModel, as input of a `tabular_mlp`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.errors import BadInputError


def hub_features(
    handle: str | Path,
    arrays: np.ndarray | Mapping[str, np.ndarray],
    signature: str | None = "serving_default",
    output: str | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute the output of a SavedModel for `arrays`: `(N, ...)`.

    The result has the type of the model's output.

    Args:
        handle: the path of a SavedModel, or an address known to TF-Hub.
        arrays: `{input: (N, ...)}`, or one array for a model of one input. They are cast to the model's input types.
        signature: a signature of the SavedModel; None calls the model directly, with one array.
        output: name of the output; required for several outputs.
        batch_size: examples per call.

    Raises:
        BadInputError: no package tensorflow-hub; a model that cannot be loaded or run; or an unknown signature, input
            or output.
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
    features = []
    for start in range(0, count, batch_size):
        batch = {name: array[start : start + batch_size] for name, array in named.items()}
        try:
            outputs = call(batch)
        except Exception as error:  # for shapes and types refused by the graph
            raise BadInputError(f"{handle}: expected inputs that it takes. Received: {_line(error)}") from None
        features.append(np.asarray(_choose(handle, outputs, output)))
    return np.concatenate(features)


def _load(handle: str | Path) -> Any:
    try:
        import tensorflow_hub as hub
    except ImportError as error:
        raise BadInputError(
            f"{handle}: tensorflow-hub is not installed: pip install 'mmzoo[hub]' ({_line(error)})"
        ) from None
    try:
        return hub.load(str(handle))
    except Exception as error:  # TF-Hub, TensorFlow, the connection and the disk raise different types
        raise BadInputError(f"{handle}: expected a SavedModel. Received: {_line(error)}") from None


def _calls(
    handle: str | Path, model: Any, signature: str | None, named: dict[str | None, np.ndarray]
) -> Callable[[dict], Any]:
    """Return a function of `{input: batch}`, with checked names."""
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


def _choose(handle: str | Path, answer: Any, output: str | None) -> Any:
    if not isinstance(answer, dict):
        answer = {output: answer} if not isinstance(answer, list | tuple) else dict(enumerate(answer))
    if output is None and len(answer) == 1:
        return next(iter(answer.values()))
    if output not in answer:
        raise BadInputError(f"{handle}: expected output to be one of {list(answer)}. Received: {output=}")
    return answer[output]


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
