"""Digit classification from an image and a second of speech.

Two small convolutional encoders and late fusion by a gated multimodal unit (Arevalo et al. 2017, section 3.1), trained
with modality dropout (Neverova et al. 2016, section 3.3).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from mmzoo import fusion
from mmzoo.data.sources.digit_facts import CARDS, RANGES, SOURCES, UNITS, load, sizes_of
from mmzoo.data.sources.digits import COMPONENTS, SNR_DB
from mmzoo.errors import expect
from mmzoo.heads.classifier import classifier
from mmzoo.models.digit_encoders import digit_encoders
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("image", "audio")


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: image, audio, or both."""
    epochs: int = 6
    learning_rate: float = 2e-3
    fusion: str = "gated"
    """Fusion from mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    modality_dropout: float = 0.4
    """Probability that one modality of a training example is missing."""
    components: int = COMPONENTS
    """Principal components of an image of mnist_fsdd_hard."""
    snr_db: float = SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard, in dB."""
    pairings: int = 4
    """Clips paired with each test image."""
    label_share: float = 1.0
    """Fraction of the training images and clips of each class, in (0, 1]."""

    def __post_init__(self):
        super().__post_init__()
        expect("label_share", 0 < self.label_share <= 1, "a share above 0, 1 at most", self.label_share)


TINY = Config(epochs=2, embed_dim=16)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `image`, `audio`, `present`; digits.

    Shapes are `(B, 28, 28, 1)` uint8, `(B, 8000)` float32 in [-1, 1] and `(B, 2)`.
    """
    from mmzoo.data.sources.digit_pairs import evaluation_pairs, training_pairs
    from mmzoo.data.sources.digits import take_share

    bank = load(config.source, split, config.data_dir, config.seed, config.components, config.snr_db)
    if split != "train":
        return evaluation_pairs(bank, config.modalities, config.seed, config.pairings if split == "test" else 1)
    bank = take_share(bank, config.label_share, config.seed)
    return training_pairs(bank, config.modalities, config.batch_size, config.seed, epoch, config.modality_dropout)


def build(config: Config = Config()) -> keras.Model:
    """Return the model of image and audio to probabilities `(B, 10)`."""
    encoders = digit_encoders(sizes_of(config.modalities), config.embed_dim)
    model = late_fusion(encoders, fuse=fusion.load(config.fusion), head=partial(classifier, num_classes=10))
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return the cross-entropy and the accuracy of the digit."""
    return {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}


def export(config: Config = Config()) -> Export:
    """Export probabilities of the digits and the joint embedding."""
    return Export(
        task="classification",
        labels=tuple("0123456789"),
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units={name: UNITS[name] for name in (*MODALITIES, "present")},
        data=CARDS[config.source],
        ranges={name: RANGES[name] for name in (*MODALITIES, "present")},
    )
