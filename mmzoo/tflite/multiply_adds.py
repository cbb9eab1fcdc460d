"""Multiply-adds of one inference of a `.tflite` file, in total and in its front ends."""

import math
import re
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from mmzoo.tflite import flatbuffer

# Keras appends a number to a repeated layer name, and a quantized file has names such as `audio_front_end`
FRONT_END = re.compile(r"(^|/)(\w+_)?front_end(_\d+)?(/|$)")
# multiply-adds per output element
_PER_OUTPUT = {
    "CONV_2D": lambda op, shapes: math.prod(shapes[1][1:]),  # weights (O, H, W, I / groups)
    "DEPTHWISE_CONV_2D": lambda op, shapes: math.prod(shapes[1][1:3]),  # (1, H, W, O)
    "FULLY_CONNECTED": lambda op, shapes: shapes[1][-1],  # (O, I)
    "BATCH_MATMUL": lambda op, shapes: shapes[0][-2 if op.builtinOptions.adjX else -1],
}


def multiply_adds(path: str | Path) -> tuple[int, int]:
    """Count the multiply-adds of one inference of the model at `path`.

    The count covers CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, BATCH_MATMUL and TRANSPOSE_CONV of the main graph.
    It follows from shapes and weights, with padding counted as multiplied and biases ignored. Other operators count
    as zero. A front end is a layer named `front_end` or `..._front_end`, found by the converter's tensor names,
    together with all operators upstream. A layer that the converter folded into the next convolution, such as a
    rescaling, counts as zero.

    Returns:
        the total, and the part in the front ends.

    Raises:
        BadInputError: the file is missing, truncated or no TFLite model.
    """
    model = flatbuffer.read(path)
    graph = model.subgraphs[0]
    operators = list(graph.operators or [])
    counts = [_count(flatbuffer.op_name(model, op), op, graph.tensors) for op in operators]
    return sum(counts), sum(counts[index] for index in _front_end(operators, graph.tensors))


def _count(name: str, op: schema.OperatorT, tensors: list[schema.TensorT]) -> int:
    shapes = [_shape(tensors[i]) if i >= 0 else [] for i in op.inputs]
    if name in _PER_OUTPUT:
        return math.prod(_shape(tensors[op.outputs[0]])) * _PER_OUTPUT[name](op, shapes)
    if name == "TRANSPOSE_CONV":  # inputs: output shape, weights (O, H, W, I), image (B, H, W, I)
        return math.prod(shapes[2][:-1]) * math.prod(shapes[1])
    return 0


def _shape(tensor: schema.TensorT) -> list[int]:
    return [] if tensor.shape is None else [int(n) for n in tensor.shape]


def _front_end(operators: list[schema.OperatorT], tensors: list[schema.TensorT]) -> set[int]:
    """Return the operator indices of front ends and everything upstream."""
    maker = {int(out): index for index, op in enumerate(operators) for out in op.outputs}
    open_ends = [i for i, op in enumerate(operators) if _is_front_end(tensors[op.outputs[0]].name)]
    found = set()
    while open_ends:
        index = open_ends.pop()
        if index not in found:
            found.add(index)
            open_ends += [maker[int(i)] for i in operators[index].inputs if int(i) in maker]
    return found


def _is_front_end(name: str) -> bool:
    """Return whether all names of an operator belong to a front end.

    A fused operator has several names, separated by semicolons.
    """
    parts = [part for part in (name or "").split(";") if part]
    return bool(parts) and all(FRONT_END.search(part) for part in parts)
