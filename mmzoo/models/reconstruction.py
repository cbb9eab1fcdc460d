"""Multimodal autoencoder of digits: flat targets, reconstructions and their errors."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.sampling import Sampling
from mmzoo.fusion.product_of_experts import gaussians, product
from mmzoo.models.patch_decoder import patch_decoder

FRAMES, MELS = 98, 40
PATCHES = {"image": (49, 16), "audio": (14, 280)}  # how many, of how many numbers
Read = Callable[[keras.KerasTensor], keras.KerasTensor]  # labels, or an output, to numbers of one modality `(B, N)`


@dataclass(frozen=True)
class Sizes:
    """Sizes of the inputs: images of `side` pixels, waveforms of `samples` at `sample_rate` Hz."""

    side: int
    samples: int
    sample_rate: int

    def inputs(self, modality: str) -> int:
        """Return the numbers of an input."""
        return self.side**2 if modality == "image" else self.samples

    def outputs(self, modality: str) -> int:
        """Return the numbers of a reconstruction."""
        return self.side**2 if modality == "image" else FRAMES * MELS


def autoencoder(encoders: dict[str, keras.Model], embed_dim: int, seed: int) -> keras.Model:
    """Return a `keras.Model` to logits of pixels, log-mel energies, mean and log-variance, concatenated.

    Each encoder states a Gaussian, the latent is drawn from their product (MVAE, Wu and Goodman 2018, section 2.2), and
    a small decoder makes each modality from it. Inputs are `{modality: ..., "present": (B, M)}`, without `present` for
    one modality.
    """
    inputs, embeddings = {}, {}
    for name, encoder in encoders.items():
        inputs[name] = keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=name)
        embeddings[name] = layers.Identity(name=f"{name}_embedding")(encoder(inputs[name]))
    stated = gaussians(embeddings, embed_dim)
    if len(stated) > 1:
        present = inputs["present"] = keras.Input((len(stated),), name="present")
    else:
        present = ops.ones_like(next(iter(embeddings.values()))[:, :1])
    mean, log_variance = product(stated, present)
    mean = layers.Identity(name="embedding")(mean)
    latent = Sampling(seed, name="latent")([mean, log_variance])
    made = [decode(latent, name) for name in encoders]
    return keras.Model(inputs, ops.concatenate([*made, mean, log_variance], axis=1), name="autoencoder_pretraining")


def decode(latent: keras.KerasTensor, modality: str) -> keras.KerasTensor:
    """Return the flat reconstruction `(B, N)` of a modality from a latent `(B, D)`."""
    x = patch_decoder(latent, *PATCHES[modality], name=f"{modality}_decoder")
    if modality == "image":  # from patches to rows of pixels
        x = layers.Reshape((7, 7, 4, 4))(x)
        x = layers.Permute((1, 3, 2, 4))(x)
    return layers.Flatten(name=f"{modality}_flat")(x)


def read_targets(sizes: Sizes, modalities: tuple[str, ...]) -> dict[str, Read]:
    """Return for each modality the function of flat inputs to its target: pixels, or scaled log-mel energies."""
    front_end = LogMel(sizes.sample_rate, sizes.sample_rate // 40, sizes.sample_rate // 100, MELS)
    front_end.build((None, sizes.samples))

    def reader(name, start):
        def target(y_true):
            x = y_true[:, start : start + sizes.inputs(name)]
            return ops.reshape(front_end(x) * 0.25 + 2.0, (-1, FRAMES * MELS)) if name == "audio" else x

        return target

    starts = [sum(map(sizes.inputs, modalities[:i])) for i in range(len(modalities))]
    return {name: reader(name, start) for name, start in zip(modalities, starts, strict=True)}


def read_outputs(sizes: Sizes, modalities: tuple[str, ...]) -> dict[str, Read]:
    """Return for each modality the function of the model's output to its reconstruction."""

    def reader(name, start):
        def made(y_pred):
            x = y_pred[:, start : start + sizes.outputs(name)]
            return ops.sigmoid(x) if name == "image" else x

        return made

    starts = [sum(map(sizes.outputs, modalities[:i])) for i in range(len(modalities))]
    return {name: reader(name, start) for name, start in zip(modalities, starts, strict=True)}


def reconstruction_error(modality: str, target: Read, made: Read) -> Callable:
    """Return the metric `(B,)` of the mean squared error of a modality, named `image_error` or `audio_error`."""

    def error(y_true, y_pred):
        return ops.mean(ops.square(made(y_pred) - target(y_true)), axis=1)

    error.__name__ = f"{modality}_error"
    return error
