"""A table of the suite: where its rows come from, and how it is written to disk once."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.artifacts.folder import write_json
from mmzoo.data.arrays import SPLITS
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

TABLE, RECORD = "table.csv", "table.json"
SPLIT = "split"
FILES = ("image", "audio")


@dataclass(frozen=True)
class Content:
    """The rows of a table, and the files that its cells name.

    Attributes:
        frame: one row each; the column `split` holds train, validation or test.
        kinds: kind of each column: image, audio, text, category or date; number, where none is given.
        read: a cell of an image or audio column, a relative path, to the bytes of its file; an empty cell has none.
    """

    frame: "pd.DataFrame"
    kinds: dict[str, str] = field(default_factory=dict)
    read: Callable[[str], bytes] = lambda name: b""


@dataclass(frozen=True)
class Table:
    """One table of the suite.

    Attributes:
        name: name of its folder.
        kind: what its columns hold, as "image + text".
        target: column to predict.
        task: class, number or labels, as `mmzoo fit --task` takes it.
        source: data set, version and license.
        split: how its rows are divided.
        load: a folder of data, or None, to the rows.
    """

    name: str
    kind: str
    target: str
    task: str
    source: str
    split: str
    load: Callable[[str | Path | None], Content]


def write_table(
    table: Table, folder: str | Path, data_dir: str | Path | None = None, limit: int = 0
) -> tuple[Path, dict]:
    """Write a table and its files into `folder`/NAME, unless it is there; return its path and its record.

    The record holds rows and columns, and the SHA-256 of the table.

    Args:
        table: table of the suite.
        folder: folder of all tables.
        data_dir: folder of the data; by default MMZOO_DATA_DIR.
        limit: maximum number of rows of a split, drawn at random; 0 for all.

    Raises:
        BadInputError: the source is not there; or what is there is no table, or one with another `limit`.
    """
    out = Path(folder) / table.name
    if (out / RECORD).is_file():
        return out / TABLE, read_record(out, limit)
    if out.exists():
        raise BadInputError(f"{out}: expected a table that this study wrote, with {RECORD}, or nothing")
    content = table.load(data_dir)
    frame = content.frame if not limit else _few(content.frame, limit)
    part = out.with_name(f".{out.name}.part")  # a table is there whole or not at all
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for column in [name for name, kind in content.kinds.items() if kind in FILES]:
        for name in filter(None, frame[column].dropna().unique()):
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read(name))
    frame.to_csv(part / TABLE, index=False)
    described = {name: value for name, value in asdict(table).items() if name != "load"}
    rows = {split: int((frame[SPLIT] == split).sum()) for split in SPLITS}
    digest = hashlib.sha256((part / TABLE).read_bytes()).hexdigest()
    kinds = {name: content.kinds.get(name, "number") for name in frame if name not in (SPLIT, table.target)}
    record = described | {"rows": rows, "columns": kinds}
    write_json(part / RECORD, record | {"limit": limit, "sha256": digest})
    part.rename(out)
    return out / TABLE, read_record(out, limit)


def read_record(folder: str | Path, limit: int = 0) -> dict:
    """Read the record of a table that was written.

    Raises:
        BadInputError: it was written with another `limit`.
    """
    import json

    record = json.loads((Path(folder) / RECORD).read_text(encoding="utf-8"))
    if record["limit"] != limit:
        raise BadInputError(f"{folder}: it was written with at most {record['limit']} rows of a split, not {limit}")
    return record


def _few(frame: "pd.DataFrame", limit: int) -> "pd.DataFrame":
    """Draw at most `limit` rows of each split; they keep their order."""
    rng, kept = np.random.default_rng(0), []
    for split in SPLITS:
        rows = np.flatnonzero(frame[SPLIT] == split)
        kept.append(np.sort(rng.permutation(rows)[:limit]))
    return frame.iloc[np.sort(np.concatenate(kept))]
