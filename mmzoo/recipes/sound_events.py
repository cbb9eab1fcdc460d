"""Which event is heard in a few seconds of sound.

A small convolutional network on log-mel energies, whose mean, maximum and deviation over time decide together with what
tells noises apart: how fast the energies swell (McDermott and Simoncelli 2011) and whether the spectrum has lines, as
that of an engine (spectral flatness, Gray and Markel 1974). With a few hundred clips what training changes is most of
it: clips are mixed so that the model tells how much of which is heard (between-class learning, Tokozume et al. 2018,
section 3.1), played faster and slower, and parts of the spectrogram are hidden (SpecAugment, Park et al. 2019, section
2).
"""

import dataclasses
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.auxiliary import MeanAnswer
from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel_texture import STATISTICS, LogMelTexture
from mmzoo.blocks.spec_augment import SpecAugment
from mmzoo.data.sources import esc10, synthetic_events
from mmzoo.errors import expect
from mmzoo.heads.classifier import classifier
from mmzoo.losses.auxiliary import fused_accuracy, with_auxiliary
from mmzoo.losses.soft_targets import cross_entropy, largest_share
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase, check_shared

MODALITIES = ("audio",)
SOURCES = {"sample": synthetic_events, "esc10": esc10}
NUM_MELS = 64
ALIKE = 4  # mel bands whose modulation is averaged
TOLD_UNITS = 32  # for modulation, and for tonality
FOLDS = esc10.FOLDS


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline) or esc10."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: audio."""
    fold: int = 1
    """Of esc10, for the test; the next one is for validation."""
    join_validation: bool = False
    """Train on the validation clips of esc10 too, once everything is chosen."""
    width: int = 16
    """Channels of the first layer; a multiple of 4."""
    embed_dim: int = 64
    """Width of the embedding."""
    dropout: float = 0.3
    """Share of what was pooled that training leaves out."""
    mixing: float = 0.5
    """Probability that another clip is mixed into one."""
    passes: int = 2
    """Times through the training clips in an epoch."""
    epochs: int = 20
    """Epochs of training."""
    batch_size: int = 16
    """Clips in a step."""
    learning_rate: float = 3e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoder we start from."""
    seed: int = 0
    """Of weights, order, augmentation; of the sample also the sounds."""

    def __post_init__(self):
        check_shared(dataclasses.asdict(self), SOURCES, MODALITIES)
        expect("fold", self.fold in esc10.FOLDS, f"one of {', '.join(map(str, esc10.FOLDS))}", self.fold)
        expect("width", self.width > 0 and self.width % 4 == 0, "a multiple of 4", self.width)
        expect("mixing", 0 <= self.mixing <= 1, "a number from 0 to 1", self.mixing)
        expect("dropout", 0 <= self.dropout < 1, "a number from 0 to less than 1", self.dropout)
        expect("passes", self.passes >= 1, "1 or more", self.passes)


TINY = Config(epochs=2, passes=1, width=8, embed_dim=16, dropout=0.0, learning_rate=1e-2)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `audio` `(B, T)` float32 in [-1, 1]; the class, in training the share of each class `(B, N)`."""
    from mmzoo.data.batches.clips import evaluation_sounds, training_sounds

    data = load(split, config)
    if split != "train":
        return evaluation_sounds(data, config.seed)
    epochs = range(first_epoch, config.epochs)
    return training_sounds(data, config.batch_size, config.seed, epochs, config.passes, config.mixing)


def load(split, config):
    """Return the clips of a split as `mmzoo.data.batches.clips.Sounds`."""
    if config.source == "sample":
        return synthetic_events.sample(split, config.seed)
    if split == "train" and config.join_validation:
        split = "train+validation"
    return esc10.esc10(split, config.fold, config.data_dir)


def build(config=Config()):
    """`{"audio": (B, T)}` to the probabilities `(B, N)` of the events: the mean of what is heard and what is measured.

    In training `(B, 3 * N)`, that mean and then each.
    """
    source = SOURCES[config.source]
    waveform = keras.Input((source.SAMPLES,), name="audio")
    encoder = _audio_encoder(source.SAMPLES, source.SAMPLE_RATE, config)
    both = layers.Identity(name="embedding")(encoder(waveform))
    parts = {"heard": both[:, : config.embed_dim], "measured": both[:, config.embed_dim :]}
    answers = [classifier(x, len(source.CLASSES), name=f"{name}_probabilities") for name, x in parts.items()]
    model = keras.Model({"audio": waveform}, MeanAnswer(name="probabilities")(answers), name="sound_events")
    if config.init_from:
        load_encoders(model, config.init_from, ["audio_encoder"])
    return model


