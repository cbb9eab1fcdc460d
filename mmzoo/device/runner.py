"""Raw modalities in, label out: a model as a device runs it."""

import os
import re
from pathlib import Path

import numpy as np

from mmzoo.device.media import fit_length, read_picture, read_wav, text_ids, to_rate
from mmzoo.device.session import model_file, open_session, read_card

PRESENT = "present"
THRESHOLD = 0.5  # probability from which on one of several labels is told


class Runner:
    """An exported model that answers with a label.

    `runner(image=..., audio=...)` takes any of the model's modalities, each an array or the path of a file:

    - `audio`: a PCM WAV file, or a floating waveform `(T,)` or `(1, T)` in [-1, 1] at the model's sample
      rate, which is the one in the card's unit of `audio`. A file at another rate is resampled, with one
      warning. Of a longer signal the window of most energy is taken, a shorter one is
      put amid silence.
    - `image`: a file that Pillow opens, resized and turned gray if the model asks for it, or an integer array
      of the input's exact shape, with or without the batch axis. Gray levels stay as they are: a model of
      white digits on black is to be given white digits on black.
    - `text`: a string, which becomes its UTF-8 bytes + 3, then zeros; or int32 ids.
    - any other input: an array of its shape.

    A modality that is not given is zeros, and the input `present` says so to the model.

    Args:
        path: the folder of a trained model (its `model_float32.tflite` is run) or a lone `.tflite` file.
        threads: of the CPU.
        accelerator: "cpu", or "gpu" for LiteRT's GPU accelerator alone, in float32. Its driver can end the
            process, which no exception can tell.

    Attributes:
        card: what the file says of itself: recipe, config, inputs, outputs, labels, data; `{}` if nothing.
        inputs: name -> `{"shape", "dtype"}` and what the card knows (unit, range).
        labels: the classes, in the order of `probabilities`; empty if the card has none.

    Raises:
        ValueError: one line that says what was expected and received.
    """

    def __init__(self, path: str | Path, threads: int = 1, accelerator: str = "cpu"):
        self._file = model_file(path)
        self._session = open_session(self._file, threads, accelerator)
        self.card = read_card(self._file)
        known = {entry["name"]: entry for entry in self.card.get("inputs", [])}
        self.inputs = {
            name: {**known.get(name, {}), "shape": shape, "dtype": dtype.name}
            for name, (shape, dtype) in self._session.inputs.items()
        }
        self.labels = [str(label) for label in self.card.get("labels", [])]
        self._modalities = self._in_order(list(known))

    def _in_order(self, order: list[str]) -> list[str]:
        """Return the modalities in the order of `present`, which is the card's order of inputs."""
        names = [name for name in self.inputs if name != PRESENT]
        if PRESENT not in self.inputs:
            return names
        if sorted(name for name in order if name != PRESENT) != sorted(names):
            raise ValueError(f"{self._file}: expected metadata with the order of 'present'. Received inputs: {order}")
        return [name for name in order if name != PRESENT]

    def __call__(self, **modalities: np.ndarray | str | os.PathLike) -> dict:
        """Return `{"label", "probabilities", "embedding"}` of one example.

        A model of several labels has a list `labels` in place of `label`, one of a number `value` in place of both:
        in the unit of what it was trained to tell. `probabilities` is `{label: float}` in the order of `labels` (an
        array `(N,)` if there are none), `embedding` an array `(D,)`; outputs of other names are arrays without the
        batch axis.

        Raises:
            ValueError: no modality, an unknown one, one missing of a model without `present`, or a file or
                array that cannot be used.
        """
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
            shares = outputs.pop("label_probabilities").tolist()
            by_label = dict(zip(self.labels, shares, strict=True))
            told = [label for label, share in by_label.items() if share >= THRESHOLD]
            return {**outputs, "labels": told, "probabilities": by_label}
        probabilities = outputs.get("probabilities")
        if probabilities is None or len(self.labels) != len(probabilities):
            return outputs
        by_label = dict(zip(self.labels, probabilities.tolist(), strict=True))
        return {**outputs, "label": self.labels[int(probabilities.argmax())], "probabilities": by_label}

    def _tensor(self, name: str, value: np.ndarray | str | os.PathLike) -> np.ndarray:
        """Return what was given for input `name` with the shape and dtype of the input."""
        shape, dtype = self._session.inputs[name]
        if isinstance(value, str | os.PathLike):
            value = self._read(name, value)
        array = np.asarray(value)
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
            if not rate:
                raise ValueError(f"{path}: expected an array, as the model's card has no rate in Hz. Received: a file")
            return to_rate(*read_wav(path), int(rate[1]))
        if name == "image" and len(shape) == 4 and dtype == np.uint8:
            return read_picture(path, *shape[1:])
        if name == "text" and len(shape) == 2 and dtype == np.int32:
            return text_ids(path, shape[1])
        raise ValueError(f"{name}: expected an array {dtype.name} {shape[1:]}. Received: the file {path}")

    def _waveform(self, array: np.ndarray, length: int) -> np.ndarray:
        samples = array[0] if array.ndim == 2 and len(array) == 1 else array
        if samples.ndim != 1 or not len(samples):
            raise ValueError(f"audio: expected one channel of samples, (T,). Received: shape {array.shape}")
        return fit_length(samples, length)

    def _check_values(self, name: str, array: np.ndarray, dtype: np.dtype) -> None:
        kind = np.floating if np.issubdtype(dtype, np.floating) else np.integer
        if not np.issubdtype(array.dtype, kind):
            raise ValueError(f"{name}: expected {dtype.name} values. Received: {array.dtype.name}")
        low, high = self.inputs[name].get("range") or (-np.inf, np.inf)
        if kind is np.integer:
            low, high = max(low, np.iinfo(dtype).min), min(high, np.iinfo(dtype).max)
        least, most = array.min(), array.max()
        if not (np.isfinite(least) and np.isfinite(most) and low <= least and most <= high):
            raise ValueError(f"{name}: expected values in [{low}, {high}]. Received: [{least}, {most}]")
