"""Fixtures of the device tests: a small exported model, one example, a WAV writer."""

import json
import wave

import numpy as np
import pytest

LABELS = [f"digit {n}" for n in range(10)]


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Export a small random model of an image, a waveform and `present`, with an embedded card."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1), dtype="uint8", name="image")
    audio = keras.Input((8000,), name="audio")
    present = keras.Input((2,), name="present")
    seen = keras.layers.Dense(16)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image)))
    heard = keras.layers.Dense(16)(audio)
    joined = keras.layers.Concatenate()([seen, heard, 3.0 * present])
    embedding = keras.layers.Dense(16, activation="tanh")(joined)
    outputs = {
        "probabilities": keras.layers.Dense(10, activation="softmax")(embedding),
        "embedding": embedding,
    }
    inputs = {"image": image, "audio": audio, "present": present}
    path = tmp_path_factory.mktemp("runner") / "model_float32.tflite"
    spec = {k: keras.InputSpec(shape=(1, *v.shape[1:]), dtype=v.dtype, name=k) for k, v in inputs.items()}
    keras.Model(inputs, outputs).export(path, format="litert", input_signature=[spec], verbose=False)
    entries = [{"name": k, "unit": "a unit"} for k in inputs]
    entries[1] |= {"unit": "waveform at 8000 Hz, -1 to 1", "range": [-1, 1]}
    card = {"labels": LABELS, "inputs": entries}
    _embed(path, json.dumps(card).encode(), path)
    return path


def _embed(path, card, out):
    from mmzoo.tflite import flatbuffer

    content = flatbuffer.read(path)
    flatbuffer.set_metadata(content, "mmzoo_card", card)
    flatbuffer.write(content, out)


@pytest.fixture(scope="session")
def example():
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, (28, 28, 1), np.uint8),
        "audio": rng.uniform(-1, 1, 8000).astype(np.float32),
    }


def _write_wav(path, samples, width=2, rate=8000):
    """Write `(T,)` or `(T, channels)` samples in [-1, 1) as PCM of `width` bytes."""
    samples = np.asarray(samples, np.float64)
    samples = samples if samples.ndim == 2 else samples[:, None]
    whole = np.clip(np.rint(samples * 2.0 ** (8 * width - 1)), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    whole = whole.astype("<i8") + (128 if width == 1 else 0)
    with wave.open(str(path), "wb") as file:
        file.setparams((samples.shape[1], width, rate, 0, "NONE", ""))
        file.writeframes(whole.reshape(-1, 1).view(np.uint8)[:, :width].tobytes())
    return str(path)


@pytest.fixture(scope="session")
def write_wav():
    return _write_wav


@pytest.fixture(scope="session")
def embed():
    return _embed
