"""What scikit-learn makes of the same split of a table: linear models of plain features, shown beside ours."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mmzoo.automl.linear_features import KINDS, side_by_side
from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.rows import kind_of, rows_of
from mmzoo.data.tables.split import SPLITS
from mmzoo.errors import BadInputError
from mmzoo.metrics.labels import SUMMARY, label_scores
from mmzoo.metrics.regression import number_scores

STRENGTHS = (0.1, 1.0, 10.0)  # C of the logistic regression, 1 / alpha of the ridge
STEPS = 200  # of the optimizer
TOLERANCE = 1e-3
# {split: {modality: values}}, of which "present" may be {modality: bool (N,)}
Inputs = dict[str, dict]
ROWS = {"train": 50_000, "validation": 20_000, "test": 20_000}
TEXT = 8_000_000  # bytes of the texts of a split: what counts their runs of characters holds 60 times as much


def peer_scores(inputs: Inputs, labels: dict[str, np.ndarray], num_classes: int, seed: int = 0) -> dict[str, dict]:
    """Return `{name: scores}` on the test split of a linear model of each modality, and of "all" where there are more.

    Logistic regression with `accuracy`, or, where `num_classes` is 0, ridge regression with `mae`, `rmse` and `r2`;
    of several labels, logistic regression of each, with `micro_f1` and the rest of `mmzoo.metrics.labels.SUMMARY`.
    `c`, the inverse strength of its penalty, is the one of `STRENGTHS` that is best on the validation split.

    Args:
        inputs: for train, validation and test, what each modality holds; its kind is the name up to the first
            underscore. `text`: N strings, None where absent. `image`: uint8 `(N, H, W, C)`; `video`: strips of square
            frames, `(N, T*S, S, C)`. `audio`: float32 `(N, T)`
            in [-1, 1] and the sample rate in Hz. `tabular`: float32 `(N, F)`, NaN where a cell is empty.
            `present`: `{modality: bool (N,)}`; a row without the modality gets the mean features.
        labels: for each split int `(N,)` from 0 on, float `(N,)`, or `(N, num_classes)` of 0 and 1.
        num_classes: 0 for numbers.
        seed: of the optimizer.

    Raises:
        BadInputError: a kind that is none of the five, splits that differ in their modalities or rows, labels out of
            range, or of one class in train.
    """
    modalities = [name for name in inputs["train"] if name != "present"]
    _check(inputs, labels, num_classes, modalities)
    features = {}
    for name in modalities:
        values = {split: inputs[split][name] for split in SPLITS}
        present = {split: _present(inputs[split], name) for split in SPLITS}
        features[name] = KINDS[name.split("_")[0]](values, present)
    if len(modalities) > 1:
        balanced = [_of_length_one(blocks) for blocks in features.values()]
        together = {split: [blocks[split] for blocks in balanced] for split in SPLITS}
        features["all"] = {split: side_by_side(blocks) for split, blocks in together.items()}
    return {name: _fit(blocks, labels, num_classes, seed) for name, blocks in features.items()}


def _check(inputs, labels, num_classes, modalities):
    if not modalities:
        raise BadInputError("inputs: expected a modality or more. Received: none")
    for name in modalities:
        if name.split("_")[0] not in KINDS:
            raise BadInputError(f"inputs: expected names that begin with {', '.join(KINDS)}. Received: {name}")
    for split in SPLITS:
        if set(modalities) != set(inputs.get(split, ())) - {"present"} or split not in labels:
            there = ", ".join(inputs.get(split, ())) or "nothing"
            raise BadInputError(f"inputs: expected {', '.join(modalities)} and labels in {split}. Received: {there}")
        for name in modalities:
            rows = len(_present(inputs[split], name))
            if rows != len(labels[split]) or not rows:
                raise BadInputError(
                    f"{name} of {split}: expected rows, as many as labels, {len(labels[split])}. Received: {rows}"
                )
    if not num_classes or np.ndim(labels["train"]) == 2:
        return
    found = np.unique(np.concatenate([np.asarray(labels[split]) for split in SPLITS]))
    if found[0] < 0 or found[-1] >= num_classes or (found % 1).any():
        raise BadInputError(f"labels: expected classes 0 to {num_classes - 1}. Received: {found[0]} to {found[-1]}")
    if len(np.unique(labels["train"])) < 2:
        raise BadInputError(f"labels: expected two classes or more in train. Received: {labels['train'][0]} alone")


def _present(inputs, name):
    """Return which rows have modality `name`, bool `(N,)`."""
    values = inputs[name][0] if name.split("_")[0] == "audio" else inputs[name]
    there = np.array(
        [value is not None for value in values] if isinstance(values, list) else [True] * len(values), bool
    )
    return there & np.asarray(inputs.get("present", {}).get(name, there), bool)


def _of_length_one(features):
    """Scale features so that rows of train have a mean square of 1: one penalty then suits sparse and dense ones."""
    train = features["train"]
    length = np.sqrt((train.multiply(train) if hasattr(train, "multiply") else train * train).sum() / train.shape[0])
    return {split: block / (length or 1) for split, block in features.items()}


def _fit(features, labels, num_classes, seed):
    """Return the scores on test of the model that is best on validation; the weaker penalty only where it is better."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    several = np.ndim(labels["train"]) == 2
    strong = "estimator__C" if several else "C"
    if num_classes:
        model = LogisticRegression(max_iter=STEPS, tol=TOLERANCE, warm_start=True, random_state=seed)
        model = OneVsRestClassifier(model) if several else model
    else:
        model = Ridge(random_state=seed)
    best, scores = -np.inf, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model that has not converged is judged as it is
        for strength in STRENGTHS:
            model.set_params(**({strong: strength} if num_classes else {"alpha": 1 / strength}))
            model.fit(features["train"], labels["train"])
            validated = _scores(model, features["validation"], labels["validation"], num_classes)
            quality = -validated["mae"] if "mae" in validated else next(iter(validated.values()))
            if quality > best:
                best = quality
                scores = {**_scores(model, features["test"], labels["test"], num_classes), "c": strength}
    return scores


