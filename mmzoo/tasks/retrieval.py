"""Cross-modal retrieval: recall of images by text and of texts by image, from two embeddings.

A recipe defines `references(config)`, which returns `{name: similarities (N, N)}` of the test split, texts by images,
as a search without the model would compare them.
"""

import math
from collections.abc import Mapping

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.metrics.retrieval import both_ways, retrieval_scores
from mmzoo.tasks.format import percent, table
from mmzoo.tasks.task import Call, Examples, Metric, Predict, Task, metric_lines

KS = (1, 5, 10)
CHANCE = "chance"
TIE = 1e-9  # noise that orders equal similarities, smaller than any difference that matters
RECALLS = ("recall@1", "recall@5", "recall@10")
WAYS = {"text_to_image": "images by text", "image_to_text": "texts by image"}
METRICS = tuple(Metric(key, key) for key in RECALLS)


def model_scores(predict: Predict, examples: Examples) -> dict[str, dict]:
    """Return `{way: scores}` of the embeddings of pairs of `image` and `text`; labels `(N,)` are ids."""
    outputs, names = predict(examples.inputs), ("image", "text")
    embeddings = {name: outputs[f"{name}_embedding"] for name in names}
    return both_ways(embeddings, dict.fromkeys(names, examples.labels), KS)


def reference_scores(similarities: Mapping[str, np.ndarray], ids: np.ndarray) -> dict[str, dict]:
    """Return `{name: {way: scores}}` of reference similarities `(N, N)`, texts by images, and of chance.

    Equal similarities are ordered at random: a fixed order would favor or punish references that compare few words.
    """
    rng, scores = np.random.default_rng(0), {}
    for name, similarity in similarities.items():
        drawn = similarity + TIE * rng.random(similarity.shape)
        ways = {"text_to_image": drawn, "image_to_text": drawn.T}
        scores[name] = {way: retrieval_scores(compared, ids, ids, KS) for way, compared in ways.items()}
    return {**scores, CHANCE: dict.fromkeys(WAYS, chance(ids))}


def chance(ids: np.ndarray) -> dict[str, float]:
    """Return the expected recalls of a gallery of `ids` `(N,)` in random order, with every id as a query."""
    _, group, count = np.unique(ids, return_inverse=True, return_counts=True)
    right, n = count[group], len(ids)
    missed = {k: np.mean([math.comb(n - r, k) / math.comb(n, k) for r in right]) if k <= n else 0.0 for k in KS}
    return {f"recall@{k}": float(1 - missed[k]) for k in KS}


def score(predict: Predict, examples: Examples) -> Scores:
    """Score both directions, and the recipe's references on the whole split."""
    details = {"retrieval": model_scores(predict, examples)}
    references = examples.experiment.recipe.references
    if references is not None and not examples.limit:  # the gallery of a part of the split is another
        details["references"] = reference_scores(references(examples.experiment.config), examples.labels)
    return Scores(n=len(examples), details=details)


def row(found: Scores) -> Metrics:
    """Return the recalls, each the mean of both directions."""
    return {key: float(np.mean([found.details["retrieval"][way][key] for way in WAYS])) for key in RECALLS}


def quick(predict: Predict, examples: Examples) -> Metrics:
    """Return the recalls of `predict`."""
    return row(Scores(details={"retrieval": model_scores(predict, examples)}))


def _rows(found: Scores) -> dict[str, dict]:
    return {"this model": found.details["retrieval"], **found.details.get("references", {})}


def retrieval_table(found: Scores) -> str:
    """Return the recalls of the model and of the references as lines to print, in both directions."""
    rows = _rows(found)
    width = max(map(len, rows)) + 2
    lines = []
    for way, title in WAYS.items():
        lines.append(f"{title}\n{'':<{width}}" + "".join(f"{key:>11}" for key in RECALLS))
        lines += [f"{name:<{width}}" + "".join(f"{s[way][key]:>11.4f}" for key in RECALLS) for name, s in rows.items()]
    return "\n".join(lines)


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return the table of the recalls."""
    return retrieval_table(found).splitlines()


def headline(found: Scores) -> str:
    """Return the recall of images by text at rank 1."""
    if not found.details:
        return ""
    return f"recall@1 {percent(found.details['retrieval']['text_to_image']['recall@1'])}, {WAYS['text_to_image']}"


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the recalls of the model and of the references."""
    if not found.details:
        return ""
    head = ["", *(f"{title}, {key}" for title in WAYS.values() for key in RECALLS)]
    rows = [[name, *(percent(s[way][key]) for way in WAYS for key in RECALLS)] for name, s in _rows(found).items()]
    ranks = ", ".join(f"{found.details['retrieval'][way]['median_rank']:g} for {title}" for way, title in WAYS.items())
    return (
        f"## Score on the {found.split} split, {found.n:,} pairs\n\n"
        "Recall@k is the fraction of queries with a right answer among the first k of the split; no example of it was "
        f"used in training. Median rank of the first right answer: {ranks}.\n\n{table(head, rows)}"
    )


def usage(call: Call) -> str:
    """Return the lines that fill an index and search it."""
    return (
        "## Use it\n\n```python\nfrom pathlib import Path\n\nimport numpy as np\n\n"
        "from mmzoo.device import Runner\nfrom mmzoo.device.index import Index, find\n\n"
        f'runner = Runner("{call.folder}")  # this folder, or one .tflite file\n'
        'files = sorted(str(path) for path in Path("images").glob("*.png"))\n'
        'index = Index(np.stack([runner(image=file)["image_embedding"] for file in files]), files)\n'
        'print(find(runner, index, text="shopping cart", k=5))  # or image="cart.png"\n'
        "print(index.more_like(files[0], k=5))\n"
        'index.save("images.index")  # Index.load reads it\n```'
    )


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return a line with the recalls of a file."""
    return metric_lines(file, metrics, RECALLS)


TASK = Task(
    name="retrieval",
    outputs=("image_embedding", "text_embedding"),
    primary=METRICS[-1],
    judged=METRICS[-1],
    metrics=METRICS,
    score=score,
    row=row,
    quick=quick,
    lines=lines,
    table=lambda found: f"\n{retrieval_table(found)}",
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
)
