"""Layout of `.tflite` files, checked in Python before native code reads one.

The LiteRT interpreter follows the offsets of a file without checking them: a damaged file can end the process.
"""

import math
import struct
from itertools import chain

import numpy as np

IDENTIFIER = b"TFL3"
LARGEST = 1 << 30  # bytes of a tensor whose values are computed
DEEPEST = 64  # subgraphs that call one another
SHARED = 2  # times the size of the file: how much a file whose parts are named several times may unfold to
NO_TENSOR = -1  # an optional input that is not given
# bytes of an element, by the number of its type in the schema
WIDTHS = {
    0: 4,
    1: 2,
    2: 4,
    3: 1,
    4: 8,
    6: 1,
    7: 2,
    8: 8,
    9: 1,
    10: 8,
    11: 16,
    12: 8,
    15: 4,
    16: 2,
    18: 2,
}  # bytes by type

# a table by its slots: the bytes of an element of a vector, `STRING`, or the slots of the tables in a vector
STRING = "string"
ONE = "one table"
QUANTIZATION = {0: 4, 1: 4, 2: 4, 3: 8}
TENSOR = {0: 4, 3: STRING, 4: (ONE, QUANTIZATION), 7: 4}
OPERATOR = {1: 4, 2: 4, 5: 1, 7: 1, 8: 4}
SUBGRAPH = {0: TENSOR, 1: 4, 2: 4, 3: OPERATOR, 4: STRING}
NAMED = {0: STRING}
SIGNATURE = {0: NAMED, 1: NAMED, 2: STRING}
MODEL = {1: {1: STRING}, 2: SUBGRAPH, 3: STRING, 4: {0: 1}, 5: 4, 6: NAMED, 7: SIGNATURE}
# options of operators that hold vectors or texts, by their number in the schema
OPTIONS = {3: {1: 4, 2: 4}, 8: {5: 1}, 17: {0: 4}, 30: {0: 4}, 111: {0: STRING, 1: STRING}, 115: {0: 4}}
OPTIONS_2 = {
    **{2: {0: 8}, 3: {0: 8, 1: 8, 2: 8}, 5: {0: STRING, 2: STRING, 4: 4, 5: 1}, 6: {0: 8}, 9: {0: 8}},
    **{4: {0: 8, 1: 8, 2: 8, 3: 8, 4: 1, 7: 8, 10: 8, 13: 8, 16: 4}, 7: {1: 8, 2: 8, 3: 8}},
    **{10: {0: 8, 1: 8, 2: 8}, 12: {0: 8, 1: 8, 2: 8, 3: 8, 4: 4}, 13: {0: 8, 1: 8, 2: 8, 3: 8, 4: 8}},
    **{16: {0: 8, 1: 8, 2: 8, 4: 8}, 17: {0: 8}, 21: {0: STRING, 2: 1}, 23: {0: 4}},
}
CALLS = {16: (0,), 92: (0, 1), 93: (0, 1), 103: (0,)}  # options that name subgraphs: of CALL, IF, WHILE, CALL_ONCE
SPARSE, VARIANTS, OUTSIDE = 6, 9, (8, 9)  # slots of a tensor, and of a model with weights in other files


class _LayoutError(Exception):
    """What is wrong with a file, as the end of a sentence."""


def check_layout(content: bytes, name: str = "model") -> None:
    """Check that the bytes of a `.tflite` file are safe to hand to the interpreter.

    All offsets stay in the file, and no table is named twice. Indices of tensors, buffers, operator codes and
    subgraphs exist. Operators read what is given or computed before them and write no constant. Subgraphs do not call
    themselves. Sparse tensors and weights in other files are refused.

    Raises:
        ValueError: one of these does not hold, or a computed tensor has more than 1 GB; the message is one line that
            begins with `name`.
    """
    size = len(content)
    if content[4:8] != IDENTIFIER:
        raise ValueError(f"{name}: expected a .tflite file (identifier TFL3). Received: {size} bytes without it")
    try:
        _check_model(_File(content))
    except _LayoutError as error:
        reason = str(error)
    except (struct.error, IndexError, OverflowError):
        reason = "an offset points outside of it"
    else:
        return
    raise ValueError(f"{name}: expected a whole .tflite file. Received: {size} bytes, truncated or not valid: {reason}")


