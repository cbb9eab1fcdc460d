"""The contract of a recipe: a module with seven names, and the two records that two of them return."""

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

from mmzoo.errors import expect

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
PROBABILITIES = ("modality_dropout", "hidden")


@dataclass(frozen=True)
class Phase:
    """One call of `fit`, with AdamW, warm-up and a cosine."""

    name: str
    epochs: int
    learning_rate: float
    frozen: tuple[str, ...] = ()  # encoders, or `encoder/layer`, whose weights stay as they are
    rates: tuple[tuple[str, float], ...] = ()  # encoder -> factor of its learning rate
    clip_norm: float = 0.0  # of all gradients together; 0: not clipped
    ema: float = 0.0  # momentum of the average of weights that the phase ends with; 0: the last weights
    patience: int = 0  # epochs in which `monitor` gets no better, then the best weights; 0: all epochs
    monitor: str = "val_loss"  # or a metric of validation, as val_accuracy; of two alike the lower loss is the better
    class_weight: tuple[float, ...] = ()  # by class; empty: all alike


def gradual_unfreezing(groups: tuple[tuple[str, ...], ...], epochs: int, learning_rate: float) -> tuple[Phase, ...]:
    """Return phases that train what is in no group first, then the first group too, and so on until all is trained.

    `groups` are names as in `Phase.frozen`, those next to the head first; `epochs` are those of each phase, of which
    there is one more than groups. Howard and Ruder 2018 (ULMFiT), section 3.3.

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
    """What is published of a trained model, and what its card says of it."""

    labels: tuple[str, ...]
    outputs: dict[str, str]  # output of the exported graph -> layer of the model that yields it
    units: dict[str, str]  # input -> unit and range, as the card prints them
    data: dict[str, str]  # name, version, license of the source; weights_license
    ranges: dict[str, tuple[float, float]]  # input -> lowest and highest value that verification draws
    precisions: tuple[str, ...] = ("float32", "dynamic", "int8")
    max_score_drop: float = 0.01  # of accuracy, mAP, AUC or word accuracy, that a quantized artifact may lose
    task: str = "classification"  # name of the module of `mmzoo.tasks` that scores the model
    conditions: dict[str, dict[str, Any]] = field(default_factory=dict)  # under which the test is scored too: fields


class Recipe(Protocol):
    """What `mmzoo.run` asks of a module in `mmzoo/recipes`; nothing inherits from this."""

    Config: type  # a frozen dataclass; its fields are the flags
    TINY: Any  # the Config of the tests: seconds on a CPU, no download

    def dataset(self, split: str, config: Any, first_epoch: int = 0) -> Any:
        """Return a `tf.data.Dataset` of batches `({modality: tensor, ..., "present": (B, M)}, label)`.

        `train` holds all epochs of the plan from `first_epoch` on, one after another, and knows its length;
        `validation` and `test` hold each example once.
        """

    def build(self, config: Any) -> Any:
        """Return an uncompiled functional `keras.Model`, inputs named by modality, one output."""

    def objective(self, config: Any) -> dict[str, Any]:
        """Return the arguments of `compile`: `loss` and `metrics`."""

    def plan(self, config: Any) -> tuple[Phase, ...]:
        """Return the calls of `fit`, in order."""

    def export(self, config: Any) -> Export:
        """Return what is published and how it is described."""


def check_shared(options, sources, modalities, fewest=1):
    """Raise BadInputError unless `options`, `{name: value}`, can be: those of them that recipes share.

    `sources` and `modalities` are those that the recipe knows, modalities in their order, and `fewest` how many of them
    it takes at least.
    """
    check_order(options["modalities"], modalities, fewest)
    expect("source", options["source"] in sources, f"one of {', '.join(sources)}", options["source"])
    check_numbers(options)


def check_order(chosen, modalities, fewest=1):
    """Raise BadInputError unless the modalities `chosen` are `fewest` or more of `modalities`, in their order."""
    ordered = tuple(chosen) == tuple(name for name in modalities if name in chosen)
    said = f"{'any' if fewest == 1 else f'{fewest} or more'} of {', '.join(modalities)} in this order"
    expect("modalities", ordered and len(chosen) >= fewest, said, " ".join(chosen))


def check_numbers(options):
    """Raise BadInputError unless those of `options`, `{name: value}`, that are numbers can be."""
    for name in POSITIVE:
        value = options.get(name, 1)
        expect(name, value > 0 and math.isfinite(value), "a number above 0", value)
    for name in PROBABILITIES:
        value = options.get(name, 0)
        expect(name, 0 <= value <= 1, "a number from 0 to 1", value)
    expect("batch_size", options["batch_size"] <= 4096, "4096 at most", options["batch_size"])
    expect("seed", 0 <= options["seed"] < 2**31 - 1, "a number from 0 to 2147483646", options["seed"])
