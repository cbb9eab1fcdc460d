"""Parity of two sets of outputs: errors relative to the scale of a channel, and their tolerances."""

import copy
import math
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.data.arrays import Arrays
from mmzoo.tflite.flatbuffer import op_name
from mmzoo.verification.accelerator import Answer


@dataclass(frozen=True)
class Tolerance:
    """Bound the error of a channel: the larger of `relative` of its scale and `rounding` of the tensor's scale.

    A scale is the largest absolute reference value. A channel is a slice along any axis: boxes in pixels and scores
    share a tensor, so an error of a score needs the scale of the scores. `rounding` bounds the noise of a channel that
    is small by cancellation, or zero: rounding is proportional to the terms of a sum, not to the sum.
    """

    relative: float
    rounding: float

    @property
    def floor(self) -> float:
        """Return the smallest scale of a channel that counts, as a fraction of the tensor's scale."""
        return 1.0 if math.isinf(self.relative) else self.rounding / self.relative


# float32 rounding through a whole network: up to 7e-6 of the scale of an output in the published folders
CPU = Tolerance(3e-5, 1e-5)  # float32 on another runtime's CPU; a weight changed by 1 % moves an output by more
GPU = {
    "float32": Tolerance(1e-3, 1e-5),
    "float16": Tolerance(1e-2, 2e-3),  # four steps of float16
    "dynamic": Tolerance(1e-3, 1e-5),
    # a dozen steps of 1/255, since each of several layers may round to the other side; all channels of a tensor
    # have one step
    "int8": Tolerance(5e-2, 5e-2),
}
ANY = Tolerance(math.inf, math.inf)  # drift that is only reported
DRIFTING = ("dynamic", "int8")  # outputs compared with the GPU; only the score is compared with Keras
# the same example rerun, and on a fresh model: no state may remain from another run
REPEAT = Tolerance(1e-5, 1e-6)
_TYPES = schema.TensorType
_INTEGERS = (_TYPES.INT8, _TYPES.UINT8, _TYPES.INT4, _TYPES.INT16)


def kind(model: schema.ModelT) -> str:
    """Return the precision of a file: 'int8', 'dynamic', 'float16' or 'float32'.

    'int8' has integer activations, 'dynamic' only integer weights. A row looked up in an int8 table and dequantized
    at once counts as a weight.
    """
    found = set()
    for graph in model.subgraphs:
        rows = {int(lookup.outputs[0]) for lookup, _ in _lookups(model, graph)}
        for i, tensor in enumerate(graph.tensors):
            held = _data(model, tensor) is not None
            if tensor.type in _INTEGERS and _scales(tensor) is not None:
                found.add("dynamic" if held or i in rows else "int8")
            elif tensor.type == schema.TensorType.FLOAT16 and held:
                found.add("float16")
    return next((name for name in ("int8", "dynamic", "float16") if name in found), "float32")


def float_weights(model: schema.ModelT) -> schema.ModelT:
    """Convert int8 weights to float32 where operators compute in float32.

    A GPU computes a dynamic int8 file in this way. The CPU also rounds activations to int8. That drift can far exceed
    the tolerance and would hide GPU errors.
    """
    model = copy.deepcopy(model)
    graph = model.subgraphs[0]
    for op in graph.operators:
        first, *others = [int(i) for i in op.inputs if i >= 0] or [-1]
        for tensor in (graph.tensors[i] for i in others if graph.tensors[first].type == schema.TensorType.FLOAT32):
            _make_float(model, tensor)
    for lookup, dequantize in _lookups(model, graph):
        row, made = graph.tensors[int(lookup.outputs[0])], int(dequantize.outputs[0])
        _make_float(model, graph.tensors[int(lookup.inputs[0])])
        row.type, row.quantization = schema.TensorType.FLOAT32, None
        # the lookup now outputs the dequantized tensor directly
        graph.operators.remove(dequantize)
        lookup.outputs[0] = made
    return model


def _lookups(model: schema.ModelT, graph: schema.SubGraphT) -> list[tuple[schema.OperatorT, schema.OperatorT]]:
    """Return pairs of embedding lookups and their dequantization.

    A lookup is a GATHER from a stored int8 table; its only consumer is a DEQUANTIZE.
    """
    readers: dict[int, list[schema.OperatorT]] = {}
    for op in graph.operators:
        for i in op.inputs:
            readers.setdefault(int(i), []).append(op)
    pairs = []
    for op in graph.operators:
        if op_name(model, op) != "GATHER":
            continue
        table, after = graph.tensors[int(op.inputs[0])], readers.get(int(op.outputs[0]), [])
        held = table.type == schema.TensorType.INT8 and _data(model, table) is not None
        if held and [op_name(model, reader) for reader in after] == ["DEQUANTIZE"]:
            pairs.append((op, after[0]))
    return pairs


def _make_float(model: schema.ModelT, tensor: schema.TensorT) -> None:
    """Convert a stored int8 tensor to float32; other tensors are unchanged."""
    data = _data(model, tensor)
    if tensor.type == schema.TensorType.INT8 and data is not None and _scales(tensor) is not None:
        values = _dequantized(tensor, np.asarray(data, np.uint8).view(np.int8))
        model.buffers.append(schema.BufferT(data=values.astype(np.float32).view(np.uint8)))
        tensor.buffer, tensor.type = len(model.buffers) - 1, schema.TensorType.FLOAT32
        tensor.quantization = None


