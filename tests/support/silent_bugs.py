"""Models that the GPU accelerator refuses or silently gets wrong, next to models that are right.

The forms are those that were seen to fail; the weights are random, since zeros and untrained statistics give
answers that do not move, on which no error shows.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from mmzoo.artifacts.folder import sha256

TOKENS, WIDTH, ROWS = 8, 16, 50


class Positions(layers.Layer):
    """Rank-1 gather, reshaped to `(B, T, D)`, plus learned positions: rule G2."""

    def build(self, shape):
        self.table = self.add_weight(shape=(ROWS, WIDTH), name="table")
        self.positions = self.add_weight(shape=(1, TOKENS, WIDTH), name="positions")

    def call(self, ids):
        rows = ops.take(self.table, ops.reshape(ids, (-1,)), axis=0)
        return ops.reshape(rows, (-1, TOKENS, WIDTH)) + self.positions

    def compute_output_shape(self, shape):
        return (shape[0], TOKENS, WIDTH)


class SafeLookup(Positions):
    """The same as a gather along axis 1 of `table[None]`, which is right."""

    def call(self, ids):
        return ops.take(self.table[None], ops.reshape(ids, (TOKENS,)), axis=1) + self.positions


class L2(layers.Layer):
    def call(self, x):
        return tf.nn.l2_normalize(x, -1)


class WithItself(layers.Layer):
    def call(self, x):
        return ops.matmul(x, ops.transpose(x, (0, 2, 1)))


def _ids(lookup) -> keras.Model:
    ids = layers.Input((TOKENS,), dtype="int32", name="ids")
    return keras.Model({"ids": ids}, {"y": lookup(ids)})


def _grouped(groups: int, filters: int, channels: int) -> keras.Model:
    x = layers.Input((8, 8, channels), name="x")
    return keras.Model({"x": x}, {"y": layers.Conv2D(filters, 3, groups=groups)(x)})


def _residual() -> keras.Model:
    x = layers.Input((TOKENS, WIDTH), name="x")
    s = layers.Dense(WIDTH)(x) + x
    return keras.Model({"x": x}, {"s": s, "y": layers.Dense(4)(ops.mean(s, 1))})


def _deep() -> keras.Model:
    """A wrong convolution in the middle of one of two branches."""
    x, z = layers.Input((8, 8, 8), name="x"), layers.Input((6,), name="z")
    y = layers.Conv2D(12, 1, name="before")(x)
    y = layers.ReLU()(layers.Conv2D(12, 3, groups=4, name="grouped")(y))
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1, name="after")(y))
    branch = layers.Dense(8, activation="tanh")(layers.Dense(8)(z))
    return keras.Model({"x": x, "z": z}, {"y": layers.Dense(4)(layers.Concatenate()([y, branch]))})


def _right() -> keras.Model:
    x, z = layers.Input((8, 8, 4), name="x"), layers.Input((6,), dtype="uint8", name="z")
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x))
    y = layers.Concatenate()([y, layers.Rescaling(1 / 255)(z)])
    return keras.Model({"x": x, "z": z}, {"y": layers.Dense(4)(y), "hidden": layers.Dense(5)(y)})


def _dense_of(layer, shape: tuple) -> keras.Model:
    x = layers.Input(shape, name="x")
    return keras.Model({"x": x}, {"y": layer(layers.Dense(8)(x))})


MODELS = {
    "right": _right,
    "right_ids": lambda: _ids(SafeLookup()),
    "g1": lambda: _ids(layers.Embedding(ROWS, 8)),
    "g2": lambda: _ids(Positions()),
    "g4": lambda: _grouped(4, 12, 12),
    "g6": lambda: _dense_of(WithItself(), (4, 8)),
    "g9": lambda: _dense_of(L2(), (16,)),
    "g11": _residual,
    "deep": _deep,
}


def randomize(model: keras.Model, seed: int = 0) -> keras.Model:
    """Give every weight random values of a realistic size."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        low = 0.5 if "variance" in weight.path else 0.0
        values = np.abs(rng.normal(size=weight.shape)) if low else rng.normal(size=weight.shape)
        weight.assign(low + values * (0.05 if "bias" in weight.path else 0.3))
    return model


