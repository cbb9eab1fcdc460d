"""The answer to a question about a picture.

The question decides what is looked at: it scales and shifts what a small convolutional network finds at each place of
the picture (FiLM, Perez et al. 2018, section 2.1), so that what is asked for stands out and what is not vanishes. The
most that is found anywhere is joined with the question itself, with modality dropout (Neverova et al. 2016, section
3.3). Questions are bytes of text, answers classes. Of NLVR's three boxes a model of their own is asked, see
`mmzoo.models.box_reasoning`; `mmzoo.studies.pretrain_nlvr` trains it on drawn scenes first.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial

import keras
from keras import layers, ops

from mmzoo import fusion
from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.presence import replace_absent, split_present
from mmzoo.data.sources import colored_shapes, easy_vqa, nlvr, vqa_rad
from mmzoo.data.sources.nlvr_synthetic.scenes import HOLDS
from mmzoo.encoders.text_conv import text_conv
from mmzoo.errors import expect
from mmzoo.heads.classifier import classifier
from mmzoo.losses.auxiliary import fused_accuracy, with_auxiliary
from mmzoo.models.box_reasoning import box_encoder, reason, sentence_encoder
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase, check_shared

MODALITIES = ("image", "text")
SOURCES = ("sample", "easy_vqa", "nlvr", "vqa_rad")


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline), easy_vqa, nlvr (true or false) or vqa_rad (radiology)."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: image, text (the question), or both."""
    fusion: str = "low_rank"
    """One of mmzoo.fusion, for what was found and the question: low_rank, concat, gated, tensor_product, ..."""
    embed_dim: int = 64
    """Width of the embeddings."""
    text_units: int = 32
    """Filters of each width of window of the text encoder, but of nlvr's."""
    dropout: float = 0.0
    """Share of what is found in a question, and of the joint embedding, that training leaves out."""
    modality_dropout: float = 0.2
    """Probability that one modality of a training example is missing."""
    alone: bool = False
    """Each modality learns an answer of its own from every example, too, and gives it where the other is missing."""
    join_validation: bool = False
    """Train on the validation questions too, once all is chosen: the scores on them say nothing any more."""
    epochs: int = 12
    """Times through the training questions."""
    batch_size: int = 64
    """Examples in a step."""
    learning_rate: float = 3e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders, and reasoner about boxes, we start from."""
    seed: int = 0
    """Of weights, order, augmentation; of the sample also the pictures and questions."""

    def __post_init__(self):
        check_shared(dataclasses.asdict(self), SOURCES, MODALITIES)
        expect("fusion", self.fusion in fusion.names(), f"one of {', '.join(fusion.names())}", self.fusion)
        expect("dropout", 0 <= self.dropout < 1, "a number from 0 to below 1", self.dropout)


TINY = Config(epochs=2, embed_dim=16)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, H, W, 3)` uint8, `text` `(B, 48)` int32, `present` `(B, 2)`; label: which answer."""
    from mmzoo.data.batches.questions import evaluation_questions, join, training_questions

    data, seen = _load(split, config), config.modalities
    if split == "train" and config.join_validation:
        data = join(data, _load("validation", config))
    if split != "train":
        return evaluation_questions(data, seen, config.seed)
    epochs = range(first_epoch, config.epochs)
    return training_questions(data, seen, config.batch_size, config.seed, epochs, config.modality_dropout)


def _load(split, config):
    if config.source == "sample":
        return colored_shapes.sample(split, config.seed)
    load = {"easy_vqa": easy_vqa.easy_vqa, "nlvr": nlvr.nlvr, "vqa_rad": vqa_rad.vqa_rad}[config.source]
    return load(split, config.data_dir)


def build(config=Config()):
    """`{"image", "text", "present"}` to the probabilities `(B, N)` of the answers."""
    count = len(_about(config)[2])
    makers, look = _box_parts(config) if config.source == "nlvr" else _parts(config)
    encoders = {name: makers[name]() for name in config.modalities}
    fuse = partial(look, fuse=fusion.load(config.fusion))
    answer = partial(_answer, num_classes=count, dropout=config.dropout)
    model = late_fusion(encoders, fuse, answer, unimodal_head=answer if config.alone else None)
    if config.init_from:
        load_encoders(model, config.init_from, [*(f"{name}_encoder" for name in MODALITIES), "reasoner"])
    return model


def _parts(config):
    """Return what makes the encoder of each modality, and how a question looks at a picture."""
    shape, length, _ = _about(config)
    asked = {"units": config.text_units, "dropout": config.dropout, "name": "text_encoder"}
    makers = {
        "image": partial(_image_encoder, shape, config.embed_dim, pooled=len(config.modalities) == 1),
        "text": partial(text_conv, length, config.embed_dim, **asked),
    }
    return makers, _look


def _box_parts(config):
    """Return the same for pictures of boxes."""
    shape, length, _ = _about(config)
    told = "mean" if len(config.modalities) == 1 else "boxes"
    makers = {
        "image": partial(box_encoder, shape, nlvr.COLUMNS, HOLDS, told),
        "text": partial(sentence_encoder, length, config.embed_dim),
    }
    return makers, reason


