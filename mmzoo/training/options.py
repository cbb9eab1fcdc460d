"""Training options of every recipe, applied to each phase of its plan."""

import dataclasses
import functools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from mmzoo.data.augment.mixup import MIXED, mixup
from mmzoo.errors import BadInputError, expect
from mmzoo.experiment import Experiment
from mmzoo.losses.soft_targets import cross_entropy, largest_share
from mmzoo.models.transfer import encoder_names, read_model
from mmzoo.recipe import Phase, gradual_unfreezing
from mmzoo.training.optimizer import part_of

logger = logging.getLogger(__name__)
LOSS = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class PhaseOptions:
    """Changes to every phase of a recipe; an option that is not set leaves the recipe as it is."""

    freeze: tuple[str, ...] = ()
    """Encoders (ENCODER or ENCODER/LAYER) to freeze."""
    rates: tuple[str, ...] = ()
    """Learning-rate multipliers, ENCODER=FACTOR or ENCODER/LAYER=FACTOR."""
    unfreeze_epochs: int | None = None
    """Freeze encoders loaded by `init_from` for N epochs, then unfreeze one every N epochs."""
    patience: int | None = None
    """Early stopping after N epochs without a lower validation loss, with the best weights; 0 trains all epochs."""
    clip_norm: float | None = None
    """Clip gradients to this global norm; 0 disables clipping."""
    ema: float | None = None
    """Decay of the exponential moving average of the weights; 0 keeps the final weights."""
    mixup: float | None = None
    """Mixup of examples and labels with weights from Beta(mixup, mixup); 0 disables it."""
    label_smoothing: float | None = None
    """Label smoothing factor in [0, 1); 0 disables it."""

    def __post_init__(self):
        apart = self.unfreeze_epochs
        expect("unfreeze_epochs", apart is None or apart > 0, "1 or more", apart)
        expect("patience", (self.patience or 0) >= 0, "0 (off) or more", self.patience)
        expect("clip_norm", 0 <= (self.clip_norm or 0) < math.inf, "0 (off) or more", self.clip_norm)
        expect("ema", 0 <= (self.ema or 0) < 1, "0 (off) to less than 1", self.ema)
        expect("mixup", 0 <= (self.mixup or 0) < math.inf, "0 (off) or more", self.mixup)
        smoothing = self.label_smoothing
        expect("label_smoothing", 0 <= (smoothing or 0) < 1, "0 (off) to less than 1", smoothing)
        for words in self.rates:
            expect("rates", _rate(words)[1] > 0, "ENCODER=FACTOR, a factor above 0", words)

    def given(self) -> dict[str, Any]:
        """Return the options that are set."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value not in ((), None)}


def training_settings(precision: str, options: PhaseOptions) -> dict[str, Any]:
    """Return the card's `training`: the values that differ from the defaults, of `precision` and of `options`."""
    return ({} if precision == "float32" else {"precision": precision}) | options.given()


def _rate(words: str) -> tuple[str, float]:
    """Return part and factor of `PART=FACTOR`, the factor 0 where it is none."""
    name, _, factor = words.rpartition("=")
    try:
        return name, float(factor) if math.isfinite(float(factor)) else 0.0
    except ValueError:
        return name, 0.0


def with_options(experiment: Experiment, options: PhaseOptions) -> Experiment:
    """Return the experiment with `options` in each phase of its plan, and in its training batches and loss.

    An unimodal baseline gets the options of its own parts. Gradual unfreezing divides
    the first phase of the plan: an encoder that `init_from` does not have is trained from the start.

    Raises:
        BadInputError: the model has no such part, its epochs are too few to unfreeze its encoders, or its
            labels cannot be soft.
    """
    if not options.given():
        return experiment
    recipe = experiment.recipe

    @functools.cache
    def encoders(config) -> tuple[str, ...]:
        return tuple(encoder_names(recipe.build(config)))

    if options.freeze or options.rates:
        _check_parts(experiment.build(), options)
    if options.unfreeze_epochs and not experiment.config.init_from:
        raise BadInputError("`unfreeze_epochs` needs `init_from`, whose encoders are frozen at first")

    def plan(config) -> tuple[Phase, ...]:
        named = options.freeze or options.rates or options.unfreeze_epochs
        first, *others = (_changed(phase, options, encoders(config) if named else ()) for phase in recipe.plan(config))
        if options.unfreeze_epochs:
            theirs = encoder_names(read_model(config.init_from))
            closed = [name for name in encoders(config) if name in theirs and name not in first.frozen]
            return (*_unfrozen(first, closed, options.unfreeze_epochs), *others)
        return (first, *others)

    changed = dataclasses.replace(experiment, recipe=dataclasses.replace(recipe, plan=plan))
    changed.plan()
    if options.mixup or options.label_smoothing:
        return soft_labels(changed, options.mixup or 0.0, options.label_smoothing or 0.0)
    return changed


