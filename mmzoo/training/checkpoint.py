"""What a run that was stopped needs to go on: weights, optimizer and history after every epoch."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import keras
import numpy as np

from mmzoo.artifacts.folder import write_json
from mmzoo.errors import BadInputError

LOSS = "val_loss"


class Checkpoint(keras.callbacks.Callback):
    """Writes `state.json` and `<epochs>.weights.h5` into `folder` after every epoch, and reads them again.

    The weights come first and under the epoch's own name, and `state.json` is renamed into place: whenever the
    process dies, the state that can be read belongs to the weights that it names.

    Attributes:
        epochs: how many are done.
        history: `{"loss": [...], "val_accuracy": [...]}`, one value an epoch.
    """

    def __init__(self, folder: str | Path):
        super().__init__()
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self.folder / "state.json"
        saved = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else {"epochs": 0, "history": {}}
        self.epochs: int = saved["epochs"]
        self.history: dict[str, list[float]] = saved["history"]
        self.random: list[list[int]] = saved.get("random", [])

    def _weights(self, epochs: int) -> Path:
        return self.folder / f"{epochs}.weights.h5"

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self.keep(epoch + 1)

    def keep(self, epochs: int) -> None:
        """Write the weights of now as those after `epochs`, in place of the last ones."""
        temporary = self.folder / "next.weights.h5"
        self.model.save_weights(temporary, overwrite=True)
        os.replace(temporary, self._weights(epochs))
        # dropout goes on drawing where it was: Keras saves the state of its generators with no weights
        self.random = [keras.ops.convert_to_numpy(seed).tolist() for seed in _generators(self.model)]
        write_json(self.folder / "state.json", {"epochs": epochs, "history": self.history, "random": self.random})
        if epochs != self.epochs:
            self._weights(self.epochs).unlink(missing_ok=True)
        self.epochs = epochs

    def restore(self, model: keras.Model) -> None:
        """Load the weights into `model`, and the optimizer's state too where the model is compiled.

        Raises:
            BadInputError: the checkpoint is of another model, or damaged.
        """
        path = self._weights(self.epochs)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            first = str(error).strip().splitlines()[0]
            raise BadInputError(f"`resume`: {path} does not hold weights of this model: {first}") from None
        for seed, state in zip(_generators(model), self.random, strict=False):  # a checkpoint of old has none
            seed.assign(np.array(state, "uint32"))


def _generators(model: keras.Model) -> list:
    """List the states of the random generators of `model`, as of its Dropout layers, in the order of its layers."""
    return [variable for variable in model.non_trainable_variables if "seed_generator" in variable.path]


def best_epoch(history: Mapping[str, Sequence[float]], monitor: str = LOSS) -> int:
    """Return the epoch, from 0 on, of the best `monitor`; of those alike that of the lowest validation loss.

    A loss and a mean absolute error are better where they are lower, all else where it is higher. A loss is so noisy
    that the lowest of it is often early, when the rate is high; what is asked of a classifier still gets better then.
    """
    sign = 1 if monitor.endswith(("loss", "mae")) else -1
    pairs = [(sign * score, loss) for score, loss in zip(history[monitor], history[LOSS], strict=True)]
    return min(range(len(pairs)), key=pairs.__getitem__)


class Average(keras.callbacks.Callback):
    """Ends a phase with the moving average of its weights, before the checkpoint of its last epoch is written.

    The validation scores of every epoch are those of the average. Polyak and Juditsky 1992; the average itself is the
    optimizer's.
    """

    def __init__(self, end: int):
        super().__init__()
        self.end = end
        self.inside = ExitStack()

    def on_test_begin(self, logs=None):
        self.inside.enter_context(averaged(self.model))

    def on_test_end(self, logs=None):
        self.inside.close()

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.end:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Let `model` have the moving averages of its weights inside the block, where its optimizer keeps them."""
    variables = model.trainable_variables if model.optimizer.use_ema else []
    raw = [np.array(variable) for variable in variables]
    model.optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, raw, strict=True):
            variable.assign(value)


class Patience(keras.callbacks.Callback):
    """Ends a phase after `patience` epochs in which `monitor` got no better, and with the best weights in any case.

    Where the weights are averaged, the scores are those of the average, and the best weights are an average too. What
    was best is read from the history of the checkpoint, so that a resumed run stops where another would have.
    Early stopping, Prechelt 1998, section 2.
    """

    def __init__(self, checkpoint: Checkpoint, start: int, end: int, patience: int, monitor: str = LOSS):
        super().__init__()
        self.checkpoint = checkpoint
        self.start = start
        self.end = end
        self.patience = patience
        self.monitor = monitor
        self.best = checkpoint.folder / "best.weights.h5"

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1 - self.start
        phase = {name: series[-done:] for name, series in self.checkpoint.history.items()}
        since = done - 1 - best_epoch(phase, self.monitor)
        if since == 0:
            with averaged(self.model):
                self.model.save_weights(self.best, overwrite=True)
        if since >= self.patience or epoch + 1 == self.end:
            self.model.load_weights(self.best)
            self.checkpoint.keep(self.end)
            self.best.unlink()
            self.model.stop_training = True
