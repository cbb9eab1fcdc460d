"""Choice of the model that ships, on the validation rows: fused, unimodal, linear, or the mean of several."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from mmzoo.artifacts.card import Metrics
from mmzoo.artifacts.runtimes import batch_size
from mmzoo.automl import targets
from mmzoo.automl.budget import float_bytes
from mmzoo.automl.ensemble import mean_of_models
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import select_inputs
from mmzoo.experiment import Experiment
from mmzoo.training.prior_fallback import fit_prior_fallback

logger = logging.getLogger(__name__)
FUSED, LINEAR, MEAN = "fused", "linear", "mean of unimodal"
LOSS = "val_loss"


@dataclass(frozen=True)
class Choice:
    """The model that ships.

    Attributes:
        name: of the candidate, a key of `candidates`.
        model: the trained model, of `modalities`, with the layers that the recipe exports.
        modalities: its inputs, in the order of `present`.
        candidates: `{name: {"val_loss", primary metric}}`, both on the validation rows.
        threshold: probability from which on a label of several is predicted; 0 of other kinds.
    """

    name: str
    model: keras.Model
    modalities: tuple[str, ...]
    candidates: dict[str, Metrics]
    threshold: float = 0.0


def choose(
    recipe: Any,
    experiment: Experiment,
    fused: keras.Model,
    linear: Mapping[str, keras.Model],
    unimodal: Mapping[str, keras.Model],
    validation: tuple[Arrays, np.ndarray],
) -> Choice:
    """Choose between the fused model, each unimodal model, a linear model, and means of their predictions.

    Criterion: the mean over the validation rows of the loss of the target's kind. The fused model is kept unless
    another candidate is better by more than the standard error of the paired difference of the losses (the rule of one
    standard error: Hastie et al. 2009, The Elements of Statistical Learning, section 7.10). The plain average of the
    unimodal models and the linear model set a floor of the primary metric where their loss is no worse than the fused
    model's by more than that: what ships scores no lower than either.

    Args:
        recipe: the `TableRecipe`.
        experiment: what was trained.
        fused: the trained model of all modalities of the config.
        linear: `{"linear": model}` of `mmzoo.automl.linear_member`, or nothing.
        unimodal: `{modality: trained model}`, empty with a single modality.
        validation: inputs and labels of the validation split, which decides.
    """
    modalities, (inputs, labels) = experiment.config.modalities, validation
    members = {FUSED: fused, **linear, **unimodal}
    parts = candidates(tuple(linear), tuple(unimodal))
    large = {FUSED, LINEAR, *recipe.encoders}  # of these, two in a mean would run a published network twice
    parts = {k: v for k, v in parts.items() if len(large.intersection(v)) <= 1 or not recipe.encoders}
    if recipe.bytes_limit:
        parts = {k: v for k, v in parts.items() if k == FUSED or _bytes(members, v) <= recipe.bytes_limit}
    used = dict.fromkeys(name for names in parts.values() for name in names)
    raw = {name: _raw(recipe, members[name], inputs) for name in used}
    means = {name: mean_prediction(raw, names, inputs["present"], modalities) for name, names in parts.items()}
    target, source = targets.load(recipe.source.kind), recipe.source
    thresholds = dict.fromkeys(means, experiment.config.threshold)
    if target.threshold and not experiment.config.threshold:
        thresholds = {name: target.threshold(mean, labels) for name, mean in means.items()}
    if len(parts) == 1:
        return Choice(FUSED, fused, modalities, {}, thresholds[FUSED])
    losses = {name: recipe.kind.row_losses(recipe, labels, mean) for name, mean in means.items()}
    metric = target.task.primary
    found = {
        name: {
            LOSS: float(losses[name].mean()),
            **target.scores(recipe.kind.answers(recipe, mean), labels, replace(source, threshold=thresholds[name])),
        }
        for name, mean in means.items()
    }
    found = {name: {key: float(one[key]) for key in (LOSS, metric.key)} for name, one in found.items()}
    sign = 1 if metric.higher_is_better else -1
    name = best_candidate(losses, {name: sign * one[metric.key] for name, one in found.items()})
    width = max(12, len(metric.label) + 2)
    lines = [f"{one:<40}{v[LOSS]:>10.4f}{metric.show(v[metric.key]):>{width}}" for one, v in found.items()]
    logger.info("\n".join([f"{'validation':<40}{'loss':>10}{metric.label:>{width}}", *lines, f"chosen: {name}"]))
    model, taken = _assembled(recipe, experiment, members, parts[name], modalities)
    return Choice(name, model, taken, found, thresholds[name])


def candidates(linear: tuple[str, ...], modalities: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return `{candidate: names of its members}`, the fused model first; every unimodal model is a candidate."""
    found = {FUSED: (FUSED,), **{name: (name,) for name in (*linear, *modalities)}}
    if linear:
        found["mean of fused and linear"] = (FUSED, *linear)
    if modalities:
        found[MEAN] = modalities
        found["mean of fused and unimodal"] = (FUSED, *modalities)
    if linear and modalities:
        found["mean of all"] = (FUSED, *linear, *modalities)
    return found


