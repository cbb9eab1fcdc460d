"""Freezing and discriminative learning rates of a training phase."""

from typing import Any

import keras

from mmzoo.errors import BadInputError


class RatedAdamW(keras.optimizers.AdamW):
    """Apply AdamW with a learning-rate multiplier for each variable.

    Discriminative fine-tuning: Howard and Ruder 2018 (ULMFiT), section 3.2. Weight decay is not multiplied. Scaling
    the gradients instead would have no effect, since Adam normalizes them.

    Args:
        rates: path of a variable -> multiplier; 1 for other variables.
    """

    def __init__(self, *args: Any, rates: dict[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rates = rates or {}

    def finalize_variable_values(self, var_list: Any) -> None:
        """Keep the variables: `fit` ends after every epoch, and `average` acts at the end of a phase."""

    def average(self, variables: Any) -> None:
        """Overwrite `variables` with their moving averages; without averaging they are unchanged."""
        super().finalize_variable_values(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update `variable` with its multiplied learning rate."""
        # `variable` may be the backend's variable, which has no path
        path = self._trainable_variables[self._get_variable_index(variable)].path
        super().update_step(gradient, variable, learning_rate * self.rates.get(path, 1.0))


def part_of(model: keras.Model, name: str) -> keras.Layer:
    """Return the encoder or layer `name` of `model`: `encoder` or `encoder/layer`.

    Raises:
        BadInputError: the part does not exist.
    """
    part = model
    for piece in name.split("/"):
        found = {layer.name: layer for layer in getattr(part, "layers", [])}
        if piece not in found:
            raise BadInputError(f"phase: expected a part of {part.name}: {', '.join(found)}. Received: {name}")
        part = found[piece]
    return part


def set_trainable(model: keras.Model, names: tuple[str, ...], trainable: bool) -> None:
    """Freeze or unfreeze the parts `names`; frozen batch norms keep their statistics."""
    for name in names:
        part_of(model, name).trainable = trainable


def variable_rates(model: keras.Model, rates: tuple[tuple[str, float], ...]) -> dict[str, float]:
    """Expand learning-rate multipliers from parts to variable paths.

    A later part overrides an earlier part that contains it.
    """
    return {v.path: factor for name, factor in rates for v in part_of(model, name).trainable_variables}
