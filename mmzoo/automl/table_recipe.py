"""The recipe of a table: data, model, objective, plan and export from the values in a `recipe.py`."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo import fusion
from mmzoo.artifacts.table_values import TableValues
from mmzoo.automl.choice import LINEAR, Choice, choose
from mmzoo.automl.linear_member import linear_model
from mmzoo.automl.targets import number
from mmzoo.automl.targets.models import KINDS, TargetModel
from mmzoo.automl.text_table import initial_tables
from mmzoo.automl.transfer.stage import feature_stage
from mmzoo.automl.transfer.teacher import teacher_stage
from mmzoo.data.arrays import split_arrays
from mmzoo.data.tables.batches import Examples, evaluation_rows, training_rows
from mmzoo.data.tables.features import Category, Date, Number, edges, figures
from mmzoo.data.tables.rows import Sizes, kind_of, series_of
from mmzoo.data.tables.source import Source, load_splits, locate
from mmzoo.errors import BadInputError, expect
from mmzoo.experiment import Experiment
from mmzoo.metrics.labels import THRESHOLD
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.table_encoders import table_encoders, text_rank
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Export, Phase, Stage, check_numbers, check_order

SHARED = "image_encoder"  # the encoder of several images
TABLE_RATE = 0.1  # learning rate of the tables of hashed texts, as a multiple of the others: they start from a model


@dataclass(frozen=True)
class TableConfig:
    """Settings of a table's recipe; the `Config` of a `recipe.py` derives from it and sets the table's defaults."""

    data_dir: str = ""
    """Folder of the table; by default the path that `mmzoo fit` read."""
    modalities: tuple[str, ...] = ()
    """Input modalities."""
    fusion: str = "gated"
    """One of mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    embed_dim: int = 64
    """Embedding width."""
    width: float = 1.0
    """Multiplier of the channels inside the encoders."""
    modality_dropout: float = 0.0
    """Probability that a training example keeps only some of its modalities."""
    augment: bool = True
    """Augment training examples: crop and recolor images and videos, shift audio, jitter series, mask texts, cells."""
    image_size: int = 96
    """Side of the square images, in pixels; others are resized."""
    sample_rate: int = 16_000
    """Audio sample rate, in Hz."""
    seconds: float = 5.0
    """Audio length: the loudest window of longer audio; shorter audio is padded with silence."""
    text_bytes: int = 32
    """Text length, in UTF-8 bytes; longer texts are truncated."""
    text_encoder: str = "conv"
    """Text encoder: hash, for words and character n-grams, or conv, for bytes."""
    frames: int = 8
    """Evenly spaced frames per video."""
    frame_size: int = 64
    """Side of the square video frames, in pixels; others are resized."""
    epochs: int = 45
    """Maximum number of epochs."""
    batch_size: int = 32
    """Examples per step."""
    learning_rate: float = 2e-3
    """Peak learning rate of the AdamW schedule."""
    opened: int = 0
    """Epochs in which EfficientNet-Lite0 is trained with the rest, kept if validation gains; 0 keeps it frozen."""
    init_from: str = ""
    """A .keras file to initialize encoders from."""
    seed: int = 0
    """Random seed for initialization, shuffling and augmentation."""
    fold: str = ""
    """Test fold, as 2/5; by default the split of SOURCE."""
    threshold: float = 0.0
    """Probability from which on a label of several is predicted; 0: chosen on the validation rows."""

    def __post_init__(self) -> None:
        check_order(self.modalities, type(self).modalities or self.modalities)
        check_numbers(dataclasses.asdict(self))
        expect("width", self.width > 0, "a number above 0", self.width)
        expect("threshold", 0 <= self.threshold < 1, "a number from 0 to below 1", self.threshold)
        expect("opened", self.opened >= 0, "0 or more", self.opened)
        expect("text_encoder", self.text_encoder in ("hash", "conv"), "hash or conv", self.text_encoder)
        expect("fusion", self.fusion in fusion.names(), f"one of {', '.join(fusion.names())}", self.fusion)


