"""What a model that tells several labels of a row scores: output `label_probabilities` `(N, K)`."""

from collections.abc import Iterable, Sequence
from functools import partial

from mmzoo.metrics.labels import SUMMARY, label_gain, label_scores
from mmzoo.run.evaluate_subsets import Kind
from mmzoo.run.readme_labels import told_label_gain

OUTPUT = "label_probabilities"


def marks(outputs: Iterable[str]) -> bool:
    """Tell whether a model of these outputs tells several labels."""
    return OUTPUT in set(outputs)


def label_kind(names: Sequence[str]) -> Kind:
    """Return how the probabilities of the labels `names` are scored."""
    scores = partial(label_scores, names=names)
    return Kind(OUTPUT, SUMMARY, "micro_f1", 1, scores, label_gain, told_label_gain, ("per_class",))
