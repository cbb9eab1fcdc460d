"""Contrastive pretraining of encoders of images, speech and words of digits.

Each encoder and its projection learn to identify the other modality of a pair in the batch: InfoNCE (CLIP, Radford et
al. 2021, section 2.3), SigLIP (Zhai et al. 2023, section 3.2) or VICReg (Bardes et al. 2022, section 4.1). Projections
are dropped after pretraining (SimCLR, Chen et al. 2020, section 4.2). Pairs are of one class, which is the only
supervision.
"""

from dataclasses import dataclass
from typing import Any

import keras

from mmzoo.data.sources.digit_facts import CARDS, RANGES, SOURCES, UNITS, load, sizes_of
from mmzoo.data.sources.digits import COMPONENTS, SNR_DB
from mmzoo.errors import expect
from mmzoo.losses.contrastive import info_nce, siglip, vicreg
from mmzoo.metrics.batch_retrieval import strangers
from mmzoo.models.digit_encoders import digit_encoders
from mmzoo.models.projections import projections
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("image", "audio", "text")
OBJECTIVES = {"infonce": info_nce, "siglip": siglip, "vicreg": lambda temperature: vicreg()}
SPELLINGS = 64  # of each word


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES, fewest=2):
    source: str = "sample"
    """Data source: sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    modalities: tuple[str, ...] = ("image", "audio")
    """Input modalities: two or all of image, audio, text (the digit's word, which is the label)."""
    epochs: int = 6
    batch_size: int = 128
    learning_rate: float = 2e-3
    objective: str = "infonce"
    """Contrastive loss: infonce, siglip or vicreg."""
    temperature: float = 0.1
    """Temperature of infonce and siglip; lower values weigh the most similar negatives more."""
    projection: int = 64
    """Width of the projections that are compared."""
    components: int = COMPONENTS
    """Principal components of an image of mnist_fsdd_hard."""
    snr_db: float = SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard, in dB."""

    def __post_init__(self):
        expect("objective", self.objective in OBJECTIVES, f"one of {', '.join(OBJECTIVES)}", self.objective)
        super().__post_init__()
        expect("batch_size", self.batch_size > 1, "2 or more, to compare", self.batch_size)


TINY = Config(epochs=2, batch_size=64, embed_dim=16, projection=16)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `image`, `audio`, `text`; pair ids.

    Shapes are `(B, 28, 28, 1)` uint8, `(B, 8000)` float32 in [-1, 1] and `(B, 8)` int32.
    """
    from mmzoo.data.batches.views import identify
    from mmzoo.data.sources.digit_pairs import evaluation_pairs, training_pairs
    from mmzoo.data.sources.digit_words import typed_words

    bank = load(config.source, split, config.data_dir, config.seed, config.components, config.snr_db)
    words = typed_words(SPELLINGS, [config.seed, len(split)]) if "text" in config.modalities else None
    seen = tuple(name for name in config.modalities if name != "text")
    if split != "train":
        return identify(evaluation_pairs(bank, seen, config.seed), words=words, seed=config.seed)
    batches = training_pairs(bank, seen, config.batch_size, config.seed, epoch, dropout=0.0)
    return identify(batches, epoch * len(batches), words, config.seed)


def build(config: Config = Config()) -> keras.Model:
    """Return the model of M modalities to projections `(B, M, projection)`.

    Their length is 1, except for VICReg, which uses the lengths.
    """
    encoders = digit_encoders(sizes_of(config.modalities), config.embed_dim)
    model = projections(encoders, config.projection, config.objective != "vicreg", name="contrastive_pretraining")
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return the contrastive loss and the share of more similar negatives."""
    return {"loss": OBJECTIVES[config.objective](config.temperature), "metrics": [strangers]}


def export(config: Config = Config()) -> Export:
    """Export the embedding of each modality."""
    return Export(
        task="pretraining",
        labels=(),
        outputs={f"{name}_embedding": f"{name}_embedding" for name in config.modalities},
        units={name: UNITS[name] for name in config.modalities},
        data=CARDS[config.source],
        ranges={name: RANGES[name] for name in config.modalities},
        precisions=("float32", "dynamic"),
    )
