"""The card of a trained model, `card.json`: typed records, read with one clear error and written whole.

Records are nested frozen dataclasses; a changed card is `dataclasses.replace(card, scores=...)`. Fields that hold a
`dict` of `Any` belong to one task, one study or one benchmark, which documents them.
"""

import dataclasses
import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mmzoo
from mmzoo.artifacts.folder import CARD, artifact, check_entries, write_json
from mmzoo.artifacts.old_card import upgrade
from mmzoo.artifacts.table_values import TableValues
from mmzoo.errors import BadInputError

FORMAT = 2
MOST_BYTES = 64_000_000  # of a card
ALWAYS = ("mmzoo", "format")  # fields that are written at their defaults, too
STRICT = {"extra": "forbid"}  # an unknown key is an error; pydantic reads it as `__pydantic_config__`
Values = dict[str, Any]
Metrics = dict[str, Any]  # metric -> value; None where it is not finite


@dataclass(frozen=True)
class Data:
    """The training data: `name`, `version`, licenses, and scores that others have published on it."""

    __pydantic_config__ = STRICT
    name: str = ""
    version: str = ""
    license: str = ""
    weights_license: str = ""
    attribution: str = ""
    published: str = ""


@dataclass(frozen=True)
class Tensor:
    """An input or output of the exported graph.

    `range` is the interval of valid values of an input, `prepare` how the device makes it of a file: of a time series
    the arguments of `mmzoo.device.series.prepare_series`.
    """

    __pydantic_config__ = STRICT
    name: str
    shape: tuple[int | None, ...]
    dtype: str
    unit: str = ""
    range: tuple[float, float] | None = None
    prepare: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """Scores on one split.

    `n` counts the examples. `artifacts` are the metrics of each file, `subsets` the metrics of `model.keras` by
    available modalities, such as "image+audio". `details` belong to the task.
    """

    __pydantic_config__ = STRICT
    split: str = "test"
    n: int = 0
    artifacts: dict[str, Metrics] = field(default_factory=dict)
    subsets: dict[str, Metrics] = field(default_factory=dict)
    details: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Baselines:
    """Models that the fused model is compared with.

    `unimodal` are the metrics of models trained on one modality, `average` the metrics of their mean prediction.
    `fusion_gain` is the gain over the best of them, with its bootstrap interval. `consistency` is their agreement.
    `fit` adds `linear` models, the `constant` prediction, and `fused`: the primary metric of a multimodal model that
    is not in the folder. `candidates` are the models that it chose from, with loss and primary metric on the
    validation rows, and `chosen` the one that is in the folder.
    """

    __pydantic_config__ = STRICT
    unimodal: dict[str, Metrics] = field(default_factory=dict)
    average: Metrics = field(default_factory=dict)
    fusion_gain: Metrics = field(default_factory=dict)
    consistency: Values = field(default_factory=dict)
    linear: dict[str, Metrics] = field(default_factory=dict)
    linear_rows: str = ""
    constant: Values = field(default_factory=dict)
    fused: float | None = None
    candidates: dict[str, Metrics] = field(default_factory=dict)
    chosen: str = ""
    best: Values = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    """Size and SHA-256 of a file, or of a folder's files together."""

    __pydantic_config__ = STRICT
    bytes: int
    sha256: str = ""


@dataclass(frozen=True)
class Check:
    """One comparison of `mmzoo verify`: an artifact, executed `on` cpu or gpu, `against` a reference."""

    __pydantic_config__ = STRICT
    artifact: str
    on: str
    against: str
    status: str
    detail: str = ""
    max_error: float | None = None
    tolerance: float | None = None
    repeat_error: float | None = None
    worst: str = ""
    worst_output: str = ""
    outputs: Values = field(default_factory=dict)
    by_present: Values = field(default_factory=dict)
    rule: str = ""
    advice: str = ""
    operator: str = ""
    refused: list[Values] = field(default_factory=list)
    first_difference: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Verification:
    """The report of `mmzoo verify` on the folder."""

    __pydantic_config__ = STRICT
    exit_code: int
    gpu: Values = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    examples: Values = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """The figures of `mmzoo benchmark` on the files of the folder and on the reference models."""

    __pydantic_config__ = STRICT
    machine: Values
    runs: int
    peak_gflops: dict[str, float | None] = field(default_factory=dict)
    models: tuple[Values, ...] = ()
    front_end: Values = field(default_factory=dict)
    training: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """Machine, package versions and commit of the training run, and its wall time in seconds."""

    __pydantic_config__ = STRICT
    machine: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    wall_seconds: float = 0.0


