"""Hide stretches of time and bands of frequency of a spectrogram, in training alone."""

from keras import Layer, ops, random


class SpecAugment(Layer):
    """Spectrogram `(B, T, M)` to the same with hidden parts in training, and unchanged in inference.

    Of each example `count` stretches of time, up to `frames` long, and `count` bands of frequency, up to `bands` wide,
    are set to its mean; they may overlap. Park et al. 2019 (SpecAugment), section 2, without the warp. A class because
    the state of its generator is kept, as that of Dropout: a run that was stopped goes on with the same draws. In
    inference nothing is left of it in the graph.

    Raises:
        ValueError: a width is negative, or longer than its axis.
    """

    def __init__(self, count=2, frames=25, bands=10, seed=0, **kwargs):
        super().__init__(**kwargs)
        if min(count, frames, bands) < 0:
            raise ValueError(f"SpecAugment expects numbers of 0 or more. Received: {count=}, {frames=}, {bands=}")
        self.count = count
        self.frames = frames
        self.bands = bands
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def build(self, input_shape):
        if len(input_shape) != 3 or input_shape[1] < self.frames or input_shape[2] < self.bands:
            raise ValueError(
                f"SpecAugment expects (B, T, M) of at least {self.frames} frames and {self.bands} bands. "
                f"Received: {input_shape=}"
            )

    def call(self, spectrogram, training=False):
        if not training or not self.count:
            return spectrogram
        size, (_, frames, bands) = ops.shape(spectrogram)[0], spectrogram.shape
        hidden = ops.logical_or(
            self._stretches(size, frames, self.frames)[:, :, None], self._stretches(size, bands, self.bands)[:, None]
        )
        return ops.where(hidden, ops.mean(spectrogram, axis=(1, 2), keepdims=True), spectrogram)

    def _stretches(self, size, length, widest):
        """Return `(size, length)` bool: whether one of `count` stretches, up to `widest` wide, covers a place."""
        drawn = random.uniform((2, size, self.count, 1), seed=self.generator)
        width = ops.floor(drawn[0] * (widest + 1))
        start = ops.floor(drawn[1] * (length - width + 1))
        place = ops.arange(length, dtype="float32")
        return ops.any(ops.logical_and(place >= start, place < start + width), axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def save_own_variables(self, store):
        store["generator"] = ops.convert_to_numpy(self.generator.state)

    def load_own_variables(self, store):
        self.generator.state.assign(store["generator"])

    def get_config(self):
        config = {name: getattr(self, name) for name in ("count", "frames", "bands", "seed")}
        return {**super().get_config(), **config}
