"""The graph of a `.tflite` file: operators and the tensors between them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.tflite.flatbuffer import op_name

# fields of an operator's options that are numbers of an enumeration
_ENUMERATIONS = {
    "mode": schema.MirrorPadMode,
    "padding": schema.Padding,
    "fusedActivationFunction": schema.ActivationFunctionType,
    "inDataType": schema.TensorType,
    "outDataType": schema.TensorType,
}
_MASKS = ("beginMask", "endMask")  # of STRIDED_SLICE; they only fill `begin` and `end`
# constant inputs that act as attributes: operator -> input -> name
_ARGUMENTS = {
    "STRIDED_SLICE": {1: "begin", 2: "end", 3: "strides"},
    "MIRROR_PAD": {1: "paddings"},
    "PAD": {1: "paddings"},
    "REVERSE_V2": {1: "axis"},
    "CUMSUM": {1: "axis"},
    "TRANSPOSE": {1: "permutation"},
    "TOPK_V2": {1: "k"},
    "SPLIT": {0: "axis"},
}


def input_names(model: schema.ModelT) -> dict[int, str]:
    """Map input tensor indices to names.

    Names come from the first signature, else from the tensors.
    """
    graph = model.subgraphs[0]
    if model.signatureDefs:
        return {int(entry.tensorIndex): entry.name for entry in model.signatureDefs[0].inputs}
    return {int(i): graph.tensors[int(i)].name for i in graph.inputs}


class Graph:
    """Index producers and consumers of tensors in the first subgraph."""

    def __init__(self, model: schema.ModelT) -> None:
        self.model, self.graph = model, model.subgraphs[0]
        self.operators = list(self.graph.operators or [])
        self.outputs = {int(i) for i in self.graph.outputs}
        self.made_by = {int(out): k for k, op in enumerate(self.operators) for out in op.outputs}
        self.used_by: dict[int, list[int]] = {}
        for k in range(len(self.operators)):
            for index in set(self.inputs(k)):
                self.used_by.setdefault(index, []).append(k)

    def name(self, k: int) -> str:
        """Return the name of operator `k`."""
        return op_name(self.model, self.operators[k])

    def inputs(self, k: int) -> list[int]:
        """Return the input tensors of operator `k`."""
        inputs = self.operators[k].inputs
        return [] if inputs is None else [int(i) for i in inputs if i >= 0]

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return the shape of a tensor, `()` if unknown."""
        shape = self.graph.tensors[tensor].shape
        return () if shape is None else tuple(int(size) for size in shape)

    def constant(self, tensor: int) -> bool:
        """Return whether the file holds the values of a tensor."""
        data = self.model.buffers[self.graph.tensors[tensor].buffer].data
        return data is not None and len(data) > 0

    def attributes(self, k: int) -> dict[str, Any]:
        """Return the options of operator `k` that are set, its constant arguments and the shapes of its inputs."""
        options = self.operators[k].builtinOptions
        found = {
            name: _plain(name, value)
            for name, value in (vars(options) if options else {}).items()
            if name not in _MASKS
        }
        found = {name: value for name, value in found.items() if value not in (0, False, None, "NONE", [])}
        for place, name in _ARGUMENTS.get(self.name(k), {}).items():
            values = self._integers(int(self.operators[k].inputs[place]))
            found |= {name: values} if values is not None else {}
        shapes = [list(self.shape(i)) for i in self.inputs(k) if not self.constant(i)]
        return found | {"inputs": shapes}

    def _integers(self, tensor: int) -> list | int | None:
        """Return the values of a constant int32 tensor, None for another tensor."""
        entry = self.graph.tensors[tensor]
        if not self.constant(tensor) or entry.type != schema.TensorType.INT32:
            return None
        data = np.asarray(self.model.buffers[entry.buffer].data, np.uint8)
        return data.view(np.int32).reshape(self.shape(tensor)).tolist()

    def sources(self, k: int) -> Iterator[int]:
        """Yield the operators that produce the inputs of operator `k`."""
        yield from (self.made_by[i] for i in self.inputs(k) if i in self.made_by)


def _plain(name: str, value: Any) -> Any:
    """Return an option as a name, a number or a list."""
    if name in _ENUMERATIONS:
        names = {code: key for key, code in vars(_ENUMERATIONS[name]).items() if key.isupper()}
        return names.get(value, value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return np.asarray(value).tolist() if isinstance(value, np.ndarray) else value
