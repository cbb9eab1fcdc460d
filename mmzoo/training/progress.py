"""What a user sees of a training run: a bar of its steps, and a line for each epoch."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Self

import keras
from tqdm.auto import tqdm

logger = logging.getLogger(__name__)


class Progress(keras.callbacks.Callback):
    """One bar for a phase: steps done, time left, and the figures of the last epoch."""

    def __init__(self, title: str, steps: int):
        super().__init__()
        self.title = title
        self.steps = steps

    def __enter__(self) -> Self:
        seconds = 0.5 if sys.stderr.isatty() else 15  # a log file has no use for every half second
        self.bar = tqdm(total=self.steps, desc=self.title, unit="step", mininterval=seconds, maxinterval=60)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None):
        names = ("loss", "mae", "val_mae", "micro_f1", "val_micro_f1")
        shown = {name: f"{value:.3f}" for name, value in (logs or {}).items() if "accuracy" in name or name in names}
        self.bar.set_postfix(epoch=epoch + 1, refresh=False, **shown)


class EpochTable(keras.callbacks.Callback):
    """Print a line for each epoch: loss and metric of training and validation, and the seconds left.

    The training figures are means over the steps of the epoch, with dropout and augmentation. The seconds left are the
    mean time of an epoch, without the first step, for all epochs that remain: early stopping makes them fewer.

    Args:
        title: of the model.
        epochs: of all phases together.
        metric: the metric to print by `show`, where the recipe compiles one of this name; else its first metric.
        show: formats a value of `metric`.
    """

    def __init__(self, title: str, epochs: int, metric: str, show: Callable[[float], str]) -> None:
        super().__init__()
        self.title, self.epochs = title, epochs
        self.metric, self.show = metric, show
        self.began: float | None = None  # the end of the first step, in which the graph is traced
        self.done = 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note when the first step ended."""
        self.began = self.began or time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Print the line of the epoch, the first one under a head."""
        logs = logs or {}
        self.done += 1
        each = (time.monotonic() - self.began) / self.done
        key = self._metric(logs)
        head, cells = ["epoch"], [f"{epoch + 1}/{self.epochs}"]
        for name in ("loss", key):
            for prefix, split in (("", "train"), ("val_", "validation")):
                if prefix + name in logs and name:
                    head.append(f"{split} {name}")
                    cells.append(self._shown(name, float(logs[prefix + name])))
        left = [*head, "seconds left"], [*cells, f"{each * (self.epochs - epoch - 1):.0f}"]
        lines = ["  ".join(f"{cell:>{len(name)}}" for name, cell in zip(left[0], row, strict=True)) for row in left]
        if self.done > 1:
            lines = lines[1:]
        else:
            lines.insert(0, f"training {self.title}, at most {self.epochs} epochs")
        with tqdm.external_write_mode():
            logger.info("\n".join(lines))

    def _metric(self, logs: dict) -> str:
        """Return the metric that is shown, "" where the recipe has none on both splits."""
        found = [name for name in logs if name != "loss" and f"val_{name}" in logs]
        return self.metric if self.metric in found else next((n for n in found if "loss" not in n), "")

    def _shown(self, name: str, value: float) -> str:
        return self.show(value) if name == self.metric else f"{value:.4g}"
