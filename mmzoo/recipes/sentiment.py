"""Whether what is said in a video is meant well or ill, from its words, voice and face.

Each utterance is judged together with those around it in its video, as by the bidirectional LSTM of Poria et al. 2017,
section 3.2. Here a window is enough: in each modality a weighted mean of the utterances in it, with learned weights by
place, stands beside the middle one (a depthwise convolution over time), and late fusion joins
what is found, with modality dropout (Neverova et al. 2016, section 3.3). The features of `transcript` are what a
pretrained language model makes of the words as they were written down; it never saw a label.

An input is a window of `context` rows of features in the order of the video, the utterance in the middle. There is no
mask: where the video begins or ends, the other rows follow once more in reverse, as in a mirror. Such a window looks
like any other, and the graph needs neither a comparison nor one more input.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial

import keras
from keras import layers, ops

from mmzoo import fusion
from mmzoo.blocks.standardize import Standardize
from mmzoo.data.sources.mosi import WIDTHS, mosi
from mmzoo.data.sources.synthetic_reviews import sample
from mmzoo.errors import expect
from mmzoo.heads.classifier import classifier
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase, check_shared

MODALITIES = ("text", "audio", "video", "transcript")
SOURCES = ("sample", "mosi")
LONGEST = 63  # utterances of a window: as many as the longest video of CMU-MOSI has
OUTLIER = 4.0  # standard deviations: features beyond count as this


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline) or mosi (CMU-MOSI, from a file)."""
    data_dir: str = ""
    """Where the file of mosi lies; else MMZOO_DATA_DIR."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: any of text, audio, video, transcript."""
    fusion: str = "concat"
    """One of mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    context: int = 7
    """Utterances in a window, the one that is judged in the middle; 1: it alone."""
    embed_dim: int = 16
    """Width of the embeddings."""
    dropout: float = 0.5
    """Share of the features, and of what is made of them, that is dropped in training."""
    modality_dropout: float = 0.4
    """Probability that one modality of a training example is missing."""
    join_validation: bool = False
    """Train on the validation videos too, once all is chosen: the scores on them say nothing any more."""
    epochs: int = 4
    """Times through the training windows, 4096 at least each time."""
    batch_size: int = 64
    """Examples in a step."""
    learning_rate: float = 2e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = 0
    """Of weights, order, augmentation."""

    def __post_init__(self):
        check_shared(dataclasses.asdict(self), SOURCES, MODALITIES)
        expect("fusion", self.fusion in fusion.names(), f"one of {', '.join(fusion.names())}", self.fusion)
        odd = 1 <= self.context <= LONGEST and self.context % 2
        expect("context", odd, f"an odd number from 1 to {LONGEST}", self.context)
        expect("dropout", 0 <= self.dropout < 1, "a share from 0, below 1", self.dropout)


TINY = Config(epochs=2, context=5, embed_dim=16, dropout=0.1)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `text`, `audio`, `video`, `transcript`, `(B, context, 100)`, 73, 100 and 384 wide, all float32.

    With `present` `(B, 4)`; label 0 negative, 1 positive.
    """
    from mmzoo.data.batches.utterances import evaluation_windows, join, training_windows

    data, seen, context = _load(split, config), config.modalities, config.context
    if split == "train" and config.join_validation:
        data = join(data, _load("validation", config))
    if split != "train":
        return evaluation_windows(data, seen, context, config.seed)
    epochs = range(first_epoch, config.epochs)
    return training_windows(data, seen, context, config.batch_size, config.seed, epochs, config.modality_dropout)


def _load(split, config):
    if config.source == "sample":
        return sample(split, config.seed)
    return mosi(split, config.data_dir, config.modalities)


def build(config=Config()):
    """`{"text", "audio", "video", "present"}` to the probabilities `(B, 2)` of negative and positive.

    Mean and variance of the features are those of the training split.
    """
    training = _load("train", config).features
    encoders = {name: _encoder(name, training[name], config) for name in config.modalities}
    model = late_fusion(encoders, fuse=fusion.load(config.fusion), head=partial(classifier, num_classes=2))
    if config.init_from:
        load_encoders(model, config.init_from, [f"{name}_encoder" for name in MODALITIES])
    return model


def _encoder(name, examples, config):
    """Return a `keras.Model`: windows `(B, context, C)` to what is told of their middle, `(B, embed_dim)`."""
    context, units = config.context, config.embed_dim
    rows = keras.Input((context, WIDTHS[name]), name=name)
    front_end = Standardize(name="front_end")
    x = front_end(rows)
    front_end.adapt(examples)
    x = ops.minimum(ops.maximum(x, -OUTLIER), OUTLIER)
    x = layers.Dropout(config.dropout, name="feature_dropout")(x)
    x = layers.Dense(units, activation="relu", name="utterances")(x)
    x = layers.Dropout(config.dropout, name="utterance_dropout")(x)
    x = _in_context(x) if context > 1 else layers.Reshape((units,), name="middle")(x)
    x = layers.Dense(units, activation="relu", name="embedding")(x)
    return keras.Model(rows, x, name=f"{name}_encoder")


def _in_context(x):
    """Return the middle of a window `(B, context, D)` beside a weighted mean of all of it: `(B, 2 * D)`.

    Each of the D numbers has weights of its own by place, learned, equal at first.
    """
    context, units = x.shape[1:]
    middle = layers.Reshape((units,), name="middle")(x[:, context // 2 : context // 2 + 1])
    equal = keras.initializers.Constant(1 / context)
    x = layers.Reshape((context, 1, units), name="over_time")(x)
    x = layers.DepthwiseConv2D((context, 1), depthwise_initializer=equal, name="around")(x)
    return layers.Concatenate(name="in_context")([middle, layers.Reshape((units,), name="mean")(x)])


def objective(config=Config()):
    """Cross-entropy of the sentiment, and its accuracy."""
    return {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}


def plan(config=Config()):
    """One phase: everything is trained together."""
    return (Phase("train", config.epochs, config.learning_rate),)


CARDS = {
    "sample": {
        "name": "reviews made of random numbers",
        "version": "1",
        "license": "Apache-2.0",
        "weights_license": "Apache-2.0",
    },
    "mosi": {
        "name": "CMU-MOSI, features of Poria et al. 2017",
        "version": "f1199e6",
        "license": "none stated with the features; CMU-MOSI is for research",
        "weights_license": "for research, as the data",
        "published": "80.3 % from all, 78.1, 60.3, 55.8 % from text, audio, video, with context (Poria et al. 2017)",
    },
}
UNITS = {
    "text": "features of a convolutional net over words",
    "audio": "openSMILE features",
    "video": "features of a 3-D convolutional net over frames",
    "transcript": "mean of the last hidden states of all-MiniLM-L6-v2",
    "present": "1 there, 0 missing; order text, audio, video, transcript",
}
RANGES = {
    "text": (-2.0, 2.0),
    "audio": (-400.0, 400.0),
    "video": (0.0, 200.0),
    "transcript": (-2.0, 2.0),
    "present": (0.0, 1.0),
}


def export(config=Config()):
    """The sentiment's probabilities and the joint embedding, as float32, dynamic int8 and full int8."""
    return Export(
        task="classification",
        labels=("negative", "positive"),
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units=UNITS,
        data=CARDS[config.source],
        ranges=RANGES,
    )
