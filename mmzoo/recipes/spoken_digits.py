"""Which digit, from a picture of it and a second of speech.

Two small convolutional encoders joined at the embedding by a learned gate: late fusion with the gated multimodal
unit of Arevalo et al. 2017, section 3.1, trained with modality dropout (Neverova et al. 2016, section 3.3).
"""

import dataclasses
from dataclasses import dataclass
from functools import partial

from mmzoo import fusion
from mmzoo.data.sources.digit_facts import CARDS, RANGES, UNITS, check_options, expect, load, sizes_of
from mmzoo.data.sources.digits import COMPONENTS, SNR_DB
from mmzoo.heads.classifier import classifier
from mmzoo.models.digit_encoders import digit_encoders
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase

MODALITIES = ("image", "audio")


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: image, audio, or both."""
    fusion: str = "gated"
    """One of mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    embed_dim: int = 64
    """Width of the embeddings."""
    modality_dropout: float = 0.4
    """Probability that one modality of a training example is missing."""
    components: int = COMPONENTS
    """Principal components left of a picture of mnist_fsdd_hard."""
    snr_db: float = SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard."""
    pairings: int = 4
    """How often each test picture is paired with a clip."""
    label_share: float = 1.0
    """Share of the training pictures and clips, of each class, that is used."""
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
        check_options(dataclasses.asdict(self), MODALITIES)
        expect("fusion", self.fusion in fusion.names(), f"one of {', '.join(fusion.names())}", self.fusion)
        expect("label_share", 0 < self.label_share <= 1, "a share above 0, 1 at most", self.label_share)


TINY = Config(epochs=2, embed_dim=16)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, 28, 28, 1)` uint8, `audio` `(B, 8000)` float32 in [-1, 1], `present` `(B, 2)`; label."""
    from mmzoo.data.sources.digit_pairs import evaluation_pairs, training_pairs
    from mmzoo.data.sources.digits import take_share

    bank = load(config.source, split, config.data_dir, config.seed, config.components, config.snr_db)
    if split == "train":
        bank, epochs = take_share(bank, config.label_share, config.seed), range(first_epoch, config.epochs)
        return training_pairs(bank, config.modalities, config.batch_size, config.seed, epochs, config.modality_dropout)
    return evaluation_pairs(bank, config.modalities, config.seed, config.pairings if split == "test" else 1)


def build(config=Config()):
    """`{"image", "audio", "present"}` to the probabilities `(B, 10)` of the digits."""
    encoders = digit_encoders(sizes_of(config.modalities), config.embed_dim)
    model = late_fusion(encoders, fuse=fusion.load(config.fusion), head=partial(classifier, num_classes=10))
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
        task="classification",
        labels=tuple("0123456789"),
        outputs={"probabilities": "probabilities", "embedding": "embedding"},
        units={name: UNITS[name] for name in (*MODALITIES, "present")},
        data=CARDS[config.source],
        ranges={name: RANGES[name] for name in (*MODALITIES, "present")},
    )
