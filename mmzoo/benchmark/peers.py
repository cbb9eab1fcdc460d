"""Reference models of the benchmark as `.tflite` files: known architectures and log-mel front ends."""

import os
import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.data.tables.rows import cache_folder
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import keras

PIXELS = 96
_NAME = re.compile(r"mobilenet_(v1|v2|v3_small|v3_large)(?:_(\d{3}))?")
_BUILDERS = {
    "v1": "MobileNet",
    "v2": "MobileNetV2",
    "v3_small": "MobileNetV3Small",
    "v3_large": "MobileNetV3Large",
}


def check_reference(name: str) -> None:
    """Check that `name` is a `.tflite` file or a known architecture.

    Raises:
        BadInputError: the file is missing, or `keras_reference` cannot build the architecture.
    """
    if name.endswith(".tflite"):
        if not Path(name).is_file():
            raise BadInputError(f"`against`: no such file: {name}")
    elif not _NAME.fullmatch(name):
        raise BadInputError(
            "`against` must be mobilenet_v1, mobilenet_v2_035 (width in percent), mobilenet_v3_small, "
            f"mobilenet_v3_large or a .tflite file, got {name}"
        )


def cached_reference(name: str, folder: str | Path, make: Callable[[str, str | Path], Path] | None = None) -> Path:
    """Return a reference model's file from the cache, or build it.

    `make` (by default `keras_reference`) writes the file into `folder`; a copy goes into the cache if it is writable.
    """
    versions = "_".join(version(one) for one in ("keras", "tensorflow"))
    cached = cache_folder("peers") / f"{name}_{versions}.tflite"
    if cached.is_file():
        return cached
    made, part = (make or keras_reference)(name, folder), cached.with_name(f".{cached.name}.{os.getpid()}")
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, part)
        os.replace(part, cached)
    except OSError:  # no space or no permission
        return made
    return cached


def keras_reference(name: str, folder: str | Path) -> Path:
    """Export a model of `keras.applications` to `folder` as a float32 `.tflite`.

    The model has 96 x 96 x 3 pixels, batch 1, 1000 classes and random weights: latency does not depend on weights,
    and nothing is downloaded. `mobilenet_v2_035` is MobileNetV2 with alpha 0.35; no number means 1. MobileNetV3 is
    built without its rescaling, since the others have none.

    Returns:
        the path of the file.
    """
    import keras

    family, width = _NAME.fullmatch(name).groups()
    more = {"include_preprocessing": False} if family.startswith("v3") else {}
    model = getattr(keras.applications, _BUILDERS[family])(
        input_shape=(PIXELS, PIXELS, 3), alpha=int(width or 100) / 100, weights=None, classes=1000, **more
    )
    return to_tflite(model, Path(folder) / f"{name}.tflite")


def to_tflite(model: "keras.Model", path: Path) -> Path:
    """Export `model`, which has one float32 input, with batch 1."""
    import keras

    spec = [keras.InputSpec(shape=(1, *model.input.shape[1:]), dtype="float32", name="input")]
    model.export(path, format="litert", input_signature=spec, verbose=False)
    return path


def log_mel_model(samples: int, settings: dict[str, int], folder: str | Path) -> Path:
    """Export the `LogMel` layer of a waveform `(1, samples)` to `folder`."""
    import keras

    from mmzoo.blocks.log_mel import LogMel

    waveform = keras.Input((samples,))
    model = keras.Model(waveform, LogMel(**settings, name="front_end")(waveform))
    return to_tflite(model, Path(folder) / "log_mel.tflite")


def stft_log_mel_model(samples: int, settings: dict[str, int], folder: str | Path) -> Path:
    """Export a log-mel spectrogram built from `tf.signal.stft` to `folder`; return the path.

    The steps are magnitude, mel matrix and log, as in the documentation of
    `tf.signal.mfccs_from_log_mel_spectrograms`. The FFT length is the next power of two, as `tf.signal.stft` chooses:
    TFLite's FFT supports no other.
    """
    import tensorflow as tf

    length, hop = settings["frame_length"], settings["hop"]
    bins = 2 ** (length - 1).bit_length() // 2 + 1
    rate = settings["sample_rate"]
    mel = tf.signal.linear_to_mel_weight_matrix(settings["num_mels"], bins, rate, 0.0, rate / 2)

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((1, samples), tf.float32)])
    def log_mel(waveform: tf.Tensor) -> tf.Tensor:
        magnitude = tf.abs(tf.signal.stft(waveform, length, hop))
        return tf.math.log(tf.tensordot(magnitude, mel, 1) + 1e-6)

    module.log_mel = log_mel
    saved, path = Path(folder) / "usual", Path(folder) / "usual_log_mel.tflite"
    tf.saved_model.save(module, str(saved), signatures=log_mel)
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())
    return path
