"""The one training loop: the phases of a recipe, each a call of `fit`, with a checkpoint after every epoch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.training.checkpoint import KEPT_EPOCH, Average, Checkpoint, Patience
from mmzoo.training.interrupt import EndWhenAsked, Interrupted, Interruption
from mmzoo.training.optimizer import RatedAdamW, set_trainable, variable_rates
from mmzoo.training.progress import Progress

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
    interruption: Interruption | None = None,
) -> tuple[keras.Model, dict[str, Any]]:
    """Train the model of an experiment by its plan; return it with its history.

    Continues where the checkpoint in `folder` ends, if there is one. Order, augmentation, learning rate and the
    state of the optimizer go on as if nothing had happened: a run that was stopped in its second epoch begins
    that epoch again and ends at the weights of a run that was not.

    With a `precision` other than float32 the layers compute in 16 bits and keep their weights in 32 (Micikevicius et
    al. 2018, section 3); the model returned is built afresh in float32 and has the trained weights.

    `callbacks` run after every epoch is stored. Where `interruption` is asked for, training ends after the step with
    the weights that the phase would keep if it ended with its last complete epoch; the checkpoint stays as it is, for
    a run to resume.

    Returns:
        the model; and the history, one value an epoch, with `KEPT_EPOCH`, from 1, the epoch whose weights it has.

    Raises:
        Interrupted: no epoch was complete.
        BadInputError: `precision` is none of `PRECISIONS` or not for this machine, or a batch is larger than an epoch.
    """
    check_precision(precision)
    with _policy(precision):
        model, history = _fit(experiment, folder, title, callbacks, interruption or Interruption())
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


@dataclass(frozen=True)
class _Run:
    """A model in training: what all phases of its plan share."""

    experiment: Experiment
    model: keras.Model
    checkpoint: Checkpoint
    validation: Any
    title: str
    callbacks: Sequence[keras.callbacks.Callback]


def _fit(
    experiment: Experiment, folder: str | Path, title: str, callbacks: Sequence, interruption: Interruption
) -> tuple[keras.Model, dict[str, Any]]:
    keras.utils.set_random_seed(experiment.config.seed)
    model = experiment.build()
    checkpoint = Checkpoint(folder)
    if checkpoint.epochs:
        checkpoint.restore(model)
        interruption.trained = True
    validation, after = _kept(experiment.dataset("validation")), [*callbacks, EndWhenAsked(interruption)]
    run = _Run(experiment, model, checkpoint, validation, title, after)
    start, plan = 0, experiment.plan()
    for phase in plan:
        if max(start, checkpoint.epochs) < start + phase.epochs:
            try:
                _run_phase(run, phase, start)
            except Interrupted:
                if not checkpoint.epochs:
                    raise
                interruption.ended(title, len(checkpoint.history["loss"]), sum(one.epochs for one in plan))
                _load_best(run, phase, start)
                break
            finally:
                set_trainable(model, phase.frozen, True)
        start += phase.epochs
    return model, {**checkpoint.history, KEPT_EPOCH: checkpoint.kept}


def _run_phase(run: _Run, phase: Phase, start: int) -> None:
    """Train for the epochs of `phase`, which begins at epoch `start`, that the checkpoint does not have."""
    experiment, model, checkpoint = run.experiment, run.model, run.checkpoint
    end, first = start + phase.epochs, max(start, checkpoint.epochs)
    train = experiment.dataset("train", first)
    steps = len(train)
    if not steps:
        raise BadInputError("`batch_size` must be at most the examples of an epoch")
    compile_phase(model, experiment.objective(), phase, steps)
    if first > start:
        checkpoint.restore(model)
    with Progress(f"{run.title} {phase.name}", steps * (end - first)) as progress:
        after = [*_callbacks(phase, checkpoint, start), progress, *run.callbacks]
        for epoch in range(first, end):
            # one call an epoch: each has a data set of its own
            model.fit(
                train if epoch == first else experiment.dataset("train", epoch),
                initial_epoch=epoch,
                epochs=epoch + 1,
                validation_data=run.validation,
                class_weight=dict(enumerate(phase.class_weight)) or None,
                callbacks=after,
                verbose=0,
                shuffle=False,
            )
            if model.stop_training:
                break


def _load_best(run: _Run, phase: Phase, start: int) -> None:
    """Load the weights that `phase`, which begins at epoch `start`, would keep if it ended at the checkpoint."""
    model, checkpoint = run.model, run.checkpoint
    if checkpoint.epochs <= start:  # the checkpoint is of the phase before, whose optimizer this one cannot load
        before = run.experiment.build()
        checkpoint.restore(before)
        model.set_weights(before.get_weights())
    elif phase.patience:
        _patience(phase, checkpoint, start).load_best(model)
    else:
        checkpoint.restore(model)
        model.optimizer.average(model.trainable_variables)


def _kept(batches):
    """Return a data set that is made once and then kept, or one that is made again each time if it is too large."""
    size = sum(np.asarray(x).nbytes for x in keras.tree.flatten(next(iter(batches)))) * int(batches.cardinality())
    return batches if size > KEPT else batches.cache()  # a cardinality that is not known is below 0


def _callbacks(phase: Phase, checkpoint: Checkpoint, start: int) -> list[keras.callbacks.Callback]:
    """Return what acts after each epoch of a phase that begins at epoch `start`, in the order in which it must."""
    end = start + phase.epochs
    before = [Average(end)] if phase.ema else []
    after = [_patience(phase, checkpoint, start)] if phase.patience else []
    return [*before, checkpoint, *after]


def _patience(phase: Phase, checkpoint: Checkpoint, start: int) -> Patience:
    return Patience(checkpoint, start, start + phase.epochs, phase.patience, phase.monitor)


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