def _audio_encoder(samples, sample_rate, config):
    """Return a `keras.Model`: float32 waveforms `(B, samples)` in [-1, 1] to embeddings `(B, 2 * embed_dim)`.

    Frames of 25 ms every 20 ms. The first half of the embedding is what is heard, the other what is measured.
    """
    waveform = keras.Input((samples,), name="audio")
    front_end = LogMelTexture(sample_rate, sample_rate // 40, sample_rate // 50, NUM_MELS, name="front_end")
    rows, frames = front_end(waveform), front_end.num_frames(samples)
    texture = rows[:, frames:]
    told = [_by_rate(texture[:, STATISTICS:-2]), layers.Flatten(name="tonality")(texture[:, -2:])]
    embeddings = [_heard(rows[:, :frames], told, config), _measured(texture[:, :STATISTICS], told, config)]
    return keras.Model(waveform, layers.Concatenate(name="embeddings")(embeddings), name="audio_encoder")


def _heard(energies, told, config):
    """Return the embedding `(B, embed_dim)` of log-mel `energies` `(B, F, M)` and of what else is `told`.

    What is heard where in frequency is weighed, not averaged: pitch is kept. The mean over time then tells what goes on
    all the time, the maximum what happens once, the deviation how much it changes.
    """
    # nothing is learned before the first convolution, so that no gradient has to be taken back through it
    x = SpecAugment(seed=config.seed, name="spec_augment")(energies)
    x = layers.Reshape((*x.shape[1:], 1), name="time_by_mel")(x)
    x = conv_norm(x, config.width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * config.width, strides=2, name="stage1")
    x = conv_norm(x, 4 * config.width, strides=2, name="stage2")
    x = conv_norm(x, 4 * config.width, strides=2, name="stage3")
    bands = (1, x.shape[2])
    x = layers.DepthwiseConv2D(bands, depth_multiplier=2, use_bias=False, name="over_frequency")(x)
    x = layers.BatchNormalization(momentum=0.9, name="over_frequency_norm")(x)
    x = layers.ReLU(name="over_frequency_relu")(x)
    told = [layers.Dense(TOLD_UNITS, activation="relu", name=f"heard_{i}")(y) for i, y in enumerate(told)]
    x = layers.Concatenate(name="heard_all")([_over_time(x), *told])
    x = layers.Dropout(config.dropout, name="heard_dropout")(x)
    return layers.Dense(config.embed_dim, activation="relu", name="heard_embedding")(x)


def _measured(statistics, told, config):
    """Return the embedding `(B, embed_dim)` of `statistics` `(B, S, M)` and of what else is `told`, by two layers."""
    x = layers.Concatenate(name="measured_all")([layers.Flatten(name="statistics")(statistics), *told])
    x = layers.Dense(2 * config.embed_dim, activation="relu", name="measured_hidden")(x)
    x = layers.Dropout(config.dropout, name="measured_dropout")(x)
    return layers.Dense(config.embed_dim, activation="relu", name="measured_embedding")(x)


def _by_rate(rows):
    """Return the modulation `(B, R * M / ALIKE)` of neighboring mel bands together, of `rows` `(B, R, M)`."""
    x = layers.Reshape((*rows.shape[1:], 1), name="rate_by_mel")(rows)
    x = layers.AveragePooling2D((1, ALIKE), name="modulation_of_bands")(x)
    return layers.Flatten(name="modulation")(x)


def _over_time(x):
    """Return mean, maximum and mean absolute deviation over time, `(B, 3 * C)`, of `x` `(B, T, 1, C)`.

    The root of a variance would say the same, but of squares 8 bits keep little.
    """
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    most = layers.GlobalMaxPooling2D(name="most")(x)
    deviation = layers.GlobalAveragePooling2D(name="deviation")(ops.abs(x - mean))
    return layers.Concatenate(name="pool")([layers.Flatten(name="mean_flat")(mean), most, deviation])


def objective(config=Config()):
    """Cross-entropy of the shares of the classes, of the mean and of each of the two, and the accuracy of the mean."""
    count = len(SOURCES[config.source].CLASSES)
    loss = with_auxiliary(cross_entropy(count), count)
    return {"loss": loss, "metrics": [fused_accuracy(count, largest_share(count))]}


def plan(config=Config()):
    """One phase: everything is trained together."""
    return (Phase("train", config.epochs, config.learning_rate),)


CARDS = {
    "sample": {
        "name": "events in noise, made by formulas",
        "version": "1",
        "license": "Apache-2.0",
        "weights_license": "Apache-2.0",
    },
    "esc10": {
        "name": "ESC-10, one of five official folds for the test",
        "version": "553c8f1",
        "license": "CC BY 3.0",
        "weights_license": "CC BY 3.0",
        "attribution": "Karol J. Piczak; the authors of the clips, from Freesound, are named in "
        "https://github.com/karolpiczak/ESC-10/blob/553c8f1743b9dba6b282e1323c3ca8fa76923448/README.md",
        "published": "72.7 % by a random forest, 95.7 % by people, mean of the five folds (Piczak 2015)",
    },
}


def export(config=Config()):
    """The probabilities of the events and the embedding, as float32, dynamic int8 and full int8."""
    source = SOURCES[config.source]
    return Export(
        task="classification",
        labels=source.CLASSES,
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units={"audio": f"waveform at {source.SAMPLE_RATE} Hz, -1 to 1"},
        data=CARDS[config.source],
        ranges={"audio": (-1.0, 1.0)},
    )
