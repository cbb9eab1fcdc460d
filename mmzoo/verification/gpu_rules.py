"""Known limits of GPU accelerators: named rules, and checks for the rule that an operator breaks."""

import re

from ai_edge_litert import schema_py_generated as schema

from mmzoo.tflite.graph import Graph

RULES = {
    "G1": "ids of shape (1, T) become a gather with 2-D indices, which is refused: flatten the ids and take "
    "them from table[None] along axis 1",
    "G2": "a rank-1 gather, reshaped to (1, T, D), plus a constant gives every position the vector of the "
    "first token: add at rank 4, (1, T, 1, D), normalize first, or take from table[None] along axis 1",
    "G3": "an embedding table in float16 is refused: keep the table float32, or use dynamic int8",
    "G4": "a grouped convolution whose channels per group are not a multiple of 4 is wrong or crashes the "
    "process: use multiples of 4, or a depthwise convolution",
    "G5": "reverse, cumsum, top-k and split need a last axis that is a multiple of 4: choose such sizes, "
    "and compute top-k on the host",
    "G6": "the same tensor twice in one operator crashes the process or is refused: scale one of the two",
    "G7": "x[:, 0] is refused, since it drops an axis: slice x[:, 0:1] and reshape",
    "G8": "tensors of more than four axes are refused: put time or groups into batch, channels or height",
    "G9": "the GPU does not support the operator or its type (L2_NORMALIZATION, LOG_SOFTMAX, BROADCAST_TO, "
    "rolled recurrences, FFT, int64): use keras.ops.normalize(epsilon=1e-6) or x * rsqrt(mean(x * x) + eps), "
    "the log of a softmax, unrolled recurrences, a DFT as a matrix product, int32 and tile",
    "G10": "a constant as the first operand of a matrix product is refused: write constant + 0 * x",
    "G11": "an ADD that is an output and feeds another operator can come out wrong (LiteRT issue 8599): make "
    "another operator's tensor the output (normalization, Dense, reshape)",
    "G12": "attention with a boolean mask gives NaN in float16: use an additive or multiplicative mask",
    "G13": "argmax, erf, exact gelu and median of Keras need operators that LiteRT does not have: use argmax to "
    "int32 on the host, tanh gelu, min-max networks",
    "G14": "a Keras 3 function converted by from_concrete_functions gives wrong outputs: use from_keras_model, "
    "model.export or a SavedModel",
    "G15": "LEAKY_RELU with a slope below 0 or above 1 is computed as max(x, a * x): use relu(x) - a * relu(-x)",
    "G16": "a batched matrix product that broadcasts one batch over the other is wrong: repeat the smaller batch with "
    "concat, or fold the batch into rows",
    "G19": "a reversed or exclusive CUMSUM is wrong: multiply by a triangular matrix",
    "G20": "refused are symmetric MIRROR_PAD (concatenate slices), STRIDED_SLICE with a negative stride (gather "
    "constant rows) and LOCAL_RESPONSE_NORMALIZATION (multiply by rsqrt of a 1x1 convolution of x * x)",
    "G21": "an operator that reads several outputs of one UNPACK or SPLIT is refused or wrong: use slices or a gather",
    "static": "a GPU supports only static shapes: export with a batch of 1 in the input signature",
    "types": "GPU inputs are float32, int32 or uint8",
}
# operator, message of the delegate, rule; the first matching line counts
_REFUSALS = (
    (r"GATHER", r"1D indices", "G1"),
    (r"GATHER", r"dtype mismatch", "G3"),
    (r".*", r"[Dd]imensions must be less than 5|bad (in|out)put dims size|dims size: [5-9]", "G8"),
    (r"STRIDED_SLICE", r"shrink_axis_mask", "G7"),
    (r"BATCH_MATMUL", r"non-constant tensor", "G10"),
    (r".*", r"identical inputs", "G6"),
    (r"Flex.*", r".*", "G13"),
    (r"MIRROR_PAD", r"Reflective", "G20"),
    (r"STRIDED_SLICE", r"Reverse slices", "G20"),
    (r"LOCAL_RESPONSE_NORMALIZATION", r".*", "G20"),
    (r".*", r"INT64|COMPLEX64", "G9"),
    (
        r"L2_NORMALIZATION|LOG_SOFTMAX|WHILE|R?FFT2D|COMPLEX_ABS|REAL|IMAG|BROADCAST_TO|U.*_SEQUENCE_\w+",
        r".*",
        "G9",
    ),
)


