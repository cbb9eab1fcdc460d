"""Draw from a Gaussian so that gradients reach its mean and variance."""

from keras import Layer, ops, random


class Sampling(Layer):
    """Mean and log-variance, `(B, D)` twice, to one draw `(B, D)` in training and to the mean in inference.

    `mean + exp(log_variance / 2) * noise`, the reparametrization of Kingma and Welling 2014, section 2.4. A class
    because the state of its generator is kept: it is saved with the weights, so that a run that was stopped goes on
    with the noise it would have had. In inference nothing is left of it in the graph.
    """

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        mean, log_variance = inputs
        if not training:
            return mean
        noise = random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.generator)
        return mean + ops.exp(0.5 * log_variance) * noise

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def save_own_variables(self, store):
        store["generator"] = ops.convert_to_numpy(self.generator.state)

    def load_own_variables(self, store):
        self.generator.state.assign(store["generator"])

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