def _image_encoder(shape, embed_dim, pooled):
    """Return a `keras.Model`: uint8 pictures `(B, H, W, 3)` to what is at each place, `(B, H / 8, W / 8, embed_dim)`.

    With `pooled` to the mean over places, `(B, embed_dim)`. The first convolution takes 7 pixels every 4: most of
    the time of a step would else go into the first, largest maps.
    """
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, 48, 7, strides=4, name="stem")
    x = conv_norm(x, 64, strides=2, name="stage1")
    x = conv_norm(x, 64, name="stage2")
    x = layers.GlobalAveragePooling2D(name="pool")(x) if pooled else x
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name="image_encoder")


def _look(embeddings, present, fuse):
    """Return the joint embedding `(B, D)` of places `(B, H, W, D)` and a question `(B, D)`; `fuse` joins them.

    What is found is `relu((1 + scale) * places + shift)`, and of it the maximum over places. A missing question is a
    learned vector.
    """
    places, question = embeddings.values()
    there, width = split_present(present, embeddings), places.shape[-1]
    asked = replace_absent(question, there["text"], "asked")
    scale = layers.Dense(width, name="look_scale")(asked)
    shift = layers.Dense(width, name="look_shift")(asked)
    scale, shift = (ops.reshape(x, (-1, 1, 1, width)) for x in (scale, shift))
    found = layers.ReLU(name="look")(places * (1.0 + scale) + shift)
    found = layers.GlobalMaxPooling2D(name="found")(found)
    return fuse({"image": found, "text": question}, present)


def _answer(embedding, num_classes, dropout, name="probabilities"):
    """Return the probabilities `(B, num_classes)` of the answers, from an embedding `(B, D)`.

    Or from that of each place of a picture, `(B, H, W, D)`: of these the most that is found anywhere counts.
    """
    apart = "" if name == "probabilities" else f"{name}_"
    if len(embedding.shape) == 4:
        embedding = layers.GlobalMaxPooling2D(name=f"{apart}found")(embedding)
    embedding = layers.Dropout(dropout, name=f"{apart}dropout")(embedding) if dropout else embedding
    return classifier(embedding, num_classes, name=name)


def _about(config):
    """Return of the source the shape of its pictures, the bytes of its questions and its answers."""
    if config.source == "vqa_rad":
        return (vqa_rad.IMAGE, vqa_rad.IMAGE, 3), vqa_rad.LENGTH, vqa_rad.answers(config.data_dir)
    if config.source == "nlvr":
        return (nlvr.HEIGHT, nlvr.WIDTH, 3), nlvr.LENGTH, nlvr.ANSWERS
    data = colored_shapes if config.source == "sample" else easy_vqa
    return (data.IMAGE, data.IMAGE, 3), data.LENGTH, data.ANSWERS


def objective(config=Config()):
    """Cross-entropy of the answer, and of each alone where they learn, too; its accuracy."""
    if not config.alone:
        return {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    count = len(_about(config)[2])
    loss = keras.losses.sparse_categorical_crossentropy
    return {"loss": with_auxiliary(loss, count), "metrics": [fused_accuracy(count)]}


def kinds(config=Config()):
    """Return the kind of each question of the test split, by which answers are scored apart; empty where none."""
    return _load("test", config).kinds


def plan(config=Config()):
    """One phase: everything is trained together, but what was learned of boxes from drawn scenes stays."""
    sees = config.source == "nlvr" and config.init_from and "image" in config.modalities
    return (Phase("train", config.epochs, config.learning_rate, frozen=("image_encoder",) if sees else ()),)


CARDS = {
    "sample": {
        "name": "colored shapes, drawn",
        "version": "1",
        "license": "Apache-2.0",
        "weights_license": "Apache-2.0",
    },
    "easy_vqa": {
        "name": "easy-VQA",
        "version": "3b553bb",
        "license": "MIT",
        "weights_license": "MIT",
        "published": "93.8 % by a small Keras model, 99.5 % by a larger one on twice the data (easy-VQA's authors)",
    },
    "nlvr": {
        "name": "NLVR, 1,000 training sentences",
        "version": "1892484",
        "license": "CC BY 4.0",
        "weights_license": "CC BY 4.0",
        "published": "66.1 % by a neural module network on all 74,460 training examples; 56.2 % by the majority "
        "(Suhr et al. 2017)",
    },
    "vqa_rad": {
        "name": "VQA-RAD",
        "version": "4ae21bc",
        "license": "CC0 1.0",
        "weights_license": "CC0 1.0",
        "published": "closed questions 75.1 %, open ones 43.9 % by BAN with MEVF (Nguyen et al. 2019). Every picture "
        "of the test is one of training too, mostly with a rephrasing of the question",
    },
}
UNITS = {
    "image": "RGB, 0 to 255",
    "text": "UTF-8 bytes + 3, then zeros",
    "present": "1 there, 0 missing; order image, text",
}
RANGES = {"image": (0, 255), "text": (0, 258), "present": (0.0, 1.0)}


def export(config=Config()):
    """The answer's probabilities and the joint embedding, as float32 and dynamic int8.

    Not as full int8: there the probabilities were off by up to 0.7 on the CPU, and the GPU multiplied wrong.
    """
    told = "only_one" if config.alone and len(config.modalities) > 1 else "probabilities"
    return Export(
        task="classification",
        labels=_about(config)[2],
        outputs={"probabilities": told, "embedding": "embedding"},
        units=UNITS,
        data=CARDS[config.source],
        ranges=RANGES,
        precisions=("float32", "dynamic"),
    )
