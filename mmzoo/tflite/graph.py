"""The graph of a `.tflite` file: operators and the tensors between them."""

from collections.abc import Iterator

from ai_edge_litert import schema_py_generated as schema

from mmzoo.tflite.flatbuffer import op_name


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

    def sources(self, k: int) -> Iterator[int]:
        """Yield the operators that produce the inputs of operator `k`."""
        yield from (self.made_by[i] for i in self.inputs(k) if i in self.made_by)
