"""Masked-modality pretraining of encoders of images, speech and words of digits.

Targets `clusters`: a whole modality is masked (AV-HuBERT, Shi et al. 2022, section 3.2). Audio predicts the k-means
cluster of its image, the image predicts the distribution that audio predicts. Pairs of one class are the supervision.

Targets `values`: masked squares of an image (He et al. 2022, section 3; SimMIM, Xie et al. 2022, section 3), spans of
log-mel energies (Audio-MAE, Huang et al. 2022, section 3) and bytes of words (BERT, Devlin et al. 2019, section 3.1)
are predicted. Nothing is paired: it is one training for each modality in one graph.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from mmzoo.data.decode.text import NUM_TOKENS
from mmzoo.data.sources.digit_facts import CARDS, RANGES, SOURCES, UNITS, load, sizes_of
from mmzoo.data.sources.digit_words import LENGTH, typed_words
from mmzoo.data.sources.digits import CLIP, COMPONENTS, IMAGE, SAMPLE_RATE, SNR_DB
from mmzoo.errors import expect
from mmzoo.models import masked_prediction as masked
from mmzoo.models.digit_encoders import digit_encoders
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export, check_order

MODALITIES = ("image", "audio", "text")
TARGETS = ("clusters", "values")
SHAPES = {"image": (IMAGE, IMAGE, 1), "audio": (CLIP,), "text": (LENGTH,)}
SPELLINGS = 64  # of each word


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    modalities: tuple[str, ...] = ("image", "audio")
    """Modalities to pretrain: image, audio, or both; with values also text (the digit's word)."""
    epochs: int = 6
    batch_size: int = 128
    learning_rate: float = 2e-3
    targets: str = "clusters"
    """Prediction targets: clusters (of the image) or values (of masked parts)."""
    clusters: int = 64
    """Number of image clusters, 2 or more."""
    hidden: float = 0.5
    """Masked fraction of each image and clip, for values."""
    components: int = COMPONENTS
    """Principal components of an image of mnist_fsdd_hard."""
    snr_db: float = SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard, in dB."""

    def __post_init__(self):
        expect("targets", self.targets in TARGETS, f"one of {', '.join(TARGETS)}", self.targets)
        expect("clusters", self.clusters > 1, "2 or more", self.clusters)
        check_order(self.modalities, MODALITIES[:2] if self.targets == "clusters" else MODALITIES)
        super().__post_init__()


TINY = Config(epochs=2, batch_size=64, embed_dim=16, clusters=32)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of masked `image`, `audio`, `text`; clusters or values.

    Shapes are `(B, 28, 28, 1)` uint8, `(B, 8000)` float32 and `(B, 8)` int32. Labels are clusters `(B,)` int32 of the
    images, or of each modality all its values and its mask, flat.
    """
    from mmzoo.data.batches.views import hide
    from mmzoo.data.sources.digit_clusters import assign, picture_clusters
    from mmzoo.data.sources.digit_pairs import evaluation_pairs, training_pairs

    source = (config.source, config.data_dir, config.seed, config.components, config.snr_db)
    bank, clusters = load(source[0], split, *source[1:]), config.targets == "clusters"
    # the cluster of an image is the target of audio alone, too
    seen = MODALITIES[:2] if clusters else tuple(name for name in config.modalities if name != "text")
    shares = dict.fromkeys(MODALITIES, 0.0 if clusters else config.hidden)
    words = typed_words(SPELLINGS, [config.seed, len(split)]) if "text" in config.modalities else None
    if split == "train":
        batches = training_pairs(bank, seen, config.batch_size, config.seed, epoch, dropout=0.0)
        batches = hide(batches, shares, config.seed, epoch * len(batches), words)
    else:
        batches = hide(evaluation_pairs(bank, seen, config.seed), shares, config.seed, words=words)
    if not clusters:
        return batches
    return assign(batches, picture_clusters(*source, config.clusters), math.prod(SHAPES["image"]), config.modalities)


def build(config: Config = Config()) -> keras.Model:
    """Return the model to cluster logits `(B, M, clusters)`, or flat values."""
    encoders = digit_encoders(sizes_of(config.modalities), config.embed_dim)
    values = partial(masked.value_head, tokens=NUM_TOKENS)
    clusters = partial(masked.cluster_head, count=config.clusters)
    model = masked.masked_prediction(encoders, clusters if config.targets == "clusters" else values)
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return cross-entropy of clusters, or the sum of masked errors."""
    if config.targets == "clusters":
        accuracies = [masked.cluster_accuracy(name, i) for i, name in enumerate(config.modalities)]
        return {"loss": masked.cluster_loss, "metrics": accuracies}
    errors = masked.value_errors({name: SHAPES[name] for name in config.modalities}, SAMPLE_RATE, NUM_TOKENS)
    return {"loss": lambda y_true, y_pred: sum(error(y_true, y_pred) for error in errors), "metrics": errors}


def export(config: Config = Config()) -> Export:
    """Export the embedding of each modality."""
    units = UNITS | {"text": f"{UNITS['text']}; {NUM_TOKENS - 1} for a hidden byte"}
    ranges = RANGES | {"text": (0, NUM_TOKENS - 1)}
    return Export(
        task="pretraining",
        labels=(),
        outputs={f"{name}_embedding": f"{name}_embedding" for name in config.modalities},
        units={name: units[name] for name in config.modalities},
        data=CARDS[config.source],
        ranges={name: ranges[name] for name in config.modalities},
        precisions=("float32", "dynamic"),
    )
