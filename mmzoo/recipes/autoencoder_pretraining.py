"""Multimodal autoencoder pretraining of encoders of images and speech of digits.

Each encoder states a Gaussian, and small decoders reconstruct both modalities from the product: MVAE, Wu and Goodman
2018, section 2.2. Instead of an ELBO for every modality subset of each example (their section 2.3) each training
example draws a subset; missing modalities are reconstructed too. Pairs are of one class, which is the only supervision.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from mmzoo.data.sources.digit_facts import CARDS, RANGES, SOURCES, UNITS, load, sizes_of
from mmzoo.data.sources.digits import CLIP, COMPONENTS, IMAGE, SAMPLE_RATE, SNR_DB
from mmzoo.losses.elbo import bernoulli, elbo
from mmzoo.models.digit_encoders import digit_encoders
from mmzoo.models.reconstruction import Sizes, autoencoder, read_outputs, read_targets, reconstruction_error
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("image", "audio")
SIZES = Sizes(IMAGE, CLIP, SAMPLE_RATE)
# Of the likelihoods, fixed on validation pairs of mnist_fsdd_hard at seed 0, three epochs, one modality seen at a time:
# a linear probe of both encoders with a tenth of the labels was right of 60.7 % with 0.05 for audio (and beta 0.05), of
# 65.8 % with 0.003 (beta 0.1), of untrained encoders 59.6 %. Most of a spectrogram is noise and where the word begins:
# at 1 it drowns the picture, the only thing that asks of speech what it means.
WEIGHTS = {"image": 1.0, "audio": 0.003}


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    modalities: tuple[str, ...] = MODALITIES
    """Modalities to encode and reconstruct: image, audio, or both."""
    embed_dim: int = 64
    """Width of the embeddings and of the latent."""
    epochs: int = 6
    batch_size: int = 128
    learning_rate: float = 2e-3
    modality_dropout: float = 1.0
    """Probability that one modality of a training example is missing and reconstructed from the other."""
    beta: float = 0.1
    """Weight of the KL divergence from the prior."""
    components: int = COMPONENTS
    """Principal components of an image of mnist_fsdd_hard."""
    snr_db: float = SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard, in dB."""


TINY = Config(epochs=2, batch_size=64, embed_dim=16)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `image`, `audio`, `present`; all inputs, flat.

    Shapes are `(B, 28, 28, 1)` uint8, `(B, 8000)` float32 in [-1, 1] and `(B, 2)`.
    """
    from mmzoo.data.batches.views import reconstruct
    from mmzoo.data.sources.digit_pairs import evaluation_pairs, training_pairs

    seen = config.modalities
    bank = load(config.source, split, config.data_dir, config.seed, config.components, config.snr_db)
    if split != "train":
        return reconstruct(evaluation_pairs(bank, seen, config.seed))
    return reconstruct(training_pairs(bank, seen, config.batch_size, config.seed, epoch, config.modality_dropout))


def build(config: Config = Config()) -> keras.Model:
    """Return the model of image and audio to reconstructions, mean, log-variance."""
    encoders = digit_encoders(sizes_of(config.modalities), config.embed_dim)
    model = autoencoder(encoders, config.embed_dim, config.seed)
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return the negative ELBO, and the mean squared error of each modality."""
    widths = {name: SIZES.outputs(name) for name in config.modalities}
    bound = elbo(widths, config.embed_dim, WEIGHTS, config.beta, {"image": bernoulli})
    parts = reconstruction(config)

    def loss(y_true, y_pred):
        return bound(ops.concatenate([target(y_true) for target, _ in parts.values()], axis=1), y_pred)

    return {"loss": loss, "metrics": [reconstruction_error(name, *part) for name, part in parts.items()]}


def reconstruction(config: Config = Config()) -> dict[str, tuple]:
    """Return `{modality: (target, made)}`, functions of labels and of the output."""
    targets, made = read_targets(SIZES, config.modalities), read_outputs(SIZES, config.modalities)
    return {name: (targets[name], made[name]) for name in config.modalities}


def export(config: Config = Config()) -> Export:
    """Export the embedding of each modality and the mean of the latent."""
    given = (*config.modalities, "present")[: len(config.modalities) + (len(config.modalities) > 1)]
    return Export(
        task="pretraining",
        labels=(),
        outputs={name: name for name in (*(f"{m}_embedding" for m in config.modalities), "embedding")},
        units={name: UNITS[name] for name in given},
        data=CARDS[config.source],
        ranges={name: RANGES[name] for name in given},
        precisions=("float32", "dynamic"),
    )
