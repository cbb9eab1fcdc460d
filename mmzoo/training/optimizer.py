"""What a phase trains, and how fast each part of it: freezing and discriminative learning rates."""

import keras

from mmzoo.errors import BadInputError


class RatedAdamW(keras.optimizers.AdamW):
    """AdamW whose step of a variable is multiplied by a factor; weight decay is the same for all.

    A factor on the gradients would do nothing: Adam divides by their size. Discriminative fine-tuning, Howard and
    Ruder 2018 (ULMFiT), section 3.2.

    Args:
        rates: path of a variable -> factor; 1 for those that are not named.
    """

    def __init__(self, *args, rates: dict[str, float] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.rates = rates or {}

    def update_step(self, gradient, variable, learning_rate):
        # what arrives may be the backend's variable, which knows no path
        path = self._trainable_variables[self._get_variable_index(variable)].path
        super().update_step(gradient, variable, learning_rate * self.rates.get(path, 1.0))


def part_of(model: keras.Model, name: str) -> keras.Layer:
    """Return the encoder `name` of `model`, or its layer where `name` is `encoder/layer`.

    Raises:
        BadInputError: there is no such part.
    """
    part = model
    for piece in name.split("/"):
        found = {layer.name: layer for layer in getattr(part, "layers", [])}
        if piece not in found:
            raise BadInputError(f"phase: expected a part of {part.name}: {', '.join(found)}. Received: {name}")
        part = found[piece]
    return part


def set_trainable(model: keras.Model, names: tuple[str, ...], trainable: bool) -> None:
    """Open or close the parts `names` for training; the batch norms of a closed part keep their averages."""
    for name in names:
        part_of(model, name).trainable = trainable


def variable_rates(model: keras.Model, rates: tuple[tuple[str, float], ...]) -> dict[str, float]:
    """Return path of variable -> factor from parts -> factor; a later part overrides an earlier one that holds it."""
    return {v.path: factor for name, factor in rates for v in part_of(model, name).trainable_variables}
