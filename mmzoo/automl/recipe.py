"""The recipe that `mmzoo fit` assembles, as a file that a person can read, edit and train again."""

import re
from collections.abc import Mapping
from pathlib import Path

RECIPE = "recipe.py"

# what the recipe of each kind of target says in `TEMPLATE`
CLASS = {
    "task": "classification",
    "doc": "Which {target}, from {listed} of {table}.",
    "import_block": "from mmzoo.blocks.presence import SharesWhereUnknown\n",
    "import_head": """from mmzoo.heads.classifier import classifier
from mmzoo.losses.auxiliary import beside, together_accuracy""",
    "asked": "classes={classes},",
    "constants": "\nCLASS_WEIGHT = {class_weight}",
    "label": "the number of the class",
    "answer": "the probabilities `(B, {num_classes})` of the classes",
    "head": "    head = partial(classifier, num_classes=len(SOURCE.classes))",
    "import_keras": "\nimport keras\n",
    "objective": '''    """Cross-entropy of all and of each alone.

    With smoothed labels (Szegedy et al. 2016, section 7).
    """
    count = len(SOURCE.classes)

    def loss(y_true, y_pred):
        one_hot = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), count)
        return keras.losses.categorical_crossentropy(one_hot, y_pred, label_smoothing=0.1)

    return {{"loss": beside(loss, count), "metrics": [together_accuracy(count)]}}''',
    "weighed": ', "class_weight": CLASS_WEIGHT',
    "exported": "The probabilities of the classes",
    "labels": "SOURCE.classes",
    "joined": ', answer=SharesWhereUnknown(name="answer"), alone=head',
    "monitor": "val_accuracy",
    "output": '"probabilities": "answer" if config.modalities[1:] else "probabilities"',
}
NUMBER = {
    "task": "regression",
    "doc": "The number in {target}, from {listed} of {table}.",
    "import_keras": "\nimport keras\n",
    "import_head": "from mmzoo.heads.regressor import regressor",
    "asked": 'kind="number",',
    "constants": "\nMEAN, DEVIATION = {mean}, {deviation}  # of the target in the training rows",
    "label": "the number that the target is",
    "answer": "the number `(B, 1)`, in the unit of the target",
    "head": """
    def head(embedding):
        standardized = regressor(embedding)
        return keras.layers.Rescaling(DEVIATION, MEAN, dtype="float32", name="value")(standardized)
""",
    "objective": '''    """Huber loss of the error in deviations of the target; metrics in its unit."""

    def loss(y_true, y_pred):
        return keras.losses.huber(y_true / DEVIATION, y_pred / DEVIATION)

    return {{"loss": loss, "metrics": ["mae"]}}''',
    "weighed": "",
    "exported": "The number",
    "labels": "()",
    "monitor": "val_mae",
    "output": '"value": "value"',
}
LABELS = {
    "task": "multilabel",
    "doc": "The labels in {target}, from {listed} of {table}.",
    "import_keras": "\nimport keras\n",
    "import_head": "from mmzoo.heads.multi_label import multi_label",
    "asked": 'kind="labels",\n    classes={classes},\n    separator={separator!r},',
    "constants": "",
    "label": "1 for each label that a row has, `(B, {num_classes})`",
    "answer": "the probability of each label `(B, {num_classes})`",
    "head": "    head = partial(multi_label, num_classes=len(SOURCE.classes))",
    "objective": '''    """Cross-entropy of each label."""
    score = keras.metrics.F1Score(average="micro", threshold=0.5, name="micro_f1")
    return {{"loss": "binary_crossentropy", "metrics": [score]}}''',
    "weighed": "",
    "exported": "The probabilities of the labels",
    "labels": "SOURCE.classes",
    "monitor": "val_micro_f1",
    "output": '"label_probabilities": "probabilities"',
}
TARGETS = {"class": CLASS, "number": NUMBER, "labels": LABELS}

