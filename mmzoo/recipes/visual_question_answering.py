"""Visual question answering: an answer from an image and a question.

The question scales and shifts an image's feature map (FiLM, Perez et al. 2018, section 2.1). The maximum over places is
fused with the question, with modality dropout (Neverova et al. 2016, section 3.3). Questions are bytes of text, answers
are classes. NLVR has its own model, `mmzoo.models.box_reasoning`, which `mmzoo.studies.pretrain_nlvr` pretrains.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from mmzoo import fusion
from mmzoo.data.batches.questions import Questions
from mmzoo.data.sources import colored_shapes, easy_vqa, nlvr, vqa_rad
from mmzoo.data.sources.nlvr_synthetic.scenes import HOLDS
from mmzoo.encoders.text_conv import text_conv
from mmzoo.losses.auxiliary import fused_accuracy, with_auxiliary
from mmzoo.models import box_reasoning, film_answer
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export, Phase

MODALITIES = ("image", "text")
SOURCES = {"sample": colored_shapes, "easy_vqa": easy_vqa, "nlvr": nlvr, "vqa_rad": vqa_rad}


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline), easy_vqa, nlvr (true or false) or vqa_rad (radiology)."""
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: image, text (the question), or both."""
    fusion: str = "low_rank"
    """Fusion from mmzoo.fusion of image features and question: low_rank, concat, gated, tensor_product, ..."""
    text_units: int = 32
    """Filters of each window width of the text encoder; nlvr ignores it."""
    dropout: float = 0.0
    """Dropout rate of the question's features and of the joint embedding, in [0, 1)."""
    modality_dropout: float = 0.2
    """Probability that one modality of a training example is missing."""
    alone: bool = False
    """Train one auxiliary head per modality, used where the other modality is missing."""
    join_validation: bool = False
    """Train on the validation questions too; their scores are then no estimate."""


TINY = Config(epochs=2, embed_dim=16)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `image` `(B, H, W, 3)`, `text` `(B, L)`, `present` `(B, 2)`; answers."""
    from mmzoo.data.batches.questions import evaluation_questions, join, training_questions

    data, seen = _load(split, config), config.modalities
    if split != "train":
        return evaluation_questions(data, seen, config.seed)
    data = join(data, _load("validation", config)) if config.join_validation else data
    return training_questions(data, seen, config.batch_size, config.seed, epoch, config.modality_dropout)


def _load(split: str, config: Config) -> Questions:
    if config.source == "sample":
        return colored_shapes.sample(split, config.seed)
    return getattr(SOURCES[config.source], config.source)(split, config.data_dir)


def _answers(config: Config) -> tuple[str, ...]:
    return vqa_rad.answers(config.data_dir) if config.source == "vqa_rad" else SOURCES[config.source].ANSWERS


def _parts(config: Config) -> tuple[dict[str, partial], Any]:
    source, dim, one = SOURCES[config.source], config.embed_dim, len(config.modalities) == 1
    if config.source == "nlvr":
        shape, yields = (nlvr.HEIGHT, nlvr.WIDTH, 3), "mean" if one else "boxes"
        image = partial(box_reasoning.box_encoder, shape, nlvr.COLUMNS, HOLDS, yields)
        return {"image": image, "text": partial(box_reasoning.sentence_encoder, nlvr.LENGTH, dim)}, box_reasoning.reason
    options = {"units": config.text_units, "dropout": config.dropout, "name": "text_encoder"}
    image = partial(film_answer.image_encoder, source.IMAGE, dim, pooled=one)
    return {"image": image, "text": partial(text_conv, source.LENGTH, dim, **options)}, film_answer.look


def build(config: Config = Config()) -> keras.Model:
    """Return the model of image and question to probabilities `(B, N)`."""
    makers, reason = _parts(config)
    encoders = {name: makers[name]() for name in config.modalities}
    head = partial(film_answer.answer, num_classes=len(_answers(config)), dropout=config.dropout)
    fuse = partial(reason, fuse=fusion.load(config.fusion))
    model = late_fusion(encoders, fuse, head, unimodal_head=head if config.alone else None)
    return start_from(config.init_from, model, MODALITIES, "reasoner")


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return cross-entropy and accuracy; with auxiliary unimodal losses where configured."""
    if not config.alone:
        return {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    loss, count = keras.losses.sparse_categorical_crossentropy, len(_answers(config))
    return {"loss": with_auxiliary(loss, count), "metrics": [fused_accuracy(count)]}


def kinds(config: Config = Config()) -> tuple[str, ...]:
    """Return the kind of each test question; empty where the source has no kinds."""
    return _load("test", config).kinds


def plan(config: Config = Config()) -> tuple[Phase, ...]:
    """Return one phase; nlvr freezes an image encoder of `init_from`."""
    frozen = config.source == "nlvr" and config.init_from and "image" in config.modalities
    return (Phase("train", config.epochs, config.learning_rate, frozen=("image_encoder",) if frozen else ()),)


def export(config: Config = Config()) -> Export:
    """Export the probabilities and the joint embedding; int8 loses accuracy."""
    output = "only_one" if config.alone and len(config.modalities) > 1 else "probabilities"
    present = "1 there, 0 missing; order image, text"
    return Export(
        task="classification",
        labels=_answers(config),
        outputs={"probabilities": output, "embedding": "embedding"},
        units={"image": "RGB, 0 to 255", "text": "UTF-8 bytes + 3, then zeros", "present": present},
        data=SOURCES[config.source].CARD,
        ranges={"image": (0, 255), "text": (0, 258), "present": (0.0, 1.0)},
        precisions=("float32", "dynamic"),
    )
