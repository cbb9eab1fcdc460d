"""A Keras model as its file holds it and as its device runs it, for tests of parts."""

import json
import zipfile

import keras
import numpy as np

from mmzoo.artifacts.runtimes import predictor
from mmzoo.device.quiet import quiet
from mmzoo.export.convert import save_model, to_tflite
from mmzoo.models.transfer import read_model
from mmzoo.tflite import flatbuffer
from mmzoo.verification.table import table
from mmzoo.verification.verify import verify


def randomize(model, seed=0):
    """Give every weight and moving average of `model` a value that hides nothing: fresh ones are often 0 or 1."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        value = rng.normal(0, 0.3, weight.shape)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value + ("gamma" in weight.path))


def check_on_device(model, inputs, folder, gpu, tolerance=1e-4):
    """Assert that `model`, with a dict of outputs, exported to TFLite, answers as Keras on the CPU and the GPU.

    `inputs` are `{name: (K, ...)}`. Returns the operators of the file.
    """
    with quiet():
        save_model(folder / "saved", model, batch=1)
        tflite = to_tflite(folder / "saved", "float32")
    path = folder / "model.tflite"
    flatbuffer.write(tflite, path)
    reference = model(inputs, training=False)
    answer = predictor(path)(inputs)
    for name, expected in reference.items():
        expected = np.asarray(expected)
        assert np.ptp(expected) > 0, f"{name} is constant and would hide an error"
        assert np.abs(answer[name] - expected).max() <= tolerance * np.abs(expected).max(), name
    report = verify(path, require_gpu=True, seeds=2)
    assert report["exit_code"] == 0, table(report)
    return flatbuffer.operators(tflite)


def reread(layer, samples, folder):
    """Return a model of `layer` alone on waveforms of `samples`, and the same from its file.

    Asserts that the file holds neither the constants of the layer nor weights.
    """
    x = keras.Input((samples,), name="audio")
    model, path = keras.Model(x, layer(x)), folder / "m.keras"
    model.save(path)
    config = zipfile.ZipFile(path).read("config.json")
    assert len(config) < 5_000
    json.loads(config)
    again = read_model(path)
    assert not again.weights
    return model, again