def _scores(model, features, labels, num_classes):
    if np.ndim(labels) == 2:
        found = label_scores(model.predict_proba(features)[:, -num_classes:], labels, range(num_classes))
        return {key: found[key] for key in SUMMARY}
    answers = model.predict(features)
    if num_classes:
        return {"accuracy": float(np.mean(answers == labels))}
    return number_scores(answers, labels)


@dataclass(frozen=True)
class Chosen:
    """The rows `index` of an `array` on disk, read as they are sliced; sounds, int16, as float32 in [-1, 1]."""

    array: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, part: slice) -> np.ndarray:
        rows = rows_of(self.array, self.index[part])
        return rows.astype(np.float32) / 32768 if rows.dtype == np.int16 else rows

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.index), *self.array.shape[1:])


def peer_examples(splits: Mapping[str, Examples], seed: int = 0) -> dict[str, Examples]:
    """Return of each split at most `ROWS` rows, drawn by `seed`, and fewer where texts are long."""
    arrays = next(iter(splits.values())).rows.arrays
    longest = max([array.shape[1] for name, array in arrays.items() if kind_of(name) == "text"], default=1)
    return {name: _some(examples, min(ROWS[name], TEXT // longest), seed) for name, examples in splits.items()}


def _some(examples: Examples, count: int, seed: int) -> Examples:
    size = len(examples.index)
    if size <= count:
        return examples
    kept = np.sort(np.random.default_rng(seed).choice(size, count, replace=False))
    return replace(examples, index=examples.index[kept], labels=examples.labels[kept])


def peer_input(modality: str, array: np.ndarray, index: np.ndarray, sample_rate: int):
    """Return the rows `index` of a decoded modality as `table_peers.peer_scores` takes them."""
    chosen, kind = Chosen(array, index), kind_of(modality)
    if kind == "audio":
        return chosen, sample_rate
    if kind == "text":
        return [decode_bytes(array[row]) or None for row in index]
    return chosen if kind in ("image", "video") else chosen[:]


def told_peer_rows(few: Mapping[str, Examples], splits: Mapping[str, Examples]) -> str:
    """Return the sentence that says which rows linear models got, or nothing where they got all."""
    counts = [
        f"{len(few[n].index):,} of {len(splits[n].index):,} {n}"
        for n in few
        if len(few[n].index) < len(splits[n].index)
    ]
    return f"Linear models were given {', '.join(counts)} rows." if counts else ""
