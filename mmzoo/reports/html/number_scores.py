"""What a report tells of a model that tells a number: its errors in words, by what is present, and drawn."""

import numpy as np

from mmzoo.metrics.regression import number_scores
from mmzoo.reports.html.rows import EXAMPLES, MISTAKES, Told, has_input, row_inputs
from mmzoo.reports.html.scores import ALL, curve_drawing, nothing_gained
from mmzoo.reports.html.svg import shown_table, svg
from mmzoo.reports.plots import BLUE, INK, ORANGE
from mmzoo.tasks.format import figure, r2
from mmzoo.tasks.regression import number_gain
from mmzoo.tasks.subsets import shapley

DOTS = 2000  # rows in a drawing, at most
BARS = 25  # of a histogram


def number_parts(told: Told, answers: np.ndarray) -> dict:
    """Return what the report says of the `answers` `(N, 1)` on the test rows, and of their scores."""
    target, answers = told.source.target, np.asarray(answers, np.float64).reshape(-1)
    return {
        "asked": f"the number in {target}",
        "question": f"The question was which number in {target} a row",
        "summary": [*_reached(told), *_gain_words(told.card)],
        "classes": _number_rows(told),
        "examples": _examples(told),
        "scores": error_rows(told.card),
        "shapley": _shapley_rows(told),
        "per_class": {},
        "drawings": _drawings(told, answers),
        "curves": "Learning and errors",
        "confused": {},
        "judged": "R²",
        "python": ['print(model.predict("new.csv"))  # the number of each row'],
        "answer": "value",
        **worst_errors(told, answers),
    }


def _reached(told: Told) -> list[str]:
    """Return what the model reaches, beside the median, the best model of one modality and the best linear one."""
    card, names = told.card, told.shipped
    full = next(iter(card.get("scores", {}).get("subsets", {}).values()), None)
    if full is None:
        return []
    size = f" ({card['parameters']:,} parameters)" if "parameters" in card else ""
    joined = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    line = (
        f"The folder holds a model of {joined}{size}, which is off by {figure(full['mae'])} on average over the test "
        f"rows (R² {r2(full['r2'])})"
    )
    if constant := card.get("constant"):
        line += f"; the median, {figure(constant['value'])}, told of every row is off by {figure(constant['mae'])}"
    lines = [f"{line}."]
    for what, found in (("model of one modality", card.get("baselines")), ("linear model", card.get("peers"))):
        if found:
            best = min(found, key=lambda name: found[name]["mae"])
            of = f"of {ALL}" if best == "all" else best
            lines.append(f"The best {what}, {of}, is off by {figure(found[best]['mae'])}.")
    if average := card.get("average"):
        lines.append(f"The plain average of the models of one modality is off by {figure(average['mae'])}.")
    return lines


def _gain_words(card: dict) -> list[str]:
    """Return whether joining modalities lowers the error, and whether that can be told from nothing."""
    if "fused" in card:
        return nothing_gained(card, f"is off by {figure(card['fused'])}")
    if not (gain := card.get("fusion_gain")):
        return []
    told = f"Joining modalities: {number_gain(gain)}"
    if gain["low"] > 0:
        return [f"{told}."]
    return [
        f"{told}: that model is better." if gain["high"] < 0 else f"{told}; as the interval holds 0, no gain is shown."
    ]


def _number_rows(told: Told) -> dict:
    """Return the table of the target's mean, deviation and quantiles in each split."""
    lines = []
    for name, examples in told.splits.items():
        if len(numbers := np.asarray(examples.labels, np.float64)):
            parts = [numbers.mean(), numbers.std(), *np.percentile(numbers, [0, 25, 50, 75, 100])]
            lines.append([name, f"{len(numbers):,}", *map(figure, parts)])
    head = ["split", "rows", "mean", "deviation", "lowest", "a quarter below", "median", "a quarter above", "highest"]
    return shown_table(f"{told.source.target} by split.", head, lines)


def _examples(told: Told) -> list[dict]:
    """Return rows from the lowest number to the highest, of training rows near each that with the most inputs."""
    split, own = next(iter(told.splits.items()))
    there, found = told.rows.present[own.index].sum(axis=1), []
    order = np.argsort(own.labels, kind="stable")
    for mine in np.array_split(order, min(EXAMPLES, len(order))) if len(order) else ():
        best = mine[there[mine].argmax()]
        shown = row_inputs(told, own.index[best], [modality for modality, _ in told.source.inputs])
        found.append({**shown, "label": figure(own.labels[best]), "split": split})
    return found


