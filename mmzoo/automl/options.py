"""The options of a fit."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from mmzoo.errors import BadInputError

KEPT = "request.json"


@dataclass(frozen=True)
class Request:
    """Options of `mmzoo.fit` besides the table and its target."""

    task: str = ""
    """Type of the target: class, number or labels; inferred by default."""
    image: tuple[str, ...] = ()
    """Columns of image paths; column types are inferred by default."""
    audio: tuple[str, ...] = ()
    """Columns of audio paths."""
    video: tuple[str, ...] = ()
    """Columns of video paths."""
    series: tuple[str, ...] = ()
    """Columns of time series paths: CSV, NPY or Parquet files."""
    text: tuple[str, ...] = ()
    """Columns of texts."""
    number: tuple[str, ...] = ()
    """Columns of numbers."""
    category: tuple[str, ...] = ()
    """Columns of categories, as words or numbers."""
    ignore: tuple[str, ...] = ()
    """Columns to leave out."""
    split: str = ""
    """Column with the split of each row: train, validation or test."""
    group: str = ""
    """Column of groups, as a person or a video, that are not divided between splits."""
    time: str = ""
    """Column of dates or numbers for a split by time: oldest rows train, newest rows test; with id, of the times."""
    id: str = ""
    """Column that names the recording of each row, of a table with a row for each point in time; each is a series."""
    fusion: str = "gated"
    """Module of mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    text_encoder: str = ""
    """Encoder of texts: hash, for words and character n-grams, or conv, for bytes; by default hash where it fits."""
    encoder: tuple[str, ...] = ()
    """Pretrained networks, as image=efficientnet_lite0 (extra pretrained, offline) or image=mobilenet_v3_small; :random
    or :FILE behind it replaces the published weights. auto: efficientnet_lite0 where it is better on validation."""
    teacher: tuple[str, ...] = ()
    """Pretrained networks that small image encoders learn from, as image=efficientnet_lite0; they are not exported."""
    init_from: str = ""
    """.keras file of an earlier fit to initialize encoders from."""
    balance: bool = False
    """Weight classes by the inverse square root of their frequency: higher recall on rare classes, lower on others."""
    epochs: int = 45
    """Maximum number of epochs; early stopping on the validation loss."""
    budget: str = ""
    """Training time, as 10m; reduces the number of epochs if necessary."""
    size: str = ""
    """Maximum size of the float TFLite file, as 500KB; narrows the encoders if necessary."""
    folds: int = 0
    """Run K-fold cross-validation before the final training; 0 disables it."""
    tune: int = 0
    """Search hyperparameters for N trials (Optuna), selected by validation loss; 0 disables it."""
    seed: int = 0
    """Random seed for the split, initialization and shuffling."""
    skip_bad: bool = False
    """Leave out rows whose files cannot be decoded."""

    @property
    def kinds(self) -> dict[str, str]:
        """Return `{column: kind}` of the columns whose kind is said."""
        said = ("image", "audio", "video", "series", "text", "number", "category")
        return {name: kind for kind in said for name in getattr(self, kind)}

    def keep(self, work: Path) -> None:
        """Write the request into the folder `work`, for an interrupted run to resume."""
        from mmzoo.artifacts.folder import write_json  # NumPy, which `mmzoo --help` does without

        write_json(work / KEPT, dataclasses.asdict(self))

    def kept(self, work: Path) -> "Request":
        """Return what was asked for of the run whose folder `work` is.

        Raises:
            BadInputError: other folds or trials are asked for now.
        """
        before = json.loads((work / KEPT).read_text(encoding="utf-8"))
        before = {name: tuple(value) if isinstance(value, list) else value for name, value in before.items()}
        for field in dataclasses.fields(self):
            value, kept = getattr(self, field.name), before.get(field.name)
            if value not in (field.default, kept):
                raise BadInputError(f"`resume`: the interrupted run had `{field.name}` {kept}, got {value}")
        return Request(**before)
