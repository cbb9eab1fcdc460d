"""Linear baselines of scikit-learn on the same split of a table, with hand-crafted features."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.automl.linear_features import KINDS, concatenate_features, length
from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.tables.rows import kind_of, rows_of
from mmzoo.data.tables.split import SPLITS
from mmzoo.errors import BadInputError
from mmzoo.metrics.labels import SUMMARY, THRESHOLD, best_threshold, label_scores, predicted_labels
from mmzoo.metrics.regression import number_scores

if TYPE_CHECKING:
    from mmzoo.data.tables.batches import Examples

STRENGTHS = (0.1, 1.0, 10.0)  # C of the logistic regression, 1 / alpha of the ridge regression
STEPS = 200  # maximum iterations of the optimizer
TOLERANCE = 1e-3
# {split: {modality: values}}; "present" may be {modality: bool (N,)}
Inputs = dict[str, dict]
Features = dict[str, Any]  # {split: dense or sparse matrix (N, F)}
ROWS = {"train": 50_000, "validation": 20_000, "test": 20_000}
TEXT = 8_000_000  # maximum bytes of the texts of a split: counting character n-grams needs 60 times as much memory


def linear_scores(inputs: Inputs, labels: dict[str, np.ndarray], num_classes: int, seed: int = 0) -> dict[str, dict]:
    """Score linear baselines on the test split.

    There is one baseline per modality, and a fused one.
    Classes use logistic regression with `accuracy`. Numbers (`num_classes` 0) use ridge regression with `mae`, `rmse`
    and `r2`. Multi-label targets use one logistic regression per label, with `micro_f1` and the other metrics of
    `mmzoo.metrics.labels.SUMMARY`. `c`, the inverse regularization strength, is selected from `STRENGTHS` on the
    validation split.

    Args:
        inputs: values of each modality for train, validation and test; the kind is the name up to the first
            underscore. `text`: N strings, None if absent. `image`: uint8 `(N, H, W, C)`. `video`: strips of square
            frames, `(N, T*S, S, C)`. `audio`: float32 `(N, T)` in [-1, 1] and the sample rate in Hz. `series`: float32
            `(N, T, C + 1)`, see `series_features`. `tabular`: float32 `(N, F)`, NaN for empty cells. `present`:
            `{modality: bool (N,)}`; a row without the modality gets the mean features.
        labels: for each split int `(N,)` from 0, float `(N,)`, or `(N, num_classes)` of 0 and 1.
        num_classes: 0 for numbers.
        seed: random seed of the optimizer.

    Returns:
        `{name: scores}` by modality, and `all` with several modalities.

    Raises:
        BadInputError: a modality's kind is unknown, splits differ in their modalities or rows, labels are out of
            range, or train has a single class.
    """
    return {name: scores for name, (scores, _) in linear_models(inputs, labels, num_classes, seed).items()}


def linear_models(
    inputs: Inputs, labels: dict[str, np.ndarray], num_classes: int, seed: int = 0
) -> dict[str, tuple[dict, np.ndarray]]:
    """Return scores and test predictions of the baselines of `linear_scores`, `{name: (scores, predictions)}`.

    Predictions are classes `(N,)`, numbers `(N,)`, or 1 for each predicted label `(N, num_classes)`.
    """
    modalities = [name for name in inputs["train"] if name != "present"]
    _check(inputs, labels, num_classes, modalities)
    features = {}
    for name in modalities:
        values = {split: inputs[split][name] for split in SPLITS}
        present = {split: _present(inputs[split], name) for split in SPLITS}
        features[name] = KINDS[name.split("_")[0]](values, present)
    if len(modalities) > 1:
        balanced = [_normalized(blocks) for blocks in features.values()]
        fused = {split: [blocks[split] for blocks in balanced] for split in SPLITS}
        features["all"] = {split: concatenate_features(blocks) for split, blocks in fused.items()}
    return {name: _fit(blocks, labels, num_classes, seed) for name, blocks in features.items()}


def _check(inputs: Inputs, labels: Mapping[str, np.ndarray], num_classes: int, modalities: Sequence[str]) -> None:
    if not modalities:
        raise BadInputError("inputs: expected at least one modality")
    for name in modalities:
        if name.split("_")[0] not in KINDS:
            raise BadInputError(f"inputs: expected names that begin with {', '.join(KINDS)}. Received: {name}")
    for split in SPLITS:
        if set(modalities) != set(inputs.get(split, ())) - {"present"} or split not in labels:
            found = ", ".join(inputs.get(split, ())) or "nothing"
            raise BadInputError(f"inputs: expected {', '.join(modalities)} and labels in {split}. Received: {found}")
        for name in modalities:
            rows = len(_present(inputs[split], name))
            if rows != len(labels[split]) or not rows:
                raise BadInputError(
                    f"{name} of {split}: expected {len(labels[split])} rows, the number of labels. Received: {rows}"
                )
    if not num_classes or np.ndim(labels["train"]) == 2:
        return
    found = np.unique(np.concatenate([np.asarray(labels[split]) for split in SPLITS]))
    if found[0] < 0 or found[-1] >= num_classes or (found % 1).any():
        raise BadInputError(f"labels: expected classes 0 to {num_classes - 1}. Received: {found[0]} to {found[-1]}")
    if len(np.unique(labels["train"])) < 2:
        raise BadInputError(f"labels: expected at least two classes in train. Received: only {labels['train'][0]}")


def _present(inputs: dict, name: str) -> np.ndarray:
    """Return which rows have modality `name`, bool `(N,)`."""
    values = inputs[name][0] if name.split("_")[0] == "audio" else inputs[name]
    available = np.array(
        [value is not None for value in values] if isinstance(values, list) else [True] * len(values), bool
    )
    return available & np.asarray(inputs.get("present", {}).get(name, available), bool)


def _normalized(features: Features) -> Features:
    """Scale features to mean squared norm 1 over training rows.

    One regularization strength then suits sparse and dense features.
    """
    scale = length(features["train"])
    return {split: block / scale for split, block in features.items()}


def _fit(features: Features, labels: Mapping[str, np.ndarray], num_classes: int, seed: int) -> tuple[dict, np.ndarray]:
    """Return the test scores and predictions of the model with the best validation score.

    A weaker regularization is used only if it is strictly better.
    """
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    several = np.ndim(labels["train"]) == 2
    strong = "estimator__C" if several else "C"
    if num_classes:
        model = LogisticRegression(max_iter=STEPS, tol=TOLERANCE, warm_start=True, random_state=seed)
        model = OneVsRestClassifier(model) if several else model
    else:
        model = Ridge(random_state=seed)
    best, scores, predicted = -np.inf, {}, np.array([])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model that has not converged is scored like the others
        for strength in STRENGTHS:
            model.set_params(**({strong: strength} if num_classes else {"alpha": 1 / strength}))
            model.fit(features["train"], labels["train"])
            given = (features["validation"], labels["validation"])
            threshold = best_threshold(_probabilities(model, *given), given[1]) if several else THRESHOLD
            validated, _ = _scores(model, *given, num_classes, threshold)
            quality = -validated["mae"] if "mae" in validated else next(iter(validated.values()))
            if quality > best:
                best = quality
                scores, predicted = _scores(model, features["test"], labels["test"], num_classes, threshold)
                scores["c"] = strength
    return scores, predicted


def _probabilities(model: Any, features: Any, labels: np.ndarray) -> np.ndarray:
    """Return the probabilities of the labels `(N, K)`; a single one has a second column, its absence."""
    return model.predict_proba(features)[:, -labels.shape[1] :]


def _scores(
    model: Any, features: Any, labels: np.ndarray, num_classes: int, threshold: float
) -> tuple[dict, np.ndarray]:
    """Return scores and predictions: classes or numbers `(N,)`, or 1 for each predicted label `(N, K)`."""
    if np.ndim(labels) == 2:
        probabilities = _probabilities(model, features, labels)
        found = label_scores(probabilities, labels, range(num_classes), threshold)
        return {key: found[key] for key in SUMMARY}, predicted_labels(probabilities, threshold).astype(float)
    predicted = model.predict(features)
    if num_classes:
        return {"accuracy": float(np.mean(predicted == labels))}, predicted
    return number_scores(predicted, labels), predicted


@dataclass(frozen=True)
class SelectedRows:
    """Read the rows `index` of an `array` on disk on slicing.

    Waveforms, int16, become float32 in [-1, 1].
    """

    array: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, part: slice) -> np.ndarray:
        rows = rows_of(self.array, self.index[part])
        return rows.astype(np.float32) / 32768 if rows.dtype == np.int16 else rows

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the selected rows."""
        return (len(self.index), *self.array.shape[1:])


