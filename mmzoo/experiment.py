"""A recipe at one config: what a run trains, scores and exports."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mmzoo.recipe import Batches, Export, Phase, Recipe

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Experiment:
    """A recipe and one value of its Config; the methods are the recipe's functions at this config."""

    recipe: Recipe
    config: Any

    def changed(self, **fields: Any) -> Self:
        """Return the experiment with other values of these fields of the config."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **fields))

    def dataset(self, split: str, epoch: int = 0) -> Batches:
        """Return the batches of a split, of `train` one epoch."""
        return self.recipe.dataset(split, self.config, epoch)

    def build(self) -> "keras.Model":
        """Return the uncompiled model."""
        return self.recipe.build(self.config)

    def objective(self) -> dict[str, Any]:
        """Return `loss` and `metrics` for `compile`."""
        return self.recipe.objective(self.config)

    def plan(self) -> tuple[Phase, ...]:
        """Return the phases of training."""
        return self.recipe.plan(self.config)

    def export(self) -> Export:
        """Return the description of the published model."""
        return self.recipe.export(self.config)
