"""The recipe that `mmzoo fit` assembles, as a file that a person can read, edit and train again."""

from collections.abc import Mapping
from pathlib import Path

RECIPE = "recipe.py"

TEMPLATE = '''"""{doc}

Written by `mmzoo fit`. Edit it, and train it again: `mmzoo train {out}/{file}`.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmzoo import fusion
from mmzoo.data.options import check_numbers, check_order, expect
from mmzoo.data.table_features import Category, Date, Number, figures  # noqa: F401, what the table has
from mmzoo.data.table_rows import Sizes
from mmzoo.data.table_source import Source, load_splits, locate
from mmzoo.heads.classifier import classifier
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.table_encoders import table_encoders
from mmzoo.models.transfer import load_encoders
from mmzoo.plan import Export, Phase

SOURCE = Source(
    path={path!r},
    target={target!r},
    classes={classes},
    inputs=(
{inputs}
    ),
    split={split!r},
    group={group!r},
    time={time!r},
    seed={seed},
    skip_bad={skip_bad},
)
MODALITIES = tuple(name for name, _ in SOURCE.inputs)
CLASS_WEIGHT = {class_weight}


@dataclass(frozen=True)
class Config:
    data_dir: str = ""
    """Where the table lies; else where it lay."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes."""
    fusion: str = {fusion!r}
    """One of mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    embed_dim: int = 64
    """Width of the embeddings."""
    width: float = {width}
    """Factor of the channels inside the encoders of pictures, sounds and texts."""
    modality_dropout: float = {modality_dropout}
    """Probability that a training example has only some of the modalities that its row has."""
    augment: bool = True
    """Crop and color pictures, move sounds, hide bytes of texts while training."""
    image_size: int = {image_size}
    """Pixels a side; pictures are squeezed into a square."""
    sample_rate: int = {sample_rate}
    """Hz."""
    seconds: float = {seconds}
    """Of a sound: the loudest of a longer one, silence behind a shorter one."""
    text_bytes: int = {text_bytes}
    """Of a text, UTF-8; what is longer is cut."""
    epochs: int = {epochs}
    """Epochs of training, at most."""
    batch_size: int = 32
    """Examples in a step."""
    learning_rate: float = 2e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = {seed}
    """Of weights, order, augmentation."""

    def __post_init__(self):
        check_order(self.modalities, MODALITIES)
        check_numbers(dataclasses.asdict(self))
        expect("width", self.width > 0, "a number above 0", self.width)
        expect("fusion", self.fusion in fusion.names(), f"one of {{', '.join(fusion.names())}}", self.fusion)


TINY = Config(epochs=1, embed_dim=16, width=0.25)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `{{modality: (B, ...), "present": (B, M)}}`; the number of the class."""
    from mmzoo.data.table_batches import evaluation_rows, training_rows

    place = locate(SOURCE.path, config.data_dir, Path(__file__).parent)
    examples = load_splits(SOURCE, place, sizes(config))[split]
    if split != "train":
        return evaluation_rows(examples, config.modalities, config.seed)
    epochs, dropout = range(first_epoch, config.epochs), config.modality_dropout
    return training_rows(
        examples, config.modalities, config.batch_size, config.seed, epochs, dropout, config.augment
    )


def sizes(config=Config()):
    """What the tensors of a row are."""
    samples = int(config.sample_rate * config.seconds)
    return Sizes(config.image_size, config.sample_rate, samples, config.text_bytes)


def build(config=Config()):
    """`{{modality: (B, ...), "present": (B, M)}}` to the probabilities `(B, {num_classes})` of the classes."""
    columns = dict(SOURCE.inputs).get("tabular", ())
    shapes = sizes(config).shapes(config.modalities, columns)
    encoders = table_encoders(shapes, config.sample_rate, config.embed_dim, config.width, figures(columns))
    head = partial(classifier, num_classes=len(SOURCE.classes))
    model = late_fusion(encoders, fusion.load(config.fusion), head)
    if config.init_from:
        load_encoders(model, config.init_from, list({{encoder.name for encoder in encoders.values()}}))
    return model


def objective(config=Config()):
    """Cross-entropy of the class."""
    return {{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}}


def plan(config=Config()):
    """One phase: everything is trained together, until validation gets no better."""
    ends = {{"clip_norm": 1.0, "patience": {patience}, "class_weight": CLASS_WEIGHT}}
    return (Phase("train", config.epochs, config.learning_rate, **ends),)


def export(config=Config()):
    """The probabilities of the classes and the joint embedding, as float32, dynamic int8 and full int8."""
    columns = dict(SOURCE.inputs).get("tabular", ())
    return Export(
        labels=SOURCE.classes,
        outputs={{"probabilities": "probabilities", "embedding": "embedding"}},
        units=sizes(config).units(config.modalities, columns),
        data={{"name": Path(SOURCE.path).name, "version": "", "license": "", "weights_license": ""}},
        ranges=sizes(config).ranges(config.modalities, columns),
    )
'''


def recipe_text(values: Mapping[str, object]) -> str:
    """Return the recipe's file; `values` are the names in `TEMPLATE` that are not made here."""
    classes, inputs = values["classes"], values["inputs"]
    names = [name for name, _ in inputs]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    lines = []
    for name, columns in inputs:
        lines.append(f"        ({name!r}, (")
        lines += [f"            {column!r}," for column in columns]
        lines.append("        )),")
    return TEMPLATE.format(
        **{
            **values,
            "doc": f"Which {values['target']}, from {listed} of {Path(str(values['path'])).name}.",
            "file": RECIPE,
            "classes": tuple(classes),
            "num_classes": len(classes),
            "inputs": "\n".join(lines),
        }
    )
