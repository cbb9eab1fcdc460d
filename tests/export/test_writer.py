"""Tests of the export of one small model with two front ends: every file against Keras."""

import itertools
import json
import types
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.compiled_model import CompiledModel
from keras import layers

from mmzoo.artifacts.card import Card, Data, Scores, Verification, embedded_values
from mmzoo.artifacts.folder import load_keras, sha256
from mmzoo.artifacts.golden import golden_examples, read_golden
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.artifacts.runtimes import predictor
from mmzoo.blocks.log_mel import LogMel
from mmzoo.commands import export as command
from mmzoo.commands.export import export_folder
from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn
from mmzoo.errors import BadInputError
from mmzoo.export import quantize
from mmzoo.export import writer as verb
from mmzoo.fusion.gated import gated
from mmzoo.models.late_fusion import late_fusion
from mmzoo.recipe import Export
from mmzoo.tflite import flatbuffer

FLOAT = ("saved_model", "model_float32.tflite", "model.onnx")
TFLITE = ("model_float32.tflite", "model_dynamic.tflite", "model_int8.tflite")
PATTERNS = tuple(itertools.product((1.0, 0.0), repeat=2))
SPEC = Export(labels=("a", "b", "é"), outputs={}, units={}, data={}, ranges={})
CARD = Card(
    recipe="small",
    task="classification",
    config={"seed": 3},
    labels=("a", "b", "é"),
    scores=Scores(artifacts={"model.keras": {"accuracy": 0.5}}),
)


def small_model():
    """Build a model with random weights and statistics; initial values would hide errors."""
    encoders = {
        "image": light_cnn((12, 12, 1), 16, widths=(8, 16), name="image_encoder"),
        "audio": log_mel_cnn(1000, 8000, 16, widths=(16, 16), name="audio_encoder"),
    }
    model = late_fusion(encoders, gated, layers.Dense(3, activation="softmax", name="probabilities"))
    rng = np.random.default_rng(0)
    for variable in model.variables:
        low, high = (0.5, 1.5) if "variance" in variable.path or "gamma" in variable.path else (-0.3, 0.3)
        variable.assign(rng.uniform(low, high, variable.shape))
    embedding = model.get_layer("embedding").output
    return keras.Model(model.input, {"probabilities": model.output, "embedding": embedding})


