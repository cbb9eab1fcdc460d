"""Mixup and label smoothing for any recipe that tells one class by the usual cross-entropy."""

from types import SimpleNamespace
from typing import Any

from mmzoo import BadInputError
from mmzoo.data.mixup import MIXED, mixup
from mmzoo.losses.shares import cross_entropy, largest_share

LOSS = "sparse_categorical_crossentropy"


def soft_labels(recipe: Any, config: Any, alpha: float, smoothing: float) -> Any:
    """Return `recipe` trained on examples mixed by shares of Beta(alpha, alpha), with labels smoothed by `smoothing`.

    0 is off, of either. Validation and test stay as they are, but for the loss, which is smoothed there too.

    Raises:
        BadInputError: the recipe has another loss, or an input of ids, which have no mean.
    """
    flag = "--mixup" if alpha else "--label-smoothing"
    if recipe.objective(config)["loss"] != LOSS:
        raise BadInputError(f"{flag}: expected a recipe whose loss is {LOSS}. Received: one with another")
    if alpha:
        inputs = recipe.dataset("validation", config).element_spec[0]
        if ids := [name for name, spec in inputs.items() if spec.dtype not in MIXED]:
            raise BadInputError(f"--mixup: expected pictures or numbers; ids have no mean. Received: {', '.join(ids)}")
    classes = len(recipe.export(config).labels)

    def dataset(split, config, first_epoch=0):
        batches = recipe.dataset(split, config, first_epoch)
        if split != "train" or not alpha:
            return batches
        steps = len(batches) // (sum(phase.epochs for phase in recipe.plan(config)) - first_epoch)
        return mixup(batches, classes, alpha, config.seed, first_epoch * steps)

    def objective(config):
        return {"loss": cross_entropy(classes, smoothing), "metrics": [largest_share(classes)]}

    return SimpleNamespace(**{**vars(recipe), "dataset": dataset, "objective": objective})
