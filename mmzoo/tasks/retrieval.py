"""What is found by what: recall of a recipe of two encoders, beside what a search without a model finds.

A recipe whose pictures and texts are to find each other says so by a function `references(config)`, which returns
`{name: similarities (N, N)}` of the test split, texts by pictures, as others than the model would compare them.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.folder import KERAS
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays
from mmzoo.metrics.retrieval import both_ways, retrieval_scores
from mmzoo.tasks.format import percent, table

KS = (1, 5, 10)
CHANCE = "chance"
LOT = 1e-9  # smaller than any difference that means something
RECALLS = ("recall@1", "recall@5", "recall@10")  # of what is found
WAYS = {"text_to_image": "pictures found by words", "image_to_text": "words found by pictures"}


def retrieves(recipe: Any) -> bool:
    """Tell whether the pictures and texts of a recipe are to find each other."""
    return recipe.references is not None


def model_scores(predict: Callable[[Arrays], Arrays], inputs: Arrays, ids: np.ndarray) -> dict[str, dict]:
    """Return `{way: scores}` of `predict` on pairs of `image` and `text` with `ids` `(N,)`; see `both_ways`."""
    outputs, names = predict(inputs), ("image", "text")
    return both_ways({name: outputs[f"{name}_embedding"] for name in names}, dict.fromkeys(names, ids), KS)


def reference_scores(similarities: dict[str, np.ndarray], ids: np.ndarray) -> dict[str, dict]:
    """Return `{name: {way: scores}}` of similarities of texts and pictures `(N, N)`, and of chance.

    What is equally similar, as what has the same tags or none of the words, stands in an order drawn by lot: it would
    else count against who compares few words.
    """
    lots, scores = np.random.default_rng(0), {}
    for name, similarity in similarities.items():
        drawn = similarity + LOT * lots.random(similarity.shape)
        ways = {"text_to_image": drawn, "image_to_text": drawn.T}
        scores[name] = {way: retrieval_scores(compared, ids, ids, KS) for way, compared in ways.items()}
    return {**scores, CHANCE: dict.fromkeys(WAYS, chance(ids))}


def chance(ids: np.ndarray) -> dict[str, float]:
    """Return the recalls to be expected of a gallery of `ids` `(N,)`, all of which are asked for, in any order."""
    _, group, count = np.unique(ids, return_inverse=True, return_counts=True)
    right, n = count[group], len(ids)
    missed = {k: np.mean([math.comb(n - r, k) / math.comb(n, k) for r in right]) if k <= n else 0.0 for k in KS}
    return {f"recall@{k}": float(1 - missed[k]) for k in KS}


def score_retrieval(
    folder: str | Path,
    files: Sequence[str],
    examples: tuple[Arrays, np.ndarray],
    similarities: dict[str, np.ndarray],
    before: dict | None = None,
) -> dict:
    """Return the card's `scores` of the artifacts `files`, kept from `before` where not scored again.

    The recalls of an artifact are the means of both ways; both are those of the first file, unless `before` has those
    of `model.keras`.
    """
    folder, section, (inputs, ids) = Path(folder), {"split": "test", **(before or {})}, examples
    report = {file: model_scores(predictor(folder / file), inputs, ids) for file in files}
    means = {
        file: {key: float(np.mean([s[way][key] for way in WAYS])) for key in RECALLS} | {"n": len(ids)}
        for file, s in report.items()
    }
    section["artifacts"] = {**section.get("artifacts", {}), **means}
    if files[0] == KERAS or KERAS not in section["artifacts"]:
        section |= {"retrieval": report[files[0]], "n": len(ids)}
    if similarities:
        section["references"] = reference_scores(similarities, ids)
    return section


def retrieval_table(scores: dict) -> str:
    """Return the recalls of the model and of the references as lines to print, both ways."""
    rows = {"this model": scores["retrieval"], **scores.get("references", {})}
    width = max(map(len, rows)) + 2
    lines = []
    for way, said in WAYS.items():
        lines.append(f"{said}\n{'':<{width}}" + "".join(f"{key:>11}" for key in RECALLS))
        lines += [f"{name:<{width}}" + "".join(f"{s[way][key]:>11.4f}" for key in RECALLS) for name, s in rows.items()]
    return "\n".join(lines)


def retrieval(scores: dict) -> str:
    """Return the recalls of a model whose pictures and texts find each other, beside those of other searches."""
    head, rows = ["", *(f"{said}, {key}" for said in WAYS.values() for key in RECALLS)], []
    for name, found in {"this model": scores["retrieval"], **scores.get("references", {})}.items():
        rows.append([name, *(percent(found[way][key]) for way in WAYS for key in RECALLS)])
    median = ", ".join(f"{scores['retrieval'][way]['median_rank']:g} of {said}" for way, said in WAYS.items())
    return (
        f"## Score on the {scores['split']} split, {scores['n']:,} pairs\n\n"
        "The share of the queries of which a right answer is among the first 1, 5 or 10 of the split, of which nothing "
        f"was seen in training. Median rank of the first right answer: {median}.\n\n{table(head, rows)}"
    )


def search_usage(folder: str) -> str:
    """Return the lines that fill an index and search it."""
    return (
        "## Use it\n\n```python\nfrom pathlib import Path\n\nimport numpy as np\n\n"
        "from mmzoo.device import Runner\nfrom mmzoo.device.index import Index, find\n\n"
        f'runner = Runner("{folder}")  # this folder, or one .tflite file\n'
        'files = sorted(str(path) for path in Path("pictures").glob("*.png"))\n'
        'index = Index(np.stack([runner(image=file)["image_embedding"] for file in files]), files)\n'
        'print(find(runner, index, text="shopping cart", k=5))  # or image="cart.png"\n'
        "print(index.more_like(files[0], k=5))\n"
        'index.save("pictures.index")  # Index.load reads it\n```'
    )
