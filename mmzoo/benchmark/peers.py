"""What a model is timed against: known architectures, and the usual log-mel, as `.tflite` files."""

import os
import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from mmzoo.data.tables.rows import cache_folder
from mmzoo.errors import BadInputError

PIXELS = 96
_NAME = re.compile(r"mobilenet_(v1|v2|v3_small|v3_large)(?:_(\d{3}))?")
_BUILDERS = {
    "v1": "MobileNet",
    "v2": "MobileNetV2",
    "v3_small": "MobileNetV3Small",
    "v3_large": "MobileNetV3Large",
}


def check_peer(name: str) -> None:
    """Raise BadInputError unless `name` is a `.tflite` file or a model that `keras_peer` can build."""
    if name.endswith(".tflite"):
        if not Path(name).is_file():
            raise BadInputError(f"`against`: no such file: {name}")
    elif not _NAME.fullmatch(name):
        raise BadInputError(
            "`against` must be mobilenet_v1, mobilenet_v2_035 (width in percent), mobilenet_v3_small, "
            f"mobilenet_v3_large or a .tflite file, got {name}"
        )


def kept_peer(name: str, folder: str | Path, make: Callable[[str, str | Path], Path] | None = None) -> Path:
    """Return the file of a peer: `make` (`keras_peer`) it in `folder`, and keep it in the user's cache."""
    versions = "_".join(version(one) for one in ("keras", "tensorflow"))
    kept = cache_folder("peers") / f"{name}_{versions}.tflite"
    if kept.is_file():
        return kept
    made, part = (make or keras_peer)(name, folder), kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, part)
        os.replace(part, kept)
    except OSError:  # no room for it, or no right
        return made
    return kept


def keras_peer(name: str, folder: str | Path) -> Path:
    """Write a model of `keras.applications` to `folder` as a float32 `.tflite` and return its path.

    96 x 96 x 3 pixels, batch 1, 1000 classes, random weights: the time does not depend on them, and nothing
    is downloaded. `mobilenet_v2_035` is MobileNetV2 with alpha 0.35; no number means 1. The rescaling that
    MobileNetV3 brings along is left out, as the others have none.
    """
    import keras

    family, width = _NAME.fullmatch(name).groups()
    more = {"include_preprocessing": False} if family.startswith("v3") else {}
    model = getattr(keras.applications, _BUILDERS[family])(
        input_shape=(PIXELS, PIXELS, 3), alpha=int(width or 100) / 100, weights=None, classes=1000, **more
    )
    return to_tflite(model, Path(folder) / f"{name}.tflite")


def to_tflite(model, path: Path) -> Path:
    """Export `model`, of one float32 input, with batch 1."""
    import keras

    spec = [keras.InputSpec(shape=(1, *model.input.shape[1:]), dtype="float32", name="input")]
    model.export(path, format="litert", input_signature=spec, verbose=False)
    return path


def own_log_mel(samples: int, settings: dict[str, int], folder: str | Path) -> Path:
    """Write our `LogMel` layer of a waveform `(1, samples)` to `folder` and return the path."""
    import keras

    from mmzoo.blocks.log_mel import LogMel

    waveform = keras.Input((samples,))
    model = keras.Model(waveform, LogMel(**settings, name="front_end")(waveform))
    return to_tflite(model, Path(folder) / "log_mel.tflite")


def usual_log_mel(samples: int, settings: dict[str, int], folder: str | Path) -> Path:
    """Write `tf.signal.stft` -> magnitude -> mel matrix -> log to `folder` and return the path.

    As in the documentation of `tf.signal.mfccs_from_log_mel_spectrograms`. The FFT has the length that
    `tf.signal.stft` chooses, the next power of two, since TFLite's has no other.
    """
    import tensorflow as tf

    length, hop = settings["frame_length"], settings["hop"]
    bins = 2 ** (length - 1).bit_length() // 2 + 1
    rate = settings["sample_rate"]
    mel = tf.signal.linear_to_mel_weight_matrix(settings["num_mels"], bins, rate, 0.0, rate / 2)

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((1, samples), tf.float32)])
    def log_mel(waveform):
        magnitude = tf.abs(tf.signal.stft(waveform, length, hop))
        return tf.math.log(tf.tensordot(magnitude, mel, 1) + 1e-6)

    module.log_mel = log_mel
    saved, path = Path(folder) / "usual", Path(folder) / "usual_log_mel.tflite"
    tf.saved_model.save(module, str(saved), signatures=log_mel)
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())
    return path