def _dequantized(tensor: schema.TensorT, values: np.ndarray) -> np.ndarray:
    quantization, shape = tensor.quantization, [int(size) for size in tensor.shape]
    scale, zero = (np.asarray(x, np.float64) for x in (quantization.scale, quantization.zeroPoint))
    along = [1] * len(shape)
    if scale.size > 1:
        along[quantization.quantizedDimension] = scale.size
    return ((values.reshape(shape) - zero.reshape(along)) * scale.reshape(along)).reshape(-1)


def _data(model: schema.ModelT, tensor: schema.TensorT) -> np.ndarray | None:
    data = model.buffers[tensor.buffer].data
    return data if data is not None and len(data) else None


def _scales(tensor: schema.TensorT) -> np.ndarray | None:
    return tensor.quantization.scale if tensor.quantization else None


def compare(reference: Arrays, answer: Arrays, tolerance: Tolerance) -> dict[str, dict]:
    """Compute the error of `answer` for each output of `reference`, `(K, ...)`.

    `relative` is the largest ratio of an absolute difference to the scale of its channel, or None if a number is
    missing or not finite. `worst` is the example of the largest ratio. `channel` is its `{"axis", "index"}` in the
    output, with the `difference` and the `scale` there.
    """
    return {name: _distance(values, answer.get(name), tolerance.floor) for name, values in reference.items()}


def _distance(reference: np.ndarray, answer: np.ndarray | None, floor: float) -> dict:
    if problem := _invalid(reference, answer):
        return {"relative": None, "worst": 0} | problem
    magnitude = np.abs(reference.astype(np.float64)).max(axis=0, initial=0)
    differences = np.abs(reference.astype(np.float64) - answer.astype(np.float64))
    ratios = differences / _limits(magnitude, floor)
    errors = ratios.reshape(len(ratios), -1).max(axis=1, initial=0)
    worst = int(errors.argmax())
    found = {"relative": float(errors[worst]), "worst": worst, "errors": errors}
    if not ratios.size:
        return found | {"scale": 0.0}
    place = np.unravel_index(ratios[worst].argmax(), magnitude.shape)
    return found | {"difference": float(differences[worst][place]), **_channel(magnitude, place)}


def _invalid(reference: np.ndarray, answer: np.ndarray | None) -> dict:
    """Return why two outputs cannot be compared, or `{}`."""
    if answer is None:
        return {"problem": "not among the outputs"}
    if reference.shape != answer.shape:
        return {"problem": f"expected shape {reference.shape}. Received: {answer.shape}"}
    for side, name in ((reference, "the reference"), (answer, "the answer")):
        bad = ~np.isfinite(side).reshape(len(side), -1).all(axis=1)
        if bad.any():
            return {"worst": int(bad.argmax()), "problem": f"{name} is not finite in {int(bad.sum())} of {len(side)}"}
    return {}


def _axes(magnitude: np.ndarray) -> list[int]:
    """Return the axes that have channels, last first."""
    return [axis for axis in reversed(range(magnitude.ndim)) if magnitude.shape[axis] > 1]


def _limits(magnitude: np.ndarray, floor: float) -> np.ndarray:
    """Return the smallest scale of the channels of each element, at least `floor` of the tensor's scale."""
    whole = float(magnitude.max(initial=0))
    limits = np.full(magnitude.shape, whole or 1.0)
    for axis in _axes(magnitude):
        others = tuple(a for a in range(magnitude.ndim) if a != axis)
        limits = np.minimum(limits, magnitude.max(axis=others, keepdims=True))
    return np.maximum(limits, floor * whole) if whole else np.ones_like(limits)


def _channel(magnitude: np.ndarray, place: tuple[np.intp, ...]) -> dict:
    """Return the channel of smallest scale that holds the element at `place`, and its scale."""
    scales = {axis: float(magnitude.take(place[axis], axis).max()) for axis in _axes(magnitude)}
    if not scales:
        return {"scale": float(magnitude.max()), "channel": None}
    axis = min(scales, key=scales.get)
    return {"scale": scales[axis], "channel": {"axis": axis, "index": int(place[axis])}}


def right(distances: dict[str, dict], tolerance: Tolerance) -> bool:
    """Return whether all outputs are present, finite and within `tolerance`."""
    return all(d["relative"] is not None and d["relative"] <= tolerance.relative for d in distances.values())


def where_finite(reference: Arrays, answer: Arrays) -> tuple[Arrays, Arrays]:
    """Zero both outputs at non-finite values of the reference.

    Masks inside a model may be infinite.
    """
    finite = {name: np.isfinite(values) for name, values in reference.items()}
    return tuple({n: np.where(finite[n], side[n], 0) for n in reference} for side in (reference, answer))


def near_constant(reference: Arrays, tolerance: Tolerance) -> list[str]:
    """Return the outputs too constant over all examples to reveal an error."""
    names = []
    for name, values in reference.items():
        flat = values.astype(np.float64).reshape(len(values), -1)
        spread = float(np.ptp(flat, axis=0).max(initial=0))
        if len(flat) < 2 or spread <= 10 * tolerance.relative * float(np.abs(flat).max(initial=0)):
            names.append(name)
    return names


def repeat_error(answer: Answer) -> float | None:
    """Return the largest relative error of repeated runs; None: not finite."""
    largest = 0.0
    for row, again in ((0, answer.again), (-1, answer.fresh)):
        for name, values in answer.outputs.items():
            if np.array_equal(values[row], again[name], equal_nan=np.issubdtype(values.dtype, np.floating)):
                continue
            rerun = values.copy()
            rerun[row] = again[name]
            distance = _distance(values, rerun, REPEAT.floor)
            if distance["relative"] is None:
                return None
            largest = max(largest, distance["relative"])
    return largest
