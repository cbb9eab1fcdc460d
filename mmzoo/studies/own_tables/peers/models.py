"""The peers of a table: scikit-learn's models, each with its strength chosen on the validation rows."""

import functools
import resource
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.metrics.labels import best_threshold
from mmzoo.studies.own_tables.peers.features import Parts, balanced, cheap, join, table_features, tree_numbers
from mmzoo.studies.own_tables.scores import score

if TYPE_CHECKING:
    import pandas as pd

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # C of logistic regressions, 1 / alpha of ridge regressions
MARGINS = (0.3, 3.0, 30.0)  # C of support vector machines
COMPONENTS = 150  # of dense features that a support vector machine gets
TREES = ({"learning_rate": 0.1, "max_leaf_nodes": 31}, {"learning_rate": 0.05, "max_leaf_nodes": 8})
STEPS, TOLERANCE = 300, 1e-3  # at most, of an optimizer or of trees
BAGS = ("text",)  # modalities with sparse features


@dataclass(frozen=True)
class Problem:
    """A table's features and targets: `{split: ...}`; the number of classes or labels is 0 for numbers."""

    task: str
    metric: str
    names: tuple[str, ...]
    labels: dict[str, np.ndarray]
    features: dict[str, Parts]
    trees: tuple[Parts, list[bool]] | None


@dataclass(frozen=True)
class Answers:
    """What a peer predicts for the rows of validation and test, and with which settings.

    `answers` are classes `(N,)`, numbers `(N,)` or labels `(N, K)`; `probabilities` are of classes or labels, or the
    numbers again, where a model has them.
    """

    answers: dict[str, np.ndarray]
    settings: str = ""
    probabilities: dict[str, np.ndarray] | None = None


def problem_of(
    frames: dict[str, "pd.DataFrame"], kinds: dict[str, str], root: Path, labels: dict, about: tuple[str, str, tuple]
) -> Problem:
    """Compute the features of a table; `about` is task, metric, and names of classes or labels."""
    return Problem(*about, labels, table_features(frames, kinds, root), tree_numbers(frames, kinds))


def peer_names(task: str, modalities: Sequence[str]) -> list[str]:
    """List the peers of a table, in the order in which they are trained."""
    names = ["constant"]
    for name in modalities:
        names += [f"linear, {name}", *([f"SVM, {name}"] if name != "numbers" else [])]
    return [*names, *(["linear, all", "linear, average"] if len(modalities) > 1 else []), "boosted trees"]


def run_peers(problem: Problem, names: Sequence[str]) -> Iterator[tuple[str, Answers, dict[str, float]]]:
    """Train the peers `names`, see `peer_names`; yield name, answers, and seconds of CPU and clock."""
    from threadpoolctl import threadpool_limits

    alone = functools.cache(lambda name: linear(problem, problem.features[name]))
    models: dict[str, Callable[[], Answers]] = {
        "constant": lambda: constant(problem),
        "boosted trees": lambda: boosted(problem),
        "linear, all": lambda: linear(problem, join([balanced(one) for one in problem.features.values()])),
        "linear, average": lambda: average(problem, [alone(name) for name in problem.features]),
    }
    for name, parts in problem.features.items():
        models[f"linear, {name}"] = functools.partial(alone, name)
        models[f"SVM, {name}"] = functools.partial(support_vectors, problem, parts, name in BAGS)
    for name in names:
        began, clock = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        # one thread, so that seconds compare and other work on the machine does not stall it
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model that has not converged is scored like the others
            found = models[name]()
        ended = resource.getrusage(resource.RUSAGE_SELF)
        cpu = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
        yield name, found, {"cpu_seconds": round(cpu, 2), "wall_seconds": round(time.monotonic() - clock, 2)}


def constant(problem: Problem) -> Answers:
    """Answer the most frequent class, the median, or the labels of more than half of the training rows."""
    train = problem.labels["train"]
    if problem.task == "class":
        value = np.bincount(train).argmax()
    else:
        value = np.median(train) if problem.task == "number" else (train.mean(axis=0) > 0.5).astype(np.int64)
    return Answers({split: np.array([value] * len(problem.labels[split])) for split in SPLITS[1:]})


