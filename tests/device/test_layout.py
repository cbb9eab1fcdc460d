"""Tests of the layout of `.tflite` files: what native code would follow out of the file is refused before."""

import copy
import re
import subprocess
import sys
import time
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from adding_model import ADD, with_constant
from ai_edge_litert import schema_py_generated as schema

from mmzoo.device import Runner
from mmzoo.device.layout import check_layout
from mmzoo.errors import BadInputError
from mmzoo.tflite import flatbuffer

ROOT = Path(__file__).resolve().parents[2]


def refused(content):
    with pytest.raises(ValueError, match=r"^m\.tflite: expected .* Received: .") as caught:
        check_layout(content, "m.tflite")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(change):
    """Return the bytes of a model after `change(model, subgraph)`."""
    model = copy.deepcopy(with_constant(ADD, 2.0, inputs=("x", "z")))
    change(model, model.subgraphs[0])
    return flatbuffer.pack(model)


def calling(model, graph):
    """Let the subgraph call itself."""
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=schema.BuiltinOperator.WHILE))
    options = schema.WhileOptionsT(condSubgraphIndex=0, bodySubgraphIndex=0)
    made = schema.OperatorT(opcodeIndex=1, inputs=[0], outputs=[len(graph.tensors)])
    made.builtinOptionsType, made.builtinOptions = schema.BuiltinOptions.WhileOptions, options
    graph.tensors.append(schema.TensorT(shape=[1, 4], name="loop"))
    graph.operators.append(made)


CHANGES = {
    "a signature of subgraph 7 of 1": lambda m, g: setattr(m.signatureDefs[0], "subgraphIndex", 7),
    "a signature with another input": lambda m, g: setattr(m.signatureDefs[0].inputs[0], "tensorIndex", 2),
    "a signature with an unknown output": lambda m, g: setattr(m.signatureDefs[0].outputs[0], "tensorIndex", 99),
    "an operator with an unknown tensor": lambda m, g: setattr(g.operators[0], "inputs", [0, 99]),
    "an operator without a code": lambda m, g: setattr(g.operators[0], "opcodeIndex", 5),
    "no operator before it computes": lambda m, g: setattr(g.operators[0], "inputs", [0, 4]),
    "writes a constant or an input": lambda m, g: setattr(g.operators[0], "outputs", [2]),
    "a subgraph with an unknown tensor": lambda m, g: setattr(g, "outputs", [-3]),
    "an output that is not computed": lambda m, g: g.operators.pop(),
    "a tensor without a buffer": lambda m, g: setattr(g.tensors[0], "buffer", 77),
    "metadata without a buffer": lambda m, g: setattr(m.metadata[0], "buffer", 77),
    r"a tensor of shape \[1, 2147483647\]": lambda m, g: setattr(g.tensors[0], "shape", [1, 2**31 - 1]),
    r"a tensor of shape \[-1, 4\]": lambda m, g: setattr(g.tensors[0], "shape", [-1, 4]),
    "a sparse tensor": lambda m, g: setattr(g.tensors[0], "sparsity", schema.SparsityParametersT()),
    "weights in other files": lambda m, g: setattr(m, "externalBuffers", [schema.ExternalBufferT()]),
    "subgraphs that call themselves": calling,
    "no subgraph": lambda m, g: setattr(m, "subgraphs", []),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_model_that_breaks_a_rule_is_refused(reason):
    assert re.search(reason, refused(changed(CHANGES[reason])))


def test_published_models_pass():
    paths = sorted((ROOT / "saved_models").glob("*/*.tflite"))
    for path in paths:
        check_layout(path.read_bytes(), str(path))
    assert len(paths) > 20


def shared_subgraphs(count, distinct=1):
    """Return a file whose list of subgraphs names each of `distinct` ones `count // distinct` times."""
    builder = flatbuffers.Builder(8 * count)
    tables = []
    for _ in range(distinct):
        builder.StartObject(5)
        tables.append(builder.EndObject())
    builder.StartVector(4, count, 4)
    for i in range(count):
        builder.PrependUOffsetTRelative(tables[i % distinct])
    listed = builder.EndVector()
    builder.StartObject(8)
    builder.PrependUOffsetTRelativeSlot(2, listed, 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    return bytes(builder.Output())


def test_shared_subgraphs_are_refused_at_once(tmp_path):
    path = tmp_path / "shared.tflite"
    path.write_bytes(shared_subgraphs(100_000))
    assert 400_000 < path.stat().st_size < 420_000
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"shared\.tflite: .* a part of it is named twice"):
        Runner(path)
    with pytest.raises(BadInputError, match="named twice"):
        flatbuffer.read(path)
    assert time.monotonic() - began < 5


def test_every_cut_is_refused_and_no_offset_raises_anything_else():
    content = changed(lambda model, graph: None)
    for size in range(0, len(content), 7):
        refused(content[:size])
    passed = 0
    for at in range(0, len(content) - 4, 4):  # any 32 bits as an offset or index out of the file
        for value in (2**31 - 1, 2**32 - 1, 2**30):
            try:
                check_layout(content[:at] + value.to_bytes(4, "little") + content[at + 4 :])
                passed += 1  # bytes of constants, names and padding
            except ValueError:
                pass
    assert passed < len(content) / 4 * 3 / 2


CRASHING = """
import sys
from mmzoo.device import Runner
try:
    Runner(sys.argv[1])
except ValueError as error:
    print(error)
"""


def test_missing_subgraph_does_not_end_the_process(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(changed(CHANGES["a signature of subgraph 7 of 1"]))
    done = subprocess.run([sys.executable, "-c", CRASHING, str(path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{path}: expected a whole .tflite file. Received: {path.stat().st_size} bytes, truncated or not valid: "
        "a signature of subgraph 7 of 1"
    ]


def test_tensors_that_fit_alone_but_not_together_are_refused(tmp_path):
    def widen(model, graph):
        for tensor in graph.tensors:
            tensor.shape = [4] if tensor.buffer else [2**26, 4]

    path = tmp_path / "wide.tflite"
    path.write_bytes(changed(widen))
    with pytest.raises(ValueError, match=r"wide\.tflite: expected tensors of at most 2 GB. Received: 4 GB"):
        Runner(path)


def test_constants_keep_their_values():
    x = np.ones((1, 4), np.float32)
    content = changed(lambda model, graph: None)
    check_layout(content)
    from ai_edge_litert.interpreter import Interpreter

    answer = Interpreter(model_content=content).get_signature_runner()(x=x, z=x)["y"]
    np.testing.assert_array_equal(answer, np.full((1, 4), 4, np.float32))
