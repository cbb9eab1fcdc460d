"""How uncertain each task is: log-variances that are learned with the model."""

from keras import Layer, ops


class Uncertainty(Layer):
    """Append to predictions `(B, D)` the log-variance of each of `num_tasks` tasks: `(B, D + num_tasks)`.

    A class because the log-variances are weights that no input makes; they start at 0. They weigh the losses of
    `mmzoo.losses.weighted.by_uncertainty`. Kendall et al. 2018, section 3.2.
    """

    def __init__(self, num_tasks, **kwargs):
        super().__init__(**kwargs)
        self.num_tasks = num_tasks

    def build(self, input_shape):
        self.log_variances = self.add_weight(shape=(1, self.num_tasks), initializer="zeros", name="log_variances")

    def call(self, x):
        return ops.concatenate([x, x[:, :1] * 0.0 + self.log_variances], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] + self.num_tasks)

    def get_config(self):
        return {**super().get_config(), "num_tasks": self.num_tasks}
