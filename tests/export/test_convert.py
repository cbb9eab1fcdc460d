"""Tests of conversion: missing front ends, shared inputs, unsupported operators, suppressed output."""

import itertools
import os

import keras
import numpy as np
import pytest
from keras import layers

from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.decode.text import encode_bytes
from mmzoo.device.quiet import quiet
from mmzoo.encoders.text_conv import text_conv
from mmzoo.export import writer as verb
from mmzoo.export.convert import has_onnx, save_model, to_tflite
from mmzoo.export.quantize import split, tflite_models
from mmzoo.tflite import flatbuffer


def encoder(name="encoder", front_end="front_end"):
    x = keras.Input((8, 8, 1), dtype="uint8")
    y = layers.Conv2D(4, 3, name="conv")(layers.Rescaling(1 / 255, name=front_end)(x))
    return keras.Model(x, layers.Flatten()(y), name=name)


def on_dict(build, *names):
    x = {name: keras.Input((8, 8, 1), dtype="uint8", name=name) for name in names}
    return keras.Model(x, {"y": layers.Dense(3)(build(x))})


def test_tflite_models_without_front_end_quantizes_all():
    model = on_dict(lambda x: encoder(front_end="scale")(x["image"]), "image")
    assert split(model) is None
    calibration = {"image": np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)}
    tflite = tflite_models(model, ["int8"], calibration)["int8"]
    types = {tensor.type for tensor in tflite.subgraphs[0].tensors if tensor.name.endswith("convolution")}
    assert types == {9}
    assert flatbuffer.operators(tflite)["QUANTIZE"] >= 1


def test_split_shared_encoder_splits_each_input():
    shared = encoder()
    model = on_dict(lambda x: layers.Concatenate()([shared(x["left"]), shared(x["right"])]), "left", "right")
    front, back = split(model)
    rng = np.random.default_rng(0)
    x = {name: rng.integers(0, 256, (2, 8, 8, 1), dtype=np.uint8) for name in ("left", "right")}
    np.testing.assert_allclose(back(front(x))["y"], model(x)["y"], atol=1e-6)
    np.testing.assert_allclose(front(x)["left"], x["left"] / 255, atol=1e-6)


@pytest.mark.parametrize("front_end", ["front_end", "scale"])
def test_tflite_models_final_rescaling_stays_float(front_end, tmp_path):
    """Check on years: an int8 range includes 0, so one step would be 8 years."""
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


def test_split_text_encoder_with_padding_mask_is_not_split(tmp_path):
    """Check that only the image encoder is split: the text encoder uses the ids for embeddings and mask."""
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
    rejoined = back({**given, "image": prepared})["y"]
    np.testing.assert_allclose(rejoined, model(given)["y"], atol=1e-6)
    flatbuffer.write(tflite_models(model, ["dynamic"], given)["dynamic"], tmp_path / "m.tflite")
    one = {name: value[:1] for name, value in given.items()}
    np.testing.assert_allclose(predictor(tmp_path / "m.tflite")(one)["y"], model(one)["y"], atol=0.02)


def test_split_front_end_input_with_other_consumers(tmp_path):
    """Check an input of two encoders with front ends and of a layer without one."""
    flat, first, second = layers.Flatten(), encoder("first"), encoder("second")
    model = on_dict(
        lambda x: layers.Concatenate()(
            [first(x["image"]), second(x["image"]), flat(layers.Rescaling(1 / 99)(x["image"]))]
        ),
        "image",
    )
    front, back = split(model)
    assert [*front.input] == ["image"]
    assert [*front.output] == ["image_first", "image_second"]
    assert [*back.input] == ["image", "image_first", "image_second"]
    given = {"image": np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)}
    made = {name: np.asarray(x) for name, x in front(given).items()}
    np.testing.assert_allclose(back({**given, **made})["y"], model(given)["y"], atol=1e-6)
    one = {name: value[:1] for name, value in given.items()}
    for precision, tflite in tflite_models(model, ["float32", "dynamic", "int8"], given).items():
        flatbuffer.write(tflite, tmp_path / "m.tflite")
        far = {"float32": 1e-5}.get(precision, 0.05)
        np.testing.assert_allclose(predictor(tmp_path / "m.tflite")(one)["y"], model(one)["y"], atol=far)


def test_to_tflite_sum_of_batch_1_has_no_squeeze(tmp_path):
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


def test_to_tflite_unsupported_operator_is_named(tmp_path, capfd):
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, {"y": keras.ops.erf(x)})
    save_model(tmp_path / "m", model, batch=1)
    with pytest.raises(ValueError, match=r"only built-in operators\. Received: \['tf\.Erf'\]"):
        to_tflite(tmp_path / "m", "float32")


def test_quiet_shows_output_only_on_failure(capfd):
    def convert(fail):
        with quiet():
            os.write(2, b"chatter\n")
            return 1 // (not fail)

    convert(fail=False)
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        convert(fail=True)
    assert capfd.readouterr().err == "chatter\n"


def test_has_onnx_without_packages_is_false(monkeypatch):
    assert has_onnx()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not has_onnx()


def test_calibration_examples_returns_requested_count():
    endless = (({"image": np.full((7, 2), i), "y": 0}, np.zeros(7)) for i in itertools.count())
    taken = verb.calibration_examples(endless, ["image"], 16)
    assert taken["image"][:, 0].tolist() == [0] * 7 + [1] * 7 + [2] * 2


def test_put_failure_keeps_old_file(tmp_path):
    (tmp_path / "labels.txt").write_text("old")

    def fail(path):
        path.write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        verb._put(tmp_path / "labels.txt", fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("labels.txt", "old")]
