"""The rows of a table on which models are compared: frames, targets and names, by split."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.studies.own_tables.scores import encode, names_of, primary
from mmzoo.studies.own_tables.table import SPLIT, TABLE

if TYPE_CHECKING:
    import pandas as pd

HELD = "held.csv"


@dataclass(frozen=True)
class Held:
    """A written table: its folder and record, and by split its rows and targets, see `scores.encode`."""

    folder: Path
    record: dict
    frames: dict[str, "pd.DataFrame"]
    labels: dict[str, np.ndarray]
    names: tuple[str, ...]
    metric: str

    @property
    def task(self) -> str:
        """Return the kind of the target: class, number or labels."""
        return self.record["task"]


def read_held(folder: Path, record: dict) -> Held:
    """Read a table that `write_table` wrote, and write its rows of validation and test without the target."""
    import pandas as pd

    target, task = record["target"], record["task"]
    texts = {name: str for name, kind in record["columns"].items() if kind != "number"}
    frame = pd.read_csv(folder / TABLE, dtype=texts if task == "number" else texts | {target: str})
    frames = {split: frame[frame[SPLIT] == split] for split in SPLITS}
    names = names_of(frame[target].tolist(), task)
    labels = {split: encode(own[target].tolist(), task, names) for split, own in frames.items()}
    rows = pd.concat([frames[split] for split in SPLITS[1:]]).drop(columns=[target, SPLIT])
    rows.to_csv(folder / HELD, index=False)
    return Held(folder, record, frames, labels, tuple(names), primary(task, labels["train"]))


def answers_path(folder: Path, model: str, seed: int) -> Path:
    """Return the file of a run's answers: `validation`, `test`, and the truth of both."""
    return folder / f"{model.replace(', ', '_').replace(' ', '_')}_{seed}.npz"
