"""The contract of a recipe: `Recipe`, its `CommonConfig`, and the records `Phase` and `Export`."""

import dataclasses
import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from mmzoo import fusion
from mmzoo.errors import BadInputError, expect

if TYPE_CHECKING:
    import tensorflow as tf

Batches: TypeAlias = "tf.data.Dataset"

POSITIVE = (
    "embed_dim",
    "pairings",
    "epochs",
    "batch_size",
    "learning_rate",
    "components",
    "temperature",
    "projection",
    "beta",
    "image_size",
    "sample_rate",
    "seconds",
    "text_bytes",
    "text_units",
    "frames",
    "frame_size",
)
AT_LEAST_ONE = ("passes", "units")
PROBABILITIES = ("modality_dropout", "hidden", "joined", "mixing")
FRACTIONS = ("dropout",)
DECIBELS = ("snr_db",)
LARGEST = {  # of a setting: a card that another person wrote may have any
    "batch_size": 4096,
    "embed_dim": 65_536,
    "width": 64,
    "image_size": 8192,
    "sample_rate": 1_000_000,
    "seconds": 3600,
    "text_bytes": 1_000_000,
    "frames": 4096,
    "frame_size": 4096,
}

# name in a recipe's module -> its parameters, None for a value
NAMES: dict[str, tuple[str, ...] | None] = {
    "Config": None,
    "TINY": None,
    "dataset": ("split", "config", "epoch"),
    "build": ("config",),
    "objective": ("config",),
    "export": ("config",),
}
OPTIONAL = (
    "plan",
    "kinds",
    "references",
    "language",
    "reconstruction",
    "sizes",
    "first_stage",
)  # each a function of a config


@dataclass(frozen=True)
class Phase:
    """One call of `fit` with AdamW, linear warm-up and cosine decay."""

    name: str
    epochs: int
    learning_rate: float
    frozen: tuple[str, ...] = ()  # encoders, or `encoder/layer`, that are not trained
    rates: tuple[tuple[str, float], ...] = ()  # encoder -> learning-rate multiplier
    clip_norm: float = 0.0  # global gradient norm; 0 disables clipping
    ema: float = 0.0  # decay of the moving average of the weights; 0 keeps the final weights
    patience: int = 0  # epochs without a better `monitor` before the best weights are restored; 0: all epochs
    monitor: str = "val_loss"  # or a validation metric, as val_accuracy; ties are broken by the lower loss
    class_weight: tuple[float, ...] = ()  # by class; empty: all equal


def one_phase(config: Any) -> tuple[Phase, ...]:
    """Return one phase of all weights: the plan of a recipe without `plan`."""
    return (Phase("train", config.epochs, config.learning_rate),)


def gradual_unfreezing(groups: tuple[tuple[str, ...], ...], epochs: int, learning_rate: float) -> tuple[Phase, ...]:
    """Return one phase more than `groups`, each of which unfreezes the next group.

    `groups` are names as in `Phase.frozen`, the group next to the head first; `epochs` is the number of epochs of each
    phase. Howard and Ruder 2018 (ULMFiT), section 3.3.

    Raises:
        ValueError: `groups` has a name twice.
    """
    names = [name for group in groups for name in group]
    if len(names) != len(set(names)):
        raise ValueError(f"gradual_unfreezing expects each name once. Received: {groups=}")
    frozen = [tuple(name for group in groups[i:] for name in group) for i in range(len(groups) + 1)]
    return tuple(Phase(f"unfrozen_{i}", epochs, learning_rate, frozen=names) for i, names in enumerate(frozen))


@dataclass(frozen=True)
class Export:
    """Description of a published model."""

    labels: tuple[str, ...]
    outputs: dict[str, str]  # output of the exported graph -> layer of the model that yields it
    units: dict[str, str]  # input -> unit and range, as the card prints them
    data: dict[str, str]  # name, version, license of the source; weights_license
    ranges: dict[str, tuple[float, float]]  # input -> lowest and highest value that verification draws
    precisions: tuple[str, ...] = ("float32", "dynamic", "int8")
    max_score_drop: float = 0.01  # of accuracy, mAP, AUC or word accuracy, that a quantized artifact may lose
    task: str = "classification"  # name of the module of `mmzoo.tasks` that scores the model
    threshold: float = 0.5  # probability from which on a label of a multi-label model is predicted
    prepare: dict[str, dict[str, Any]] = field(default_factory=dict)  # input -> how the device makes it of a file
    conditions: dict[str, dict[str, Any]] = field(default_factory=dict)  # condition -> Config fields of a further test


