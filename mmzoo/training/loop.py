"""The one training loop: the phases of a recipe, each a call of `fit`, with a checkpoint after every epoch."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import keras
import numpy as np
from tqdm.auto import tqdm

from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.training.checkpoint import Average, Checkpoint, Patience
from mmzoo.training.optimizer import RatedAdamW, set_trainable, variable_rates

WEIGHT_DECAY = 1e-3
WARMUP = 0.05  # of the steps of a phase
KEPT = 200_000_000  # bytes of validation batches, up to which they stay in memory
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def fit(
    experiment: Experiment,
    folder: str | Path,
    title: str,
    precision: str = "float32",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train the model of an experiment by its plan and return it with what was recorded, one value an epoch.

    Continues where the checkpoint in `folder` ends, if there is one. Order, augmentation, learning rate and the
    state of the optimizer go on as if nothing had happened: a run that was stopped in its second epoch begins
    that epoch again and ends at the weights of a run that was not.

    With a `precision` other than float32 the layers compute in 16 bits and keep their weights in 32 (Micikevicius et
    al. 2018, section 3); the model returned is built afresh in float32 and has the trained weights.

    `callbacks` run after every epoch is stored.

    Raises:
        BadInputError: `precision` is none of `PRECISIONS` or not for this machine, or a batch is larger than an epoch.
    """
    check_precision(precision)
    with _policy(precision):
        model, history = _fit(experiment, folder, title, callbacks)
    if precision == "float32":
        return model, history
    whole = experiment.build()
    whole.set_weights(model.get_weights())
    return whole, history


def check_precision(precision: str) -> None:
    """Refuse a `precision` that there is not, or that this machine gets wrong.

    TensorFlow's float16 convolutions on a CPU are: one of 5 x 1 over 40 channels, as in `log_mel_cnn`, answers NaN.

    Raises:
        BadInputError: it is none of `PRECISIONS`, or `mixed_float16` without an accelerator.
    """
    if precision not in PRECISIONS:
        raise BadInputError(f"`precision` must be one of {', '.join(PRECISIONS)}, got {precision}")
    if precision == "mixed_float16" and not has_accelerator():
        said = "float32 or mixed_bfloat16 without an accelerator: convolutions in float16 go wrong on a CPU"
        raise BadInputError(f"`precision` must be {said}, got {precision}")


@contextmanager
def _policy(precision: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _fit(
    experiment: Experiment, folder: str | Path, title: str, callbacks: Sequence
) -> tuple[keras.Model, dict[str, list[float]]]:
    keras.utils.set_random_seed(experiment.config.seed)
    model = experiment.build()
    checkpoint = Checkpoint(folder)
    if checkpoint.epochs:
        checkpoint.restore(model)
    validation = _kept(experiment.dataset("validation"))
    start = 0
    for phase in experiment.plan():
        end, first = start + phase.epochs, max(start, checkpoint.epochs)
        if first < end:
            train = experiment.dataset("train", first)
            steps = len(train)
            if not steps:
                raise BadInputError("`batch_size` must be at most the examples of an epoch")
            compile_phase(model, experiment.objective(), phase, steps)
            if first > start:
                checkpoint.restore(model)
            with Progress(f"{title} {phase.name}", steps * (end - first)) as progress:
                after = [*_callbacks(phase, checkpoint, start), progress, *callbacks]
                for epoch in range(first, end):
                    # one call an epoch: each has a data set of its own
                    model.fit(
                        train if epoch == first else experiment.dataset("train", epoch),
                        initial_epoch=epoch,
                        epochs=epoch + 1,
                        validation_data=validation,
                        class_weight=dict(enumerate(phase.class_weight)) or None,
                        callbacks=after,
                        verbose=0,
                        shuffle=False,
                    )
                    if model.stop_training:
                        break
            set_trainable(model, phase.frozen, True)
        start = end
    return model, checkpoint.history


def _kept(batches):
    """Return a data set that is made once and then kept, or one that is made again each time if it is too large."""
    size = sum(np.asarray(x).nbytes for x in keras.tree.flatten(next(iter(batches)))) * int(batches.cardinality())
    return batches if size > KEPT else batches.cache()  # a cardinality that is not known is below 0


def _callbacks(phase: Phase, checkpoint: Checkpoint, start: int) -> list[keras.callbacks.Callback]:
    """Return what acts after each epoch of a phase that begins at epoch `start`, in the order in which it must."""
    end = start + phase.epochs
    before = [Average(end)] if phase.ema else []
    after = [Patience(checkpoint, start, end, phase.patience, phase.monitor)] if phase.patience else []
    return [*before, checkpoint, *after]


def compile_phase(model: keras.Model, objective: dict, phase: Phase, steps: int) -> None:
    """Freeze what `phase` freezes and compile with AdamW and a cosine schedule over its `steps` an epoch.

    Loshchilov and Hutter 2019. XLA is left to accelerators: on a CPU it makes small networks slower.
    """
    set_trainable(model, phase.frozen, False)
    total = steps * phase.epochs
    warmup = max(1, round(WARMUP * total))
    schedule = keras.optimizers.schedules.CosineDecay(
        phase.learning_rate / 20, max(1, total - warmup), warmup_target=phase.learning_rate, warmup_steps=warmup
    )
    optimizer = RatedAdamW(
        schedule,
        rates=variable_rates(model, phase.rates),
        weight_decay=WEIGHT_DECAY,
        global_clipnorm=phase.clip_norm or None,
        use_ema=phase.ema > 0,
        ema_momentum=phase.ema,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "log_variances"])
    model.compile(optimizer, jit_compile="auto" if has_accelerator() else False, **objective)
    optimizer.build(model.trainable_variables)


def has_accelerator() -> bool:
    """Return whether TensorFlow has a GPU to train on."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


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
