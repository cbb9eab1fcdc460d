"""On-device runner of an exported model: raw modalities to label and probabilities."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmzoo.device.card import read_card
from mmzoo.device.media import (
    CUT_END,
    MAX_RATE,
    MIN_RATE,
    PADDED_END,
    fit_length,
    read_image,
    read_wav,
    text_ids,
    to_int16,
    to_rate,
)
from mmzoo.device.series import prepare_series
from mmzoo.device.session import model_file, open_session, read_content
from mmzoo.device.text_hash import SIZE, text_counts

PRESENT = "present"
THRESHOLD = 0.5  # lowest probability of a predicted label of a multi-label model whose card has none
# how training fitted waveforms, by recipe, of models whose cards do not contain it
FITTED = {"sound_events": f"{CUT_END}, {PADDED_END}"}


class Runner:
    """Run an exported model on raw modalities.

    `runner(image=..., audio=...)` takes any of the model's modalities, each an array or the path of a file:

    - `audio`: a WAV file, or a floating waveform `(T,)` or `(1, T)` in [-1, 1] at the model's sample rate, which
      the card gives in the unit of `audio`. A file at another rate is resampled, with one warning, and its samples
      are rounded to 16 bits, as in training. A longer signal is cropped to the window of highest energy, or to its
      start if the unit contains "start of a longer one". A shorter one is centered in silence, or precedes it if the
      unit contains "zeros behind a shorter one".
    - `image`: a file that Pillow opens, put on white if it is transparent, resized and converted to gray if the model
      requires it, or an integer array of the input's exact shape, with or without the batch axis. Gray levels are
      not inverted: a model of white digits on black expects white digits on black.
    - `text`: a string, encoded as the model reads it: its UTF-8 bytes + 3, then zeros, or the counts of its hashed
      words and character n-grams; or the encoded array.
    - `series`: a CSV, NPY or Parquet file with the channels of training, resampled as in training, see
      `mmzoo.device.series.prepare_series`; or the resampled array.
    - any other input: an array of the input's shape.

    A model of several images, series or texts has names such as `image_front` and `text_title`.

    A missing modality is filled with zeros, and the input `present` masks it.

    Several threads may call one runner: they decode in parallel and take turns in the model. For models that run in
    parallel, open a runner in each thread.

    Args:
        path: the folder of a trained model (its `model_float32.tflite` is run) or a single `.tflite` file.
        threads: number of CPU threads, 1 to 1024.
        accelerator: "cpu", or "gpu" for LiteRT's GPU accelerator without fallback, in float32. A GPU driver can
            end the process without an exception.

    Attributes:
        card: the embedded card: recipe, config, inputs, outputs, labels, data; `{}` without a card.
        inputs: name -> `{"shape", "dtype"}`, with the card's unit and range where it has them.
        labels: the classes, in the order of `probabilities`; empty if the card has none.

    Raises:
        ValueError: the model cannot be used; the message is one line. A damaged file is refused before native code
            reads it, see `mmzoo.device.layout`.
    """

    def __init__(self, path: str | Path, threads: int = 1, accelerator: str = "cpu") -> None:
        with _one_line(path):
            self._file = model_file(path)
            self._open(read_content(self._file), threads, accelerator)

    def _open(self, content: bytes, threads: int, accelerator: str) -> None:
        self._session = open_session(self._file, content, threads, accelerator)
        self.card = read_card(self._file, content)
        known = {entry["name"]: entry for entry in self.card.get("inputs", [])}
        self.inputs = {
            name: {**known.get(name, {}), "shape": shape, "dtype": dtype.name}
            for name, (shape, dtype) in self._session.inputs.items()
        }
        self.labels = [str(label) for label in self.card.get("labels", [])]
        self._modalities = self._in_order(list(known))
        self._threshold = self.card.get("config", {}).get("threshold") or THRESHOLD

    def _in_order(self, order: list[str]) -> list[str]:
        """Return the modalities in the order of `present`, the card's input order."""
        names = [name for name in self.inputs if name != PRESENT]
        if PRESENT not in self.inputs:
            return names
        if sorted(name for name in order if name != PRESENT) != sorted(names):
            received = str(order)[:200]
            raise ValueError(
                f"{self._file}: expected metadata with the order of 'present'. Received inputs: {received}"
            )
        return [name for name in order if name != PRESENT]

    def __call__(self, **modalities: np.ndarray | str | os.PathLike) -> dict:
        """Predict one example.

        Returns:
            `{"label", "probabilities", "embedding"}`. A multi-label model has a list `labels` in place of `label`. A
            regression model has `value`, in the unit of the target, in place of both. `probabilities` is
            `{label: float}` in the order of `labels`, or an array `(N,)` if the card has no labels. `embedding` is an
            array `(D,)`. Other outputs are arrays without the batch axis.

        Raises:
            ValueError: no modality is given, a modality is unknown, a modality is missing and the model has no
                input `present`, or a file or array cannot be used; the message is one line.
        """
        with _one_line(self._file):
            return self._predict(modalities)

    def _predict(self, modalities: dict[str, np.ndarray | str | os.PathLike]) -> dict:
        given = {name: value for name, value in modalities.items() if value is not None}
        wanted = " or ".join(self._modalities)
        unknown = [name for name in given if name not in self._modalities]
        if unknown or not given:
            raise ValueError(f"{self._file}: expected {wanted}. Received: {', '.join(unknown) or 'nothing'}")
        missing = [name for name in self._modalities if name not in given]
        if missing and PRESENT not in self.inputs:
            raise ValueError(
                f"{self._file}: expected all of {', '.join(self._modalities)}, as it has no input 'present'. "
                f"Received: no {', '.join(missing)}"
            )
        feed = {name: self._tensor(name, value) for name, value in given.items()}
        feed |= {name: np.zeros(*self._session.inputs[name]) for name in missing}
        if PRESENT in self.inputs:
            feed[PRESENT] = np.array([[name in given for name in self._modalities]], np.float32)
        return self._answer({name: array[0] for name, array in self._session.run(feed).items()})

    def _answer(self, outputs: dict[str, np.ndarray]) -> dict:
        if outputs.get("value", np.zeros(0)).shape == (1,):
            outputs = {**outputs, "value": float(outputs["value"][0])}
        if "label_probabilities" in outputs and len(self.labels) == outputs["label_probabilities"].size:
            by_label = dict(zip(self.labels, outputs.pop("label_probabilities").tolist(), strict=True))
            predicted = [label for label, probability in by_label.items() if probability >= self._threshold]
            return {**outputs, "labels": predicted, "probabilities": by_label}
        probabilities = outputs.get("probabilities")
        if probabilities is None or len(self.labels) != len(probabilities):
            return outputs
        by_label = dict(zip(self.labels, probabilities.tolist(), strict=True))
        return {**outputs, "label": self.labels[int(probabilities.argmax())], "probabilities": by_label}

    def _tensor(self, name: str, value: np.ndarray | str | os.PathLike) -> np.ndarray:
        """Convert the value of input `name` to the input's shape and dtype."""
        shape, dtype = self._session.inputs[name]
        if isinstance(value, str | os.PathLike):
            value = self._read(name, value)
        try:
            array = np.asarray(value)
        except (ValueError, TypeError):  # of rows of several lengths
            raise ValueError(f"{name}: expected an array of shape {shape[1:]}. Received: {value!r:.80}") from None
        if name == "audio" and len(shape) == 2:
            array = self._waveform(array, shape[1])
        if array.shape not in (shape, shape[1:]):
            raise ValueError(f"{name}: expected an array of shape {shape[1:]}. Received: {array.shape}")
        self._check_values(name, array, dtype)
        return array.reshape(shape).astype(dtype)

    def _read(self, name: str, path: str | os.PathLike) -> np.ndarray:
        shape, dtype = self._session.inputs[name]
        if name == "audio" and len(shape) == 2:
            unit = str(self.inputs[name].get("unit", ""))  # "waveform at 8000 Hz, -1 to 1"
            rate = re.search(r"\b([1-9]\d*) Hz", unit)
            if not rate or len(rate[1]) > 6 or not MIN_RATE <= int(rate[1]) <= MAX_RATE:
                raise ValueError(f"{path}: expected an array, as the model's card has no rate in Hz. Received: a file")
            return to_int16(to_rate(*read_wav(path), int(rate[1]))) / np.float32(32768)
        kind = name.split("_")[0]  # a model of several pictures or texts names them image_front, text_title
        if prepare := self.inputs[name].get("prepare"):
            if (prepare["steps"], len(prepare["channels"]) + 1) != shape[1:]:
                raise ValueError(f"{name}: expected an array, as the model's card has other steps. Received: a file")
            return prepare_series(path, prepare).tensor
        if kind == "image" and len(shape) == 4 and dtype == np.uint8:
            return read_image(path, *shape[1:])
        if kind == "text" and len(shape) == 2 and dtype == np.int32:
            return text_ids(path, shape[1])
        if kind == "text" and shape[1:] == (SIZE,) and dtype == np.uint8:
            return text_counts(path)
        raise ValueError(f"{name}: expected an array {dtype.name} {shape[1:]}. Received: the file {path}")

    def _waveform(self, array: np.ndarray, length: int) -> np.ndarray:
        samples = array[0] if array.ndim == 2 and len(array) == 1 else array
        if samples.ndim != 1 or not len(samples):
            raise ValueError(f"audio: expected one channel of samples, (T,). Received: shape {array.shape}")
        fitted = f"{self.inputs['audio'].get('unit', '')}, {FITTED.get(self.card.get('recipe', ''), '')}"
        samples = samples[:length] if CUT_END in fitted else samples
        return fit_length(samples, length, centered=PADDED_END not in fitted)

    def _check_values(self, name: str, array: np.ndarray, dtype: np.dtype) -> None:
        kind = np.floating if np.issubdtype(dtype, np.floating) else np.integer
        if not np.issubdtype(array.dtype, kind):
            raise ValueError(f"{name}: expected {dtype.name} values. Received: {array.dtype.name}")
        # the range of a series is where most values are, not a limit
        limits = None if "prepare" in self.inputs[name] else self.inputs[name].get("range")
        low, high = limits or (-np.inf, np.inf)
        if kind is np.integer:
            low, high = max(low, np.iinfo(dtype).min), min(high, np.iinfo(dtype).max)
        least, most = array.min(), array.max()
        if not (np.isfinite(least) and np.isfinite(most) and low <= least and most <= high):
            raise ValueError(f"{name}: expected values in [{low}, {high}]. Received: [{least}, {most}]")


@contextmanager
def _one_line(path: str | os.PathLike) -> Iterator[None]:
    """Turn every error of the block into a ValueError of one line: runtimes and decoders raise many kinds."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:500]
        if type(error) is ValueError and reason == str(error):
            raise
        if not isinstance(error, ValueError):
            reason = f"{path}: expected a model and inputs that fit. Received: {type(error).__name__} {reason}".rstrip()
        raise ValueError(reason) from error
