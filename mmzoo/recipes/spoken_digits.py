"""Which digit, from a picture of it and a second of speech.

Two small convolutional encoders joined at the embedding by a learned gate: late fusion with the gated multimodal
unit of Arevalo et al. 2017, section 3.1, trained with modality dropout (Neverova et al. 2016, section 3.3).
"""

import math
from dataclasses import dataclass
from functools import partial

from mmzoo import BadInputError
from mmzoo.data import digits
from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn
from mmzoo.fusion.concat import concat
from mmzoo.fusion.gated import gated
from mmzoo.heads.classifier import classifier
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import load_encoders
from mmzoo.plan import Export, Phase

SOURCES = ("sample", "mnist_fsdd", "mnist_fsdd_hard")
FUSIONS = {"gated": gated, "concat": concat}
MODALITIES = ("image", "audio")
DATA = {
    "sample": {
        "name": "scikit-learn digits (UCI optdigits) with speech synthesized by espeak-ng",
        "version": "1",
        "license": "CC BY 4.0 (pictures), Apache-2.0 (speech)",
        "weights_license": "Apache-2.0",
    },
    "mnist_fsdd": {
        "name": "MNIST with Free Spoken Digit Dataset",
        "version": "mnist 3.0.1, FSDD 26eb9aa",
        "license": "CC BY-SA 3.0 (MNIST), CC BY-SA 4.0 (FSDD)",
        "weights_license": "CC BY-SA 4.0",
    },
}
DATA["mnist_fsdd_hard"] = DATA["mnist_fsdd"] | {"name": "MNIST of few principal components with noisy FSDD"}


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: image, audio, or both."""
    fusion: str = "gated"
    """gated or concat."""
    embed_dim: int = 64
    """Width of the embeddings."""
    modality_dropout: float = 0.4
    """Probability that one modality of a training example is missing."""
    components: int = digits.COMPONENTS
    """Principal components left of a picture of mnist_fsdd_hard."""
    snr_db: float = digits.SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard."""
    pairings: int = 4
    """How often each test picture is paired with a clip."""
    epochs: int = 6
    """Times through the training pictures."""
    batch_size: int = 64
    """Examples in a step."""
    learning_rate: float = 2e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = 0
    """Of weights, order, pairing, augmentation."""

    def __post_init__(self):
        _expect("source", self.source in SOURCES, f"one of {', '.join(SOURCES)}", self.source)
        _expect("fusion", self.fusion in FUSIONS, f"one of {', '.join(FUSIONS)}", self.fusion)
        known = self.modalities and self.modalities == tuple(m for m in MODALITIES if m in self.modalities)
        _expect("modalities", known, "image, audio, or both in this order", " ".join(self.modalities))
        _expect_numbers(self)


def _expect_numbers(config):
    for name in ("embed_dim", "pairings", "epochs", "batch_size", "learning_rate", "components"):
        value = getattr(config, name)
        _expect(name, value > 0 and math.isfinite(value), "a number above 0", value)
    _expect("batch_size", config.batch_size <= 4096, "4096 at most", config.batch_size)
    _expect("modality_dropout", 0 <= config.modality_dropout <= 1, "a probability", config.modality_dropout)
    _expect("snr_db", math.isfinite(config.snr_db), "decibels", config.snr_db)
    _expect("seed", 0 <= config.seed < 2**31 - 1, "a number from 0 to 2147483646", config.seed)


def _expect(name, holds, expected, received):
    if not holds:
        raise BadInputError(f"--{name.replace('_', '-')}: expected {expected}. Received: {received}")


TINY = Config(epochs=2, embed_dim=16)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, 28, 28, 1)` uint8, `audio` `(B, 8000)` float32 in [-1, 1], `present` `(B, 2)`; label."""
    from mmzoo.data.pairs import evaluation_pairs, training_pairs

    banks = _banks(split, config)
    if split == "train":
        epochs = range(first_epoch, config.epochs)
        return training_pairs(banks, config.modalities, config.batch_size, config.seed, epochs, config.modality_dropout)
    return evaluation_pairs(banks, config.modalities, config.seed, config.pairings if split == "test" else 1)


def _banks(split, config):
    if config.source == "sample":
        return digits.sample(split, config.seed)
    if config.source == "mnist_fsdd":
        return digits.mnist_fsdd(split, config.data_dir, config.seed)
    return digits.mnist_fsdd_hard(split, config.data_dir, config.seed, config.components, config.snr_db)


def build(config=Config()):
    """`{"image", "audio", "present"}` to the probabilities `(B, 10)` of the digits."""
    encoders = {
        "image": partial(light_cnn, (digits.IMAGE, digits.IMAGE, 1), config.embed_dim, name="image_encoder"),
        "audio": partial(log_mel_cnn, digits.CLIP, digits.SAMPLE_RATE, config.embed_dim, name="audio_encoder"),
    }
    encoders = {name: encoders[name]() for name in config.modalities}
    model = late_fusion(encoders, fuse=FUSIONS[config.fusion], head=partial(classifier, num_classes=10))
    if config.init_from:
        load_encoders(model, config.init_from, [f"{name}_encoder" for name in MODALITIES])
    return model


def objective(config=Config()):
    """Cross-entropy of the digit, and its accuracy."""
    return {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}


def plan(config=Config()):
    """One phase: everything is trained together."""
    return (Phase("train", config.epochs, config.learning_rate),)


def export(config=Config()):
    """The digit's probabilities and the joint embedding, as float32, dynamic int8 and full int8."""
    return Export(
        labels=tuple("0123456789"),
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units={
            "image": "brightness, white on black, 0 to 255",
            "audio": "waveform at 8000 Hz, -1 to 1",
            "present": "1 there, 0 missing; order image, audio",
        },
        data=DATA[config.source],
        ranges={"image": (0, 255), "audio": (-1.0, 1.0), "present": (0.0, 1.0)},
    )