def examples(count, seed=0):
    rng = np.random.default_rng(seed)
    loudness = rng.uniform(0.01, 0.5, (count, 1))
    return {
        "image": rng.integers(0, 256, (count, 12, 12, 1), dtype=np.uint8),
        "audio": (rng.uniform(-1, 1, (count, 1000)) * loudness).astype(np.float32),
        "present": np.ones((count, 2), np.float32),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the exported folder (read only), its model, the result of export and the parts of each joined file."""
    folder, parts = tmp_path_factory.mktemp("export"), []
    keras.utils.set_random_seed(0)
    model = small_model()
    model.save(folder / "model.keras")

    def keep_parts(front, back, links):
        parts.append((front, back))
        return join(front, back, links)

    join = flatbuffer.join
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize.flatbuffer, "join", keep_parts)
        golden = golden_examples(examples(40, 1), np.arange(40) % 3)
        written = verb.export(model, folder, SPEC, examples(48), golden, replace(CARD, history={"loss": [1.0]}))
    return types.SimpleNamespace(folder=folder, model=model, written=written, parts=parts)


def test_export_folder_holds_all_files_and_tables_list_them(made):
    names = ["golden.npz", "labels.txt", "model.keras", "model.onnx", "saved_model", *TFLITE]
    assert sorted(path.name for path in made.folder.iterdir()) == sorted(names)
    assert sorted(made.written.files) == sorted(names)
    for name, entry in made.written.files.items():
        assert entry.sha256 == sha256(made.folder / name)
        assert entry.bytes > 0
    assert made.written.history == {"loss": [1.0]}
    assert sorted(made.written.operators) == sorted(TFLITE)
    assert (made.folder / "labels.txt").read_text(encoding="utf-8") == "a\nb\né\n"


def test_export_without_labels_writes_no_file_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "tflite_models", lambda *_: {})
    monkeypatch.setattr(verb, "save_model", lambda path, _: path.mkdir())
    monkeypatch.setattr(verb, "has_onnx", lambda: False)
    monkeypatch.setattr(verb, "write_golden", lambda path, *_: path.write_bytes(b"x"))
    written = verb.export(None, tmp_path, replace(SPEC, labels=()), {}, ({}, np.zeros(0)), CARD)
    assert sorted(written.files) == ["golden.npz", "saved_model"]


def test_golden_examples_large_inputs_reduce_count():
    labels = np.arange(100)
    for samples, count in ((10, 32), (100_000, 4), (1_000_000, 1)):
        inputs = {"audio": np.broadcast_to(np.float32(0), (100, samples)), "present": np.zeros((100, 1), np.float32)}
        chosen, kept = golden_examples(inputs, labels)
        assert chosen["audio"].shape == (count, samples)
        assert chosen["present"].min() == 1
        assert len(kept) == count


@pytest.mark.parametrize("name", FLOAT)
def test_export_float_artifacts_equal_keras(made, name):
    predict, x = predictor(made.folder / name), examples(6, 2)
    for pattern in PATTERNS:
        x["present"] = np.tile(np.array(pattern, np.float32), (6, 1))
        expected, received = made.model(x), predict(x)
        assert sorted(received) == ["embedding", "probabilities"]
        for output, want in expected.items():
            scale = np.abs(want).max()
            np.testing.assert_allclose(received[output], want, atol=1e-5 * scale, err_msg=f"{pattern}")


@pytest.mark.parametrize(("name", "tolerance"), [("model_dynamic.tflite", 0.05), ("model_int8.tflite", 0.15)])
def test_export_quantized_files_stay_close_for_any_subset(made, name, tolerance):
    predict, x = predictor(made.folder / name), examples(16, 2)
    for pattern in PATTERNS:
        x["present"] = np.tile(np.array(pattern, np.float32), (16, 1))
        expected, received = made.model(x), predict(x)
        for output, want in expected.items():
            error = np.abs(received[output] - want).max() / np.abs(made.model(examples(16, 2))[output]).max()
            assert error < tolerance, (pattern, output)


def test_saved_model_loads_with_tensorflow_and_hub(made):
    import tensorflow_hub as hub

    x, expected = examples(3, 4), made.model(examples(3, 4))["probabilities"]
    for load in (tf.saved_model.load, hub.load):
        loaded = load(str(made.folder / "saved_model"))
        received = loaded.signatures["serving_default"](**{k: tf.constant(v) for k, v in x.items()})
        np.testing.assert_allclose(received["probabilities"], expected, atol=1e-6)


def test_saved_model_holds_each_weight_once(made):
    stored = tf.train.list_variables(str(made.folder / "saved_model/variables/variables"))
    shapes = [shape for name, shape in stored if name.endswith("VARIABLE_VALUE")]
    used = [v for v in made.model.variables if "seed" not in v.path]
    assert sum(int(np.prod(shape)) for shape in shapes) == sum(int(np.prod(v.shape)) for v in used)


@pytest.mark.parametrize("name", TFLITE)
def test_export_tflite_has_named_static_inputs_and_card(made, name):
    model = flatbuffer.read(made.folder / name)
    (sig,), (graph,) = model.signatureDefs, model.subgraphs
    tensors = {e.name: graph.tensors[e.tensorIndex] for e in [*sig.inputs, *sig.outputs]}
    shapes = {name: (*map(int, tensor.shape), tensor.type) for name, tensor in tensors.items()}
    float32, uint8 = schema.TensorType.FLOAT32, schema.TensorType.UINT8
    assert shapes == {
        "image": (1, 12, 12, 1, uint8),
        "audio": (1, 1000, float32),
        "present": (1, 2, float32),
        "probabilities": (1, 3, float32),
        "embedding": (1, 16, float32),
    }
    assert sig.signatureKey == "serving_default"
    assert not any(code.customCode for code in model.operatorCodes)
    about = json.loads(flatbuffer.get_metadata(model, "mmzoo_card"))
    assert about == embedded_values(CARD)
    assert {key: about[key] for key in ("recipe", "task", "config", "labels", "inputs", "outputs")} == {
        "recipe": "small",
        "task": "classification",
        "config": {"seed": 3},
        "labels": ["a", "b", "é"],
        "inputs": [],
        "outputs": [],
    }
    assert sorted(about) == ["config", "data", "inputs", "labels", "mmzoo", "outputs", "recipe", "task"]


@pytest.mark.parametrize("name", ["model_float32.tflite", "model_int8.tflite"])
def test_export_tflite_runs_in_compiled_model(made, name):
    model, x = CompiledModel.from_file(str(made.folder / name)), examples(1, 5)
    inputs = {n: model.create_input_buffer_by_name("serving_default", n) for n in x}
    output = model.create_output_buffer_by_name("serving_default", "probabilities")
    rest = model.create_output_buffer_by_name("serving_default", "embedding")
    for n, buffer in inputs.items():
        buffer.write(x[n])
    model.run_by_name("serving_default", inputs, {"probabilities": output, "embedding": rest})
    expected = predictor(made.folder / name)(x)["probabilities"][0]
    np.testing.assert_allclose(output.read(3, np.float32), expected, atol=0.01)


def weights_of(model, *names):
    """Return the constant second operands of the operators called `names`: `(type, array, tensor)`."""
    graph, found = model.subgraphs[0], []
    for op in graph.operators:
        if flatbuffer.op_name(model, op) not in names:
            continue
        tensor = graph.tensors[op.inputs[1]]
        if model.buffers[tensor.buffer].data is not None:
            dtype = np.float32 if tensor.type == schema.TensorType.FLOAT32 else np.int8
            array = np.asarray(model.buffers[tensor.buffer].data).view(dtype).reshape(tensor.shape)
            found.append((tensor.type, array, tensor))
    return found


@pytest.mark.parametrize("name", ["model_dynamic.tflite", "model_int8.tflite"])
def test_export_quantized_front_ends_stay_float32(made, name):
    layer = LogMel(8000, 200, 80, 40)
    layer.build((None, 1000))
    found = weights_of(flatbuffer.read(made.folder / name), "FULLY_CONNECTED", "BATCH_MATMUL")
    floats = [array for kind, array, _ in found if kind == schema.TensorType.FLOAT32]
    for constant in (layer.spectrum.even, layer.spectrum.odd, layer.mel):
        assert any(array.size == constant.size and np.allclose(array, constant.T) for array in floats)


def test_export_int8_convolutions_are_per_channel(made):
    model = flatbuffer.read(made.folder / "model_int8.tflite")
    convolutions = weights_of(model, "CONV_2D")
    assert len(convolutions) == 4
    for kind, array, tensor in convolutions:
        assert kind == schema.TensorType.INT8
        assert len(tensor.quantization.scale) == array.shape[0] > 1
    dense = weights_of(model, "FULLY_CONNECTED", "BATCH_MATMUL")
    assert sum(kind == schema.TensorType.FLOAT32 for kind, _, _ in dense) == 3  # the DFT in two, mel
    assert {"QUANTIZE", "DEQUANTIZE"} <= set(flatbuffer.operators(model))


def test_export_sums_have_no_rank_1_operand(made):
    for name in TFLITE:
        model = flatbuffer.read(made.folder / name)
        graph = model.subgraphs[0]
        made_by = {int(op.outputs[0]): flatbuffer.op_name(model, op) for op in graph.operators}
        for op in graph.operators:
            if flatbuffer.op_name(model, op) == "ADD":
                ranks = [len(graph.tensors[i].shape) for i in op.inputs if i in made_by]
                assert 1 not in ranks


@pytest.mark.parametrize("which", [0, 1])
def test_export_joined_file_equals_its_two_parts(made, tmp_path, which):
    front, back = made.parts[which]
    for name, part in (("front", front), ("back", back)):
        flatbuffer.write(part, tmp_path / f"{name}.tflite")
    x = examples(5, 6)
    x["present"][1:4] = PATTERNS[1:]
    prepared = predictor(tmp_path / "front.tflite")(x)
    assert sorted(prepared) == ["audio", "image"]
    expected = predictor(tmp_path / "back.tflite")(prepared | {"present": x["present"]})
    received = predictor(made.folder / ("model_dynamic.tflite", "model_int8.tflite")[which])(x)
    for output, want in expected.items():
        np.testing.assert_array_equal(received[output], want)


def test_export_golden_tensors_equal_keras(made):
    golden = read_golden(made.folder)
    inputs, labels = golden.inputs, golden.labels
    assert {name: x.shape[0] for name, x in inputs.items()} == {"image": 32, "audio": 32, "present": 32}
    assert inputs["present"].min() == 1
    assert len(labels) == 32
    with np.load(made.folder / "golden.npz") as arrays:
        np.testing.assert_allclose(arrays["output/embedding"], made.model(inputs)["embedding"], atol=1e-6)


def test_export_leaves_model_unchanged(made):
    assert made.model.get_layer("embedding").output is made.model.output["embedding"]


def test_load_keras_custom_layer_needs_no_registration(made):
    again = load_keras(made.folder)
    encoder = again.get_layer("audio_encoder")
    assert isinstance(encoder.get_layer("front_end"), LogMel)
    for output, want in made.model(examples(2)).items():
        np.testing.assert_allclose(again(examples(2))[output], want, atol=1e-6)


@pytest.fixture
def folder(made, tmp_path):
    """Return a folder with model, card and golden tensors, of a recipe that exports one precision."""
    for name in ("model.keras", "golden.npz"):
        (tmp_path / name).write_bytes((made.folder / name).read_bytes())
    (tmp_path / "model_float32.tflite").write_bytes(b"old")
    scores = replace(CARD.scores, artifacts={**CARD.scores.artifacts, "model_float32.tflite": {"accuracy": 0.25}})
    replace(CARD, verification=Verification(0), data=Data(license="CC0"), scores=scores).write(tmp_path)
    return tmp_path


def test_export_folder_updates_files_and_card(made, folder, monkeypatch, capsys):
    recipe = types.SimpleNamespace(
        export=lambda config: Export(SPEC.labels, {}, {}, {}, {}, precisions=("float32",)),
        dataset=lambda split, config, epoch=0: [(examples(8), np.zeros(8))],
    )
    monkeypatch.setattr(ModelFolder, "recipe", recipe)
    monkeypatch.setattr(ModelFolder, "config", lambda self, data_dir: None)
    monkeypatch.setattr(verb, "has_onnx", lambda: False)
    monkeypatch.setattr(command, "has_onnx", lambda: False)
    export_folder(folder)
    card = Card.read(folder)
    assert card.files["model_float32.tflite"].sha256 == sha256(folder / "model_float32.tflite")
    assert list(card.operators) == ["model_float32.tflite"]
    assert card.verification is None  # it was a verdict on another file
    assert card.scores == CARD.scores  # those of the file that has changed are dropped
    printed = capsys.readouterr()
    assert str(folder / "model_float32.tflite") in printed.out
    assert "pip install 'mmzoo[onnx]'" in printed.out
    assert not printed.err
    embedded = flatbuffer.get_metadata(flatbuffer.read(folder / "model_float32.tflite"), "mmzoo_card")
    assert json.loads(embedded)["data"] == {"license": "CC0"}


def test_export_folder_bad_input_raises(folder):
    with pytest.raises(BadInputError, match="expected a recipe"):
        export_folder(folder)
    (folder / "golden.npz").write_bytes(b"PK nonsense")
    with pytest.raises(BadInputError, match=r"golden\.npz: expected a whole zip archive.*golden tensors") as caught:
        read_golden(folder)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="no training examples"):
        verb.calibration_examples([], ["image"])