def best_candidate(losses: Mapping[str, np.ndarray], quality: Mapping[str, float]) -> str:
    """Return the name of the candidate that ships, see `choose`.

    Args:
        losses: `{candidate: loss of each validation row (N,)}`, the fused model first.
        quality: `{candidate: primary metric}`, higher is better.
    """
    gains = {name: losses[FUSED] - one for name, one in losses.items()}
    errors = {name: gain.std() / np.sqrt(len(gain)) for name, gain in gains.items()}
    simple = [name for name in (MEAN, LINEAR) if name in gains and gains[name].mean() >= -errors[name]]
    floor = max((quality[name] for name in simple), default=-np.inf)
    able = [name for name in losses if quality[name] >= floor]
    best = min(able, key=lambda name: losses[name].mean())
    return best if FUSED not in able or gains[best].mean() > errors[best] else FUSED


def mean_prediction(
    raw: Mapping[str, np.ndarray], names: tuple[str, ...], present: np.ndarray, modalities: tuple[str, ...]
) -> np.ndarray:
    """Return the mean prediction `(N, K)` of the members `names`, as `blocks.auxiliary.MeanOfAvailable` computes it."""
    weights = [present[:, [modalities.index(name)]] if name in modalities else 1.0 for name in names]
    total = sum(raw[name] * weight for name, weight in zip(names, weights, strict=True))
    return total / np.maximum(sum(weights), 1)


def _raw(recipe: Any, model: keras.Model, inputs: Arrays) -> np.ndarray:
    """Return the predictions `(N, K)` of `model` in front of its fallback for missing modalities."""
    first = model.get_layer(recipe.kind.before).input[0]
    given = select_inputs(inputs, model.input)
    return keras.Model(model.input, first).predict(given, batch_size=batch_size(given), verbose=0)


def _bytes(members: Mapping[str, keras.Model], names: tuple[str, ...]) -> float:
    return sum(float_bytes(members[name]) for name in names)


def _assembled(
    recipe: Any,
    experiment: Experiment,
    members: Mapping[str, keras.Model],
    names: tuple[str, ...],
    modalities: tuple[str, ...],
) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model of the chosen members, and its modalities."""
    if names == (FUSED,):
        return members[FUSED], modalities  # its fallback was fitted when it was trained
    if len(names) == 1:
        taken = names if names[0] in modalities else modalities
        return fit_prior_fallback(members[names[0]], {}, experiment.changed(modalities=taken))[0], taken
    postprocess = recipe.kind.wiring(recipe)["postprocess"]
    model = mean_of_models({name: members[name] for name in names}, modalities, recipe.kind.before, postprocess)
    fit_prior_fallback(keras.Model(model.input, model.output["answer"]), {}, experiment)
    return model, modalities