class _File:
    """Read tables, vectors and texts of a flatbuffer, each within the file."""

    def __init__(self, content: bytes) -> None:
        self.content, self.left = content, SHARED * len(content)
        self.tables: set[int] = set()

    def number(self, form: str, at: int) -> int:
        if not 0 <= at <= len(self.content) - struct.calcsize(form):
            raise _LayoutError("an offset points outside of it")
        return struct.unpack_from(form, self.content, at)[0]

    def fields(self, at: int) -> dict[int, int]:
        """Return `{slot: position}` of the fields of the table at `at`, which no other offset may name."""
        if at in self.tables:
            raise _LayoutError("a part of it is named twice")
        self.tables.add(at)
        where = at - self.number("<i", at)
        size, whole = self.number("<H", where), self.number("<H", where + 2)
        if size < 4 or size % 2 or where + size > len(self.content) or whole < 4 or at + whole > len(self.content):
            raise _LayoutError("a table does not end in it")
        self._spend(whole)
        offsets = struct.unpack_from(f"<{size // 2 - 2}H", self.content, where + 4)
        if any(offset >= whole for offset in offsets):
            raise _LayoutError("a field does not lie in its table")
        return {slot: at + offset for slot, offset in enumerate(offsets) if offset}

    def follow(self, at: int) -> int:
        return at + self.number("<I", at)

    def vector(self, at: int, width: int) -> tuple[int, int]:
        """Return the first byte and the count of the elements of the vector that the field at `at` names."""
        start = self.follow(at)
        count = self.number("<I", start)
        if start + 4 + count * width > len(self.content):
            raise _LayoutError("a list does not end in it")
        self._spend(4 + count * width)
        return start + 4, count

    def integers(self, fields: dict[int, int], slot: int) -> list[int]:
        """Return the 32-bit integers of a vector, none where it is not there."""
        if slot not in fields:
            return []
        start, count = self.vector(fields[slot], 4)
        return np.frombuffer(self.content, "<i4", count, start).tolist()

    def children(self, fields: dict[int, int], slot: int) -> list[dict[int, int]]:
        """Return the fields of each table in a vector of tables."""
        if slot not in fields:
            return []
        start, count = self.vector(fields[slot], 4)
        return [self.fields(self.follow(start + 4 * i)) for i in range(count)]

    def scalar(self, fields: dict[int, int], slot: int, form: str = "<i") -> int:
        return self.number(form, fields[slot]) if slot in fields else 0

    def _spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _LayoutError("its parts are named too many times")


def _walk(file: _File, fields: dict[int, int], slots: dict) -> None:
    """Check the vectors, texts and single tables of a table."""
    for slot, kind in slots.items():
        if slot not in fields or isinstance(kind, dict):
            continue
        if kind == STRING:
            start, count = file.vector(fields[slot], 1)
            if file.number("<B", start + count):
                raise _LayoutError("a text does not end")
        elif isinstance(kind, int):
            file.vector(fields[slot], kind)
        else:
            _walk(file, file.fields(file.follow(fields[slot])), kind[1])


def _tables(file: _File, fields: dict[int, int], slots: dict, slot: int) -> list[dict[int, int]]:
    found = file.children(fields, slot)
    for child in found:
        _walk(file, child, slots[slot])
    return found


def _check_model(file: _File) -> None:
    model = file.fields(file.follow(0))
    _walk(file, model, MODEL)
    if any(slot in model for slot in OUTSIDE):
        raise _LayoutError("weights in other files")
    codes = _tables(file, model, MODEL, 1)
    full = [_has_data(file, buffer) for buffer in _tables(file, model, MODEL, 4)]
    graphs = _tables(file, model, MODEL, 2)
    if not graphs:
        raise _LayoutError("no subgraph")
    if any(file.scalar(entry, 1, "<I") >= len(full) for entry in _tables(file, model, MODEL, 6)):
        raise _LayoutError("metadata without a buffer")
    found = [_check_graph(file, graph, len(codes), full) for graph in graphs]
    _check_calls([calls for _, _, calls in found])
    for signature in _tables(file, model, MODEL, 7):
        graph = file.scalar(signature, 4, "<I")
        if graph >= len(graphs):
            raise _LayoutError(f"a signature of subgraph {graph} of {len(graphs)}")
        count, given, _ = found[graph]
        for entry in _tables(file, signature, SIGNATURE, 0):
            if file.scalar(entry, 1, "<I") not in given:
                raise _LayoutError("a signature with another input than its subgraph")
        for entry in _tables(file, signature, SIGNATURE, 1):
            if file.scalar(entry, 1, "<I") >= count:
                raise _LayoutError("a signature with an unknown output")