@dataclass(frozen=True, kw_only=True)
class CommonConfig:
    """Hold and check the settings that every recipe has; a recipe's `Config` adds its own.

    A subclass names its sources and modalities: `class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES)`.

    Raises:
        BadInputError: a value is out of its range; the message names the field.
    """

    sources: ClassVar[Collection[str]] = ()
    known_modalities: ClassVar[tuple[str, ...]] = ()
    fewest: ClassVar[int] = 1  # modalities that a model takes, at least

    source: str = "sample"
    """Data source; sample is embedded and offline."""
    data_dir: str = ""
    """Folder of archives and prepared data; empty: MMZOO_DATA_DIR, then a download."""
    modalities: tuple[str, ...] = ()
    """Input modalities."""
    embed_dim: int = 64
    """Width of the embeddings."""
    epochs: int = 12
    """Training epochs."""
    batch_size: int = 64
    """Examples per training step, 4096 at most."""
    learning_rate: float = 3e-3
    """Peak learning rate of the AdamW schedule."""
    init_from: str = ""
    """.keras file with encoders to start from; empty: random initialization."""
    seed: int = 0
    """Random seed for initialization, shuffling, pairing and augmentation, and for generated data."""

    def __init_subclass__(
        cls, sources: Collection[str] = (), modalities: tuple[str, ...] = (), fewest: int = 1, **kwargs: Any
    ):
        super().__init_subclass__(**kwargs)
        cls.sources, cls.known_modalities, cls.fewest = tuple(sources), modalities, fewest

    def __post_init__(self):
        check_order(self.modalities, self.known_modalities, self.fewest)
        expect("source", self.source in self.sources, f"one of {', '.join(self.sources)}", self.source)
        check_numbers({item.name: getattr(self, item.name) for item in dataclasses.fields(self)})


def check_order(chosen: tuple[str, ...], modalities: tuple[str, ...], fewest: int = 1) -> None:
    """Raise BadInputError unless `chosen` are `fewest` or more of `modalities`, in their order."""
    ordered = tuple(chosen) == tuple(name for name in modalities if name in chosen)
    said = f"{'any' if fewest == 1 else f'{fewest} or more'} of {', '.join(modalities)} in this order"
    expect("modalities", ordered and len(chosen) >= fewest, said, " ".join(chosen))


def check_numbers(options: Mapping[str, Any]) -> None:
    """Raise BadInputError unless each number in `options`, `{name: value}`, is in the range of its name.

    A `fusion`, if any, must be one of `mmzoo.fusion`.
    """
    for name in POSITIVE:
        value = options.get(name, 1)
        expect(name, value > 0 and math.isfinite(value), "a number above 0", value)
    for name in AT_LEAST_ONE:
        expect(name, options.get(name, 1) >= 1, "1 or more", options.get(name))
    for name in PROBABILITIES:
        expect(name, 0 <= options.get(name, 0) <= 1, "a number from 0 to 1", options.get(name))
    for name in FRACTIONS:
        expect(name, 0 <= options.get(name, 0) < 1, "a number from 0 to below 1", options.get(name))
    for name in DECIBELS:
        expect(name, math.isfinite(options.get(name, 0)), "decibels", options.get(name))
    for name, most in LARGEST.items():
        expect(name, options.get(name, 0) <= most, f"{most} at most", options.get(name))
    expect("seed", 0 <= options["seed"] < 2**31 - 1, "a number from 0 to 2147483646", options["seed"])
    if "fusion" in options:
        names = fusion.names()
        expect("fusion", options["fusion"] in names, f"one of {', '.join(names)}", options["fusion"])


