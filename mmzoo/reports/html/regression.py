"""The report of a regression model."""

import numpy as np

from mmzoo.metrics.regression import number_scores
from mmzoo.reports.html.rows import EXAMPLES, MISTAKES, Context, has_input, row_inputs
from mmzoo.reports.html.scores import baseline_lines, curves, gain_lines, model_line, score_rows, shapley_rows
from mmzoo.reports.html.svg import shown_table, svg
from mmzoo.reports.plots import BLUE, INK, ORANGE
from mmzoo.tasks.comparison import full_metrics
from mmzoo.tasks.format import decimals, figure
from mmzoo.tasks.regression import COLUMNS, MAE, constant_name

DOTS = 2000  # rows in a chart, at most
BARS = 25  # of a histogram


def parts(context: Context, predictions: np.ndarray) -> dict:
    """Return the parts of the report; `predictions` `(N, 1)` are numbers for the test rows."""
    target, card = context.source.target, context.card
    predictions = np.asarray(predictions, np.float64).reshape(-1)
    caption = (
        f"Mean absolute error on {card.scores.n:,} test rows by available modalities; what a row lacks stays missing. "
        "Root mean squared error and R² are of this model; the last row is the median of the training rows."
    )
    others = {key: COLUMNS[key] for key in ("rmse", "r2")}
    constant = constant_name(card.baselines.constant) if card.baselines.constant else ""
    return {
        "asked": f"{target}",
        "question": f"Target: {target}, a number",
        "summary": [*_summary(context), *gain_lines(card)],
        "classes": _number_rows(context),
        "examples": _examples(context),
        "scores": score_rows(card, others, caption, figure, constant),
        "shapley": shapley_rows(context, figure, "lower by"),
        "per_class": {},
        "drawings": _drawings(context, predictions),
        "curves": "Learning and errors",
        "confused": {},
        "python": ['print(model.predict("new.csv"))  # the number of each row'],
        "answer": "value",
        **worst_errors(context, predictions),
    }


def _summary(context: Context) -> list[str]:
    """Return the error, the constant prediction and the baselines."""
    card, full = context.card, full_metrics(context.card.scores)
    if not full:
        return []
    line = (
        f"{model_line(context)}; its mean absolute error on the test rows is {figure(full['mae'])} "
        f"(R² {decimals(full['r2'])})"
    )
    if constant := card.baselines.constant:
        line += f"; predicting the median, {constant_name(constant)}, for every row has {figure(constant['mae'])}"
    return [f"{line}.", *baseline_lines(card.baselines, MAE)]


def _number_rows(context: Context) -> dict:
    """Return mean, standard deviation and quantiles of the target in each split."""
    lines = []
    for name, examples in context.splits.items():
        if len(numbers := np.asarray(examples.labels, np.float64)):
            parts = [numbers.mean(), numbers.std(), *np.percentile(numbers, [0, 25, 50, 75, 100])]
            lines.append([name, f"{len(numbers):,}", *map(figure, parts)])
    head = ["split", "rows", "mean", "deviation", "minimum", "25 %", "median", "75 %", "maximum"]
    return shown_table(f"{context.source.target} by split.", head, lines)


def _examples(context: Context) -> list[dict]:
    """Return training rows from the lowest number to the highest, each the one with the most inputs of its group."""
    split, own = next(iter(context.splits.items()))
    there, found = context.rows.present[own.index].sum(axis=1), []
    order = np.argsort(own.labels, kind="stable")
    for mine in np.array_split(order, min(EXAMPLES, len(order))) if len(order) else ():
        best = mine[there[mine].argmax()]
        shown = row_inputs(context, own.index[best], [modality for modality, _ in context.source.inputs])
        found.append({**shown, "label": figure(own.labels[best]), "split": split})
    return found


def _drawings(context: Context, predictions: np.ndarray) -> list[dict]:
    """Return learning curves, predictions against true values, and the distribution of errors."""
    truth = np.asarray(context.splits["test"].labels, np.float64)
    found = curves(context.card.history, {"loss": "Loss", "mae": "Mean absolute error"})
    if not len(predictions):
        return found
    scores, error = number_scores(predictions, truth), predictions - truth
    some = np.random.default_rng(0).permutation(len(truth))[:DOTS]
    caption = f"A row on the line is predicted exactly. R² {decimals(scores['r2'])}."
    if len(some) < len(truth):
        caption += f" {len(some):,} of {len(truth):,} test rows."
    found.append(
        {"title": "Predicted against true", "caption": caption, "svg": scatter(truth[some], predictions[some])}
    )
    caption = (
        f"Errors of the test rows, predicted minus true: {figure(error.mean())} on average, half of them between "
        f"{figure(np.percentile(error, 25))} and {figure(np.percentile(error, 75))}."
    )
    found.append({"title": "Errors", "caption": caption, "svg": histogram(error)})
    return found


def scatter(truth: np.ndarray, predictions: np.ndarray) -> str:
    """Return the SVG of `predictions` `(N,)` by the `truth` `(N,)`, with the diagonal."""
    low, high = min(truth.min(), predictions.min()), max(truth.max(), predictions.max())

    def draw(axis):
        axis.plot(truth, predictions, "o", color=BLUE, markersize=3, alpha=0.5, markeredgewidth=0)
        axis.plot([low, high], [low, high], "--", color=INK, linewidth=1, label="predicted = true")
        axis.set_xlabel("true")
        axis.set_ylabel("predicted")
        axis.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left")

    return svg(draw, 4.6, 4.0, "predicted")


def histogram(errors: np.ndarray) -> str:
    """Return the SVG of the histogram of `errors` `(N,)`."""
    counts, edges = np.histogram(errors, BARS)

    def draw(axis):
        axis.bar(edges[:-1], counts, 0.92 * np.diff(edges), align="edge", color=BLUE)
        axis.axvline(0, color=ORANGE, linewidth=1.2, label="no error")
        axis.set_xlabel("predicted minus true")
        axis.set_ylabel("test rows")
        axis.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.legend(frameon=False, fontsize=8, labelcolor=INK)

    return svg(draw, 4.6, 3.1, "errors")


def worst_errors(context: Context, predictions: np.ndarray) -> dict:
    """Return `mistakes`, the test rows with the largest errors, and in `mistaken` quantiles of the error."""
    if not len(predictions):
        return {"mistakes": [], "mistaken": ""}
    test = context.splits["test"]
    error = np.abs(predictions - test.labels)
    (seen,) = np.nonzero(has_input(context))
    worst = seen[np.argsort(-error[seen], kind="stable")][:MISTAKES]
    found = [
        {
            **row_inputs(context, test.index[i], context.shipped),
            "predicted": figure(predictions[i]),
            "label": figure(test.labels[i]),
            "said": f"off by {figure(error[i])}",
        }
        for i in worst
    ]
    half, most = (figure(x) for x in np.percentile(error, [50, 90]))
    words = f"The median absolute error of the {len(error):,} test rows is {half}, the 90th percentile {most}"
    return {"mistakes": found, "mistaken": f"{words}. Below are the {len(found)} largest."}
