"""Learned task uncertainty: one log-variance for each task."""

from typing import Any

from keras import KerasTensor, Layer, ops


class Uncertainty(Layer):
    """Append learned log-variances to predictions: `(B, D) -> (B, D + num_tasks)`.

    Kendall et al. 2018, section 3.2. A class because the log-variances are weights without an input. Their initial
    value is 0. They weight the losses of `mmzoo.losses.weighted.by_uncertainty`.
    """

    def __init__(self, num_tasks: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_tasks = num_tasks

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.log_variances = self.add_weight(shape=(1, self.num_tasks), initializer="zeros", name="log_variances")

    def call(self, x: KerasTensor) -> KerasTensor:
        return ops.concatenate([x, x[:, :1] * 0.0 + self.log_variances], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], input_shape[1] + self.num_tasks)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_tasks": self.num_tasks}
