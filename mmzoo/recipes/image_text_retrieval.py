"""Pictures found by words, words by pictures, and pictures by pictures: one space for both.

Two encoders and a linear projector each give embeddings of length 1, trained so that in a batch a picture is most like
its own description and the other way round: InfoNCE (CLIP, Radford et al. 2021, section 2.3) or SigLIP (Zhai et al.
2023, section 3.2). What is found is picked on the host, by `mmzoo.device.index`. The embedding of a modality that
`present` says is missing is zeros, which is like nothing.
"""

import dataclasses
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.normalize import unit_norm
from mmzoo.blocks.presence import split_present
from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.sources import captioned_shapes, icons
from mmzoo.encoders.text_conv import text_conv
from mmzoo.errors import expect
from mmzoo.losses.contrastive import info_nce, siglip
from mmzoo.metrics.retrieval import tfidf_similarity
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase, check_shared

MODALITIES = ("image", "text")
SOURCES = ("sample", "lucide", "fxemoji")
OBJECTIVES = {"infonce": info_nce, "siglip": siglip}


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline), lucide (icons in lines) or fxemoji (pictograms in color)."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: image and text."""
    embed_dim: int = 64
    """Width of the embeddings, a multiple of 4."""
    width: int = 16
    """Channels of the first layers of the picture's encoder, a multiple of 4."""
    units: int = 32
    """Filters of each width of window of the text's encoder."""
    objective: str = "infonce"
    """infonce or siglip."""
    temperature: float = 0.1
    """How much only the most similar strangers count."""
    dropout: float = 0.0
    """Of the embeddings, in training."""
    passes: int = 2
    """Times through the training pictures in an epoch."""
    epochs: int = 12
    """Epochs of training."""
    batch_size: int = 128
    """Pairs in a step; each is compared with all others."""
    learning_rate: float = 3e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = 0
    """Of weights, order, augmentation; of the sample also the pictures."""

    def __post_init__(self):
        check_shared(dataclasses.asdict(self), SOURCES, MODALITIES, fewest=2)
        said = f"one of {', '.join(OBJECTIVES)}"
        expect("objective", self.objective in OBJECTIVES, said, self.objective)
        for name in ("embed_dim", "width"):
            value = getattr(self, name)
            expect(name, value > 0 and value % 4 == 0, "a multiple of 4", value)
        for name in ("units", "passes"):
            expect(name, getattr(self, name) >= 1, "1 or more", getattr(self, name))
        expect("dropout", 0 <= self.dropout < 1, "a number from 0 to below 1", self.dropout)
        expect("batch_size", self.batch_size > 1, "2 or more, to compare", self.batch_size)