def signature(model: keras.Model, batch: int | None = 1) -> list[dict]:
    """Return the input signature that fixes the batch."""
    specs = {n: keras.InputSpec(shape=(batch, *x.shape[1:]), dtype=x.dtype, name=n) for n, x in model.input.items()}
    return [specs]


def export(model: keras.Model, path: Path, batch: int | None = 1) -> Path:
    """Write `model` as a float32 `.tflite`."""
    model.export(path, format="litert", input_signature=signature(model, batch), verbose=False)
    return path


def convert(path: Path, function: Callable, shape: tuple[int, ...]) -> Path:
    """Write `function` of one float32 input `x` as a `.tflite`."""
    spec = tf.TensorSpec(shape, tf.float32, name="x")
    traced = tf.function(function).get_concrete_function(spec)
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert())
    return path


def export_all(folder: Path) -> dict[str, Path]:
    """Write every model of this file; return `{name: path}`."""
    made = {name: export(randomize(build()), folder / f"{name}.tflite") for name, build in MODELS.items()}
    return made | {"dynamic": export(randomize(_right()), folder / "dynamic.tflite", batch=None)}


def two_modalities() -> keras.Model:
    """A picture and a wave, `present`, an embedding and probabilities: a published model in small."""
    image = layers.Input((8, 8, 1), dtype="uint8", name="image")
    wave = layers.Input((128,), name="audio")
    present = layers.Input((2,), name="present")
    a = layers.Conv2D(8, 3, use_bias=False)(layers.Rescaling(1 / 255)(image))
    a = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization()(a)))
    b = layers.Conv1D(12, 16, strides=8, activation="relu")(layers.Reshape((128, 1))(wave))
    b = layers.Dense(8)(layers.Flatten()(layers.Conv1D(8, 3, activation="relu")(b)))
    parts = [a * present[:, 0:1], b * present[:, 1:2]]
    embedding = layers.Dense(16, name="embedding")(layers.Concatenate()(parts))
    y = layers.Dense(5, activation="softmax", name="probabilities")(layers.ReLU()(embedding))
    inputs = {"image": image, "audio": wave, "present": present}
    return keras.Model(inputs, {"probabilities": y, "embedding": embedding})


def quantized(model: keras.Model, examples: dict, full: bool) -> bytes:
    """Return `model` as a dynamic or, with `full`, an int8 `.tflite` with the inputs and outputs it has."""
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, input_signature=signature(model), verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if full:
            rows = range(len(next(iter(examples.values()))))
            converter.representative_dataset = lambda: ({n: a[k][None] for n, a in examples.items()} for k in rows)
        return converter.convert()


def export_folder(folder: Path) -> Path:
    """Write the artifacts of `two_modalities` as `train` lays them out."""
    model, rng = randomize(two_modalities()), np.random.default_rng(1)
    golden = {
        "image": rng.integers(0, 256, (8, 8, 8, 1), dtype=np.uint8),
        "audio": rng.uniform(-1, 1, (8, 128)).astype(np.float32),
        "present": np.ones((8, 2), np.float32),
    }
    answers = model.predict_on_batch(golden)
    model.save(folder / "model.keras")
    model.export(folder / "saved_model", verbose=False)
    model.export(folder / "model.onnx", format="onnx", input_signature=signature(model), verbose=False)
    export(model, folder / "model_float32.tflite")
    stored = {f"input/{n}": a for n, a in golden.items()} | {f"output/{n}": a for n, a in answers.items()}
    np.savez(folder / "golden.npz", label=np.zeros(8, np.int64), **stored)
    ranges = {"image": [0, 255], "audio": [-1, 1], "present": [0, 1]}
    inputs = [
        {"name": name, "shape": [1, *golden[name].shape[1:]], "dtype": str(golden[name].dtype), "range": ends}
        for name, ends in ranges.items()
    ]
    files = {"saved_model": {"bytes": 1, "sha256": sha256(folder / "saved_model")}}
    (folder / "card.json").write_text(json.dumps({"recipe": "two_modalities", "inputs": inputs, "files": files}))
    return folder
