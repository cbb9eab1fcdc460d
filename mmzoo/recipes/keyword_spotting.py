"""Keyword spotting: ten words, unknown or silence from one second of audio.

A depthwise separable convolutional network on MFCCs (Zhang et al. 2017, Hello Edge, section 3.5).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from mmzoo import fusion
from mmzoo.data.sources import synthetic_words
from mmzoo.encoders.ds_cnn import ds_cnn
from mmzoo.errors import expect
from mmzoo.heads.classifier import classifier
from mmzoo.losses.soft_targets import cross_entropy, largest_share
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("audio",)
SOURCES = {"sample": synthetic_words}


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: audio."""
    epochs: int = 20
    batch_size: int = 32
    snr_db: float = synthetic_words.SNR_DB
    """Signal-to-noise ratio of the words in all splits, in dB."""
    width: int = 64
    """Channels of all convolutions."""

    def __post_init__(self):
        super().__post_init__()
        expect("width", self.width > 0, "a number above 0", self.width)


TINY = Config(epochs=2, width=16, embed_dim=32, learning_rate=1e-2)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `audio` `(B, 8000)` float32 in [-1, 1]; classes.

    Labels are `(B,)` int32, of training one-hot `(B, 12)`.
    """
    from mmzoo.data.batches.clips import evaluation_sounds, training_sounds

    data = SOURCES[config.source].sample(split, config.seed, config.snr_db)
    if split != "train":
        return evaluation_sounds(data, config.seed)
    return training_sounds(data, config.batch_size, config.seed, epoch, passes=1, mixing=0.0)


def build(config: Config = Config()) -> keras.Model:
    """Return the model of audio to probabilities `(B, 12)`."""
    source = SOURCES[config.source]
    encoder = ds_cnn(source.SAMPLES, source.SAMPLE_RATE, config.embed_dim, config.width, name="audio_encoder")
    head = partial(classifier, num_classes=len(source.CLASSES))
    model = late_fusion({"audio": encoder}, fuse=fusion.load("concat"), head=head, name="keyword_spotting")
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return the cross-entropy and the accuracy of the class."""
    count = len(SOURCES[config.source].CLASSES)
    return {"loss": cross_entropy(count), "metrics": [largest_share(count)]}


def export(config: Config = Config()) -> Export:
    """Export probabilities of the classes and the embedding."""
    source = SOURCES[config.source]
    return Export(
        task="classification",
        labels=source.CLASSES,
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units={"audio": f"waveform at {source.SAMPLE_RATE} Hz, -1 to 1"},
        data=source.CARD,
        ranges={"audio": (-1.0, 1.0)},
    )
