"""Tests of TFLite files as objects: round trips, joined models, truncated files."""

import numpy as np
import pytest
from adding_model import ADD, MUL, with_constant
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from mmzoo.errors import BadInputError
from mmzoo.tflite import flatbuffer


def run(model, **inputs):
    return Interpreter(model_content=flatbuffer.pack(model)).get_signature_runner()(**inputs)


X = np.array([[1.0, -2.0, 3.0, 0.5]], np.float32)


def test_read_written_model_is_equal_and_runs(tmp_path):
    model = with_constant(ADD, 2.0)
    flatbuffer.set_metadata(model, "mmzoo_card", b"replaced below")
    flatbuffer.set_metadata(model, "mmzoo_card", '{"a": "é"}'.encode())
    flatbuffer.write(model, tmp_path / "m.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]
    again = flatbuffer.read(tmp_path / "m.tflite")
    assert flatbuffer.get_metadata(again, "mmzoo_card").decode() == '{"a": "é"}'
    assert flatbuffer.get_metadata(again, "else") is None
    assert [tensor.name for tensor in again.subgraphs[0].tensors] == ["t_x", "constant", "sum1"]
    assert again.signatureDefs[0].inputs[0].name == "x"
    np.testing.assert_array_equal(run(again, x=X)["y"], X + 2)


def test_pack_any_buffer_starts_on_multiple_of_16():
    model = with_constant(ADD, 2.0)
    for size in (1, 3, 17):
        flatbuffer.set_metadata(model, f"of {size}", b"x" * size)
    data = flatbuffer.pack(model)
    table = schema.Model.GetRootAs(data, 0)
    buffers = [table.Buffers(i) for i in range(table.BuffersLength())]
    starts = [b._tab.Vector(b._tab.Offset(4)) for b in buffers if b.DataLength()]
    assert len(starts) == 5
    assert all(start % 16 == 0 for start in starts)


def test_parse_buffers_after_flatbuffer_are_loaded():
    model = with_constant(ADD, 2.0)
    data = model.buffers[1].data
    model.buffers[1] = schema.BufferT(offset=10**6, size=data.size)
    model.buffers[1].offset = len(flatbuffer.pack(model))
    packed = flatbuffer.pack(model) + data.tobytes()
    np.testing.assert_array_equal(run(flatbuffer.parse(packed), x=X)["y"], X + 2)
    with pytest.raises(BadInputError, match="truncated"):
        flatbuffer.parse(packed[:-1])


def test_read_file_truncated_anywhere_raises(tmp_path):
    data = flatbuffer.pack(with_constant(ADD, 2.0))
    for size in range(len(data)):
        (tmp_path / "cut.tflite").write_bytes(data[:size])
        with pytest.raises(BadInputError, match=r"cut\.tflite: expected .* Received: \d+ bytes"):
            flatbuffer.read(tmp_path / "cut.tflite")


def test_read_other_file_raises_one_line(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"an image, perhaps" * 9)
    for name in ("m.tflite", "none.tflite", "."):
        with pytest.raises(BadInputError, match=r"expected a \.tflite file") as caught:
            flatbuffer.read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_op_name_any_code_returns_name():
    model = with_constant(ADD, 2.0, inputs=("x", "z"))
    assert flatbuffer.operators(model) == {"ADD": 2}
    codes = schema.BuiltinOperator
    model.operatorCodes = [
        schema.OperatorCodeT(deprecatedBuiltinCode=codes.MUL, builtinCode=0),  # as in files from before 2020
        schema.OperatorCodeT(deprecatedBuiltinCode=127, builtinCode=codes.GELU),
        schema.OperatorCodeT(codes.CUSTOM, builtinCode=codes.CUSTOM, customCode="FlexErf"),
        schema.OperatorCodeT(deprecatedBuiltinCode=127, builtinCode=5000),
    ]
    names = [flatbuffer.op_name(model, schema.OperatorT(opcodeIndex=i)) for i in range(4)]
    assert names == ["MUL", "GELU", "FlexErf", "BUILTIN_5000"]


def test_join_linked_models_computes_composition():
    front = with_constant(ADD, 2.0, output="made", version=b"1.14.0")
    back = with_constant(MUL, 3.0, inputs=("taken", "z"), output="answer")
    joined = flatbuffer.parse(flatbuffer.pack(flatbuffer.join(front, back, {"taken": "made"})))
    z = X[:, ::-1].copy()
    np.testing.assert_array_equal(run(joined, x=X, z=z)["answer"], (X + 2) * z * 3)
    made = run(front, x=X)["made"]
    np.testing.assert_array_equal(run(joined, x=X, z=z)["answer"], run(back, taken=made, z=z)["answer"])
    assert flatbuffer.operators(joined) == {"ADD": 1, "MUL": 2}
    assert flatbuffer.get_metadata(joined, "min_runtime_version").strip(b"\0") == b"1.14.0"
    assert flatbuffer.operators(front) == {"ADD": 1}  # the arguments are not changed


def test_join_equal_input_names_are_shared():
    front = with_constant(ADD, 2.0, output="made")
    back = with_constant(MUL, 3.0, inputs=("taken", "x"), output="answer")
    joined = flatbuffer.join(front, back, {"taken": "made"})
    assert len(joined.subgraphs[0].inputs) == 1
    np.testing.assert_array_equal(run(joined, x=X)["answer"], (X + 2) * X * 3)


def test_join_incompatible_models_raises():
    front, back = with_constant(ADD, 2.0, output="made"), with_constant(MUL, 3.0, inputs=("taken",))
    with pytest.raises(ValueError, match=r"Received: \['taken <- lost'\]"):
        flatbuffer.join(front, back, {"taken": "lost"})
    back.subgraphs[0].tensors[0].shape = [1, 5]
    with pytest.raises(ValueError, match="t_taken differ in type or shape"):
        flatbuffer.join(front, back, {"taken": "made"})
    back.signatureDefs = None
    with pytest.raises(ValueError, match="one signature"):
        flatbuffer.join(front, back, {"taken": "made"})