TEMPLATE = '''"""{doc}

Written by `mmzoo fit`. Edit it, and train it again: `mmzoo train {out}/{file}`.
"""

import dataclasses
from dataclasses import dataclass
{import_partial}from pathlib import Path
{import_keras}
from mmzoo import fusion
{import_block}from mmzoo.recipe import check_numbers, check_order, expect
from mmzoo.data.tables.features import Category, Date, Number, figures  # noqa: F401, what the table has
from mmzoo.data.tables.rows import Sizes
from mmzoo.data.tables.source import Source, load_splits, locate
{import_head}
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.table_encoders import table_encoders
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase

SOURCE = Source(
    path={path!r},
    target={target!r},
    {asked}
    inputs=(
{inputs}
    ),{left_out}
    split={split!r},
    group={group!r},
    time={time!r},
    seed={seed},
    skip_bad={skip_bad},
)
MODALITIES = tuple(name for name, _ in SOURCE.inputs){constants}
ENCODERS = {encoders}  # modality -> arguments of mmzoo.encoders.pretrained, in place of an encoder of our own


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
    """Crop and color pictures and videos, move sounds, hide bytes of texts while training."""
    image_size: int = {image_size}
    """Pixels a side; pictures are squeezed into a square."""
    sample_rate: int = {sample_rate}
    """Hz."""
    seconds: float = {seconds}
    """Of a sound: the loudest of a longer one, silence behind a shorter one."""
    text_bytes: int = {text_bytes}
    """Of a text, UTF-8; what is longer is cut."""
    frames: int = {frames}
    """Of a video, evenly spaced."""
    frame_size: int = {frame_size}
    """Pixels a side of a frame, which is squeezed into a square."""
    epochs: int = {epochs}
    """Epochs of training, at most."""
    batch_size: int = 32
    """Examples in a step."""
    learning_rate: float = 2e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = {init_from!r}
    """A .keras file whose encoders we start from."""
    seed: int = {seed}
    """Of weights, order, augmentation."""
    fold: str = ""
    """Which fold is the test, as 2/5; else the rows are split as SOURCE says."""

    def __post_init__(self):
        check_order(self.modalities, MODALITIES)
        check_numbers(dataclasses.asdict(self))
        expect("width", self.width > 0, "a number above 0", self.width)
        expect("fusion", self.fusion in fusion.names(), f"one of {{', '.join(fusion.names())}}", self.fusion)


TINY = Config(epochs=1, embed_dim=16, width=0.25)


def dataset(split, config=Config(), epoch=0):
    """Batches of `{{modality: (B, ...), "present": (B, M)}}`; {label}."""
    from mmzoo.data.tables.batches import evaluation_rows, training_rows

    place = locate(SOURCE.path, config.data_dir, Path(__file__).parent)
    examples = load_splits(SOURCE, place, sizes(config), config.fold)[split]
    if split != "train":
        return evaluation_rows(examples, config.modalities, config.seed)
    dropout = config.modality_dropout
    return training_rows(examples, config.modalities, config.batch_size, config.seed, epoch, dropout, config.augment)


def sizes(config=Config()):
    """What the tensors of a row are."""
    samples = int(config.sample_rate * config.seconds)
    frames = (config.frames, config.frame_size)
    return Sizes(config.image_size, config.sample_rate, samples, config.text_bytes, *frames)


def build(config=Config()):
    """`{{modality: (B, ...), "present": (B, M)}}` to {answer}."""
    columns = dict(SOURCE.inputs).get("tabular", ())
    shapes = sizes(config).shapes(config.modalities, columns)
    scaled = {{"figures": figures(columns), "published": ENCODERS}}
    encoders = table_encoders(shapes, config.sample_rate, config.embed_dim, config.width, **scaled)
{head}
    model = late_fusion(encoders, fusion.load(config.fusion), head{joined})
    if config.init_from:
        load_encoders(model, config.init_from, [f"{{name}}_encoder" for name in MODALITIES])
    return model


def objective(config=Config()):
{objective}


def plan(config=Config()):
    """One phase: everything is trained together, until the average of weights gets no better on validation."""
    average = 1 - 0.23 / config.epochs  # over a fifteenth of the steps, where an epoch has 64: 0.995 of 45 epochs
    ends = {{"clip_norm": 1.0, "ema": average, "patience": {patience}, "monitor": "{monitor}"{weighed}}}
    return (Phase("train", config.epochs, config.learning_rate, **ends),)


def export(config=Config()):
    """{exported} and the joint embedding, as float32, dynamic int8 and full int8."""
    columns = dict(SOURCE.inputs).get("tabular", ())
    return Export(
        task="{task}",
        labels={labels},
        outputs={{{output}, "embedding": "embedding"}},
        units=sizes(config).units(config.modalities, columns),
        data={{"name": Path(SOURCE.path).name, "version": "", "license": "", "weights_license": ""}},
        ranges=sizes(config).ranges(config.modalities, columns),
        # the accelerator is not right on full int8 of the published network that was tried
        precisions=("float32", "dynamic") if set(ENCODERS) & set(config.modalities) else ("float32", "dynamic", "int8"),
    )
'''


def recipe_text(values: Mapping[str, object]) -> str:
    """Return the recipe's file; `values` are the names in `TEMPLATE` that are not made here."""
    inputs = values["inputs"]
    names = [name for name, _ in inputs]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    lines = []
    for name, columns in inputs:
        lines.append(f"        ({name!r}, (")
        lines += [f"            {column!r}," for column in columns]
        lines.append("        )),")
    reasons = "".join(f"\n        ({column!r}, {why!r})," for column, why in values["left_out"])
    values = {**values, "left_out": f"\n    left_out=({reasons}\n    )," if reasons else ""}
    known = {**values, "listed": listed, "table": Path(str(values["path"])).name, "num_classes": len(values["classes"])}
    parts = {name: part.format(**known) for name, part in TARGETS[str(values["kind"])].items()}
    partial = "" if "def head" in parts["head"] else "from functools import partial\n"
    usual = {"import_keras": "", "import_block": "", "joined": "", "import_partial": partial, "file": RECIPE}
    return TEMPLATE.format(**{**values, **usual, **parts, "inputs": "\n".join(lines)})


def with_defaults(text: str, values: Mapping[str, object]) -> str:
    """Return the recipe's file `text` with `values` as the defaults of those fields of its Config.

    Raises:
        ValueError: there is no such field.
    """
    for name, value in values.items():
        text, found = re.subn(rf"(?m)^(    {name}: \w+ = ).*$", lambda line, value=value: f"{line[1]}{value!r}", text)
        if found != 1:
            raise ValueError(f"with_defaults expects fields of the Config. Received: {name=}")
    return text
