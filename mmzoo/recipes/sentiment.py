"""Binary sentiment of an utterance from text, audio and video features.

Each utterance is classified with its neighbors in the video, as by the bidirectional LSTM of Poria et al. 2017, section
3.2; here a window and learned weights by position suffice. Late fusion joins the modalities, with modality dropout
(Neverova et al. 2016, section 3.3). The features of `transcript` are from a pretrained language model.

An input is a window of `context` rows of features in the order of the video, the utterance in the middle. Windows are
reflected at the borders of a video, so that the graph needs neither a mask nor a comparison.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from mmzoo import fusion
from mmzoo.data.batches.utterances import Utterances
from mmzoo.data.sources import mosi, synthetic_reviews
from mmzoo.errors import expect
from mmzoo.heads.classifier import classifier
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import start_from
from mmzoo.models.utterance_window import utterance_window
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("text", "audio", "video", "transcript")
SOURCES = {"sample": synthetic_reviews, "mosi": mosi}
LONGEST = 63  # utterances of a window: as many as the longest video of CMU-MOSI has


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline) or mosi (CMU-MOSI, from a file)."""
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: any of text, audio, video, transcript."""
    embed_dim: int = 16
    epochs: int = 4
    learning_rate: float = 2e-3
    fusion: str = "concat"
    """Fusion from mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    context: int = 7
    """Utterances in a window, an odd number from 1 to 63; 1 disables the context."""
    dropout: float = 0.5
    """Dropout rate of the features and of the hidden layer, in [0, 1)."""
    modality_dropout: float = 0.4
    """Probability that one modality of a training example is missing."""
    join_validation: bool = False
    """Train on the validation videos too; their scores are then no estimate."""

    def __post_init__(self):
        super().__post_init__()
        fits = 1 <= self.context <= LONGEST and self.context % 2
        expect("context", fits, f"an odd number from 1 to {LONGEST}", self.context)


TINY = Config(epochs=2, context=5, embed_dim=16, dropout=0.1)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `text`, `audio`, `video`, `transcript`, `present`; labels.

    Features are `(B, context, C)` float32, with C 100, 73, 100 and 384; `present` is `(B, 4)`. Label 0 is negative, 1
    positive.
    """
    from mmzoo.data.batches.utterances import evaluation_windows, join, training_windows

    data, seen, context = _load(split, config), config.modalities, config.context
    if split != "train":
        return evaluation_windows(data, seen, context, config.seed)
    if config.join_validation:
        data = join(data, _load("validation", config))
    return training_windows(data, seen, context, config.batch_size, config.seed, epoch, config.modality_dropout)


def _load(split: str, config: Config) -> Utterances:
    if config.source == "sample":
        return synthetic_reviews.sample(split, config.seed)
    return mosi.mosi(split, config.data_dir, config.modalities)


def build(config: Config = Config()) -> keras.Model:
    """Return the model to probabilities `(B, 2)` of negative and positive.

    The training features give the mean and variance of the standardization.
    """
    features = _load("train", config).features
    encoders = {
        name: utterance_window(config.context, features[name], config.embed_dim, config.dropout, name)
        for name in config.modalities
    }
    model = late_fusion(encoders, fuse=fusion.load(config.fusion), head=partial(classifier, num_classes=2))
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return the cross-entropy and the accuracy of the sentiment."""
    return {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}


def export(config: Config = Config()) -> Export:
    """Export probabilities of the sentiment and the joint embedding."""
    return Export(
        task="classification",
        labels=("negative", "positive"),
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units=mosi.UNITS | {"present": "1 there, 0 missing; order text, audio, video, transcript"},
        data=SOURCES[config.source].CARD,
        ranges=mosi.RANGES | {"present": (0.0, 1.0)},
    )