@dataclass(frozen=True)
class Stage:
    """A first stage of training, on other inputs or targets than the recipe's.

    Attributes:
        dataset: as `Recipe.dataset`: features of frozen networks in place of inputs, or other targets.
        build: config to the model that is trained first.
        opened: the trained model to the model of the recipe that the phases `later` train.
        whole: the trained model to the model of the recipe, which is kept where `later` is not better on validation.
            None: `later` is always kept.
        later: config to the phases of the second training, maybe none; None for the recipe's plan.
        plan: config to the phases of the first training; None for the recipe's plan.
        objective: config to loss and metrics of the first training; None for the recipe's.
    """

    dataset: Callable[..., Any]
    build: Callable[..., Any]
    opened: Callable[[Any], Any]
    whole: Callable[[Any], Any] | None = None
    later: Callable[[Any], tuple[Phase, ...]] | None = None
    plan: Callable[[Any], tuple[Phase, ...]] | None = None
    objective: Callable[[Any], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Recipe:
    """One model, end to end: data, architecture, training and export.

    Attributes:
        name: as in `mmzoo list`; of a recipe in a file its path, as `mmzoo train` takes it.
        summary: first line of its docstring, without the period.
        Config: frozen dataclass whose fields are the flags; see `CommonConfig`.
        tiny: Config of the tests: seconds on a CPU, no download.
        dataset: `(split, config, epoch)` to a `tf.data.Dataset` of batches `({modality: tensor, ...}, label)`, with
            `present` `(B, M)` where a modality can be missing. `train` is one epoch, number `epoch` from 0 on, of known
            length; `validation` and `test` hold each example once.
        build: config to an uncompiled functional `keras.Model`, inputs named by modality, one output.
        objective: config to arguments of `compile`, `loss` and `metrics`.
        plan: config to the `Phase`s of training, in order; `one_phase` where the file has none.
        export: config to the `Export`.
        kinds: config to the kind of each test example, by which scores are split.
        references: config to `{name: similarities (N, N)}` of other retrieval methods on the test split.
        language: config to the language model of the decoder.
        reconstruction: config to `{modality: (target of y, reconstruction of the output)}`.
        folds: values of the Config's `fold`.
        source: table of a recipe that `mmzoo fit` wrote, `mmzoo.data.tables.source.Source`.
        table: values of a recipe that `mmzoo fit` wrote, `mmzoo.automl.table_recipe.TableRecipe`.
        sizes: config to the shapes of a table's inputs, `mmzoo.data.tables.rows.Sizes`.
        first_stage: config to the `Stage` before the model as a whole is trained, or None.
    """

    name: str
    summary: str
    Config: type
    tiny: Any
    dataset: Callable[..., Any]
    build: Callable[..., Any]
    objective: Callable[..., dict[str, Any]]
    export: Callable[..., Export]
    plan: Callable[..., tuple[Phase, ...]] = one_phase
    kinds: Callable[..., tuple[str, ...]] | None = None
    references: Callable[..., dict[str, Any]] | None = None
    language: Callable[..., Any] | None = None
    reconstruction: Callable[..., dict[str, tuple[Callable, Callable]]] | None = None
    folds: tuple[int, ...] | None = None
    source: Any = None
    table: Any = None
    sizes: Callable[..., Any] | None = None
    first_stage: Callable[..., Stage | None] | None = None

    @classmethod
    def from_module(cls, module: ModuleType) -> Self:
        """Return the recipe in `module`.

        Raises:
            BadInputError: a name is missing or has other parameters; the message names the file.
        """
        place = module.__file__ or module.__name__
        if missing := [name for name in NAMES if not hasattr(module, name)]:
            raise BadInputError(f"{place}: expected {', '.join(NAMES)} in it. Received: no {', '.join(missing)}")
        parts = {name: getattr(module, name) for name in NAMES if name not in ("Config", "TINY")}
        parts |= {name: getattr(module, name) for name in OPTIONAL if hasattr(module, name)}
        for name, part in parts.items():
            _check_signature(place, name, part)
        if not (dataclasses.is_dataclass(module.Config) and isinstance(module.TINY, module.Config)):
            raise BadInputError(f"{place}: expected a dataclass Config, and TINY of it. Received: another class")
        lines = (module.__doc__ or "").strip().splitlines() or [""]
        return cls(
            name=Path(place).stem,
            summary=lines[0].rstrip("."),
            Config=module.Config,
            tiny=module.TINY,
            **parts,
            folds=getattr(module, "FOLDS", None),
            source=getattr(module, "SOURCE", None),
            table=getattr(module, "RECIPE", None),
        )


def _check_signature(place: str, name: str, part: Any) -> None:
    """Raise BadInputError unless `part` of the file `place` is a function of the parameters of its name."""
    expected = NAMES.get(name) or ("config",)
    received = tuple(inspect.signature(part).parameters) if callable(part) else ()
    if received != expected:
        said = f"{name}({', '.join(received)})" if callable(part) else f"{name} = {part!r:.40}"
        raise BadInputError(f"{place}: expected a function {name}({', '.join(expected)}). Received: {said}")
