"""TFLite files as objects: reading, writing, operator counts, metadata, joining two models.

The objects are instances of `ai_edge_litert.schema_py_generated` (schema version 3). All names in a model
from `read` are `str`.
"""

import copy
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.device.card import METADATA
from mmzoo.device.layout import IDENTIFIER, check_layout
from mmzoo.device.replacing import replacing
from mmzoo.errors import BadInputError

_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}


class _Builder(flatbuffers.Builder):
    """Build flatbuffers with byte vectors aligned to 16 bytes.

    TFLite's schema requires this alignment of buffers.
    """

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803
        return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)


def read(path: str | Path) -> schema.ModelT:
    """Read the model in file `path`.

    Raises:
        BadInputError: the file is missing, truncated or no TFLite model.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: expected a .tflite file. Received: {error.strerror}") from None
    return parse(data, str(path))


def parse(data: bytes, name: str = "model") -> schema.ModelT:
    """Parse the model in `data`; error messages begin with `name`.

    Raises:
        BadInputError: `data` is truncated or no TFLite model.
    """
    try:
        check_layout(data, name)
    except ValueError as error:
        raise BadInputError(str(error)) from None
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    _normalize(model, data)
    return model


def _normalize(model: schema.ModelT, data: bytes) -> None:
    """Load the buffers stored after the flatbuffer, and decode names to `str`."""
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    named = [*model.subgraphs, *(model.metadata or [])]
    named += [tensor for graph in model.subgraphs for tensor in graph.tensors]
    for sig in model.signatureDefs or []:
        named += [*(sig.inputs or []), *(sig.outputs or [])]
        sig.signatureKey = _text(sig.signatureKey)
    for item in named:
        item.name = _text(item.name)
    for code in model.operatorCodes or []:
        code.customCode = _text(code.customCode)


def _text(name: bytes | str | None) -> str | None:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def _ints(indices: Iterable[int] | None) -> list[int]:
    return [] if indices is None else [int(i) for i in indices]


def pack(model: schema.ModelT) -> bytes:
    """Serialize `model` to the bytes of a `.tflite` file."""
    size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = _Builder(size + 65536)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def write(model: schema.ModelT, path: str | Path) -> None:
    """Write `model` to `path` atomically, through a temporary file."""
    with replacing(path) as temporary:
        temporary.write_bytes(pack(model))


def op_name(model: schema.ModelT, op: schema.OperatorT) -> str:
    """Return an operator's name, such as `CONV_2D` or custom `FlexErf`."""
    code = model.operatorCodes[op.opcodeIndex]
    number = max(code.deprecatedBuiltinCode, code.builtinCode)  # only the newer field holds codes over 127
    if number == schema.BuiltinOperator.CUSTOM:
        return code.customCode or "CUSTOM"
    return _OPERATORS.get(number, f"BUILTIN_{number}")


def operators(model: schema.ModelT) -> dict[str, int]:
    """Count the operators of all subgraphs, sorted by name."""
    names = Counter(op_name(model, op) for graph in model.subgraphs for op in graph.operators or [])
    return dict(sorted(names.items()))


def get_metadata(model: schema.ModelT, name: str) -> bytes | None:
    """Return the metadata buffer `name`, or None."""
    for entry in model.metadata or []:
        if entry.name == name:
            data = model.buffers[entry.buffer].data
            return b"" if data is None else np.asarray(data, np.uint8).tobytes()
    return None


def set_metadata(model: schema.ModelT, name: str, data: bytes) -> None:
    """Add or replace the metadata buffer `name` of `model`."""
    array = np.frombuffer(data, np.uint8)
    for entry in model.metadata or []:
        if entry.name == name:
            model.buffers[entry.buffer] = schema.BufferT(data=array)
            return
    model.buffers.append(schema.BufferT(data=array))
    model.metadata = [*(model.metadata or []), schema.MetadataT(name=name, buffer=len(model.buffers) - 1)]