def linear(problem: Problem, parts: Parts) -> Answers:
    """Fit logistic or ridge regression; labels have one logistic regression each."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    parts = balanced(parts)
    found = []
    model: Any = Ridge()
    if problem.task != "number":
        model = LogisticRegression(max_iter=STEPS, tol=TOLERANCE, warm_start=True)
    strong = "C"
    if problem.task == "labels":
        model, strong = OneVsRestClassifier(model), "estimator__C"
    for strength in STRENGTHS:
        model.set_params(**({"alpha": 1 / strength} if problem.task == "number" else {strong: strength}))
        found.append(_answers(problem, model, parts, f"C {strength:g}"))
    return _best(problem, found)


def support_vectors(problem: Problem, parts: Parts, sparse: bool) -> Answers:
    """Fit a support vector machine: linear on sparse features; with a Gaussian kernel on components of dense ones."""
    from sklearn.decomposition import PCA
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

    parts = balanced(parts)
    if not sparse:
        count = min(COMPONENTS, *parts["train"].shape)
        reduce = PCA(count, svd_solver="randomized", random_state=0).fit(parts["train"])
        parts = {split: reduce.transform(block) for split, block in parts.items()}
    number = problem.task == "number"
    center, scale = (problem.labels["train"].mean(), problem.labels["train"].std() or 1.0) if number else (0, 1)
    found = []
    for margin in MARGINS:
        if number:
            model = LinearSVR(C=margin, max_iter=STEPS) if sparse else SVR(C=margin)
        else:
            model = LinearSVC(C=margin) if sparse else SVC(C=margin)
            model = OneVsRestClassifier(model) if problem.task == "labels" else model
        found.append(_answers(problem, model, parts, f"C {margin:g}", (center, scale)))
    return _best(problem, found)


def boosted(problem: Problem) -> Answers:
    """Fit gradient-boosted trees on numbers and categories, and on components of the other features."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.multiclass import OneVsRestClassifier

    blocks, categorical = [], []
    if problem.trees:
        blocks, categorical = [problem.trees[0]], [*problem.trees[1]]
    blocks += [cheap(parts) for name, parts in problem.features.items() if name != "numbers"]
    parts = join(blocks)
    parts = {split: block.toarray() if hasattr(block, "toarray") else block for split, block in parts.items()}
    categorical += [False] * (parts["train"].shape[1] - len(categorical))
    kind = HistGradientBoostingRegressor if problem.task == "number" else HistGradientBoostingClassifier
    found = []
    for options in TREES:
        model = kind(**options, categorical_features=categorical, early_stopping=True, max_iter=STEPS, random_state=0)
        model = OneVsRestClassifier(model) if problem.task == "labels" else model
        found.append(_answers(problem, model, parts, ", ".join(f"{k} {v}" for k, v in options.items())))
    return _best(problem, found)


def average(problem: Problem, several: list[Answers]) -> Answers:
    """Average the probabilities, or the numbers, of several models."""
    means = {split: np.mean([one.probabilities[split] for one in several], axis=0) for split in several[0].answers}
    return Answers(_decided(problem, means), "", means)


def _decided(problem: Problem, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return answers of probabilities `(N, K)` of each split, or the numbers `(N,)` themselves.

    Labels have the threshold with the highest micro F1 on the validation rows, as in `fit`.
    """
    if problem.task == "number":
        return values
    if problem.task == "class":
        return {split: own.argmax(axis=1) for split, own in values.items()}
    threshold = best_threshold(values["validation"], problem.labels["validation"])
    return {split: (own >= threshold).astype(np.int64) for split, own in values.items()}


def _answers(
    problem: Problem, model: Any, parts: Parts, settings: str, scaled: tuple[float, float] = (0.0, 1.0)
) -> Answers:
    """Fit a model on the training rows; return its answers for the others."""
    center, scale = scaled
    train = problem.labels["train"]
    model.fit(parts["train"], (train - center) / scale if problem.task == "number" else train)
    answers, probabilities = {}, {}
    for split in SPLITS[1:]:
        if problem.task == "number":
            probabilities[split] = model.predict(parts[split]) * scale + center
        elif hasattr(model, "predict_proba"):
            found = model.predict_proba(parts[split])
            full = np.zeros((len(found), len(problem.names)))
            full[:, model.classes_ if problem.task == "class" else slice(None)] = found
            probabilities[split] = full
        else:
            answers[split] = model.predict(parts[split])
    return Answers(answers or _decided(problem, probabilities), settings, probabilities or None)


def _best(problem: Problem, found: list[Answers]) -> Answers:
    """Return the answers with the best score on the validation rows; the first of equals."""
    sign = -1 if problem.metric == "mae" else 1
    truth = problem.labels["validation"]
    values = [sign * score(one.answers["validation"], truth, problem.task)[problem.metric] for one in found]
    return found[int(np.argmax(values))]
