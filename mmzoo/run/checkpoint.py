"""What a run that was stopped needs to go on: weights, optimizer and history after every epoch."""

import json
import os
from pathlib import Path

import keras

from mmzoo import BadInputError
from mmzoo.run.folder import write_json


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

    def _weights(self, epochs: int) -> Path:
        return self.folder / f"{epochs}.weights.h5"

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        temporary = self.folder / "next.weights.h5"
        self.model.save_weights(temporary, overwrite=True)
        os.replace(temporary, self._weights(done))
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        write_json(self.folder / "state.json", {"epochs": done, "history": self.history})
        self._weights(self.epochs).unlink(missing_ok=True)
        self.epochs = done

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
            raise BadInputError(f"--resume: {path}: expected weights of this model. Received: {first}") from None