def _check_parts(model: keras.Model, options: PhaseOptions) -> None:
    """Raise BadInputError where `options` name no encoder of `model` and no layer of one."""
    ours = encoder_names(model)
    named = [("freeze", name) for name in options.freeze] + [("rates", _rate(words)[0]) for words in options.rates]
    for option, name in named:
        if name.split("/")[0] not in ours:
            raise BadInputError(f"`{option}` must be {', '.join(ours)}, or ENCODER/LAYER, got {name}")
        try:
            part_of(model, name)
        except BadInputError as error:
            raise BadInputError(str(error).replace("phase", f"`{option}`", 1)) from None


def _changed(phase: Phase, options: PhaseOptions, encoders: Sequence[str]) -> Phase:
    """Return `phase` with `options`, of which those that name parts reach the `encoders` that are there."""
    frozen = [name for name in options.freeze if name.split("/")[0] in encoders and name not in phase.frozen]
    rates = [_rate(words) for words in options.rates if words.partition("=")[0].split("/")[0] in encoders]
    numbers = {name: getattr(options, name) for name in ("patience", "clip_norm", "ema")}
    numbers = {name: value for name, value in numbers.items() if value is not None}
    return dataclasses.replace(phase, frozen=(*phase.frozen, *frozen), rates=(*phase.rates, *rates), **numbers)


def _unfrozen(phase: Phase, encoders: Sequence[str], epochs: int) -> tuple[Phase, ...]:
    """Return the phases, as long as `phase` together, that open one of `encoders` after another, `epochs` apart."""
    last = phase.epochs - epochs * len(encoders)
    if last < 1:
        needed = f"more than {epochs * len(encoders)} epochs, for {', '.join(encoders)}"
        raise BadInputError(f"`unfreeze_epochs` {epochs} needs {needed}, got {phase.epochs}")
    opened = gradual_unfreezing(tuple((name,) for name in encoders), epochs, phase.learning_rate)
    lengths = [epochs] * len(encoders) + [last]
    return tuple(
        dataclasses.replace(phase, name=f"{phase.name}_{p.name}", epochs=length, frozen=(*phase.frozen, *p.frozen))
        for p, length in zip(opened, lengths, strict=True)
    )


def tell_encoders(experiment: Experiment) -> None:
    """Print which encoders of the model start from the file `init_from`, and which start afresh.

    Raises:
        BadInputError: not one of them is in the file.
    """
    path = experiment.config.init_from
    if not path:
        return
    ours, theirs = encoder_names(experiment.build()), encoder_names(read_model(path))
    taken, afresh = [n for n in ours if n in theirs], [n for n in ours if n not in theirs]
    if not taken:
        missing = f"no encoder of this model, {' or '.join(ours)}; it has {', '.join(theirs)}"
        raise BadInputError(f"`init_from`: {path} has {missing}")
    logger.info(f"from {path}: {', '.join(taken)}{'; afresh: ' if afresh else ''}{', '.join(afresh)}")


def soft_labels(experiment: Experiment, alpha: float, smoothing: float) -> Experiment:
    """Return the experiment with training examples mixed by shares of Beta(alpha, alpha), and smoothed labels.

    0 is off, of either. Validation and test stay as they are, but for the loss, which is smoothed there too.

    Raises:
        BadInputError: the recipe has another loss, or an input of ids, which have no mean.
    """
    option = "mixup" if alpha else "label_smoothing"
    if experiment.objective()["loss"] != LOSS:
        raise BadInputError(f"`{option}` needs a recipe whose loss is {LOSS}")
    if alpha:
        inputs = experiment.dataset("validation").element_spec[0]
        if ids := [name for name, spec in inputs.items() if spec.dtype not in MIXED]:
            raise BadInputError(f"`mixup` needs inputs of images or numbers; ids cannot be mixed: {', '.join(ids)}")
    classes, recipe = len(experiment.export().labels), experiment.recipe

    def dataset(split, config, epoch=0):
        batches = recipe.dataset(split, config, epoch)
        if split != "train" or not alpha:
            return batches
        return mixup(batches, classes, alpha, config.seed, epoch * len(batches))

    def objective(config):
        return {"loss": cross_entropy(classes, smoothing), "metrics": [largest_share(classes)]}

    return dataclasses.replace(experiment, recipe=dataclasses.replace(recipe, dataset=dataset, objective=objective))
