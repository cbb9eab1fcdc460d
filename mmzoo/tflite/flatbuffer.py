"""TFLite files as objects: read, write, count operators, embed metadata, join two into one.

The objects are those of `ai_edge_litert.schema_py_generated` (schema version 3); all names in a model
that `read` returns are `str`.
"""

import copy
import json
import os
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.device.session import METADATA
from mmzoo.errors import BadInputError

IDENTIFIER = b"TFL3"
_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
_BROKEN = (struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError)


class _Builder(flatbuffers.Builder):
    """A builder that starts bytes on multiples of 16, as TFLite's schema asks of its buffers."""

    def StartVector(self, elemSize, numElems, alignment):  # noqa: N802, N803
        return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)


def read(path: str | Path) -> schema.ModelT:
    """Return the model in file `path`.

    Raises:
        BadInputError: there is no such file, or it is no whole TFLite model.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: expected a .tflite file. Received: {error.strerror}") from None
    return parse(data, str(path))


def parse(data: bytes, name: str = "model") -> schema.ModelT:
    """Return the model in `data`; `name` is what an error calls it.

    Raises:
        BadInputError: `data` is no whole TFLite model.
    """
    if data[4:8] != IDENTIFIER:
        raise BadInputError(
            f"{name}: expected a .tflite file (identifier TFL3). Received: {len(data)} bytes without it"
        )
    try:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        _settle(model, data)
        _check(model)
    except _BROKEN as error:
        raise BadInputError(
            f"{name}: expected a whole .tflite file. Received: {len(data)} bytes, truncated ({error})"
        ) from None
    return model


def _settle(model: schema.ModelT, data: bytes) -> None:
    """Take in buffers that lie behind the flatbuffer, and turn names into `str`."""
    for buffer in model.buffers:
        if buffer.offset > 1:
            if buffer.offset + buffer.size > len(data):
                raise ValueError("a buffer ends behind the file")
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


def _check(model: schema.ModelT) -> None:
    for graph in model.subgraphs:
        tensors, operators = graph.tensors, graph.operators or []
        used = [i for op in operators for i in [*_ints(op.inputs), *_ints(op.outputs)]]
        used += [*_ints(graph.inputs), *_ints(graph.outputs)]
        if used and max(used) >= len(tensors):
            raise ValueError("a tensor that is not there")
        if any(op.opcodeIndex >= len(model.operatorCodes) for op in operators):
            raise ValueError("an operator code that is not there")
        if any(tensor.buffer >= len(model.buffers) for tensor in tensors):
            raise ValueError("a buffer that is not there")


def _ints(indices) -> list[int]:
    return [] if indices is None else [int(i) for i in indices]


def pack(model: schema.ModelT) -> bytes:
    """Return the bytes of a `.tflite` file that holds `model`."""
    size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = _Builder(size + 65536)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def write(model: schema.ModelT, path: str | Path) -> None:
    """Write `model` to `path` by way of a temporary file."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(pack(model))
    os.replace(temporary, path)


def op_name(model: schema.ModelT, op: schema.OperatorT) -> str:
    """Return `CONV_2D` and the like, or a custom operator's own name (`FlexErf`)."""
    code = model.operatorCodes[op.opcodeIndex]
    number = max(code.deprecatedBuiltinCode, code.builtinCode)  # codes over 127 are in the newer field alone
    if number == schema.BuiltinOperator.CUSTOM:
        return code.customCode or "CUSTOM"
    return _OPERATORS.get(number, f"BUILTIN_{number}")


def operators(model: schema.ModelT) -> dict[str, int]:
    """Return how often each operator occurs, over all subgraphs, sorted by name."""
    names = Counter(op_name(model, op) for graph in model.subgraphs for op in graph.operators or [])
    return dict(sorted(names.items()))


def get_metadata(model: schema.ModelT, name: str) -> bytes | None:
    """Return the metadata buffer called `name`, None if there is none."""
    for entry in model.metadata or []:
        if entry.name == name:
            data = model.buffers[entry.buffer].data
            return b"" if data is None else np.asarray(data, np.uint8).tobytes()
    return None


def set_metadata(model: schema.ModelT, name: str, data: bytes) -> None:
    """Add the metadata buffer `name` to `model`, or replace it."""
    array = np.frombuffer(data, np.uint8)
    for entry in model.metadata or []:
        if entry.name == name:
            model.buffers[entry.buffer] = schema.BufferT(data=array)
            return
    model.buffers.append(schema.BufferT(data=array))
    model.metadata = [*(model.metadata or []), schema.MetadataT(name=name, buffer=len(model.buffers) - 1)]


def join(front: schema.ModelT, back: schema.ModelT, links: dict[str, str], keep: Sequence[str] = ()) -> schema.ModelT:
    """Return one model that feeds outputs of `front` to inputs of `back`.

    Both have one subgraph and one signature. `links` maps an input of `back` to the output of `front` that
    it takes; an input of `back` with the name of an input of `front` is that input; others are added. The
    outputs are those of `back` and those of `front` in `keep`, the signature's name is that of `front`.

    Raises:
        ValueError: more than one subgraph or signature, a link to nothing, or types or shapes that differ.
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
    """Return the tensors of `back` that are tensors of `front`."""
    inputs = {entry.name: entry.tensorIndex for entry in sig.inputs}
    outputs = {entry.name: entry.tensorIndex for entry in sig.outputs}
    names = {entry.name: entry.tensorIndex for entry in back.inputs}
    lost = [f"{k} <- {v}" for k, v in links.items() if k not in names or v not in outputs]
    if lost:
        raise ValueError(f"join: expected links from {list(names)} to {list(outputs)}. Received: {lost}")
    shared = {names[name]: index for name, index in inputs.items() if name in names}
    return shared | {names[name]: outputs[source] for name, source in links.items()}


def _move_tensors(front: schema.ModelT, back: schema.ModelT, shared: dict[int, int]) -> dict[int, int]:
    """Append what `front` lacks of the tensors and buffers of `back`; return old index -> new index."""
    tensors, shift = front.subgraphs[0].tensors, len(front.buffers) - 1
    moved = dict(shared)
    for index, tensor in enumerate(back.subgraphs[0].tensors):
        if index in shared:
            mine = tensors[shared[index]]
            if mine.type != tensor.type or _ints(mine.shape) != _ints(tensor.shape):
                raise ValueError(f"join: {mine.name} and {tensor.name} differ in type or shape")
            continue
        tensor.buffer += shift if tensor.buffer else 0  # buffer 0 is the empty one in every file
        moved[index] = len(tensors)
        tensors.append(tensor)
    front.buffers += back.buffers[1:]
    return moved


def _keep_version(front: schema.ModelT, back: schema.ModelT) -> None:
    """A joined file needs the newer of the two runtimes."""
    name = "min_runtime_version"
    found = [v for v in (get_metadata(front, name), get_metadata(back, name)) if v]
    if found:
        newest = max(found, key=lambda v: [int(p) for p in v.strip(b"\0").decode().split(".")])
        set_metadata(front, name, newest)


def embedded_card(model: schema.ModelT) -> dict:
    """Return the card inside a `.tflite`, empty where there is none that reads."""
    data = get_metadata(model, METADATA)
    try:
        card = json.loads(data.decode("utf-8")) if data else {}
    except ValueError:
        return {}
    return card if isinstance(card, dict) else {}
