"""How odd a scene is, seen and heard: a picture and its sound, learned from normal scenes alone.

Nothing odd is there to learn from, so that the model learns to find what was done to normal scenes: a piece was pasted
into the picture (CutPaste, Li et al. 2021, section 2) or into the sound, or the picture was given the sound of another
scene (as in Arandjelovic and Zisserman 2017, Look, Listen and Learn, section 2). Each of the three has a logit, and the
score is minus the logarithm of the probability that none of them happened. What is missing adds nothing to it.
"""

import dataclasses
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.presence import split_present
from mmzoo.data.batches.anomaly import KINDS, kinds_told
from mmzoo.data.sources import synthetic_machines
from mmzoo.errors import expect
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase, check_shared

MODALITIES = ("image", "audio")
SOURCES = {"sample": synthetic_machines}
NUM_MELS = 40


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline)."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: image, audio, or both."""
    width: int = 16
    """Channels of the first layers, a multiple of 4."""
    embed_dim: int = 64
    """Width of the embeddings, a multiple of 4."""
    tampered: float = 0.75
    """Share of the training scenes to which something is done."""
    epochs: int = 12
    """Times through the training scenes."""
    batch_size: int = 64
    """Scenes in a step."""
    learning_rate: float = 3e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = 0
    """Of weights, order, what is done to scenes; of the sample also the scenes."""

    def __post_init__(self):
        check_shared(dataclasses.asdict(self), SOURCES, MODALITIES)
        for name in ("width", "embed_dim"):
            value = getattr(self, name)
            expect(name, value > 0 and value % 4 == 0, "a multiple of 4", value)
        expect("tampered", 0 < self.tampered < 1, "a share between 0 and 1", self.tampered)
        expect("batch_size", self.batch_size > 2, "3 or more, to paste from and swap with", self.batch_size)