TINY = Config(epochs=2, passes=1, batch_size=64, embed_dim=16, width=8, units=16)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, H, W, 3)` uint8, `text` `(B, 64)` int32, `present` `(B, 2)`; ids of what is shown."""
    from mmzoo.data.batches.image_text import evaluation_pictures, training_pictures

    data = _load(split, config)
    if split != "train":
        return evaluation_pictures(data, config.seed)
    epochs = range(first_epoch, config.epochs)
    return training_pictures(data, config.batch_size, config.seed, epochs, config.passes)


def _load(split, config):
    if config.source == "sample":
        return captioned_shapes.sample(split, config.seed)
    return getattr(icons, config.source)(split, config.data_dir)


def build(config=Config()):
    """`{"image", "text", "present"}` to the embeddings of both, stacked: `(B, 2, embed_dim)`, of length 1 or 0."""
    side = captioned_shapes.IMAGE if config.source == "sample" else icons.IMAGE
    length = captioned_shapes.LENGTH if config.source == "sample" else icons.LENGTH
    encoders = {
        "image": _image_encoder(side, config.width, 2 * config.embed_dim),
        "text": text_conv(length, 2 * config.embed_dim, units=config.units, name="text_encoder"),
    }
    inputs = {name: keras.Input(e.input.shape[1:], dtype=e.input.dtype, name=name) for name, e in encoders.items()}
    inputs["present"] = keras.Input((2,), name="present")
    there, told = split_present(inputs["present"], encoders), []
    for name, encoder in encoders.items():
        x = layers.Dropout(config.dropout, name=f"{name}_dropout")(encoder(inputs[name]))
        x = layers.Dense(config.embed_dim, name=f"{name}_projection")(x)
        told.append(layers.Multiply(name=f"{name}_embedding")([unit_norm(x), there[name]]))
    model = keras.Model(inputs, ops.stack(told, axis=1), name="image_text_retrieval")
    if config.init_from:
        load_encoders(model, config.init_from, [f"{name}_encoder" for name in MODALITIES])
    return model


def _image_encoder(side, width, embed_dim):
    """Return a `keras.Model`: uint8 pictures `(B, side, side, 3)` to embeddings `(B, embed_dim)`.

    What is where is kept to the end, in cells of 16 pixels: left and right are not the same.
    """
    image = keras.Input((side, side, 3), dtype="uint8", name="image")
    x = layers.Rescaling(-1 / 255, 1.0, name="front_end")(image)  # 0 is white, as what lies beyond the border
    x = conv_norm(x, width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * width, strides=2, name="stage1")
    x = conv_norm(x, 2 * width, name="stage2")
    x = conv_norm(x, 4 * width, strides=2, name="stage3")
    x = conv_norm(x, 4 * width, name="stage4")
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Flatten(name="places")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name="image_encoder")


def objective(config=Config()):
    """The contrastive loss, and for which share of the pictures their own description is the first of the batch."""
    return {"loss": OBJECTIVES[config.objective](config.temperature), "metrics": [found]}


def found(y_true, y_pred):
    """Share `(B,)` of both ways, from picture to words and back, in which nothing else is more like it; 1 is best."""
    ids = ops.reshape(y_true, (-1,))
    same = ops.cast(ops.equal(ids[:, None], ids[None, :]), "float32")
    cosines = ops.matmul(y_pred[:, 0], ops.transpose(y_pred[:, 1]))
    own, other = cosines - 9.0 * (1.0 - same), cosines - 9.0 * same
    ways = [ops.max(own, axis=axis) > ops.max(other, axis=axis) for axis in (0, 1)]
    return sum(ops.cast(way, "float32") for way in ways) / 2.0


def plan(config=Config()):
    """One phase: both encoders are trained together."""
    return (Phase("contrast", config.epochs, config.learning_rate),)


CARDS = {
    "sample": {
        "name": "shapes, drawn and described",
        "version": "1",
        "license": "Apache-2.0",
        "weights_license": "Apache-2.0",
    },
    "lucide": {
        "name": "Lucide icons, split by what they look like",
        "version": "33a44aa",
        "license": "ISC",
        "weights_license": "ISC",
    },
    "fxemoji": {
        "name": "FxEmojis by the Mozilla Foundation, split by what they look like",
        "version": "270af34",
        "license": "CC-BY-4.0",
        "weights_license": "CC-BY-4.0",
    },
}
UNITS = {
    "image": "RGB, 0 to 255",
    "text": "UTF-8 bytes + 3, then zeros",
    "present": "1 there, 0 missing; order image, text",
}
RANGES = {"image": (0, 255), "text": (0, 258), "present": (0.0, 1.0)}


def export(config=Config()):
    """The embedding of each, zeros where it is missing, as float32 and dynamic int8."""
    return Export(
        task="retrieval",
        labels=(),
        outputs={f"{name}_embedding": f"{name}_embedding" for name in MODALITIES},
        units=UNITS,
        data=CARDS[config.source],
        ranges=RANGES,
        precisions=("float32", "dynamic"),
    )


def references(config=Config()):
    """Similarities `(N, N)` of the texts and pictures of the test split as a search of their tags has them.

    It sees no picture but knows what each is tagged with: of the sample its colors, of an icon of Lucide its tags, of a
    pictogram its designer's name, which is mostly that in Unicode without spaces, and its category.
    """
    data, known = _load("test", config), _load("train", config)
    queries, seen = ([decode_bytes(ids) for ids in part.text[:, 0]] for part in (data, known))
    return {"TF-IDF on tags": tfidf_similarity(queries, data.tags, [*known.tags, *seen])}
