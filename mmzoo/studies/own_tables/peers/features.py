"""Features of all columns of a table, fitted on its training rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.studies.own_tables.peers.pictures import picture_features
from mmzoo.studies.own_tables.peers.sounds import sound_features

if TYPE_CHECKING:
    import pandas as pd

Parts = dict[str, Any]  # {split: dense or sparse matrix (N, F)}
TERMS = 25_000  # most frequent words, and runs of characters
MANY = 1000  # texts from which on a term must be in two of them
CHEAP = 50  # components of a block for trees
FILES = {"image": picture_features, "audio": sound_features}
ORDER = ("image", "audio", "text", "numbers")


def table_features(frames: Mapping[str, "pd.DataFrame"], kinds: Mapping[str, str], root: Path) -> dict[str, Parts]:
    """Return `{modality: {split: matrix (N, F)}}` of the modalities image, audio, text and numbers.

    Images have gradients and colours, sounds MFCC statistics, both standardized; texts have TF-IDF of words, pairs of
    words and runs of characters; numbers are standardized, with a flag where one is missing, dates have parts, and
    categories are one-hot. Several columns of a kind are concatenated. An absent file has the mean of training.

    Args:
        frames: rows of each split.
        kinds: kind of each column.
        root: folder in which the paths of files start.
    """
    blocks: dict[str, list[Parts]] = {}
    for column, kind in kinds.items():
        cells = {split: frame[column] for split, frame in frames.items()}
        if kind in FILES:
            blocks.setdefault(kind, []).append(_files(cells, root, kind))
        elif kind == "text":
            blocks.setdefault("text", []).append(_texts(cells))
        elif kind == "category":
            blocks.setdefault("numbers", []).append(_categories(cells))
        else:
            blocks.setdefault("numbers", []).append(_standardized(_numbers(cells, kind)))
    return {name: join(blocks[name]) for name in ORDER if name in blocks}


def modalities_of(kinds: Mapping[str, str]) -> list[str]:
    """List the modalities of columns of these kinds, in the order of `table_features`."""
    found = {kind if kind in (*FILES, "text") else "numbers" for kind in kinds.values()}
    return [name for name in ORDER if name in found]


def join(blocks: list[Parts]) -> Parts:
    """Concatenate the features of several blocks; sparse where one of them is."""
    from scipy import sparse

    joined = {}
    for split in SPLITS:
        own = [block[split] for block in blocks]
        if any(map(sparse.issparse, own)):
            joined[split] = sparse.hstack([sparse.csr_matrix(one) for one in own], format="csr")
        else:
            joined[split] = np.hstack(own)
    return joined


def balanced(parts: Parts) -> Parts:
    """Scale features to mean squared length 1 of training rows, so that one strength suits several blocks."""
    from scipy import sparse

    train = parts["train"]
    squared = train.multiply(train) if sparse.issparse(train) else np.square(train)
    length = float(np.sqrt(squared.sum() / train.shape[0])) or 1.0
    return {split: block / length for split, block in parts.items()}


def cheap(parts: Parts) -> Parts:
    """Reduce a block to at most 50 dense features, which trees can use: by a truncated SVD of training rows."""
    from sklearn.decomposition import TruncatedSVD

    count = min(CHEAP, parts["train"].shape[1] - 1, parts["train"].shape[0] - 1)
    if parts["train"].shape[1] <= CHEAP:
        return parts
    reduce = TruncatedSVD(count, random_state=0).fit(parts["train"])
    return {split: reduce.transform(block) for split, block in parts.items()}


def tree_numbers(frames: Mapping[str, "pd.DataFrame"], kinds: Mapping[str, str]) -> tuple[Parts, list[bool]] | None:
    """Return numbers, parts of dates and codes of categories for trees, NaN where absent, and which are categories.

    A category of more than 255 values is a number, its code. Without such columns the result is None.
    """
    parts, categorical = [], []
    for column, kind in kinds.items():
        cells = {split: frame[column] for split, frame in frames.items()}
        if kind == "category":
            known = {name: code for code, name in enumerate(sorted(set(cells["train"].dropna().astype(str))))}
            own = {split: one.astype(str).map(known).to_numpy(np.float64)[:, None] for split, one in cells.items()}
            categorical.append(len(known) <= 255)
        elif kind in ("number", "date"):
            own = _numbers(cells, kind)
            categorical += [False] * own["train"].shape[1]
        else:
            continue
        parts.append(own)
    return (join(parts), categorical) if parts else None


def _files(cells: Mapping[str, "pd.Series"], root: Path, kind: str) -> Parts:
    read, found = FILES[kind], {}
    for split, one in cells.items():
        paths = [root / name if isinstance(name, str) and name else None for name in one]
        found[split] = np.where(np.array([path is None for path in paths])[:, None], np.nan, read(paths))
    return {split: block.astype(np.float32) for split, block in _standardized(found, flags=False).items()}


def _texts(cells: Mapping[str, "pd.Series"]) -> Parts:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = {split: one.fillna("").astype(str).tolist() for split, one in cells.items()}
    rare = 2 if len(texts["train"]) >= MANY else 1
    options = {"max_features": TERMS, "min_df": rare, "sublinear_tf": True, "dtype": np.float32}
    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), **options)
    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **options)
    return join(
        [
            {split: one.fit_transform(own) if split == "train" else one.transform(own) for split, own in texts.items()}
            for one in (words, runs)
        ]
    )


def _categories(cells: Mapping[str, "pd.Series"]) -> Parts:
    from sklearn.preprocessing import OneHotEncoder

    rows = {split: one.fillna("").astype(str).to_numpy()[:, None] for split, one in cells.items()}
    encoder = OneHotEncoder(handle_unknown="ignore", dtype=np.float32).fit(rows["train"])
    return {split: encoder.transform(block) for split, block in rows.items()}


def _numbers(cells: Mapping[str, "pd.Series"], kind: str) -> Parts:
    """Return the numbers of a column `(N, 1)`, or day, month, weekday and hour of dates `(N, 4)`; NaN where absent."""
    import pandas as pd

    if kind == "number":
        return {
            split: pd.to_numeric(one, errors="coerce").to_numpy(np.float64, na_value=np.nan)[:, None]
            for split, one in cells.items()
        }
    found = {}
    for split, one in cells.items():
        dates = pd.to_datetime(one, errors="coerce", format="mixed")
        parts = (dates - pd.Timestamp("2000-01-01")).dt.days, dates.dt.month, dates.dt.weekday, dates.dt.hour
        found[split] = np.stack([part.to_numpy(np.float64, na_value=np.nan) for part in parts], axis=1)
    return found


def _standardized(parts: Parts, flags: bool = True) -> Parts:
    """Standardize by training rows; an absent number becomes the mean, and with `flags` has a flag of 1."""
    train = parts["train"]
    known = np.isfinite(train)
    count = np.maximum(1, known.sum(axis=0))
    mean = np.where(known, train, 0).sum(axis=0) / count
    deviation = np.sqrt(np.where(known, np.square(train - mean), 0).sum(axis=0) / count)
    deviation = np.where(deviation > 1e-6 * np.maximum(1, np.abs(mean)), deviation, 1)
    found = {}
    for split, block in parts.items():
        there = np.isfinite(block)
        scaled = np.where(there, (block - mean) / deviation, 0)
        flagged = flags and not known.all()
        found[split] = np.hstack([scaled, ~there]).astype(np.float32) if flagged else scaled.astype(np.float32)
    return found