def _has_data(file: _File, buffer: dict[int, int]) -> bool:
    """Return whether a buffer has bytes, in the flatbuffer or, by `offset` and `size`, after it."""
    offset, size = file.scalar(buffer, 1, "<Q"), file.scalar(buffer, 2, "<Q")
    if offset > 1 and offset + size > len(file.content):
        raise _LayoutError("a buffer does not end in it")
    return bool(offset > 1 and size) or (0 in buffer and file.vector(buffer[0], 1)[1] > 0)


def _check_graph(file: _File, graph: dict[int, int], codes: int, full: list[bool]) -> tuple[int, set[int], list[int]]:
    """Check a subgraph; return its number of tensors, its inputs and the subgraphs that it calls."""
    tensors = _tables(file, graph, SUBGRAPH, 0)
    constant = {i for i, tensor in enumerate(tensors) if _check_tensor(file, tensor, full)}
    empty = {i for i, tensor in enumerate(tensors) if 0 in file.integers(tensor, 0)}
    inputs, outputs = file.integers(graph, 1), file.integers(graph, 2)
    known = {i for i, tensor in enumerate(tensors) if file.scalar(tensor, 5, "<B")} | constant | empty | {*inputs}
    calls: list[int] = []
    for operator in _tables(file, graph, SUBGRAPH, 3):
        read, written = file.integers(operator, 1), file.integers(operator, 2)
        used = [*read, *written, *file.integers(operator, 8)]
        if not all(NO_TENSOR <= i < len(tensors) for i in used) or NO_TENSOR in written:
            raise _LayoutError("an operator with an unknown tensor")
        if file.scalar(operator, 0, "<I") >= codes:
            raise _LayoutError("an operator without a code")
        if not known.issuperset(i for i in read if i != NO_TENSOR):
            raise _LayoutError("an operator that reads what no operator before it computes")
        if not constant.isdisjoint(written) or not {*inputs}.isdisjoint(written):
            raise _LayoutError("an operator that writes a constant or an input")
        known.update(written)
        calls += _check_options(file, operator)
    if not all(0 <= i < len(tensors) for i in chain(inputs, outputs)):
        raise _LayoutError("a subgraph with an unknown tensor")
    if not constant.isdisjoint(inputs) or not known.issuperset(outputs):
        raise _LayoutError("a subgraph with a constant input or an output that is not computed")
    return len(tensors), {*inputs}, calls


def _check_tensor(file: _File, tensor: dict[int, int], full: list[bool]) -> bool:
    """Check a tensor; return whether it is constant."""
    buffer, shape = file.scalar(tensor, 2, "<I"), file.integers(tensor, 0)
    if buffer >= len(full):
        raise _LayoutError("a tensor without a buffer")
    if SPARSE in tensor or VARIANTS in tensor:
        raise _LayoutError("a sparse tensor or one of variants")
    width = WIDTHS.get(file.scalar(tensor, 1, "<b"), 1)
    if min(shape, default=0) < 0 or (not full[buffer] and math.prod(shape) * width > LARGEST):
        raise _LayoutError(f"a tensor of shape {str(shape)[:80]}")
    return full[buffer]


def _check_options(file: _File, operator: dict[int, int]) -> list[int]:
    """Check the options of an operator; return the subgraphs that it calls."""
    called: list[int] = []
    for kind_slot, slot, slots in ((3, 4, OPTIONS), (11, 12, OPTIONS_2)):
        if slot not in operator:
            continue
        kind = file.scalar(operator, kind_slot, "<B")
        options = file.fields(file.follow(operator[slot]))
        _walk(file, options, slots.get(kind, {}))
        if slots is OPTIONS:
            called += [file.scalar(options, at) for at in CALLS.get(kind, ())]
    return called


def _check_calls(calls: list[list[int]]) -> None:
    """Check that subgraphs call existing ones, and none itself by way of others."""
    if any(not 0 <= called < len(calls) for called in chain(*calls)):
        raise _LayoutError("an operator that calls a missing subgraph")
    done: set[int] = set()
    for _ in range(DEEPEST):  # each pass adds the subgraphs whose calls are all known
        done |= {i for i, called in enumerate(calls) if i not in done and done.issuperset(called)}
    if len(done) < len(calls):
        raise _LayoutError("subgraphs that call themselves, or too deep")