def join(front: schema.ModelT, back: schema.ModelT, links: dict[str, str], keep: Sequence[str] = ()) -> schema.ModelT:
    """Join two models: outputs of `front` become inputs of `back`.

    Both models have one subgraph and one signature. The result has the signature name of `front`, the outputs of
    `back`, and the outputs of `front` listed in `keep`. Inputs of equal name in both models are shared. The other
    inputs of `back` are added, except linked ones.

    Args:
        front: first model.
        back: second model.
        links: input name of `back` -> output name of `front`.
        keep: names of the outputs of `front` to keep.

    Raises:
        ValueError: a model has more than one subgraph or signature, a link names an unknown tensor, or linked
            tensors differ in type or shape.
    """
    if any(len(m.subgraphs) != 1 or len(m.signatureDefs or []) != 1 for m in (front, back)):
        raise ValueError("join: expected models of one subgraph and one signature each")
    front, back = copy.deepcopy(front), copy.deepcopy(back)
    graph, sig = front.subgraphs[0], front.signatureDefs[0]
    moved = _move_tensors(front, back, _shared(sig, back.signatureDefs[0], links))
    shift = len(front.operatorCodes)
    front.operatorCodes += back.operatorCodes
    for op in back.subgraphs[0].operators:
        op.opcodeIndex += shift
        for field in ("inputs", "outputs", "intermediates"):
            if getattr(op, field) is not None:
                setattr(op, field, [moved[i] if i >= 0 else -1 for i in _ints(getattr(op, field))])
    graph.operators = [*graph.operators, *back.subgraphs[0].operators]
    for entry in [*back.signatureDefs[0].inputs, *back.signatureDefs[0].outputs]:
        entry.tensorIndex = moved[entry.tensorIndex]
    known = {entry.name for entry in sig.inputs} | set(links)
    sig.inputs += [entry for entry in back.signatureDefs[0].inputs if entry.name not in known]
    sig.outputs = [*(entry for entry in sig.outputs if entry.name in keep), *back.signatureDefs[0].outputs]
    graph.inputs = [entry.tensorIndex for entry in sig.inputs]
    graph.outputs = [entry.tensorIndex for entry in sig.outputs]
    _keep_version(front, back)
    return front


def _shared(sig: schema.SignatureDefT, back: schema.SignatureDefT, links: dict[str, str]) -> dict[int, int]:
    """Map tensors of `back` to shared tensors of `front`, by index."""
    inputs = {entry.name: entry.tensorIndex for entry in sig.inputs}
    outputs = {entry.name: entry.tensorIndex for entry in sig.outputs}
    names = {entry.name: entry.tensorIndex for entry in back.inputs}
    unknown = [f"{k} <- {v}" for k, v in links.items() if k not in names or v not in outputs]
    if unknown:
        raise ValueError(f"join: expected links from {list(names)} to {list(outputs)}. Received: {unknown}")
    shared = {names[name]: index for name, index in inputs.items() if name in names}
    return shared | {names[name]: outputs[source] for name, source in links.items()}


def _move_tensors(front: schema.ModelT, back: schema.ModelT, shared: dict[int, int]) -> dict[int, int]:
    """Append unshared tensors and buffers of `back` to `front`.

    Returns a mapping from old to new tensor index.
    """
    tensors, shift = front.subgraphs[0].tensors, len(front.buffers) - 1
    moved = dict(shared)
    for index, tensor in enumerate(back.subgraphs[0].tensors):
        if index in shared:
            existing = tensors[shared[index]]
            if existing.type != tensor.type or _ints(existing.shape) != _ints(tensor.shape):
                raise ValueError(f"join: {existing.name} and {tensor.name} differ in type or shape")
            continue
        tensor.buffer += shift if tensor.buffer else 0  # buffer 0 is the empty one in every file
        moved[index] = len(tensors)
        tensors.append(tensor)
    front.buffers += back.buffers[1:]
    return moved


def _keep_version(front: schema.ModelT, back: schema.ModelT) -> None:
    """Set the runtime version of `front` to the newer one."""
    name = "min_runtime_version"
    # a graph without operators has zeros in place of a version
    found = [v for v in (get_metadata(front, name), get_metadata(back, name)) if v and v.strip(b"\0")]
    if found:
        newest = max(found, key=lambda v: [int(p) for p in v.strip(b"\0").decode().split(".")])
        set_metadata(front, name, newest)


def embedded_card(model: schema.ModelT) -> dict:
    """Return the embedded card, or `{}` if missing or invalid."""
    data = get_metadata(model, METADATA)
    try:
        card = json.loads(data.decode("utf-8")) if data else {}
    except (ValueError, RecursionError):
        return {}
    return card if isinstance(card, dict) else {}
