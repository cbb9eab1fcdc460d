"""Sampling from a Gaussian with gradients to its mean and variance."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from keras import KerasTensor, Layer, ops, random


class Sampling(Layer):
    """Draw from a Gaussian in training; return its mean in inference.

    Reparametrization of Kingma and Welling 2014, section 2.4: `mean + exp(log_variance / 2) * noise`. Inputs: mean and
    log-variance, `(B, D)` each. Output: `(B, D)`. A class because the generator state is saved with the weights, so
    that a resumed run continues with the same noise. The inference graph contains no sampling.
    """

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def call(self, inputs: Sequence[KerasTensor], training: bool = False) -> KerasTensor:
        mean, log_variance = inputs
        if not training:
            return mean
        noise = random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.generator)
        return mean + ops.exp(0.5 * log_variance) * noise

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]

    def save_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
        store["generator"] = ops.convert_to_numpy(self.generator.state)

    def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
        self.generator.state.assign(store["generator"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
