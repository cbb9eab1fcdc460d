"""Checkpoints of a training run, weight averaging and early stopping."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.artifacts.folder import write_json
from mmzoo.errors import BadInputError

LOSS = "val_loss"
KEPT_EPOCH = "kept_epoch"  # of a history: the epoch, from 1, whose weights the model has


class Checkpoint(keras.callbacks.Callback):
    """Save and restore weights, optimizer state and history after every epoch.

    The files are `state.json` and `<epochs>.weights.h5` in `folder`. The weights are written first, under a name with
    the epoch, and `state.json` is renamed into place. A crash at any time therefore leaves a state whose weights
    exist.

    Attributes:
        epochs: number of completed epochs.
        history: `{"loss": [...], "val_accuracy": [...]}`, one value per epoch.
        kept: epoch of the history, from 1, whose weights the checkpoint has; with early stopping the best, at the end.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self.folder / "state.json"
        saved = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else {"epochs": 0, "history": {}}
        self.epochs: int = saved["epochs"]
        self.history: dict[str, list[float]] = saved["history"]
        self.random: list[list[int]] = saved.get("random", [])
        self.kept: int = saved.get("kept", self.epochs)

    def _weights(self, epochs: int) -> Path:
        return self.folder / f"{epochs}.weights.h5"

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Append the epoch's metrics to the history and save a checkpoint."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self.kept = len(self.history.get("loss", ()))
        self.save(epoch + 1)

    def save(self, epochs: int) -> None:
        """Save the current state as the checkpoint of `epochs`.

        It replaces the previous checkpoint.
        """
        temporary = self.folder / "next.weights.h5"
        self.model.save_weights(temporary, overwrite=True)
        os.replace(temporary, self._weights(epochs))
        # Keras does not save the state of random generators, which dropout needs to resume
        self.random = [keras.ops.convert_to_numpy(seed).tolist() for seed in _generators(self.model)]
        state = {"epochs": epochs, "kept": self.kept, "history": self.history, "random": self.random}
        write_json(self.folder / "state.json", state)
        if epochs != self.epochs:
            self._weights(self.epochs).unlink(missing_ok=True)
        self.epochs = epochs

    def restore(self, model: keras.Model) -> None:
        """Load the checkpoint into `model`.

        The optimizer state is loaded if the model is compiled.

        Raises:
            BadInputError: the checkpoint belongs to another model, or is damaged.
        """
        path = self._weights(self.epochs)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            first = str(error).strip().splitlines()[0]
            raise BadInputError(f"`resume`: {path} does not hold weights of this model: {first}") from None
        for seed, state in zip(_generators(model), self.random, strict=False):  # older checkpoints have no states
            seed.assign(np.array(state, "uint32"))


def _generators(model: keras.Model) -> list[keras.Variable]:
    """List the random generator states of `model` in layer order.

    Dropout layers have such states.
    """
    return [variable for variable in model.non_trainable_variables if "seed_generator" in variable.path]


def best_epoch(history: Mapping[str, Sequence[float]], monitor: str = LOSS) -> int:
    """Return the epoch, counted from 0, of the best `monitor`.

    A tie is decided by the lowest validation loss. Losses and mean absolute errors are minimized, other metrics are
    maximized. A validation loss is noisy and often lowest early, at a high learning rate, while the accuracy of a
    classifier still improves afterwards.
    """
    sign = 1 if monitor.endswith(("loss", "mae")) else -1
    pairs = [(sign * score, loss) for score, loss in zip(history[monitor], history[LOSS], strict=True)]
    return min(range(len(pairs)), key=pairs.__getitem__)


def kept_epoch(history: Mapping[str, Any]) -> int:
    """Return the epoch, counted from 0, whose weights a model with this history has.

    Histories of older cards do not say it: there it is the epoch of the lowest validation loss, if they have one.
    """
    if KEPT_EPOCH in history:
        return history[KEPT_EPOCH] - 1
    return best_epoch(history) if history.get(LOSS) else 0


class Average(keras.callbacks.Callback):
    """Replace the weights by their exponential moving average at a phase's end.

    Weight averaging: Polyak and Juditsky 1992. The optimizer computes the average. The replacement precedes the
    checkpoint of the last epoch. The validation scores of every epoch use the average.
    """

    def __init__(self, end: int) -> None:
        super().__init__()
        self.end = end
        self.inside = ExitStack()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Swap in the averaged weights for validation."""
        self.inside.enter_context(averaged(self.model))

    def on_test_end(self, logs: dict | None = None) -> None:
        """Restore the raw weights after validation."""
        self.inside.close()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Finalize the averaged weights after the last epoch of the phase."""
        if epoch + 1 == self.end:
            self.model.optimizer.average(self.model.trainable_variables)


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Use the moving averages of the weights of `model` inside the block.

    Without averaging in the optimizer, the weights are unchanged.
    """
    variables = model.trainable_variables if model.optimizer.use_ema else []
    raw = [np.array(variable) for variable in variables]
    model.optimizer.average(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, raw, strict=True):
            variable.assign(value)


class Patience(keras.callbacks.Callback):
    """Stop a phase early and restore its best weights.

    Early stopping: Prechelt 1998, section 2. A phase ends after `patience` epochs without improvement of `monitor`, or
    at its last epoch, and always with its best weights. With weight averaging, the scores and the best weights are
    averages. The best epoch is computed from the checkpoint's history, so that a resumed run stops at the same epoch.
    """

    def __init__(self, checkpoint: Checkpoint, start: int, end: int, patience: int, monitor: str = LOSS) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.start = start
        self.end = end
        self.patience = patience
        self.monitor = monitor
        self.best = checkpoint.folder / "best.weights.h5"

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Save improved weights; restore the best ones when the phase ends."""
        since = self._since(epoch + 1)
        if since == 0:
            with averaged(self.model):
                self.model.save_weights(self.best, overwrite=True)
        if since >= self.patience or epoch + 1 == self.end:
            self.load_best(self.model)
            self.checkpoint.save(self.end)
            self.best.unlink()
            self.model.stop_training = True

    def load_best(self, model: keras.Model) -> None:
        """Load the best weights of the phase so far into `model`, compiled for it."""
        model.load_weights(self.best)
        self.checkpoint.kept = len(self.checkpoint.history[LOSS]) - self._since(self.checkpoint.epochs)

    def _since(self, epochs: int) -> int:
        """Return how many epochs ago, of the `epochs` of training so far, the phase was best."""
        done = epochs - self.start
        phase = {name: series[-done:] for name, series in self.checkpoint.history.items()}
        return done - 1 - best_epoch(phase, self.monitor)
