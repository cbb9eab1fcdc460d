"""Encoders of pictures, speech and words of digits that agree on what belongs together; no labels.

Each encoder and a projector of its own are trained to find the other half of a pair in the batch: InfoNCE (CLIP,
Radford et al. 2021, section 2.3), SigLIP (Zhai et al. 2023, section 3.2) or VICReg (Bardes et al. 2022, section 4.1).
The projectors are thrown away (SimCLR, Chen et al. 2020, section 4.2). Pairs are of one class, as a person makes them
who speaks while pointing: that much supervision is in the pairing.
"""

import dataclasses
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.normalize import unit_norm
from mmzoo.data.sources.digit_facts import CARDS, RANGES, UNITS, check_options, expect, load, sizes_of
from mmzoo.data.sources.digits import COMPONENTS, SNR_DB
from mmzoo.losses.contrastive import info_nce, siglip, vicreg
from mmzoo.models.digit_encoders import digit_encoders
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase

MODALITIES = ("image", "audio", "text")
OBJECTIVES = ("infonce", "siglip", "vicreg")
SPELLINGS = 64  # of each word


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = ("image", "audio")
    """Two or all of image, audio, text (the digit's word: the label by another name)."""
    embed_dim: int = 64
    """Width of the embeddings."""
    objective: str = "infonce"
    """infonce, siglip or vicreg."""
    temperature: float = 0.1
    """Of infonce and siglip: how much only the most similar strangers count."""
    projection: int = 64
    """Width of what is compared."""
    components: int = COMPONENTS
    """Principal components left of a picture of mnist_fsdd_hard."""
    snr_db: float = SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard."""
    epochs: int = 6
    """Times through the training pictures."""
    batch_size: int = 128
    """Pairs in a step; each is compared with all others."""
    learning_rate: float = 2e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = 0
    """Of weights, order, pairing, augmentation."""

    def __post_init__(self):
        expect("objective", self.objective in OBJECTIVES, f"one of {', '.join(OBJECTIVES)}", self.objective)
        check_options(dataclasses.asdict(self), MODALITIES, fewest=2)
        expect("batch_size", self.batch_size > 1, "2 or more, to compare", self.batch_size)


TINY = Config(epochs=2, batch_size=64, embed_dim=16, projection=16)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, 28, 28, 1)` uint8, `audio` `(B, 8000)` float32, `text` `(B, 8)` int32; ids of pairs."""
    from mmzoo.data.batches.views import identify
    from mmzoo.data.sources.digit_pairs import evaluation_pairs, training_pairs
    from mmzoo.data.sources.digit_words import typed_words

    bank = load(config.source, split, config.data_dir, config.seed, config.components, config.snr_db)
    words, seen = None, config.modalities
    if "text" in seen:
        words = typed_words(SPELLINGS, [config.seed, len(split)])
        seen = tuple(name for name in seen if name != "text")
    if split != "train":
        return identify(evaluation_pairs(bank, seen, config.seed), words=words, seed=config.seed)
    epochs = range(first_epoch, config.epochs)
    batches = training_pairs(bank, seen, config.batch_size, config.seed, epochs, dropout=0.0)
    first_step = len(batches) // max(1, len(epochs)) * first_epoch
    return identify(batches, first_step, words, config.seed)


def build(config=Config()):
    """`{"image", "audio", "text"}` to what is compared of each, stacked: `(B, M, projection)`.

    Of length 1, but for VICReg, which looks at the lengths.
    """
    encoders = digit_encoders(sizes_of(config.modalities), config.embed_dim)
    inputs, projected = {}, []
    for name, encoder in encoders.items():
        inputs[name] = keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=name)
        x = layers.Identity(name=f"{name}_embedding")(encoder(inputs[name]))
        x = layers.Dense(2 * config.projection, activation="relu", name=f"{name}_projection_hidden")(x)
        x = layers.Dense(config.projection, name=f"{name}_projection")(x)
        projected.append(x if config.objective == "vicreg" else unit_norm(x))
    model = keras.Model(inputs, ops.stack(projected, axis=1), name="contrastive_pretraining")
    if config.init_from:
        load_encoders(model, config.init_from, [f"{name}_encoder" for name in MODALITIES])
    return model


def objective(config=Config()):
    """The contrastive loss, and how many strangers of the batch are mistaken for the other half."""
    losses = {
        "infonce": info_nce(config.temperature),
        "siglip": siglip(config.temperature),
        "vicreg": vicreg(),
    }
    return {"loss": losses[config.objective], "metrics": [strangers]}


def strangers(y_true, y_pred):
    """Share `(B,)` of the batch that an example finds more alike than its own other half, over all pairs of modalities.

    0.5 is chance. Strangers of the same class count: of ten classes told apart perfectly, 0.05 remain.
    """
    x = unit_norm(y_pred)
    shares = []
    for i in range(x.shape[1]):
        for j in range(x.shape[1]):
            if i != j:
                cosines = ops.matmul(x[:, i], ops.transpose(x[:, j]))
                own = ops.sum(x[:, i] * x[:, j], axis=1, keepdims=True)
                shares.append(ops.mean(ops.cast(cosines > own + 1e-6, "float32"), axis=1))
    return sum(shares) / len(shares)


def plan(config=Config()):
    """One phase: all encoders are trained together."""
    return (Phase("contrast", config.epochs, config.learning_rate),)


def export(config=Config()):
    """The embedding of each modality, as float32 and dynamic int8."""
    return Export(
        task="pretraining",
        labels=(),
        outputs={f"{name}_embedding": f"{name}_embedding" for name in config.modalities},
        units={name: UNITS[name] for name in config.modalities},
        data=CARDS[config.source],
        ranges={name: RANGES[name] for name in config.modalities},
        precisions=("float32", "dynamic"),
    )