@dataclass(frozen=True)
class Card:
    """All that is known of the model in a folder.

    `recipe` is a name of `mmzoo.recipes` or the name of a file in the folder; `name` is the folder's name where it
    differs. `task` names the module of `mmzoo.tasks`. `table` is of a model that `mmzoo fit` trained: the values from
    which its recipe is made, as the code of a folder is not run. `withheld` says that the license of the data allows
    only scores to be published. `interrupted` is of training that Ctrl-C ended: the `model`, its completed epochs
    `epoch`, `of` the planned ones.
    """

    __pydantic_config__ = STRICT
    recipe: str
    task: str
    mmzoo: str = mmzoo.__version__
    name: str = ""
    summary: str = ""
    config: Values = field(default_factory=dict)
    table: TableValues | None = None
    training: Values = field(default_factory=dict)
    interrupted: Values = field(default_factory=dict)
    command: str = ""
    seed: int | None = None
    data: Data = Data()
    parameters: int | None = None
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    labels: tuple[str, ...] = ()
    max_score_drop: float | None = None
    rows: dict[str, int] = field(default_factory=dict)
    duplicates: Values | None = None
    scores: Scores = Scores()
    baselines: Baselines = Baselines()
    gain_curve: Values = field(default_factory=dict)
    cross_validation: Values = field(default_factory=dict)
    tuning: Values = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    operators: dict[str, dict[str, int]] = field(default_factory=dict)
    verification: Verification | None = None
    benchmark: Benchmark | None = None
    history: Values = field(default_factory=dict)
    environment: Environment = Environment()
    withheld: bool = False
    format: int = FORMAT

    @property
    def title(self) -> str:
        """The name of the model: of its folder, or of its recipe."""
        return self.name or self.recipe

    @property
    def modalities(self) -> tuple[str, ...]:
        """The inputs that are modalities, in the order of `present`."""
        return tuple(entry.name for entry in self.inputs if entry.name != "present")

    @staticmethod
    def read(folder: str | Path) -> "Card":
        """Read `card.json` of `folder`; a card that mmzoo 0.1.0 wrote is upgraded.

        Raises:
            BadInputError: it is not there, no JSON, or of another shape; the message names the key. Or the folder
                has links.
        """
        path = artifact(folder, CARD)
        check_entries(folder)
        if (size := path.stat().st_size) > MOST_BYTES:
            raise BadInputError(f"{path}: expected a card of {MOST_BYTES:,} bytes at most. Received: {size:,} bytes")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            json.dumps(values, ensure_ascii=False).encode()  # a lone surrogate is no text that can be shown
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"{path}: expected JSON. Received: {' '.join(str(error).split())[:200]}") from None
        except OSError as error:
            raise BadInputError(f"{path}: expected a file that can be read. Received: {error.strerror}") from None
        if not isinstance(values, dict):
            raise BadInputError(f"{path}: expected a JSON object. Received: {type(values).__name__}")
        return from_values(values, path)

    def write(self, folder: str | Path) -> None:
        """Write `card.json` into `folder` by way of a temporary file.

        Fields at their defaults are left out. Floats keep 6 significant digits, in `table` all of them; one that is not
        finite becomes null.
        """
        write_json(Path(folder) / CARD, to_values(self))


def from_values(values: Mapping[str, Any], path: str | Path) -> Card:
    """Return the card that the JSON object `values` holds; `path` is named in errors.

    Raises:
        BadInputError: a key is missing or unknown, or its value has another type.
    """
    if "format" not in values:
        values = upgrade(values, path)
    return checked(Card, values, path)


def checked(kind: Any, value: Any, path: str | Path, key: str = "") -> Any:
    """Return the value of JSON as the type `kind`; `path`, and `key` of the card, are named in errors.

    Raises:
        BadInputError: a key is missing or unknown, or a value has another type.
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join([*([key] if key else []), *map(str, first["loc"])])
        known = {"unexpected_keyword_argument": "is not a key of a card", "missing": "is missing"}
        if first["type"] == "value_error":  # a check of ours, which names the key
            raise BadInputError(f"{path}: {first['ctx']['error']}") from None
        received = json.dumps(first["input"], ensure_ascii=False, default=str)[:60]
        reason = known.get(first["type"]) or f"{first['msg'][:1].lower()}{first['msg'][1:]}, got {received}"
        raise BadInputError(f"{path}: `{key}` {reason}") from None


def to_values(record: Any, exact: bool = False) -> Any:
    """Return a record as JSON would hold it, without fields at their defaults; see `Card.write`.

    With `exact`, all fields are kept, and all digits of floats.
    """
    if dataclasses.is_dataclass(record):
        exact, kept = exact or isinstance(record, TableValues), {}
        for entry in dataclasses.fields(record):
            value = getattr(record, entry.name)
            if exact or entry.name in ALWAYS or value != _default(entry):
                kept[entry.name] = to_values(value, exact)
        return kept
    if isinstance(record, Mapping):
        return {str(key): to_values(value, exact) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [to_values(value, exact) for value in record]
    if hasattr(record, "tolist"):
        return to_values(record.tolist(), exact)
    if isinstance(record, float):
        return float(record if exact else f"{record:.6g}") if math.isfinite(record) else None
    return record


def _default(entry: dataclasses.Field) -> Any:
    made = entry.default_factory
    return entry.default if made is dataclasses.MISSING else made()


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def embedded_values(card: Card) -> dict[str, Any]:
    """Return what every `.tflite` carries as metadata: the parts of a card that are known before it is scored."""
    parts = ("mmzoo", "recipe", "task", "config", "inputs", "outputs", "labels", "data")
    return {name: to_values(getattr(card, name)) for name in parts}