TINY = Config(epochs=2, width=8, embed_dim=16, learning_rate=5e-3)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, H, W, 3)` uint8, `audio` `(B, T)` float32 in [-1, 1], `present` `(B, 2)`; kinds `(B,)`.

    Scenes of training and validation are normal; what is done to those of training makes them one of the odd `KINDS`.
    """
    from mmzoo.data.batches.anomaly import evaluation_scenes, training_scenes

    data = SOURCES[config.source].sample(split, config.seed)
    if split != "train":
        return evaluation_scenes(data, config.modalities, config.seed)
    epochs = range(first_epoch, config.epochs)
    return training_scenes(data, config.modalities, config.batch_size, config.seed, epochs, config.tampered)


def build(config=Config()):
    """`{"image", "audio", "present"}` to the logits of what may be odd, and the score: `(B, 4)`, of one `(B, 2)`."""
    source = SOURCES[config.source]
    encoders = {
        "image": lambda: _image_encoder((source.IMAGE, source.IMAGE, 3), config),
        "audio": lambda: _audio_encoder(source.SAMPLES, source.SAMPLE_RATE, config),
    }
    inputs, embeddings = {}, {}
    for name in config.modalities:
        encoder = encoders[name]()
        inputs[name] = keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=name)
        embeddings[name] = encoder(inputs[name])
    logits = [layers.Dense(1, name=f"{name}_logit")(x) for name, x in embeddings.items()]
    if len(logits) == 1:
        (logit,) = logits
        score = parts = layers.Identity(name="parts")(_minus_log_normal(logit))
    else:
        present = inputs["present"] = keras.Input((len(logits),), name="present")
        there = split_present(present, embeddings)
        there = ops.concatenate([present, there["image"] * there["audio"]], axis=-1)
        logit = ops.concatenate([*logits, _belong(embeddings, config)], axis=-1) * there
        parts = layers.Multiply(name="parts")([_minus_log_normal(logit), there])
        score = ops.sum(parts, axis=-1, keepdims=True)
    score = layers.Identity(name="anomaly_score")(score)
    model = keras.Model(inputs, ops.concatenate([logit, score], axis=-1), name="anomaly_detection")
    if config.init_from:
        load_encoders(model, config.init_from, [f"{name}_encoder" for name in MODALITIES])
    return model


def _minus_log_normal(logit):
    """Return `-log(1 - sigmoid(logit))` in a form that 16 bits hold."""
    return ops.relu(logit) + ops.log(1.0 + ops.exp(-ops.abs(logit)))


def _belong(embeddings, config):
    """Return the logit `(B, 1)` that picture and sound are not of one scene: what they share, and what either has."""
    x, y = (layers.Dense(config.embed_dim, name=f"{name}_state")(e) for name, e in embeddings.items())
    joint = layers.Concatenate(name="compared")([x * y, layers.ReLU(name="either")(x + y)])
    joint = layers.Dense(config.embed_dim, activation="relu", name="mismatch_hidden")(joint)
    return layers.Dense(1, name="mismatch_logit")(joint)


def _image_encoder(shape, config):
    """Return a `keras.Model`: uint8 pictures `(B, H, W, 3)` to embeddings `(B, embed_dim)`."""
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, 2 * config.width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * config.width, strides=2, name="stage1")
    x = conv_norm(x, 2 * config.width, name="stage2")
    return keras.Model(image, _pooled(x, config.embed_dim), name="image_encoder")


def _audio_encoder(samples, sample_rate, config):
    """Return a `keras.Model`: float32 waveforms `(B, samples)` in [-1, 1] to embeddings `(B, embed_dim)`.

    Frames of 40 ms every 20 ms, seen as a picture of time and frequency.
    """
    waveform = keras.Input((samples,), name="audio")
    x = LogMel(sample_rate, sample_rate // 25, sample_rate // 50, NUM_MELS, name="front_end")(waveform)
    x = layers.BatchNormalization(momentum=0.9, center=False, scale=False, name="mel_norm")(x)
    x = layers.Reshape((*x.shape[1:], 1), name="time_by_mel")(x)
    x = conv_norm(x, config.width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * config.width, strides=2, name="stage1")
    x = conv_norm(x, 2 * config.width, name="stage2")
    x = layers.AveragePooling2D(2, name="coarse")(x)
    return keras.Model(waveform, _pooled(x, config.embed_dim), name="audio_encoder")


def _pooled(x, embed_dim):
    """Return the embedding of a map `(B, H, W, C)`: of each of its places, and of the most of each channel."""
    places, most = layers.Flatten(name="places")(x), layers.GlobalMaxPooling2D(name="most")(x)
    x = layers.Concatenate(name="pool")([places, most])
    return layers.Dense(embed_dim, activation="relu", name="embedding")(x)


def objective(config=Config()):
    """Cross-entropy of each logit with whether that was done, summed; and the share of the logits that are right."""
    told = kinds_told(config.modalities)

    def targets(y_true):
        kind = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
        return ops.concatenate([ops.cast(ops.equal(kind, k), "float32") for k in told], axis=-1)

    def loss(y_true, y_pred):
        logits = ops.cast(y_pred, "float32")[:, :-1]
        return ops.sum(ops.softplus(logits) - targets(y_true) * logits, axis=-1)

    def right(y_true, y_pred):
        return ops.mean(ops.cast(ops.equal(y_pred[:, :-1] > 0, targets(y_true) > 0), "float32"), axis=-1)

    return {"loss": loss, "metrics": [right]}


def plan(config=Config()):
    """One phase: everything is trained together."""
    return (Phase("train", config.epochs, config.learning_rate),)


CARDS = {
    "sample": {
        "name": "machines with a gauge and a lamp, drawn and heard",
        "version": "1",
        "license": "Apache-2.0",
        "weights_license": "Apache-2.0",
    },
}


def export(config=Config()):
    """The score, and what of it comes from the picture, the sound, and both together."""
    units = {
        "image": "RGB, 0 to 255",
        "audio": f"waveform at {SOURCES[config.source].SAMPLE_RATE} Hz, -1 to 1",
        "present": "1 there, 0 missing; order image, audio",
    }
    ranges = {"image": (0, 255), "audio": (-1.0, 1.0), "present": (0.0, 1.0)}
    given = (*config.modalities, "present")[: len(config.modalities) + (len(config.modalities) > 1)]
    return Export(
        task="anomaly",
        labels=KINDS,
        outputs={"anomaly_score": "anomaly_score", "parts": "parts"},
        units={name: units[name] for name in given},
        data=CARDS[config.source],
        ranges={name: ranges[name] for name in given},
        max_score_drop=0.02,  # of AUC: 256 steps make small scores equal
    )
