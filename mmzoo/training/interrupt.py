"""Ctrl-C in training: the first one ends it with the best weights so far, the second one at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

STOPPING = b"\nmmzoo: finishing with the best weights so far; press Ctrl-C again to stop at once\n"


class Interrupted(Exception):  # noqa: N818 (a request of the user, not an error)
    """Training was asked to end; raised between two steps."""


class Interruption:
    """A request to end training early with the best weights so far.

    Attributes:
        asked: the request was made.
        trained: a model has completed an epoch, so that there are weights to finish with.
        where: the card's `interrupted`: `model` that was in training, its completed epochs `epoch`, `of` how many.
    """

    def __init__(self) -> None:
        self.asked = False
        self.trained = False
        self.where: dict[str, Any] = {}

    def ask(self, *_: Any) -> None:
        """Make the request; a handler of SIGINT.

        Raises:
            KeyboardInterrupt: no epoch was completed, or it is the second request.
        """
        if self.asked or not self.trained:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, STOPPING)  # `print` inside a signal handler can meet itself

    def ended(self, model: str, epoch: int, epochs: int) -> None:
        """Record where training ended; only the first call counts."""
        self.where = self.where or {"model": model, "epoch": epoch, "of": epochs}


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Yield an `Interruption` that Ctrl-C asks for inside the block.

    Outside of the main thread, where Python delivers no signals, and where SIGINT is ignored, nothing is changed.
    """
    found = Interruption()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield found
        return
    signal.signal(signal.SIGINT, found.ask)
    try:
        yield found
    finally:
        signal.signal(signal.SIGINT, before)


class EndWhenAsked(keras.callbacks.Callback):
    """Raise `Interrupted` after the step in which the request was made; the last callback of an epoch."""

    def __init__(self, interruption: Interruption) -> None:
        super().__init__()
        self.interruption = interruption

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """End training in the middle of an epoch, whose steps are then lost."""
        if self.interruption.asked:
            raise Interrupted

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Note that there are weights to finish with."""
        self.interruption.trained = True