def error_rows(card: dict) -> dict:
    """Return the table of errors by what is present, beside those of models trained on that alone."""
    scores = card.get("scores", {})
    own, together = scores.get("subsets") or {}, {ALL: card["fused"]} if "fused" in card else {}
    single = together | {name: one["mae"] for name, one in (card.get("baselines") or {}).items()}
    linear = {name: one["mae"] for name, one in (card.get("peers") or {}).items()}
    if "all" in linear:
        linear[ALL if together or not own else next(iter(own))] = linear.pop("all")
    lines = []
    for name in dict.fromkeys([*own, *single, *linear]):
        others = (figure(found.get(name)) for found in (single, linear))
        mine = own.get(name, {})
        lines.append([name, figure(mine.get("mae")), *others, figure(mine.get("rmse")), r2(mine.get("r2"))])
    if constant := card.get("constant"):
        lines.append([f"{figure(constant['value'])} for every row", figure(constant["mae"]), "", "", "", ""])
    head = ["given", "this model", "one trained on that", "a linear model", "root mean squared error", "R²"]
    caption = (
        f"Mean absolute error on {scores.get('n', 0):,} test rows with these modalities alone; what a row lacks by "
        "itself stays missing. The root mean squared error and R² are this model's; the last row is the median of the "
        "training rows."
    )
    return shown_table(caption, head, lines)


def _shapley_rows(told: Told) -> dict:
    """Return the table of by how much each modality lowers the error."""
    values = {name: -one["mae"] for name, one in told.card.get("scores", {}).get("subsets", {}).items()}
    found = shapley(values, told.shipped) if len(told.shipped) > 1 else {}
    lines = [[name, figure(value)] for name, value in found.items()]
    if lines:
        lines.append(["together", figure(sum(found.values()))])
    caption = (
        "Shapley values: by how much a modality lowers the mean absolute error, the mean over all orders in which they "
        "may come. They add up to the error with none less that with all."
    )
    return shown_table(caption, ["modality", "lower by"], lines)


def _drawings(told: Told, answers: np.ndarray) -> list[dict]:
    """Return the learning curves, the numbers told by the true ones, and how errors are spread."""
    history, truth = told.card.get("history") or {}, np.asarray(told.splits["test"].labels, np.float64)
    titles = {"loss": "Loss", "mae": "Mean absolute error"}
    found = [curve_drawing(history, key, title) for key, title in titles.items() if history.get(f"val_{key}")]
    if not len(answers):
        return found
    scores, error = number_scores(answers, truth), answers - truth
    some = np.random.default_rng(0).permutation(len(truth))[:DOTS]
    caption = f"A row on the line is told right. R² {r2(scores['r2'])}."
    if len(some) < len(truth):
        caption += f" {len(some):,} of {len(truth):,} test rows."
    found.append({"title": "Told by true", "caption": caption, "svg": scatter(truth[some], answers[some])})
    caption = (
        f"Errors of the test rows, told less true: {figure(error.mean())} on average, half of them between "
        f"{figure(np.percentile(error, 25))} and {figure(np.percentile(error, 75))}."
    )
    found.append({"title": "Errors", "caption": caption, "svg": histogram(error)})
    return found


def scatter(truth: np.ndarray, answers: np.ndarray) -> str:
    """Return the SVG of `answers` `(N,)` by the `truth` `(N,)`, with the line on which both are the same."""
    low, high = min(truth.min(), answers.min()), max(truth.max(), answers.max())

    def draw(axis):
        axis.plot(truth, answers, "o", color=BLUE, markersize=3, alpha=0.5, markeredgewidth=0)
        axis.plot([low, high], [low, high], "--", color=INK, linewidth=1, label="told = true")
        axis.set_xlabel("true")
        axis.set_ylabel("told")
        axis.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left")

    return svg(draw, 4.6, 4.0, "told")


def histogram(errors: np.ndarray) -> str:
    """Return the SVG of how many of `errors` `(N,)` there are of each size."""
    counts, edges = np.histogram(errors, BARS)

    def draw(axis):
        axis.bar(edges[:-1], counts, 0.92 * np.diff(edges), align="edge", color=BLUE)
        axis.axvline(0, color=ORANGE, linewidth=1.2, label="no error")
        axis.set_xlabel("told less true")
        axis.set_ylabel("test rows")
        axis.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.legend(frameon=False, fontsize=8, labelcolor=INK)

    return svg(draw, 4.6, 3.1, "errors")


def worst_errors(told: Told, answers: np.ndarray) -> dict:
    """Return `mistakes`, the test rows whose `answers` `(N,)` are farthest off, and in `mistaken` how they lie."""
    if not len(answers):
        return {"mistakes": [], "mistaken": ""}
    test = told.splits["test"]
    error = np.abs(answers - test.labels)
    (seen,) = np.nonzero(has_input(told))
    worst = seen[np.argsort(-error[seen], kind="stable")][:MISTAKES]
    found = [
        {
            **row_inputs(told, test.index[i], told.shipped),
            "told": figure(answers[i]),
            "label": figure(test.labels[i]),
            "said": f"off by {figure(error[i])}",
        }
        for i in worst
    ]
    half, most = (figure(x) for x in np.percentile(error, [50, 90]))
    words = f"Half of the {len(error):,} test rows are off by {half} at most, 9 of 10 by {most} at most"
    return {"mistakes": found, "mistaken": f"{words}. Here are the {len(found)} that are off most."}