def baseline_examples(splits: Mapping[str, "Examples"], seed: int = 0) -> dict[str, "Examples"]:
    """Draw at most `ROWS` rows of each split by `seed`.

    Long texts reduce the number.
    """
    arrays = next(iter(splits.values())).rows.readable
    longest = max([array.shape[1] for name, array in arrays.items() if kind_of(name) == "text"], default=1)
    return {name: _sample(examples, min(ROWS[name], TEXT // longest), seed) for name, examples in splits.items()}


def _sample(examples: "Examples", count: int, seed: int) -> "Examples":
    size = len(examples.index)
    if size <= count:
        return examples
    kept = np.sort(np.random.default_rng(seed).choice(size, count, replace=False))
    return replace(examples, index=examples.index[kept], labels=examples.labels[kept])


def baseline_input(modality: str, array: np.ndarray, index: np.ndarray, sample_rate: int) -> Any:
    """Return the rows `index` of a modality for `linear_scores`."""
    chosen, kind = SelectedRows(array, index), kind_of(modality)
    if kind == "audio":
        return chosen, sample_rate
    if kind == "text":
        return [decode_bytes(array[row]) or None for row in index]
    return chosen if kind in ("image", "video", "series") else chosen[:]


def format_baseline_rows(sampled: Mapping[str, "Examples"], splits: Mapping[str, "Examples"]) -> str:
    """Describe the rows that linear baselines use, "" for all."""
    counts = [
        f"{len(sampled[n].index):,} of {len(splits[n].index):,} {n}"
        for n in sampled
        if len(sampled[n].index) < len(splits[n].index)
    ]
    return f"The linear baselines use {', '.join(counts)} rows." if counts else ""