def explain(rule: str | None) -> dict:
    """Return the report entry of a rule, `{}` without a rule."""
    return {"rule": rule, "advice": RULES[rule]} if rule else {}


def refusals(log: str) -> list[dict]:
    """Parse the operators refused by the delegate from its log.

    Returns:
        one `{"operator", "message", "rule", "advice"}` for each.
    """
    block = re.search(
        r"operations are not supported by GPU delegate:\n(.*?)\n(?:\d+|No|All) operations", log, re.DOTALL
    )
    lines = re.findall(r"^([A-Za-z]\w*): ?(.*)$", block.group(1), re.MULTILINE) if block else []
    found = [{"operator": op, "message": text, **explain(_refused(op, text))} for op, text in lines]
    if not found and "!IsInput(consumer" in log:
        found = [{"operator": "", "message": "one tensor is consumed twice by one operator", **explain("G6")}]
    return found


def _refused(operator: str, message: str) -> str | None:
    for names, text, rule in _REFUSALS:
        if re.fullmatch(names, operator) and re.search(text, message):
            return rule
    return None


def broken(graph: Graph, k: int) -> str | None:
    """Return the rule that operator `k` breaks, or None."""
    checks = {"G2": _g2, "G4": _g4, "G19": _g19, "G21": _g21, "G5": _g5, "G6": _g6, "G11": _g11, "G12": _g12}
    checks |= {"G15": _g15, "G16": _g16}
    return next((rule for rule, check in checks.items() if check(graph, k)), None)


def _g2(graph: Graph, k: int) -> bool:
    if graph.name(k) != "ADD" or not any(graph.constant(i) for i in graph.inputs(k)):
        return False
    before = list(graph.sources(k))  # the converter drops the reshape where the addition broadcasts
    before += [j for source in before if graph.name(source) == "RESHAPE" for j in graph.sources(source)]
    gathers = [j for j in before if graph.name(j) == "GATHER"]
    return any(len(graph.shape(graph.operators[j].outputs[0])) == 2 for j in gathers)


def _g4(graph: Graph, k: int) -> bool:
    if graph.name(k) != "CONV_2D":
        return False
    channels = graph.shape(graph.inputs(k)[0])[-1]
    filters, *_, per_group = graph.shape(graph.inputs(k)[1])
    groups = channels // per_group if per_group else 1
    return groups > 1 and bool(per_group % 4 or (filters // groups) % 4)


def _g5(graph: Graph, k: int) -> bool:
    if graph.name(k) not in ("REVERSE_V2", "CUMSUM", "TOPK_V2", "SPLIT", "SPLIT_V"):
        return False
    shapes = [graph.shape(i) for i in (*graph.inputs(k), *graph.operators[k].outputs) if not graph.constant(i)]
    return any(shape and shape[-1] % 4 for shape in shapes)


def _g6(graph: Graph, k: int) -> bool:
    inputs = graph.inputs(k)
    # x * x and x + x are computed correctly
    return len(set(inputs)) < len(inputs) and graph.name(k) in ("BATCH_MATMUL", "SUB", "PACK", "LOGICAL_OR")


def _g11(graph: Graph, k: int) -> bool:
    out = int(graph.operators[k].outputs[0])
    return graph.name(k) == "ADD" and out in graph.outputs and bool(graph.used_by.get(out))


def _g12(graph: Graph, k: int) -> bool:
    half = any(tensor.type == schema.TensorType.FLOAT16 for tensor in graph.graph.tensors)
    return half and graph.name(k) == "SOFTMAX" and any(graph.name(j).startswith("SELECT") for j in graph.sources(k))


def _g15(graph: Graph, k: int) -> bool:
    return graph.name(k) == "LEAKY_RELU" and not 0 <= graph.operators[k].builtinOptions.alpha <= 1


def _g16(graph: Graph, k: int) -> bool:
    if graph.name(k) != "BATCH_MATMUL":
        return False
    first, second = ((1, 1, *graph.shape(i))[-4:-2] for i in graph.inputs(k))
    return first != second


def _g19(graph: Graph, k: int) -> bool:
    options = graph.operators[k].builtinOptions
    return graph.name(k) == "CUMSUM" and bool(options.exclusive or options.reverse)


def _g21(graph: Graph, k: int) -> bool:
    made = [graph.made_by[i] for i in set(graph.inputs(k)) if i in graph.made_by]
    parts = [j for j in made if graph.name(j) in ("UNPACK", "SPLIT", "SPLIT_V")]
    return len(set(parts)) < len(parts)
