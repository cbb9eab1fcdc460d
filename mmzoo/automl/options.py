"""What can be asked of `mmzoo fit`, beside the table and its target: the fields are the flags."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from mmzoo.artifacts.folder import write_json
from mmzoo.errors import BadInputError

KEPT = "request.json"


@dataclass(frozen=True)
class Request:
    task: str = ""
    """What the target is, where its content does not say so: class, number, or labels."""
    image: tuple[str, ...] = ()
    """Columns of paths of pictures, where the content does not say so."""
    audio: tuple[str, ...] = ()
    """Columns of paths of sounds."""
    video: tuple[str, ...] = ()
    """Columns of paths of videos."""
    text: tuple[str, ...] = ()
    """Columns of texts."""
    number: tuple[str, ...] = ()
    """Columns of numbers."""
    category: tuple[str, ...] = ()
    """Columns of a few values, numbers among them."""
    ignore: tuple[str, ...] = ()
    """Columns to leave out."""
    split: str = ""
    """Column that says train, validation or test."""
    group: str = ""
    """Column whose values are never in two splits, as a person or a video."""
    time: str = ""
    """Column of dates or numbers: the oldest rows train, the newest are the test."""
    fusion: str = "gated"
    """One of mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    encoder: tuple[str, ...] = ()
    """Published networks, as image=mobilenet_v3_small; with :random or :FILE behind it no weights are downloaded."""
    init_from: str = ""
    """A .keras file, as model.keras of another fit, whose encoders we start from."""
    balance: bool = False
    """Weigh rare classes more: more of them are found, and more of the others missed."""
    epochs: int = 45
    """At most; training ends when validation gets no better."""
    budget: str = ""
    """How long it may take, as 10m: fewer epochs, if need be."""
    size: str = ""
    """How large the float TFLite file may be, as 500KB: narrower encoders, if need be."""
    folds: int = 0
    """Cross-validate first: so many times, other rows are the test of a model trained from scratch."""
    tune: int = 0
    """Try so many settings first, and take those that do best on the validation rows."""
    seed: int = 0
    """Of the split, the weights and the order."""
    skip_bad: bool = False
    """Leave rows out whose files cannot be decoded."""

    @property
    def kinds(self) -> dict[str, str]:
        """Return `{column: kind}` of the columns whose kind is said."""
        said = ("image", "audio", "video", "text", "number", "category")
        return {name: kind for kind in said for name in getattr(self, kind)}

    def keep(self, work: Path) -> None:
        """Write what is asked for into the folder `work`, for a run that is stopped and goes on."""
        write_json(work / KEPT, dataclasses.asdict(self))

    def kept(self, work: Path) -> "Request":
        """Return what was asked for of the run whose folder `work` is.

        Raises:
            BadInputError: other folds or trials are asked for now.
        """
        before = json.loads((work / KEPT).read_text(encoding="utf-8"))
        for name in ("folds", "tune"):
            if getattr(self, name) not in (0, before[name]):
                raise BadInputError(
                    f"--resume: expected the flags of the stopped run, --{name} {before[name]}. "
                    f"Received: --{name} {getattr(self, name)}"
                )
        return Request(**{name: tuple(value) if isinstance(value, list) else value for name, value in before.items()})
