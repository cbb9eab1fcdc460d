"""The converters' edges: no front end, a shared input, foreign operators, what is said and when."""

import itertools
import os

import keras
import numpy as np
import pytest
from keras import layers

from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.decode.text import encode_bytes
from mmzoo.encoders.text_conv import text_conv
from mmzoo.export import writer as verb
from mmzoo.export.convert import has_onnx, quiet, save_model, to_tflite
from mmzoo.export.quantize import split, tflite_models
from mmzoo.tflite import flatbuffer


def encoder(name="encoder", front_end="front_end"):
    x = keras.Input((8, 8, 1), dtype="uint8")
    y = layers.Conv2D(4, 3, name="conv")(layers.Rescaling(1 / 255, name=front_end)(x))
    return keras.Model(x, layers.Flatten()(y), name=name)


def on_dict(build, *names):
    x = {name: keras.Input((8, 8, 1), dtype="uint8", name=name) for name in names}
    return keras.Model(x, {"y": layers.Dense(3)(build(x))})


def test_without_a_front_end_all_is_quantized():
    model = on_dict(lambda x: encoder(front_end="scale")(x["image"]), "image")
    assert split(model) is None
    calibration = {"image": np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)}
    tflite = tflite_models(model, ["int8"], calibration)["int8"]
    types = {tensor.type for tensor in tflite.subgraphs[0].tensors if tensor.name.endswith("convolution")}
    assert types == {9}
    assert flatbuffer.operators(tflite)["QUANTIZE"] >= 1


def test_a_shared_encoder_is_cut_for_each_of_its_inputs():
    shared = encoder()
    model = on_dict(lambda x: layers.Concatenate()([shared(x["left"]), shared(x["right"])]), "left", "right")
    front, back = split(model)
    rng = np.random.default_rng(0)
    x = {name: rng.integers(0, 256, (2, 8, 8, 1), dtype=np.uint8) for name in ("left", "right")}
    np.testing.assert_allclose(back(front(x))["y"], model(x)["y"], atol=1e-6)
    np.testing.assert_allclose(front(x)["left"], x["left"] / 255, atol=1e-6)


@pytest.mark.parametrize("front_end", ["front_end", "scale"])
def test_a_rescaling_at_the_end_stays_float(front_end, tmp_path):
    """Years: the range of an int8 tensor holds 0, so that a step of it would be 8 of them."""
    x = {"image": keras.Input((8, 8, 1), dtype="uint8", name="image")}
    hidden = layers.Dense(4, name="hidden")(encoder(front_end=front_end)(x["image"]))
    year = layers.Rescaling(5.0, 2000.0, name="value")(layers.Dense(1)(layers.ReLU()(hidden)))
    model = keras.Model(x, {"value": year, "hidden": hidden})
    given = {"image": np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)}
    exact = model(given)
    for precision, tflite in tflite_models(model, ["float32", "dynamic", "int8"], given).items():
        flatbuffer.write(tflite, tmp_path / f"{precision}.tflite")
        answer = predictor(tmp_path / f"{precision}.tflite")(given)
        assert set(answer) == {"value", "hidden"}
        far = 1e-3 if precision == "float32" else 0.05 * np.ptp(exact["value"])
        np.testing.assert_allclose(answer["value"], exact["value"], atol=far, rtol=0)
        np.testing.assert_allclose(answer["hidden"], exact["hidden"], atol=0.05 * np.ptp(exact["hidden"]), rtol=0)


def test_text_that_also_tells_its_padding_is_not_cut(tmp_path):
    """Its encoder takes the ids twice, for vectors and for the mask; the picture beside it is cut as ever."""
    x = {"image": keras.Input((8, 8, 1), dtype="uint8", name="image")}
    x["text"] = keras.Input((8,), dtype="int32", name="text")
    joined = layers.Concatenate()([encoder()(x["image"]), text_conv(8, 16, units=8, name="text_encoder")(x["text"])])
    model = keras.Model(x, {"y": layers.Dense(3)(joined)})
    front, back = split(model)
    assert list(front.input) == ["image"]
    rng = np.random.default_rng(0)
    given = {
        "image": rng.integers(0, 256, (16, 8, 8, 1), dtype=np.uint8),
        "text": encode_bytes(["seven", "one"] * 8, 8),
    }
    prepared = np.asarray(front({"image": given["image"]})["image"])
    cut = back({**given, "image": prepared})["y"]
    np.testing.assert_allclose(cut, model(given)["y"], atol=1e-6)
    flatbuffer.write(tflite_models(model, ["dynamic"], given)["dynamic"], tmp_path / "m.tflite")
    one = {name: value[:1] for name, value in given.items()}
    np.testing.assert_allclose(predictor(tmp_path / "m.tflite")(one)["y"], model(one)["y"], atol=0.02)


def test_an_input_with_a_front_end_and_another_use_is_refused():
    flat = layers.Flatten()
    model = on_dict(lambda x: layers.Concatenate()([encoder()(x["image"]), flat(x["image"])]), "image")
    with pytest.raises(ValueError, match=r"Received: shared=\['image'\]"):
        split(model)


def test_a_sum_of_two_embeddings_of_batch_1_loses_its_squeeze(tmp_path):
    x = {name: keras.Input((6,), name=name) for name in ("a", "b")}
    model = keras.Model(x, {"y": layers.Dense(2)(layers.Dense(6)(x["a"]) + layers.ReLU()(x["b"]))})
    with quiet():
        save_model(tmp_path / "m", model, batch=1)
        tflite = to_tflite(tmp_path / "m", "float32")
    assert "RESHAPE" not in flatbuffer.operators(tflite)
    from ai_edge_litert.interpreter import Interpreter

    rng = np.random.default_rng(0)
    given = {name: rng.normal(size=(1, 6)).astype(np.float32) for name in x}
    answer = Interpreter(model_content=flatbuffer.pack(tflite)).get_signature_runner()(**given)
    np.testing.assert_allclose(answer["y"], model(given)["y"], atol=1e-5)


def test_an_operator_that_tflite_lacks_is_named(tmp_path, capfd):
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, {"y": keras.ops.erf(x)})
    save_model(tmp_path / "m", model, batch=1)
    with pytest.raises(ValueError, match=r"built-in operators alone\. Received: \['tf\.Erf'\]"):
        to_tflite(tmp_path / "m", "float32")


def test_quiet_holds_back_and_shows_on_failure(capfd):
    def convert(fail):
        with quiet():
            os.write(2, b"chatter\n")
            return 1 // (not fail)

    convert(fail=False)
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        convert(fail=True)
    assert capfd.readouterr().err == "chatter\n"


def test_onnx_needs_its_packages(monkeypatch):
    assert has_onnx()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not has_onnx()


def test_calibration_takes_no_more_than_asked():
    endless = (({"image": np.full((7, 2), i), "y": 0}, np.zeros(7)) for i in itertools.count())
    taken = verb.calibration_examples(endless, ["image"], 16)
    assert taken["image"][:, 0].tolist() == [0] * 7 + [1] * 7 + [2] * 2


def test_a_failure_leaves_the_old_file(tmp_path):
    (tmp_path / "labels.txt").write_text("old")

    def fail(path):
        path.write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        verb._put(tmp_path / "labels.txt", fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("labels.txt", "old")]