@dataclass(frozen=True, kw_only=True)
class TableRecipe:
    """The values of a table's recipe, and the parts of a recipe as methods.

    `file` is the path of the `recipe.py`; `config` has the defaults. `encoders` is `{modality: arguments}` of
    `mmzoo.models.published.image_encoder`; `teachers` likewise, of networks that the model learns from. `class_weight`
    has one weight per class or is empty. `mean` and `deviation` describe a numeric target in the training rows; `scale`
    is "", or log or log1p where they and `highest` are of its logarithm, see `targets.number`. `prior` is the frequency
    of each label. `patience` is in epochs, `bytes_limit` of the float TFLite file in bytes, 0 for none.
    """

    file: str = ""
    source: Source
    config: TableConfig
    encoders: dict[str, dict[str, Any]] = field(default_factory=dict)
    teachers: dict[str, dict[str, Any]] = field(default_factory=dict)
    class_weight: tuple[float, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0
    scale: str = ""
    highest: float = 0.0
    prior: tuple[float, ...] = ()
    patience: int = 8
    bytes_limit: int = 0

    def __post_init__(self) -> None:
        if self.source.kind not in KINDS:
            raise BadInputError(f"SOURCE: `kind` must be one of {', '.join(KINDS)}, got {self.source.kind!r}")
        expect("scale", self.scale in ("", *number.SHIFTS), "log, log1p or empty", self.scale)

    @property
    def kind(self) -> TargetModel:
        """Return the kind of the target."""
        return KINDS[self.source.kind]

    @property
    def tiny(self) -> TableConfig:
        """Return a config that trains in seconds."""
        return dataclasses.replace(self.config, epochs=1, opened=0, embed_dim=16, width=0.25)

    @property
    def summary(self) -> str:
        """Return one line: the task, the target, the modalities and the table."""
        *others, last = self.source.modalities
        modalities = f"{', '.join(others)} and {last}" if others else last
        words = f"{self.kind.summary} of {self.source.target} from {modalities} in {Path(self.source.path).name}."
        return " ".join(words.split())

    @property
    def settings(self) -> str:
        """Return one line on the settings that `fit` chooses: training, and the sizes of the inputs there are."""
        config, kinds = self.config, {kind_of(name) for name in self.config.modalities}
        text = f"up to {config.text_bytes} bytes"
        inputs = {
            "image": f"images of {config.image_size} x {config.image_size} pixels",
            "audio": f"{config.seconds:g} s of sound at {config.sample_rate:,} Hz",
            "video": f"{config.frames} frames a video of {config.frame_size} x {config.frame_size} pixels",
            "text": f"texts as {'hashed words and n-grams' if config.text_encoder == 'hash' else text}",
        }
        weighted = (
            f"class weights {min(self.class_weight):g} to {max(self.class_weight):g}" if self.class_weight else ""
        )
        parts = [
            f"batches of {config.batch_size}",
            f"at most {config.epochs} epochs (early stopping after {self.patience})",
            f"peak learning rate {config.learning_rate:g}",
            *(said for kind, said in inputs.items() if kind in kinds),
            f"width {config.width:g}",
            f"fusion {config.fusion}" if len(config.modalities) > 1 else "",
            f"augmentation {'on' if config.augment else 'off'}",
            f"the logarithm of {self.source.target} ({self.scale})" if self.scale else "",
            weighted or ("no class weights" if self.source.kind == "class" else ""),
        ]
        return ", ".join(part for part in parts if part)

    @property
    def values(self) -> TableValues:
        """Return what a card holds besides the config."""
        return TableValues(**{one.name: getattr(self, one.name) for one in dataclasses.fields(TableValues)})

    @property
    def parts(self) -> dict[str, Callable]:
        """Return the functions of a recipe, which are methods here."""
        names = ("dataset", "sizes", "build", "objective", "plan", "export")
        return {name: getattr(self, name) for name in names}

    def dataset(self, split: str, config: TableConfig | None = None, epoch: int = 0) -> tf.data.Dataset:
        """Return batches of `({modality: (B, ...), "present": (B, M)}, target)`.

        The target is a class index `(B,)`, a number `(B,)`, or 0 and 1 for each label `(B, K)`.
        """
        config = config or self.config
        return self.batches(self.examples(split, config), split, config, epoch)

    def examples(self, split: str, config: TableConfig) -> Examples:
        """Return the decoded rows of a split."""
        return self._splits(config)[split]

    def batches(self, examples: Examples, split: str, config: TableConfig, epoch: int) -> tf.data.Dataset:
        """Return the batches of `examples`, with one epoch of `train`; see `dataset`."""
        if split != "train":
            return evaluation_rows(examples, config.modalities, config.seed)
        dropout = config.modality_dropout
        return training_rows(
            examples, config.modalities, config.batch_size, config.seed, epoch, dropout, config.augment
        )

    def sizes(self, config: TableConfig | None = None) -> Sizes:
        """Return the sizes of the input tensors."""
        config = config or self.config
        samples = int(config.sample_rate * config.seconds)
        frames = (config.frames, config.frame_size)
        return Sizes(config.image_size, config.sample_rate, samples, config.text_bytes, *frames, config.text_encoder)

    def build(self, config: TableConfig | None = None) -> keras.Model:
        """Return the late-fusion model of `{modality: (B, ...), "present": (B, M)}`."""
        return self.model(config or self.config)

    def model(self, config: TableConfig, features: Mapping[str, int] | None = None) -> keras.Model:
        """Return the model; modalities in `features` have features `(B, F)` of this number in place of images."""
        encoders = self.modality_encoders(config, config.modalities, features)
        model = late_fusion(encoders, fusion.load(config.fusion), always_present=True, **self.kind.wiring(self))
        return start_from(config.init_from, model, self.source.modalities, SHARED)

    def modality_encoders(
        self, config: TableConfig, modalities: Sequence[str], features: Mapping[str, int] | None = None
    ) -> dict[str, keras.Model]:
        """Return the encoders of `modalities`, see `model`."""
        shapes = self.sizes(config).shapes(modalities, self.inputs)
        shapes |= {name: (count,) for name, count in (features or {}).items()}
        options = self.encoders | {name: {"table": table} for name, table in self._text_tables(config).items()}
        options |= {name: column.figures for name, column in series_of(self.inputs).items()}
        scaled = {"figures": (*figures(self.features), edges(self.features)), "options": options}
        return table_encoders(shapes, config.sample_rate, config.embed_dim, config.width, **scaled)

    def first_stage(self, config: TableConfig | None = None) -> Stage | None:
        """Return the training that precedes the whole model: on cached features of frozen encoders, or by teachers."""
        config = config or self.config
        return feature_stage(self, config) or teacher_stage(self, config)

    def objective(self, config: TableConfig | None = None) -> dict[str, Any]:
        """Return the loss and the metrics of the target's kind."""
        return self.kind.objective(self)

    def plan(self, config: TableConfig | None = None) -> tuple[Phase, ...]:
        """Return one phase with averaged weights and early stopping on the validation metric."""
        config = config or self.config
        average = 1 - 0.23 / config.epochs  # over a fifteenth of the steps if an epoch has 64: 0.995 for 45 epochs
        ends = {"patience": self.patience, "monitor": self.kind.monitor, "class_weight": self.class_weight}
        ends["rates"] = tuple((f"{name}_encoder/table", TABLE_RATE) for name in self._hashed(config))
        return (Phase("train", config.epochs, config.learning_rate, clip_norm=1.0, ema=average, **ends),)

    def export(self, config: TableConfig | None = None) -> Export:
        """Return the exported outputs, the target's and the embedding.

        There is no int8 file with a published encoder, nor of a logarithm: above the range of the calibration rows 8
        bits cut it, and an exponential makes much of that.
        """
        config = config or self.config
        sizes, modalities, kind = self.sizes(config), config.modalities, self.kind
        published = set(self.encoders) & set(modalities)  # int8 failed on the GPU accelerator with one of them
        return Export(
            task=kind.task,
            labels=self.source.classes,
            outputs={kind.output: "answer", "embedding": "embedding"},
            units=sizes.units(modalities, self.inputs),
            data={"name": Path(self.source.path).name, "version": "", "license": "", "weights_license": ""},
            ranges=sizes.ranges(modalities, self.inputs),
            prepare={name: one.prepare for name, one in series_of(self.inputs).items() if name in modalities},
            precisions=("float32", "dynamic") if published or self.scale else ("float32", "dynamic", "int8"),
            threshold=config.threshold or THRESHOLD,
        )

    def choose(self, experiment: Experiment, fused: keras.Model, unimodal: Mapping[str, keras.Model]) -> Choice:
        """Choose the model that ships on the validation rows, see `mmzoo.automl.choice`."""
        config, validation = experiment.config, split_arrays(experiment, "validation")
        linear = linear_model(self, config.modalities, self.examples("train", config), validation)
        return choose(self, experiment, fused, {} if linear is None else {LINEAR: linear}, unimodal, validation)

    def _place(self, config: TableConfig) -> Path:
        return locate(self.source.path, config.data_dir, Path(self.file).parent)

    def _splits(self, config: TableConfig) -> dict[str, Examples]:
        return load_splits(self.source, self._place(config), self.sizes(config), config.fold)

    def _hashed(self, config: TableConfig) -> list[str]:
        """Return the modalities whose input is hashed counts."""
        hashed = self.sizes(config).hashed
        return [name for name in config.modalities if hashed and kind_of(name) == "text"]

    def _text_tables(self, config: TableConfig) -> dict[str, np.ndarray]:
        """Return the initial tables of hashed texts; none where the rows are not there, as in training."""
        if not self._hashed(config):
            return {}
        try:
            place = self._place(config)
        except BadInputError:
            return {}
        return initial_tables(
            self.source, place, self.sizes(config), config.fold, self._hashed(config), text_rank(config.width)
        )

    @property
    def inputs(self) -> dict[str, tuple]:
        """Return `{modality: columns}`."""
        return dict(self.source.inputs)

    @property
    def features(self) -> tuple[Number | Category | Date, ...]:
        """Return the columns of the modality `tabular`."""
        return self.inputs.get("tabular", ())
