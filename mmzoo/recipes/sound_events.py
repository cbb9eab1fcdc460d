"""Sound event classification of a few seconds of audio.

Two heads are averaged: a small convolutional network on log-mel energies, and a network on texture statistics. Training
mixes clips and predicts the mixing ratio (between-class learning, Tokozume et al. 2018, section 3.1), changes the
playback speed, and masks parts of the spectrogram (SpecAugment, Park et al. 2019, section 2).
"""

from dataclasses import dataclass
from typing import Any

import keras

from mmzoo.data.batches.clips import Sounds
from mmzoo.data.sources import esc10, synthetic_events
from mmzoo.device.media import CUT_END, PADDED_END
from mmzoo.errors import expect
from mmzoo.losses.auxiliary import fused_accuracy, with_auxiliary
from mmzoo.losses.soft_targets import cross_entropy, largest_share
from mmzoo.models.sound_texture import sound_texture, two_heads
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("audio",)
SOURCES = {"sample": synthetic_events, "esc10": esc10}
FOLDS = esc10.FOLDS


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline) or esc10."""
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: audio."""
    epochs: int = 20
    batch_size: int = 16
    fold: int = 1
    """Test fold of esc10; the next one is for validation."""
    join_validation: bool = False
    """Train on the validation clips of esc10 too; their scores are then no estimate."""
    width: int = 16
    """Channels of the first layer, a multiple of 4."""
    dropout: float = 0.3
    """Dropout rate of the pooled features, in [0, 1)."""
    mixing: float = 0.5
    """Probability that a training clip is mixed with another."""
    passes: int = 2
    """Passes over the training clips per epoch."""

    def __post_init__(self):
        super().__post_init__()
        expect("fold", self.fold in FOLDS, f"one of {', '.join(map(str, FOLDS))}", self.fold)
        expect("width", self.width > 0 and self.width % 4 == 0, "a multiple of 4", self.width)


TINY = Config(epochs=2, passes=1, width=8, embed_dim=16, dropout=0.0, learning_rate=1e-2)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `audio` `(B, T)` float32 in [-1, 1]; classes.

    Labels are `(B,)` int32, of training soft targets `(B, N)`.
    """
    from mmzoo.data.batches.clips import evaluation_sounds, training_sounds

    data = load(split, config)
    if split != "train":
        return evaluation_sounds(data, config.seed)
    return training_sounds(data, config.batch_size, config.seed, epoch, config.passes, config.mixing)


def load(split: str, config: Config) -> Sounds:
    """Load the clips of a split."""
    if config.source == "sample":
        return synthetic_events.sample(split, config.seed)
    if split == "train" and config.join_validation:
        split = "train+validation"
    return esc10.esc10(split, config.fold, config.data_dir)


def build(config: Config = Config()) -> keras.Model:
    """Return the model to probabilities `(B, N)`, the mean of two heads.

    In training `(B, 3 * N)`: the mean, then each head.
    """
    source, width = SOURCES[config.source], config.width
    encoder = sound_texture(source.SAMPLES, source.SAMPLE_RATE, width, config.embed_dim, config.dropout, config.seed)
    model = two_heads(encoder, len(source.CLASSES), name="sound_events")
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return the cross-entropy of the mean and of each head; accuracy."""
    count = len(SOURCES[config.source].CLASSES)
    loss = with_auxiliary(cross_entropy(count), count)
    return {"loss": loss, "metrics": [fused_accuracy(count, largest_share(count))]}


def export(config: Config = Config()) -> Export:
    """Export probabilities of the events and the embedding."""
    source = SOURCES[config.source]
    return Export(
        task="classification",
        labels=source.CLASSES,
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units={"audio": f"waveform at {source.SAMPLE_RATE} Hz, -1 to 1, {CUT_END}, {PADDED_END}"},
        data=source.CARD,
        ranges={"audio": (-1.0, 1.0)},
    )
